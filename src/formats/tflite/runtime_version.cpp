#include "formats/tflite/runtime_version.h"

#include <algorithm>

#include "base/text.h"

namespace hone::tflite {

namespace {

using B = fb::BuiltinOperator;

/// Operators in a version from `version` on need release major · 100 + minor.
struct Requirement {
  B code;
  int32_t version;
  int release;
};

/// What differs from the rule below.
constexpr Requirement kRequirements[] = {
    {B::CONV_2D, 3, 114},
    {B::DEPTHWISE_CONV_2D, 2, 112},
    {B::DEPTHWISE_CONV_2D, 3, 114},
    {B::FULLY_CONNECTED, 3, 114},
    {B::CONV_2D, 5, 204},
    {B::CONV_2D, 6, 210},
    {B::NEG, 2, 210},
    {B::CONV_2D, 7, 211},
    {B::DEPTHWISE_CONV_2D, 4, 202},
    {B::DEPTHWISE_CONV_2D, 5, 203},
    {B::DEPTHWISE_CONV_2D, 7, 211},
    {B::FULLY_CONNECTED, 5, 200},
    {B::FULLY_CONNECTED, 6, 201},
    {B::FULLY_CONNECTED, 7, 203},
    {B::ELU, 1, 114},
    {B::ROUND, 1, 114},
    {B::QUANTIZE, 1, 114},
    {B::REVERSE_SEQUENCE, 1, 114},
    {B::MATRIX_DIAG, 1, 114},
    {B::HARD_SWISH, 1, 115},
    {B::IF, 1, 115},
    {B::WHILE, 1, 115},
    {B::SCATTER_ND, 1, 201},
    {B::NON_MAX_SUPPRESSION_V4, 1, 201},
    {B::NON_MAX_SUPPRESSION_V5, 1, 201},
    {B::SELECT_V2, 1, 202},
    {B::SEGMENT_SUM, 1, 202},
    {B::BATCH_MATMUL, 1, 203},
    {B::CUMSUM, 1, 204},
    {B::BROADCAST_TO, 1, 205},
    {B::CONV_3D, 1, 205},
    {B::RFFT2D, 1, 205},
    {B::REAL, 1, 205},
    {B::IMAG, 1, 205},
    {B::COMPLEX_ABS, 1, 205},
    {B::REDUCE_ALL, 1, 206},
    {B::CONV_3D_TRANSPOSE, 1, 206},
    {B::RANDOM_STANDARD_NORMAL, 1, 208},
    {B::RANDOM_UNIFORM, 1, 208},
    {B::MULTINOMIAL, 1, 208},
    {B::GELU, 1, 209},
    {B::ATAN2, 1, 210},
    {B::SIGN, 1, 212},
    {B::BITCAST, 1, 213},
};

/// Second versions came with 8-bit integers, third ones with 16 bits.
int usual_release(int32_t version) { return version <= 1 ? 105 : version == 2 ? 114 : 203; }

}  // namespace

std::string oldest_runtime(const WriteState& state) {
  int release = 105;
  for (const auto& code : state.codes) {
    int needed = usual_release(code->version);
    bool is_listed = false;
    for (const Requirement& r : kRequirements) {
      if (r.code != code->builtin_code || code->version < r.version) continue;
      needed = is_listed ? std::max(needed, r.release) : r.release;
      is_listed = true;
    }
    release = std::max(release, needed);
  }
  return cat(static_cast<int64_t>(release / 100), ".", static_cast<int64_t>(release % 100), ".0");
}

}  // namespace hone::tflite

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "formats/tensorflow/node.h"
#include "ops/quantize.h"
#include "ops/unary.h"

namespace hone::tensorflow {

namespace {

/// Integers of `levels` from `low` on over a range, moved so that zero is one of them ("Nudge" of
/// tensorflow/core/kernels/fake_quant_ops_functor.h).
std::pair<float, int32_t> nudged(float min, float max, int64_t low, int64_t high) {
  if (!std::isfinite(min) || !std::isfinite(max)) throw invalid_model("a range that is not finite");
  if (!(max > min)) throw unsupported(cat("a range of no width, ", min, " to ", max), "was the model trained with it?");
  const float scale = (max - min) / static_cast<float>(high - low);
  const float zero = static_cast<float>(low) - min / scale;
  return {scale, static_cast<int32_t>(std::clamp(std::round(zero), static_cast<float>(low), static_cast<float>(high)))};
}

/// x → Quantize → Dequantize: what fake quantization computes, in the types that it stands for. One range, or one for
/// each entry of the last axis.
void read_fake(OpNode& n, std::span<const float> mins, std::span<const float> maxs) {
  const int64_t bits = n.integer("num_bits", 8);
  if (bits != 8 && bits != 16) throw unsupported(cat("num_bits ", bits, ", hone has 8 and 16"));
  if (mins.size() != maxs.size() || mins.empty())
    throw invalid_model(cat(mins.size(), " lower and ", maxs.size(), " upper ends of ranges"));
  const int64_t low = n.flag("narrow_range") ? 1 : 0, high = (int64_t{1} << bits) - 1;
  std::vector<float> scales;
  std::vector<int32_t> zeros;
  for (size_t i = 0; i < mins.size(); ++i) {
    const auto [scale, zero] = nudged(mins[i], maxs[i], low, high);
    scales.push_back(scale);
    zeros.push_back(zero);
  }
  ValueId x = n.x();
  if (low == 1 && mins.size() == 1)  // the level that a narrow range leaves out
    x = n.add(Clamp{.min = scales[0] * static_cast<float>(low - zeros[0]),
                    .max = scales[0] * static_cast<float>(high - zeros[0])},
              {x});
  const bool is_one = n.def.op != "FakeQuantWithMinMaxVarsPerChannel";
  const QuantPtr quant =
      is_one ? QuantParams::per_tensor(scales[0], zeros[0]) : QuantParams::per_channel(scales, zeros, n.rank() - 1);
  const TensorType stored{bits == 8 ? DType::kU8 : DType::kU16, n.graph.type(x).shape, quant};
  const ValueId integers = n.graph.add(Quantize{}, {x},
                                       {.name = n.name + "/quantize",
                                        .type = stored,
                                        .has_type = true,
                                        .source = {"tensorflow", std::string(n.def.op), std::string(n.def.name), 0}});
  n.emit(n.add(Dequantize{}, {integers}));
}

void read_with_vars(OpNode& n) {
  const Tensor &mins = n.constant(1), &maxs = n.constant(2);
  if (mins.dtype() != DType::kF32 || maxs.dtype() != DType::kF32) throw invalid_model("ranges that are not f32");
  read_fake(n, mins.data<float>(), maxs.data<float>());
}

void read_with_args(OpNode& n) {
  const float min = n.real("min", -6), max = n.real("max", 6);
  read_fake(n, {&min, 1}, {&max, 1});
}

constexpr OpRow kRows[] = {
    {"FakeQuantWithMinMaxArgs", read_with_args},
    {"FakeQuantWithMinMaxVars", read_with_vars},
    {"FakeQuantWithMinMaxVarsPerChannel", read_with_vars},
};

}  // namespace

std::span<const OpRow> quantization_rows() { return kRows; }

}  // namespace hone::tensorflow

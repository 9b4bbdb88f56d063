#include "tensor/dtype.h"

#include <array>
#include <cmath>
#include <limits>

namespace hone {

namespace {
struct Row {
  std::string_view name;
  int8_t size;
  char kind;  // 'f' float, 'i' signed, 'u' unsigned, 'b' bool
  int64_t min, max;
};
constexpr int64_t kMax64 = std::numeric_limits<int64_t>::max();
constexpr std::array<Row, kDTypeCount> kRows = {{
    {"f32", 4, 'f', 0, 0},
    {"f16", 2, 'f', 0, 0},
    {"bf16", 2, 'f', 0, 0},
    {"f64", 8, 'f', 0, 0},
    {"i4", 1, 'i', -8, 7},
    {"u4", 1, 'u', 0, 15},
    {"i8", 1, 'i', -128, 127},
    {"u8", 1, 'u', 0, 255},
    {"i16", 2, 'i', -32768, 32767},
    {"u16", 2, 'u', 0, 65535},
    {"i32", 4, 'i', std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()},
    {"u32", 4, 'u', 0, std::numeric_limits<uint32_t>::max()},
    {"i64", 8, 'i', std::numeric_limits<int64_t>::min(), kMax64},
    {"u64", 8, 'u', 0, kMax64},
    {"bool", 1, 'b', 0, 1},
}};
const Row& row(DType dtype) { return kRows[static_cast<size_t>(dtype)]; }
}  // namespace

std::string_view to_string(DType dtype) { return row(dtype).name; }

std::optional<DType> parse_dtype(std::string_view text) {
  for (size_t i = 0; i < kRows.size(); ++i)
    if (kRows[i].name == text) return static_cast<DType>(i);
  return std::nullopt;
}

int64_t size_of(DType dtype) { return row(dtype).size; }
bool is_float(DType dtype) { return row(dtype).kind == 'f'; }
bool is_integer(DType dtype) { return row(dtype).kind == 'i' || row(dtype).kind == 'u'; }
bool is_signed(DType dtype) { return row(dtype).kind == 'f' || row(dtype).kind == 'i'; }
int64_t min_of(DType dtype) { return row(dtype).min; }
int64_t max_of(DType dtype) { return row(dtype).max; }

Half::Half(float value) {
  const uint32_t f = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (f >> 16) & 0x8000u;
  const uint32_t magnitude = f & 0x7fffffffu;
  if (magnitude > 0x7f800000u) {
    bits = static_cast<uint16_t>(sign | 0x7e00u | ((magnitude >> 13) & 0x3ffu));
  } else if (magnitude >= 0x477ff000u) {  // rounds to 65520 or more
    bits = static_cast<uint16_t>(sign | 0x7c00u);
  } else if (magnitude < 0x38800000u) {  // subnormal: let float addition round
    const float scaled = std::bit_cast<float>(magnitude) + 0.5f;
    bits = static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(scaled) - std::bit_cast<uint32_t>(0.5f)));
  } else {
    const uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u);
    bits = static_cast<uint16_t>(sign | ((rounded - 0x38000000u) >> 13));
  }
}

Half::operator float() const {
  const uint32_t sign = uint32_t(bits & 0x8000u) << 16;
  const uint32_t exponent = (bits >> 10) & 0x1fu;
  const uint32_t mantissa = bits & 0x3ffu;
  if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
  if (exponent == 0) {
    const float value = std::ldexp(static_cast<float>(mantissa), -24);
    return sign ? -value : value;
  }
  return std::bit_cast<float>(sign | ((exponent + 112u) << 23) | (mantissa << 13));
}

BFloat16::BFloat16(float value) {
  const uint32_t f = std::bit_cast<uint32_t>(value);
  if ((f & 0x7fffffffu) > 0x7f800000u) {
    bits = static_cast<uint16_t>((f >> 16) | 0x40u);
  } else {
    bits = static_cast<uint16_t>((f + 0x7fffu + ((f >> 16) & 1u)) >> 16);
  }
}

}  // namespace hone

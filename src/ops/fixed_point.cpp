#include "ops/fixed_point.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"
#include "ops/wrapping.h"

namespace hone {

FixedMultiplier quantize_multiplier(double real) {
  if (!(real >= 0)) throw invalid_argument(cat("quantized multiplier ", real, ", expected 0 or more"));
  if (real == 0) return {};
  if (real >= double(1 << 30)) return {.value = std::numeric_limits<int32_t>::max(), .shift = 30};
  FixedMultiplier m;
  int64_t q = std::llround(std::frexp(real, &m.shift) * 0x1p31);
  if (q == int64_t(1) << 31) {
    q /= 2;
    ++m.shift;
  }
  if (m.shift < -31) return {};
  m.value = static_cast<int32_t>(q);
  return m;
}

int32_t saturating_rounding_doubling_high_mul(int32_t a, int32_t b) {
  if (a == b && a == std::numeric_limits<int32_t>::min()) return std::numeric_limits<int32_t>::max();
  const int64_t product = int64_t(a) * b;
  const int64_t nudge = product >= 0 ? int64_t(1) << 30 : 1 - (int64_t(1) << 30);
  return static_cast<int32_t>((product + nudge) / (int64_t(1) << 31));
}

int16_t saturating_rounding_doubling_high_mul(int16_t a, int16_t b) {
  if (a == b && a == std::numeric_limits<int16_t>::min()) return std::numeric_limits<int16_t>::max();
  const int32_t product = int32_t(a) * b;
  const int32_t nudge = product >= 0 ? 1 << 14 : 1 - (1 << 14);
  return static_cast<int16_t>((product + nudge) / (1 << 15));
}

int32_t rounding_divide_by_pot(int32_t x, int exponent) {
  const int32_t mask = static_cast<int32_t>((int64_t(1) << exponent) - 1);
  const int32_t threshold = (mask >> 1) + (x < 0 ? 1 : 0);
  return (x >> exponent) + ((x & mask) > threshold ? 1 : 0);
}

namespace {
template <class T>
T shift_left(T x, int exponent) {
  const int64_t wide = int64_t(x) << exponent;
  return static_cast<T>(std::clamp<int64_t>(wide, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
}
}  // namespace

int32_t saturating_left_shift(int32_t x, int exponent) { return shift_left(x, exponent); }
int16_t saturating_left_shift(int16_t x, int exponent) { return shift_left(x, exponent); }

int32_t multiply_by_quantized_multiplier(int32_t x, FixedMultiplier m) {
  const int left = std::max(m.shift, 0), right = std::max(-m.shift, 0);
  const int32_t shifted = static_cast<int32_t>(static_cast<uint32_t>(x) << left);
  return rounding_divide_by_pot(saturating_rounding_doubling_high_mul(shifted, m.value), right);
}

int32_t multiply_by_quantized_multiplier_up(int32_t x, FixedMultiplier m) {
  const int left = std::max(m.shift, 0), right = std::max(-m.shift, 0);
  const int32_t shifted = static_cast<int32_t>(static_cast<uint32_t>(x) << left);
  const int64_t half = right > 0 ? int64_t(1) << (right - 1) : 0;
  return static_cast<int32_t>((saturating_rounding_doubling_high_mul(shifted, m.value) + half) >> right);
}

int32_t multiply_by_quantized_multiplier_64(int64_t x, FixedMultiplier m) {
  const int64_t reduced = m.value < 0x7fff0000 ? (m.value + (1 << 15)) >> 16 : 0x7fff;
  const int total_shift = 15 - m.shift;
  const int64_t product = wrapping_mul(x, reduced);
  if (total_shift <= 0) return static_cast<int32_t>(static_cast<uint64_t>(product) << -total_shift);
  return static_cast<int32_t>(wrapping_add(product, int64_t(1) << (total_shift - 1)) >> total_shift);
}

QuantizedRange activation_range(float min, float max, DType dtype, const QuantPtr& quant) {
  QuantizedRange range{static_cast<int32_t>(std::max<int64_t>(min_of(dtype), std::numeric_limits<int32_t>::min())),
                       static_cast<int32_t>(std::min<int64_t>(max_of(dtype), std::numeric_limits<int32_t>::max()))};
  if (!quant) return range;
  const auto stored = [&](float bound) {
    const double q = double(std::round(bound / quant->scale())) + quant->zero_point();
    return saturated<int32_t>(std::clamp(q, double(range.min), double(range.max)));
  };
  const QuantizedRange full = range;
  if (min > -std::numeric_limits<float>::infinity()) range.min = std::max(full.min, stored(min));
  if (max < std::numeric_limits<float>::infinity()) range.max = std::min(full.max, stored(max));
  return range;
}

}  // namespace hone

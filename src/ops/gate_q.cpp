#include "ops/gate_q.h"

#include <limits>

#include "ops/fixed_point.h"

namespace hone {
namespace {

constexpr int16_t kOne = std::numeric_limits<int16_t>::max();  ///< as near to 1 as 15 fractional bits come

int16_t product(int16_t a, int16_t b) { return saturating_rounding_doubling_high_mul(a, b); }
int16_t sum(int a, int b) { return static_cast<int16_t>(a + b); }
int16_t halved(int16_t x, int times) { return static_cast<int16_t>(rounding_divide_by_pot(x, times)); }
/// The upper half of a 32-bit constant, rounded.
int16_t upper(int32_t constant) { return static_cast<int16_t>(rounding_divide_by_pot(constant, 16)); }

/// e^a for a in −1/4 … 0, 15 fractional bits.
int16_t exp_near_zero(int16_t a) {
  const int16_t at = upper(1895147668);  // e^(−1/8)
  const int16_t third = upper(715827883);
  const int16_t x = sum(a, 1 << 12);
  const int16_t x2 = product(x, x), x3 = product(x2, x), x4 = product(x2, x2);
  const int16_t tail = halved(sum(product(sum(halved(x4, 2), x3), third), x2), 1);
  const int wide = at + product(at, sum(x, tail));
  return static_cast<int16_t>(wide > kOne ? kOne : wide);
}

/// e^a for a ≤ 0 with `integer_bits` before the point.
int16_t exp_of_negative(int16_t a, int integer_bits) {
  if (a == 0) return kOne;
  const int fraction = 15 - integer_bits;
  const int quarter = 1 << (fraction - 2);
  const int16_t within = sum(a & (quarter - 1), -quarter);
  int16_t result = exp_near_zero(saturating_left_shift(within, integer_bits));
  const int rest = within - a;
  // e^−(2^i) for i = −2 … 4.
  constexpr int32_t kPowers[] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};
  for (int i = -2; i < integer_bits && i <= 4; ++i)
    if ((rest >> (fraction + i) & 1) != 0) result = product(result, upper(kPowers[i + 2]));
  if (integer_bits > 5 && a < -(1 << (fraction + 5))) return 0;
  return result;
}

/// 2 / (1 + a) for a in 0 … 1, 13 fractional bits.
int16_t two_over_one_plus(int16_t a) {
  const int denominator = a + kOne;
  const auto half = static_cast<int16_t>((denominator + (denominator >= 0 ? 1 : -1)) / 2);
  int16_t x = sum(upper(1515870810), product(half, upper(-1010580540)));  // 48/17 − 32/17 · half
  for (int i = 0; i < 3; ++i) {
    const int16_t error = sum(1 << 13, -product(half, x));
    x = sum(x, saturating_left_shift(product(x, error), 2));
  }
  return x;
}

/// −a, which for −2¹⁵ stays what it is.
int16_t negated(int16_t a) { return static_cast<int16_t>(-int32_t(a)); }

}  // namespace

int16_t sigmoid_q12(int16_t x) {
  if (x == 0) return 1 << 14;
  const int16_t exponential = exp_of_negative(x > 0 ? negated(x) : x, 3);
  const int16_t y = saturating_left_shift(two_over_one_plus(exponential), 1);
  return x > 0 ? y : sum(kOne, -y);
}

int16_t tanh_q(int16_t x, int integer_bits) {
  if (x == 0) return 0;
  const int16_t exponential = exp_of_negative(x < 0 ? x : negated(x), integer_bits + 1);
  const int16_t y = saturating_left_shift(sum(two_over_one_plus(exponential), -(1 << 13)), 2);
  return x < 0 ? negated(y) : y;
}

}  // namespace hone

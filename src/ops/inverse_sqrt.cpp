#include "ops/inverse_sqrt.h"

#include <bit>
#include <limits>

namespace hone {
namespace {

int32_t product(int32_t a, int32_t b) { return saturating_rounding_doubling_high_mul(a, b); }

}  // namespace

FixedMultiplier inverse_sqrt(int32_t x) {
  if (x <= 1) return {std::numeric_limits<int32_t>::max(), 0};
  // x = input · 4^n with input in 2²⁷ … 2²⁹.
  int shift = 11;
  while (x >= (1 << 29)) {
    x /= 4;
    ++shift;
  }
  const int pairs = (std::countl_zero(static_cast<uint32_t>(x)) - 1) / 2 - 1;
  shift -= pairs;
  x <<= 2 * pairs;

  // Q3.28 numbers; a product of two has 6 integer bits, of three 9: shifting left brings them back to 3.
  constexpr int32_t kOne = 1 << 28, kThreeHalves = (1 << 28) + (1 << 27);
  constexpr int32_t kHalfSqrt2 = 1518500250;  // Q0.31
  const int32_t half_input = rounding_divide_by_pot(x >> 1, 1);
  int32_t y = kOne;
  for (int i = 0; i < 5; ++i) {
    const int32_t cube = saturating_left_shift(product(product(y, y), y), 6);
    y = saturating_left_shift(product(kThreeHalves, y) - product(half_input, cube), 3);
  }
  y = product(y, kHalfSqrt2);
  if (shift < 0) {
    y = static_cast<int32_t>(static_cast<uint32_t>(y) << -shift);
    shift = 0;
  }
  return {y, -shift};
}

}  // namespace hone

#include "ops/fixed_point.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/error.h"

namespace hone {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

TEST(FixedPoint, MultiplierIsNormalizedAndNearest) {
  const FixedMultiplier half = quantize_multiplier(0.5);
  EXPECT_EQ(half.value, 1 << 30);
  EXPECT_EQ(half.shift, 0);
  const FixedMultiplier almost_one = quantize_multiplier(1.0 - 1e-15);
  EXPECT_EQ(almost_one.value, 1 << 30);
  EXPECT_EQ(almost_one.shift, 1);
  const FixedMultiplier tiny = quantize_multiplier(1e-12);
  EXPECT_EQ(tiny.value, 0);
  for (double real : {0.0003, 0.7, 1.3, 900.5}) {
    const FixedMultiplier m = quantize_multiplier(real);
    EXPECT_NEAR(std::ldexp(m.value, m.shift - 31), real, real * 1e-9);
  }
}

TEST(FixedPoint, RejectsMultipliersBelowZeroAndSaturatesHugeOnes) {
  EXPECT_THROW(quantize_multiplier(-0.5), Error);
  EXPECT_THROW(quantize_multiplier(std::nan("")), Error);
  for (const double huge : {1e300, static_cast<double>(INFINITY)}) {
    EXPECT_EQ(quantize_multiplier(huge).value, std::numeric_limits<int32_t>::max());
    EXPECT_EQ(quantize_multiplier(huge).shift, 30);
  }
}

TEST(FixedPoint, HighMulRoundsHalvesUpAndSaturates) {
  const int32_t min = std::numeric_limits<int32_t>::min();
  EXPECT_EQ(saturating_rounding_doubling_high_mul(min, min), std::numeric_limits<int32_t>::max());
  EXPECT_EQ(saturating_rounding_doubling_high_mul(1, 1 << 30), 1);
  EXPECT_EQ(saturating_rounding_doubling_high_mul(3, 1 << 30), 2);
  EXPECT_EQ(saturating_rounding_doubling_high_mul(-3, 1 << 30), -1);
  EXPECT_EQ(saturating_rounding_doubling_high_mul(int16_t(-32768), int16_t(-32768)), 32767);
  EXPECT_EQ(saturating_rounding_doubling_high_mul(int16_t(100), int16_t(16384)), 50);
}

TEST(FixedPoint, DivideByPowerOfTwoRoundsHalvesAwayFromZero) {
  EXPECT_EQ(rounding_divide_by_pot(5, 1), 3);
  EXPECT_EQ(rounding_divide_by_pot(-5, 1), -3);
  EXPECT_EQ(rounding_divide_by_pot(7, 2), 2);
  EXPECT_EQ(rounding_divide_by_pot(-7, 0), -7);
  EXPECT_EQ(rounding_divide_by_pot(std::numeric_limits<int32_t>::max(), 31), 1);
}

TEST(FixedPoint, MultipliesLikeRealsWithinOneStep) {
  for (double real : {0.001, 0.24, 0.999, 1.0, 17.3}) {
    const FixedMultiplier m = quantize_multiplier(real);
    for (int32_t x : {-100000, -333, -1, 0, 1, 77, 54321}) {
      EXPECT_NEAR(multiply_by_quantized_multiplier(x, m), x * real, 1 + std::abs(x * real) * 1e-8);
      EXPECT_NEAR(multiply_by_quantized_multiplier_64(x, m), x * real, 1 + std::abs(x * real) * 1e-4);
    }
  }
}

TEST(FixedPoint, ProductsOfMatricesRoundHalvesUp) {
  const FixedMultiplier eighth = quantize_multiplier(0.125);
  EXPECT_EQ(multiply_by_quantized_multiplier(-12, eighth), -2);
  EXPECT_EQ(multiply_by_quantized_multiplier_up(-12, eighth), -1);
  EXPECT_EQ(multiply_by_quantized_multiplier_up(12, eighth), 2);
  EXPECT_EQ(multiply_by_quantized_multiplier_up(-14, eighth), -2);
  EXPECT_EQ(multiply_by_quantized_multiplier_up(-3, quantize_multiplier(2.0)), -6);
}

TEST(FixedPoint, LeftShiftSaturates) {
  EXPECT_EQ(saturating_left_shift(int16_t(1000), 6), 32767);
  EXPECT_EQ(saturating_left_shift(int16_t(-1000), 6), -32768);
  EXPECT_EQ(saturating_left_shift(int32_t(3), 4), 48);
}

TEST(FixedPoint, ActivationRangeIsInStoredIntegers) {
  const QuantPtr quant = QuantParams::per_tensor(0.05f, -10);
  const QuantizedRange relu6 = activation_range(0, 6, DType::kI8, quant);
  EXPECT_EQ(relu6.min, -10);
  EXPECT_EQ(relu6.max, 110);
  const QuantizedRange none = activation_range(-kInf, kInf, DType::kU8, quant);
  EXPECT_EQ(none.min, 0);
  EXPECT_EQ(none.max, 255);
  const QuantizedRange cut = activation_range(-kInf, 100, DType::kI8, quant);
  EXPECT_EQ(cut.max, 127);
}

}  // namespace
}  // namespace hone

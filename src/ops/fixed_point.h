#pragma once

#include <cstdint>

#include "tensor/tensor.h"

namespace hone {

/// The integer arithmetic of TFLite's quantized kernels (gemmlowp's fixed-point rules; Jacob et al., "Quantization and
/// Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", 2018, section 2.2). Every function is
/// exact and the same on all machines; none overflows for arguments in the stated ranges.

/// real ≈ value · 2^(shift − 31), value in 2³⁰ … 2³¹−1, or 0 for a multiplier of zero or below 2⁻³².
struct FixedMultiplier {
  int32_t value = 0;
  int shift = 0;  ///< positive: to the left
};

/// Nearest fixed-point form of a multiplier ≥ 0; from 2³⁰ on, infinity included, the largest there is. Throws
/// Error(invalid_argument) for negative ones and NaN.
FixedMultiplier quantize_multiplier(double real);

/// round(a · b / 2³¹), halves upwards, saturated (only for a = b = −2³¹).
int32_t saturating_rounding_doubling_high_mul(int32_t a, int32_t b);
/// The same on 16 bits: round(a · b / 2¹⁵).
int16_t saturating_rounding_doubling_high_mul(int16_t a, int16_t b);

/// round(x / 2^exponent), halves away from zero; exponent 0 … 31.
int32_t rounding_divide_by_pot(int32_t x, int exponent);

/// x · 2^exponent, saturated; exponent 0 … 31.
int32_t saturating_left_shift(int32_t x, int exponent);
int16_t saturating_left_shift(int16_t x, int exponent);

/// x · m with two roundings, as TFLite's 8-bit kernels do. x · 2^max(shift, 0) wraps to 32 bits.
int32_t multiply_by_quantized_multiplier(int32_t x, FixedMultiplier m);

/// The same with halves of the second rounding upwards: what TFLite's matrix products do on x86 and ARM (ruy), and with
/// them convolution over all channels and FullyConnected. Differs for negative halves only.
int32_t multiply_by_quantized_multiplier_up(int32_t x, FixedMultiplier m);

/// x · m with m reduced to 15 bits and one rounding, as TFLite's 16-bit kernels do; |x| < 2⁴⁷, result cut to 32 bits.
int32_t multiply_by_quantized_multiplier_64(int64_t x, FixedMultiplier m);

/// Bounds in stored integers.
struct QuantizedRange {
  int32_t min = 0;
  int32_t max = 0;
  int32_t clamp(int64_t x) const { return x < min ? min : x > max ? max : static_cast<int32_t>(x); }
};

/// The stored integers that an activation min … max (either may be infinite) allows in a per-tensor quantized output:
/// zero_point + round(bound / scale), cut to the dtype's range. `quant` null: the dtype's range.
QuantizedRange activation_range(float min, float max, DType dtype, const QuantPtr& quant);

}  // namespace hone

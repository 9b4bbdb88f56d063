#pragma once

#include <cstdint>

namespace hone {

/// Activations of TFLite's integer recurrent layers on 16 bits, as gemmlowp's fixed-point functions compute them:
/// exponentials of negative numbers by a Taylor series around −1/8 and a table of powers, quotients by three Newton
/// steps.

/// 1 / (1 + e^−x): x in steps of 2⁻¹², the result in steps of 2⁻¹⁵.
int16_t sigmoid_q12(int16_t x);

/// tanh x: x has `integer_bits` (0 … 6) bits before the point, the result none.
int16_t tanh_q(int16_t x, int integer_bits);

}  // namespace hone

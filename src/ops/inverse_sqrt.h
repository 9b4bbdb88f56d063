#pragma once

#include <cstdint>

#include "ops/fixed_point.h"

namespace hone {

/// 1/√x in fixed point for x ≥ 0 (0 and 1 give 1 − 2⁻³¹), by five Newton steps with 3 integer bits: the arithmetic of
/// TFLite's integer L2_NORMALIZATION and RSQRT. The result's shift is ≤ 0.
FixedMultiplier inverse_sqrt(int32_t x);

}  // namespace hone

#pragma once

#include <vector>

#include "passes/rule.h"

namespace hone {

/// The parts of the canonical pipeline: one way to say each thing.

/// Constants on the right; Add for Sub and Mul for Div by a constant; Mul and roots for powers.
std::vector<Rule> arithmetic_rules();
/// Relu and Clamp for Clip, Maximum and Minimum with constant bounds; HardSwish, HardSigmoid, Mish, Gelu, Sigmoid and
/// Softmax for their parts.
std::vector<Rule> activation_rules();
/// LayerNorm for its parts.
std::vector<Rule> norm_rules();
/// FullyConnected for products with a constant matrix.
std::vector<Rule> linear_rules();

}  // namespace hone

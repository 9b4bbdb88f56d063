#pragma once

#include <vector>

#include "passes/rule.h"

namespace hone {

/// Operators between Dequantize and Quantize computed on stored integers, for graphs whose quantized operators mean
/// "dequantize, compute in float, quantize" (QuantArithmetic::kFloat): there both say the same thing. Graphs of the
/// other arithmetic are left alone: in them a float island is a float island.
std::vector<Rule> integer_rules();

}  // namespace hone

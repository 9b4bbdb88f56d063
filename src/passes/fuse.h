#pragma once

#include <vector>

#include "passes/rule.h"

namespace hone {

/// The parts of the fuse pipeline.

/// Per-channel factors and terms (BatchNorm, Mul, Add with constants) into the weights and bias before them; what
/// remains of BatchNorm becomes Mul and Add.
std::vector<Rule> scale_rules();
/// Padding with zeros into convolutions and poolings.
std::vector<Rule> pad_rules();
/// Relu and Clamp into the operator before them; Quantize into the operator whose result it stores.
std::vector<Rule> act_rules();

}  // namespace hone

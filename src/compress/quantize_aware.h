#pragma once

#include <cstdint>

#include "compress/evidence.h"
#include "compress/quantize.h"

namespace hone {

/// quantize_static after training that sees the rounding: weights and activations of the float graph pass through
/// FakeQuantize with the parameters that quantize_static would give them, then weights and scales learn to answer as
/// the float graph does (taught()). What is rounded in training is what the integers of the result say. Source: Jacob
/// et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", 2018,
/// section 3; Esser et al., "Learned Step Size Quantization", 2020.
Graph quantize_aware(const Graph& graph, const Ranges& ranges, const QuantizeOptions& options, const Evidence& evidence,
                     int64_t epochs);

}  // namespace hone

#pragma once

#include "ir/graph.h"

namespace hone {

/// The float model behind a quantized one: constants as the real numbers they stand for, activations in f32, Quantize
/// and Dequantize gone. Where integers saturated, a Clamp-like activation stays only if the node carried it: the ranges
/// of the old quantization are forgotten, so that the model can be quantized anew. Inputs and outputs become f32.
Graph to_float(const Graph& graph);

}  // namespace hone

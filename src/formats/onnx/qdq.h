#pragma once

#include "ir/graph.h"

namespace hone::onnx {

/// Turns Q/DQ pairs with constant parameters into quantized types: constants behind DequantizeLinear become quantized
/// constants, an operator between DequantizeLinear and QuantizeLinear gets quantized inputs and outputs, and what
/// remains at the borders becomes Quantize and Dequantize. Returns the number of nodes that went.
int fold_qdq(Graph& graph);

}  // namespace hone::onnx

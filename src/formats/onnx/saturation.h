#pragma once

#include <vector>

#include "ir/graph.h"

namespace hone::onnx {

/// On x86 without VNNI, ONNX Runtime multiplies u8 activations by s8 weights with VPMADDUBSW, which adds two products
/// in 16 bits and saturates: 255·(w₁ + w₂) must stay within −32768 … 32767. Signed activations it makes unsigned first.
/// u8 weights take another way, which widens to 16 bits before it multiplies (VPMADDWD) and never saturates; they hold
/// the same numbers with a zero point of 128 and want u8 activations.

/// The integer products (Conv, FullyConnected, Gemm, MatMul with s8 weights) two of whose weights for one output
/// channel can overflow: any two, since which ones meet is the runtime's business, times the largest activation that
/// calibration and clamps leave. Depthwise convolutions are not among them: the runtime widens theirs.
std::vector<NodeId> saturating_products(const Graph& graph);

/// `graph` with the weights of `products` as u8 and all s8 activations as u8, all standing for the same numbers. Inputs
/// and outputs of the graph keep their types.
Graph with_unsigned_products(Graph graph, const std::vector<NodeId>& products);

/// The way back, for a model whose products have u8 weights with a zero point of 128: weights and activations as s8,
/// the one form hone computes in. Returns how many weights were turned.
int sign_products(Graph& graph);

}  // namespace hone::onnx

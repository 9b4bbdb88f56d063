#pragma once

#include "ir/graph.h"

namespace hone {

/// The float model behind a quantized one: constants as the real numbers they stand for, activations in f32, Quantize
/// and Dequantize gone. Where integers saturated, a Clamp-like activation stays only if the node carried it: the ranges
/// of the old quantization are forgotten, so that the model can be quantized anew. Inputs and outputs become f32.
/// Images that an 8-bit input took as raw pixels must now come as the real numbers those stood for: keep_pixels states
/// it.
Graph to_float(const Graph& graph);

/// Whether weights are stored as integers behind float arithmetic (a dynamic-range model). Throws
/// Error(invalid_argument) for a graph that computes in integers, saying how to undo that.
bool has_integer_weights(const Graph& graph);

/// Where every quantization starts: `graph` with its weights as real numbers. Throws as has_integer_weights.
Graph with_float_weights(const Graph& graph);

}  // namespace hone

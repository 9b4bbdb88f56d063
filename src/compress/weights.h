#pragma once

#include "ir/graph.h"
#include "tensor/tensor.h"

namespace hone {

/// Symmetric int8 (−127…127), or int4 (−7…7) with 4 bits, of a float tensor along `axis`, or per tensor with axis −1. A
/// channel of zeros gets scale 1.
Tensor quantize_weights(const Tensor& weights, int64_t axis, int bits = 8);

/// i32 with scale[c] = input_scale · weight scale[c]. Raises nothing: call widen_for_bias first.
Tensor quantize_bias(const Tensor& bias, float input_scale, const QuantParams& weights);

/// Weight scales so large that |bias / (input_scale · scale)| stays below 2³⁰: a near-dead channel with a large bias
/// would overflow 32 bits. Returns the weights requantized where that was needed.
Tensor widen_for_bias(const Tensor& float_weights, Tensor quantized, const Tensor& bias, float input_scale);

}  // namespace hone

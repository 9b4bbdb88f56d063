#pragma once

#include "formats/tflite/write_node.h"

namespace hone::tflite {

/// Input `i` of an operator that adds it to products of x and w, as the kernels want it: 64 bits wide for 16-bit x, and
/// zeros of the scale it must have where the node has none, since kernels of TFLite 2.9 crash without a bias.
TensorIndex bias(WriteNode& n, size_t i, const TensorType& x, const TensorType& w, int64_t channels);

}  // namespace hone::tflite

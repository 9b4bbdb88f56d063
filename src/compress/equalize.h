#pragma once

#include "compress/evidence.h"
#include "ir/graph.h"

namespace hone {

/// Cross-layer equalization of a float graph: the same function with channels of like range. Where a Conv or
/// FullyConnected feeds nothing but others, straight or through pools, channel c of what lies between is divided by
/// s[c]: the rows that make it too, the columns that read it are multiplied. With a[c] the largest number seen in the
/// channel and r[c] the largest weight that reads it, s[c] ∝ √(a[c] / r[c]) gives both the same spread; where readers
/// are depthwise, whose scales are their channels' own, s[c] ∝ a[c]. Numbers beyond the clamp of an activation stay
/// beyond it and none else reach it. Such values are named anew (kEqualizedSuffix): they have no like in `graph`.
/// Sources: Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019, section 4.1,
/// with ranges seen in data in place of those of the first weights as in Xiao et al., "SmoothQuant", 2022. Helps where
/// activations are quantized per tensor and channels differ in range, and weights per tensor.
Graph equalize(const Graph& graph, const Evidence& evidence);

}  // namespace hone

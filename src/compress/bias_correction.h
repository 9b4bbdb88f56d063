#pragma once

#include "compress/evidence.h"
#include "ir/graph.h"

namespace hone {

/// Rounding shifts the mean of what a layer makes by (Ŵ − W)·E[x]; the biases of `rounded`, made of the float graph
/// `real` with the nodes' names kept, take that back, E[x] being what `real` shows on the data. A layer without bias
/// gets one. Source: Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019,
/// section 4.2, with E[x] measured. Helps depthwise layers and few bits.
Graph correct_bias(const Graph& rounded, const Graph& real, const Evidence& evidence);

}  // namespace hone

#pragma once

#include "compress/calibrate.h"

namespace hone {

/// Takes fake quantization (x → Quantize → Dequantize, as training with it leaves) out of a float graph and tells the
/// ranges that it stood for, by the names of the values that were quantized. Constants are left as they were before it:
/// weights get ranges of their own. Pairs whose removal the graph's caller would see stay.
Ranges take_fake_quantization(Graph& graph);

/// Gives `range` to every float value of `graph` that nobody has a range for ("dummy quantization", for speed alone).
void add_default_range(Ranges& ranges, const Graph& graph, Range range);

}  // namespace hone

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ir/graph.h"

namespace hone {

/// Inputs for trying a graph out, the same for the same seed: floats uniform in −1…1, quantized and small integers over
/// their whole range, wider integers 0 or 1, booleans either. A single integer that the graph compares with constants
/// is one of those, in turn by seed: a branch that runs. Dims that are no numbers become `unknown_dim`; equal symbols
/// become equal anyway.
std::vector<Tensor> generate_inputs(const Graph& graph, uint64_t seed, int64_t unknown_dim = 2);

/// How far results are apart.
struct Difference {
  double max_abs = 0;  ///< largest |a − b| over all elements; infinity when one is NaN or infinite and the other not
  double max_relative = 0;  ///< max over tensors of max |a − b| / max(1, max |a|)
  double max_steps = 0;     ///< largest difference of quantized outputs in steps of their scale
};

/// Compares outputs of equal shapes. Throws Error(internal) when number, dtype or dims differ.
Difference difference(std::span<const Tensor> a, std::span<const Tensor> b);

/// Whether `d` is within a relative tolerance, quantized results within one step.
bool is_within(const Difference& d, double tolerance);

}  // namespace hone

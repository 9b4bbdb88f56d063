#pragma once

#include <vector>

#include "passes/pass.h"

namespace hone {

/// The parts of the simplify pipeline. Each keeps every output exactly, up to the rounding of folded arithmetic.

/// Replaces nodes whose inputs are all constant by their results, computed on the reference. Random, opaque and control
/// flow nodes stay, and so does what would grow the model (PassOptions::max_fold_bytes, fold_widening).
int64_t fold_constants(Graph& graph, PassContext& context);

/// Replaces integer vectors whose elements follow from known dims by constants, also when other dims are symbols:
/// Concat(Gather(ShapeOf(x), 1), −1) with x: [n,64,…] is {64, −1}; and gives Reshape a constant argument when the dims
/// it computes hold at most one symbol.
int64_t resolve_shapes(Graph& graph, PassContext& context);

/// Merges nodes that compute the same from the same inputs, and equal constants.
int64_t merge_equal(Graph& graph, PassContext& context);

/// Removes nodes and constants that no output needs.
int64_t remove_dead_nodes(Graph& graph, PassContext& context);

/// Operators that return an input as it is, pairs that undo each other.
std::vector<Rule> identity_rules();

/// One way to write a change of shape: Reshape with a constant argument; chains of Reshape and of Transpose merged.
std::vector<Rule> shape_rules();

/// If with a constant condition becomes the chosen branch.
std::vector<Rule> control_rules();

}  // namespace hone

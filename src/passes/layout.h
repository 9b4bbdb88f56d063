#pragma once

#include <cstdint>

#include "passes/pass.h"

namespace hone {

/// Chooses for every part of the graph the order of axes that needs the fewest Transposes, and rewrites it so: a graph
/// whose operators were each wrapped in Transposes keeps those that its inputs and outputs need. Attributes, axes and
/// constants follow their data, the columns of dense weights behind a flattened tensor too. Inputs and outputs keep
/// their layout. Returns the number of nodes that changed.
int64_t cancel_transposes(Graph& graph, PassContext& context);

/// The same for a graph that was just wrapped for writing, with what is left merged and cleaned up. Returns the number
/// of Transposes left.
size_t cancel_transposes(Graph& graph);

/// Resize with its axes in ascending order and without those it leaves alone; Transpose of the last two axes into the
/// flags of MatMul: what the layout pass leaves behind.
std::vector<Rule> layout_rules();

}  // namespace hone

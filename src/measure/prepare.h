#pragma once

#include "ir/graph.h"
#include "measure/engine.h"

namespace hone {

/// The graph as `engine` is to run it: as it is for the reference alone, else simplified, fused and with few
/// transposes. Never saved as a model. Inputs and outputs keep names, types and order.
/// Throws Error(unsupported) listing every operator hone does not know.
Graph prepare(Graph graph, const Engine& engine);

}  // namespace hone

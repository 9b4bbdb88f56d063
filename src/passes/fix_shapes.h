#pragma once

#include <map>
#include <string>

#include "ir/graph.h"

namespace hone {

/// Gives inputs the stated dims ("input" → {1, 3, 224, 224}), lets them flow through the graph and simplifies it: what
/// computed shapes at run time becomes constant. The empty name means the only input.
/// Throws Error(not_found) for an unknown name and Error(invalid_argument) for dims that contradict the known ones.
void fix_shapes(Graph& graph, const std::map<std::string, Dims>& shapes);

}  // namespace hone

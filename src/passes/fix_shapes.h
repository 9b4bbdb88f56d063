#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace hone {

/// Gives inputs the stated dims ("input" → {1, 3, 224, 224}), lets them flow through the graph and simplifies it: what
/// computed shapes at run time becomes constant. The empty name means the only input.
/// Throws Error(not_found) for an unknown name and Error(invalid_argument) for dims that contradict the known ones.
void fix_shapes(Graph& graph, const std::map<std::string, Dims>& shapes);

/// The graph with its open inputs fixed to these dims, one list an input; those of inputs that are static are not
/// looked at. Throws Error(invalid_argument) for dims that contradict the known ones.
Graph with_input_shapes(const Graph& graph, std::span<const Dims> shapes);

/// The dims of every input, 1 where they are open.
std::vector<Dims> smallest_input_shapes(const Graph& graph);

}  // namespace hone

#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"

namespace hone {

/// A graph that remembers something, or must not, from one run to the next.
struct StateCase {
  std::string name;
  Graph graph;
  int variables = 0;  ///< variable tensors in its file
  int resources = 0;  ///< variables that operators read and assign
};

std::vector<StateCase> state_cases();

/// Inputs of six runs one after another.
std::vector<std::vector<Tensor>> inputs_of_runs(const Graph& graph);
/// What the reference gives in those runs.
std::vector<std::vector<Tensor>> evaluate_runs(const Graph& graph, const std::vector<std::vector<Tensor>>& inputs);

}  // namespace hone

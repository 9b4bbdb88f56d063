#pragma once

#include <vector>

#include "runtime/plan.h"

namespace hone {

/// A step that a provider has made for some nodes of a graph.
struct ChosenStep {
  PlannedStep planned;  ///< without slots
  std::vector<NodeId> nodes;
  std::vector<ValueId> inputs, outputs;
};

/// A step for every node, so that what computes a value stands before what reads it. Throws Error(unsupported) listing
/// every node that nobody runs.
std::vector<ChosenStep> choose_steps(const Graph& graph, std::span<const Provider* const> providers,
                                     const PlanOptions& options);

}  // namespace hone

#pragma once

#include <functional>
#include <span>

#include "ir/graph.h"

namespace hone {

/// The part of `graph` that `nodes` are, at least one, in any order: what others made and they read becomes inputs;
/// outputs are what they made and none of them reads, or the caller of `graph` does. Constants come along, names stay.
Graph part_of(const Graph& graph, std::span<const NodeId> nodes);

struct Reduction {
  Graph graph;
  int64_t checks = 0;       ///< how often `fails` was asked
  bool is_finished = true;  ///< no single node more can go; false: max_checks ended it
};

/// The smallest part of `graph` found for which `fails` holds, as it must for `graph`: chunks of neighbours in
/// topological order go, halved whenever none of their size can, down to single nodes (after Zeller and Hildebrandt,
/// "Simplifying and Isolating Failure-Inducing Input", 2002). `fails` may throw to stop.
Reduction reduce(const Graph& graph, const std::function<bool(const Graph&)>& fails, int64_t max_checks);

}  // namespace hone

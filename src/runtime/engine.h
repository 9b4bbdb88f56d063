#pragma once

#include <vector>

#include "runtime/plan.h"

namespace hone {

class Runner;

/// How a model is run: the providers in order of preference and the plan's options. The caller, who alone knows the
/// concrete providers, makes one.
struct Engine {
  std::vector<const Provider*> providers;
  PlanOptions plan;

  Runner runner(const Graph& graph) const;
  /// Only the judge of the others: what runs is the graph as it was read.
  bool is_reference() const;
};

}  // namespace hone

#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "ir/graph.h"

namespace hone {

/// How many rewrites may still happen; shared by all passes of a run, so that a bad one can be found by bisection.
struct RewriteBudget {
  int64_t left = std::numeric_limits<int64_t>::max();
  /// Whether one more rewrite may happen; counts it.
  bool take() { return left > 0 && left-- > 0; }
};

/// One local rewrite. `apply` looks at a node and what surrounds it and either leaves the graph untouched and returns
/// false, or rewrites it and returns true. It may rewrite the neighbourhood but removes nothing but what it replaced.
struct Rule {
  std::string_view name;
  std::vector<const OpDef*> anchors;  ///< operators it is tried on; empty: every operator
  bool (*apply)(Graph& graph, NodeId node);
};

/// What apply_rules did.
struct RuleOutcome {
  int64_t changes = 0;
  bool settled = true;  ///< false when the bound on rewrites stopped it: rules undo each other
};

/// Applies rules until none fires, nodes in topological order first, then whatever a rewrite touched; dead nodes go at
/// once. The number of rewrites is bounded by 64 + 16 · nodes, so that rules that undo each other end.
/// An Error from a rule gets a frame naming the rule and the node.
RuleOutcome apply_rules(Graph& graph, std::span<const Rule> rules, RewriteBudget& budget);

}  // namespace hone

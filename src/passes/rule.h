#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string_view>
#include <unordered_map>
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

/// Rules in order of preference, found by the operators that they are tried on: those that name the operator first.
class RuleSet {
 public:
  RuleSet() = default;
  RuleSet(std::vector<Rule> rules);  // NOLINT(google-explicit-constructor): a pass is written as a list of rules
  RuleSet(std::initializer_list<Rule> rules) : RuleSet(std::vector<Rule>(rules)) {}

  const Rule& operator[](size_t i) const { return rules_[i]; }
  /// Which ones to try on a node of this operator, in this order.
  const std::vector<size_t>& tried_on(const OpDef* def) const;

 private:
  std::vector<Rule> rules_;
  std::unordered_map<const OpDef*, std::vector<size_t>> by_anchor_;
  std::vector<size_t> on_every_;
};

/// What apply_rules did.
struct RuleOutcome {
  int64_t changes = 0;
  bool settled = true;  ///< false when the bound on rewrites stopped it: rules undo each other
};

/// Applies rules until none fires, nodes in topological order first, then whatever a rewrite touched; dead nodes go at
/// once. The number of rewrites is bounded by 64 + 16 · nodes, so that rules that undo each other end.
/// An Error from a rule gets a frame naming the rule and the node.
RuleOutcome apply_rules(Graph& graph, const RuleSet& rules, RewriteBudget& budget);

}  // namespace hone

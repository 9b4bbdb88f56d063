#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <tuple>
#include <vector>

#include "passes/layout_table.h"

namespace hone {

/// A value seen through the Transposes before it: it is `source` in order `via` (empty: its own).
struct Seen {
  ValueId source;
  Perm via;
};

/// The orders of axes in which values are stored so that few Transposes are left.
///
/// Values that operators tie together form a group, stored in one common order; everything else (inputs of the graph,
/// results of spatial operators and of matrix products) has its own. Where a value crosses from one group to another,
/// or to an operator that needs its data in its own order, the crossing costs a Transpose unless the orders agree.
/// Orders are found by descent: each group in turn takes the order that costs least given its neighbours, out of those
/// that some neighbour proposes, until nothing improves. Each step lowers the total cost, so it ends.
class LayoutSolution {
 public:
  explicit LayoutSolution(const Graph& graph);

  /// Whether some value is stored in another order than its own.
  bool moves_anything() const;
  /// The order a value (no Transpose's result) is stored in; empty: its own. Values added later have their own.
  const Perm& order_of(ValueId value) const;
  Seen see(ValueId value) const;
  /// The operand's order as a user of `value` finds it: the source is stored in order_of(source).
  Perm order_seen(ValueId value) const;

  const LayoutRow* row(NodeId node) const { return rows_[static_cast<size_t>(node.index)]; }
  /// Factors of a Reshape that may carry an order through.
  const std::optional<ReshapeFactors>& reshape(NodeId node) const;
  /// The order of such a Reshape's input from which it gives its result in order `result` without moving anything.
  std::optional<Perm> order_before_reshape(NodeId node, const Perm& result) const;
  /// Whether the node is a Reshape [N, …] → [N, K] whose users all take constant weights that can be rearranged.
  bool feeds_weights(NodeId node) const;

 private:
  enum class LinkKind : uint8_t { kNeed, kReduce, kReshape, kFlatten };
  /// A crossing. `value` is what the user names, `source` and `via` what that is; groups are −1 for an own order.
  struct Link {
    LinkKind kind;
    ValueId value, source;
    Perm via;
    NodeId node;
    int from = -1, to = -1;
    double weight = 1;
    auto key() const {
      return std::tuple(kind, source.index, via, from, to, kind == LinkKind::kNeed ? -1 : node.index);
    }
  };

  /// How many want a source (by index) in an order.
  using Needs = std::map<std::pair<int32_t, Perm>, int>;

  void resolve_transposes(const std::vector<NodeId>& order);
  void build(const std::vector<NodeId>& order);
  void build_node(NodeId id);
  void build_tied(const Node& node, const LayoutRow& row);
  void link(LinkKind kind, NodeId node, ValueId value, int to);
  void finish_groups();
  void solve();
  double descend(std::vector<Perm>& labels) const;
  void propose_most_wanted(std::vector<Perm>& labels) const;
  std::vector<Perm> candidates(int group, const std::vector<Perm>& labels) const;
  std::optional<Perm> wish(const Link& link, int group, const std::vector<Perm>& labels) const;
  double cost(const Link& link, const std::vector<Perm>& labels) const;
  Perm needed(const Link& link, const std::vector<Perm>& labels) const;
  void count_needs(int group, int by, const std::vector<Perm>& labels, Needs& needs) const;
  double cost_of_group(int group, const std::vector<Perm>& labels, const Needs& others) const;
  Perm best_order(int group, std::vector<Perm>& labels, const Needs& others) const;
  double forbidden(int group, const std::vector<Perm>& labels) const;
  double total_cost(const std::vector<Perm>& labels) const;
  Perm seen_by(const Link& link, const std::vector<Perm>& labels) const;

  int new_group();
  int find(int group) const;
  void unite(int a, int b);

  const Graph& graph_;
  std::vector<Seen> seen_;              ///< per value; source absent: itself
  std::vector<int> group_;              ///< per value
  std::vector<const LayoutRow*> rows_;  ///< per node
  std::vector<char> feeds_weights_;     ///< per node
  std::map<int32_t, std::optional<ReshapeFactors>> reshapes_;
  std::optional<ReshapeFactors> no_reshape_;
  mutable std::vector<int> parent_;
  std::vector<Link> links_;
  std::vector<std::vector<size_t>> links_of_;    ///< per group
  std::vector<std::vector<NodeId>> members_of_;  ///< per group: tied nodes whose row restricts the order
  std::vector<Perm> labels_;                     ///< per group
};

/// The axes that a kReduced node takes away.
std::vector<bool> removed_axes(const Graph& graph, const Node& node, const LayoutRow& row);
/// Whether the node can work on data stored in this order.
bool accepts_order(const Graph& graph, const Node& node, const LayoutRow& row, const Perm& perm);

}  // namespace hone

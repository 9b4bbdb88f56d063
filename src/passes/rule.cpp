#include "passes/rule.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "passes/rewrite.h"

namespace hone {
namespace {

/// Nodes waiting to be looked at, each at most once at a time.
class Worklist {
 public:
  void push(const Graph& graph, NodeId node) {
    if (!node.exists() || !graph.is_live(node)) return;
    if (waiting_.size() <= static_cast<size_t>(node.index)) waiting_.resize(graph.node_capacity(), false);
    if (waiting_[static_cast<size_t>(node.index)]) return;
    waiting_[static_cast<size_t>(node.index)] = true;
    queue_.push_back(node);
  }
  bool empty() const { return queue_.empty(); }
  NodeId pop() {
    const NodeId node = queue_.front();
    queue_.pop_front();
    waiting_[static_cast<size_t>(node.index)] = false;
    return node;
  }

 private:
  std::deque<NodeId> queue_;
  std::vector<bool> waiting_;
};

/// Into `result`: the node, the producers of its inputs and the users of its outputs. A rewrite of the node changes
/// what they see.
void find_neighbours(const Graph& graph, NodeId id, std::vector<NodeId>& result) {
  result.assign(1, id);
  const Node& node = graph.node(id);
  for (ValueId input : node.inputs) {
    if (input.exists() && graph.value(input).producer.exists()) result.push_back(graph.value(input).producer);
  }
  for (ValueId output : node.outputs) {
    const UseList& users = graph.value(output).users;
    result.insert(result.end(), users.begin(), users.end());
  }
}

/// How many find_neighbours gives at most, without looking at them.
size_t count_neighbours(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  size_t count = 1 + node.inputs.size();
  for (const ValueId output : node.outputs) count += graph.value(output).users.size();
  return count;
}

class Driver {
 public:
  Driver(Graph& graph, const RuleSet& rules, RewriteBudget& budget)
      : graph_(graph), rules_(rules), budget_(budget), bound_(64 + 16 * static_cast<int64_t>(graph.node_count())) {}

  RuleOutcome run() {
    // A rule may look further than the neighbourhood that a rewrite wakes up: sweep until a sweep changes nothing.
    int64_t before = -1;
    while (before != outcome_.changes && may_continue()) {
      before = outcome_.changes;
      for (NodeId id : graph_.order()) worklist_.push(graph_, id);
      while (!worklist_.empty() && may_continue()) visit(worklist_.pop());
    }
    return outcome_;
  }

 private:
  bool may_continue() const { return budget_.left > 0 && outcome_.settled; }

  void visit(NodeId id) {
    if (!graph_.is_live(id)) return;
    const std::vector<size_t>& tried = rules_.tried_on(graph_.node(id).def);
    if (tried.empty()) return;
    find_neighbours(graph_, id, touched_);  // as they are before a rule fires
    for (const size_t rule : tried)
      if (fires(rules_[rule], id)) return;
  }

  bool fires(const Rule& rule, NodeId id) {
    const size_t before = graph_.node_capacity();
    const bool fired = with_context([&] { return cat("in rule '", rule.name, "' at node ", id.index); },
                                    [&] { return rule.apply(graph_, id); });
    if (!fired) return false;
    budget_.take();
    if (++outcome_.changes >= bound_) outcome_.settled = false;
    for (NodeId node : touched_) remove_if_dead(graph_, node);
    for (NodeId node : touched_) push_around(node);
    for (size_t i = before; i < graph_.node_capacity(); ++i) push_around(NodeId{static_cast<int32_t>(i)});
    return true;
  }

  /// Of a crowd only the node itself: waking all users of one value for each of them would be quadratic, and the next
  /// sweep finds them.
  void push_around(NodeId id) {
    constexpr size_t kCrowd = 1024;
    if (!graph_.is_live(id)) return;
    if (count_neighbours(graph_, id) > kCrowd) return worklist_.push(graph_, id);
    find_neighbours(graph_, id, around_);
    for (const NodeId node : around_) worklist_.push(graph_, node);
  }

  Graph& graph_;
  const RuleSet& rules_;
  RewriteBudget& budget_;
  const int64_t bound_;
  Worklist worklist_;
  std::vector<NodeId> touched_, around_;
  RuleOutcome outcome_;
};

}  // namespace

RuleSet::RuleSet(std::vector<Rule> rules) : rules_(std::move(rules)) {
  for (size_t i = 0; i < rules_.size(); ++i) {
    if (rules_[i].anchors.empty()) on_every_.push_back(i);
    for (const OpDef* def : rules_[i].anchors) by_anchor_[def].push_back(i);
  }
  for (auto& [def, tried] : by_anchor_) tried.insert(tried.end(), on_every_.begin(), on_every_.end());
}

const std::vector<size_t>& RuleSet::tried_on(const OpDef* def) const {
  const auto at = by_anchor_.find(def);
  return at == by_anchor_.end() ? on_every_ : at->second;
}

RuleOutcome apply_rules(Graph& graph, const RuleSet& rules, RewriteBudget& budget) {
  return Driver(graph, rules, budget).run();
}

}  // namespace hone

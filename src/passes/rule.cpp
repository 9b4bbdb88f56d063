#include "passes/rule.h"

#include <algorithm>
#include <deque>
#include <unordered_map>

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

class Driver {
 public:
  Driver(Graph& graph, std::span<const Rule> rules, RewriteBudget& budget)
      : graph_(graph), budget_(budget), bound_(64 + 16 * static_cast<int64_t>(graph.node_count())) {
    for (const Rule& rule : rules) {
      if (rule.anchors.empty()) general_.push_back(&rule);
      for (const OpDef* def : rule.anchors) anchored_[def].push_back(&rule);
    }
  }

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
    const auto found = anchored_.find(graph_.node(id).def);
    if (found == anchored_.end() && general_.empty()) return;
    find_neighbours(graph_, id, touched_);  // as they are before a rule fires
    if (found != anchored_.end()) {
      for (const Rule* rule : found->second) {
        if (fires(*rule, id)) return;
      }
    }
    for (const Rule* rule : general_) {
      if (fires(*rule, id)) return;
    }
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
    find_neighbours(graph_, id, around_);
    for (size_t i = 0; i < (around_.size() > kCrowd ? 1 : around_.size()); ++i) worklist_.push(graph_, around_[i]);
  }

  Graph& graph_;
  RewriteBudget& budget_;
  const int64_t bound_;
  std::unordered_map<const OpDef*, std::vector<const Rule*>> anchored_;
  std::vector<const Rule*> general_;
  Worklist worklist_;
  std::vector<NodeId> touched_, around_;
  RuleOutcome outcome_;
};

}  // namespace

RuleOutcome apply_rules(Graph& graph, std::span<const Rule> rules, RewriteBudget& budget) {
  return Driver(graph, rules, budget).run();
}

}  // namespace hone

#include "passes/layout_solve.h"

#include <algorithm>
#include <set>

#include "ops/matmul.h"
#include "ops/movement.h"
#include "ops/shaping.h"
#include "passes/rewrite.h"

namespace hone {
namespace {

constexpr int kMaxSweeps = 16;
/// A cost that no saving outweighs: an order that an operator cannot work on.
constexpr double kForbidden = 1e6;

const Perm kOwnOrder;

/// One Transpose, and a hair more for a larger tensor so that of equal numbers the cheaper is taken.
double weight_of(const Graph& graph, ValueId value) {
  const Shape& shape = graph.type(value).shape;
  double elements = 1;
  for (const Dim& dim : shape.list()) elements *= dim.is_known() ? static_cast<double>(dim.value()) : 16;
  return 1 + 1e-4 * std::min(1.0, elements * 1e-8);
}

}  // namespace

std::vector<bool> removed_axes(const Graph& graph, const Node& node, const LayoutRow& row) {
  return *row.removed({graph, node, rank_of(graph, node.inputs[0])});
}

bool accepts_order(const Graph& graph, const Node& node, const LayoutRow& row, const Perm& perm) {
  return is_identity(perm) || !row.accepts || row.accepts({graph, node, data_rank(graph, node, row)}, perm);
}

LayoutSolution::LayoutSolution(const Graph& graph)
    : graph_(graph),
      seen_(graph.value_capacity()),
      group_(graph.value_capacity(), -1),
      rows_(graph.node_capacity(), nullptr),
      feeds_weights_(graph.node_capacity(), 0) {
  const std::vector<NodeId> order = graph.order();
  resolve_transposes(order);
  build(order);
  finish_groups();
  solve();
}

bool LayoutSolution::moves_anything() const {
  return std::any_of(labels_.begin(), labels_.end(), [](const Perm& label) { return !is_identity(label); });
}

const Perm& LayoutSolution::order_of(ValueId value) const {
  const bool is_new = static_cast<size_t>(value.index) >= group_.size();
  const int group = is_new ? -1 : group_[static_cast<size_t>(value.index)];
  return group < 0 ? kOwnOrder : labels_[static_cast<size_t>(group)];
}

Seen LayoutSolution::see(ValueId value) const {
  if (static_cast<size_t>(value.index) >= seen_.size()) return {value, {}};
  const Seen& seen = seen_[static_cast<size_t>(value.index)];
  return seen.source.exists() ? seen : Seen{value, {}};
}

Perm LayoutSolution::order_seen(ValueId value) const {
  const Seen seen = see(value);
  const Perm& stored = order_of(seen.source);
  if (seen.via.empty()) return stored;
  const Perm back = inverse(seen.via);
  Perm result = compose(back, stored);
  return is_identity(result) ? Perm() : result;
}

const std::optional<ReshapeFactors>& LayoutSolution::reshape(NodeId node) const {
  const auto found = reshapes_.find(node.index);
  return found == reshapes_.end() ? no_reshape_ : found->second;
}

std::optional<Perm> LayoutSolution::order_before_reshape(NodeId node, const Perm& result) const {
  return order_after_reshape(swapped(*reshape(node)), result);
}

bool LayoutSolution::feeds_weights(NodeId node) const { return feeds_weights_[static_cast<size_t>(node.index)] != 0; }

int LayoutSolution::new_group() {
  parent_.push_back(static_cast<int>(parent_.size()));
  return parent_.back();
}

int LayoutSolution::find(int group) const {
  while (parent_[static_cast<size_t>(group)] != group) {
    parent_[static_cast<size_t>(group)] = parent_[static_cast<size_t>(parent_[static_cast<size_t>(group)])];
    group = parent_[static_cast<size_t>(group)];
  }
  return group;
}

void LayoutSolution::unite(int a, int b) {
  a = find(a);
  b = find(b);
  parent_[static_cast<size_t>(std::max(a, b))] = std::min(a, b);
}

void LayoutSolution::resolve_transposes(const std::vector<NodeId>& order) {
  for (NodeId id : order) {
    const Node& node = graph_.node(id);
    if (!node.is<Transpose>()) continue;
    const auto perm = perm_of_transpose(graph_, node);
    if (!perm || !same_storage(graph_.type(node.inputs[0]), permuted(graph_.type(node.outputs[0]), inverse(*perm))))
      continue;
    const Seen before = see(node.inputs[0]);
    const Perm via = compose(before.via, *perm);
    seen_[static_cast<size_t>(node.outputs[0].index)] = {before.source, is_identity(via) ? Perm() : via};
  }
}

void LayoutSolution::link(LinkKind kind, NodeId node, ValueId value, int to) {
  if (!value.exists() || graph_.is_constant(value)) return;
  const Seen seen = see(value);
  if (graph_.is_constant(seen.source)) return;
  const int from = group_[static_cast<size_t>(seen.source.index)];
  if (from < 0 && to < 0 && seen.via.empty()) return;
  links_.push_back({kind, value, seen.source, seen.via, node, from, to, weight_of(graph_, value)});
}

namespace {

/// Whether every user of y: [N, K] is a FullyConnected whose constant weights can be rearranged along K.
bool only_feeds_weights(const Graph& graph, const Node& node) {
  const ValueId y = node.outputs[0];
  const Shape& from = graph.type(node.inputs[0]).shape;
  const Shape& to = graph.type(y).shape;
  if (graph.is_output(y) || graph.value(y).users.empty() || !from.has_rank() || !to.has_rank()) return false;
  if (from.rank() < 3 || to.rank() != 2 || !(from[0] == to[0]) || (!from[0].is_known() && from[0].symbol().empty()))
    return false;
  for (int64_t i = 1; i < from.rank(); ++i) {
    if (!from[i].is_known()) return false;
  }
  for (NodeId user : graph.value(y).users) {
    const Node& consumer = graph.node(user);
    if (!consumer.is<FullyConnected>() || consumer.inputs[0] != y || !graph.is_constant(consumer.inputs[1]))
      return false;
    const Tensor& weight = graph.value(consumer.inputs[1]).constant;
    if (weight.rank() != 2 || weight.dim(1) != to[1].value() || (weight.quant() && weight.quant()->axis > 0))
      return false;
  }
  return true;
}

}  // namespace

void LayoutSolution::build(const std::vector<NodeId>& order) {
  for (NodeId id : order) build_node(id);
  for (ValueId output : graph_.outputs()) link(LinkKind::kNeed, {}, output, -1);
  for (const GraphState& state : graph_.states()) link(LinkKind::kNeed, {}, state.next, -1);
}

void LayoutSolution::build_node(NodeId id) {
  const Node& node = graph_.node(id);
  if (node.is<Transpose>() && seen_[static_cast<size_t>(node.outputs[0].index)].source.exists()) return;
  const LayoutRow* row = find_layout_row(graph_, node);
  rows_[static_cast<size_t>(id.index)] = row;
  if (row && row->kind == LayoutKind::kTied) return build_tied(node, *row);
  if (row) {
    const int group = group_[static_cast<size_t>(node.outputs[0].index)] = new_group();
    return link(LinkKind::kReduce, id, node.inputs[0], group);
  }
  if (node.is<Reshape>() && same_storage(graph_.type(node.inputs[0]), graph_.type(node.outputs[0]))) {
    reshapes_[id.index] = reshape_factors(graph_.type(node.inputs[0]).shape, graph_.type(node.outputs[0]).shape);
    if (only_feeds_weights(graph_, node)) {
      feeds_weights_[static_cast<size_t>(id.index)] = 1;
      return link(LinkKind::kFlatten, id, node.inputs[0], -1);
    }
    if (reshapes_[id.index] && reshape_argument(graph_.type(node.outputs[0]).shape)) {
      const int group = group_[static_cast<size_t>(node.outputs[0].index)] = new_group();
      return link(LinkKind::kReshape, id, node.inputs[0], group);
    }
    reshapes_[id.index].reset();
  }
  if (node.is<ShapeOf>()) return;
  for (ValueId input : node.inputs) link(LinkKind::kNeed, id, input, -1);
}

void LayoutSolution::build_tied(const Node& node, const LayoutRow& row) {
  const int64_t rank = data_rank(graph_, node, row);
  const int group = new_group();
  for (ValueId output : node.outputs) group_[static_cast<size_t>(output.index)] = group;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const ValueId input = node.inputs[i];
    if (!input.exists()) continue;
    const Seen seen = see(input);
    const int from = group_[static_cast<size_t>(seen.source.index)];
    if (!is_data_input(row, i)) {
      link(LinkKind::kNeed, {}, input, -1);
    } else if (rank_of(graph_, input) == rank) {
      if (from >= 0 && seen.via.empty()) {
        unite(group, from);
      } else {
        link(LinkKind::kNeed, {}, input, group);
      }
    } else {
      link(LinkKind::kNeed, {}, input, -1);
    }
  }
}

void LayoutSolution::finish_groups() {
  for (int& group : group_) {
    if (group >= 0) group = find(group);
  }
  std::set<decltype(links_[0].key())> present;
  std::vector<Link> kept;
  for (Link& link : links_) {
    if (link.from >= 0) link.from = find(link.from);
    if (link.to >= 0) link.to = find(link.to);
    if (present.insert(link.key()).second) kept.push_back(std::move(link));
  }
  links_ = std::move(kept);
  links_of_.resize(parent_.size());
  members_of_.resize(parent_.size());
  for (size_t i = 0; i < links_.size(); ++i) {
    if (links_[i].from >= 0) links_of_[static_cast<size_t>(links_[i].from)].push_back(i);
    if (links_[i].to >= 0 && links_[i].to != links_[i].from) {
      links_of_[static_cast<size_t>(links_[i].to)].push_back(i);
    }
  }
  for (size_t i = 0; i < rows_.size(); ++i) {
    const LayoutRow* row = rows_[i];
    if (!row || row->kind != LayoutKind::kTied || !row->accepts) continue;
    const NodeId id{static_cast<int32_t>(i)};
    const int group = group_[static_cast<size_t>(graph_.node(id).outputs[0].index)];
    members_of_[static_cast<size_t>(group)].push_back(id);
  }
}

Perm LayoutSolution::seen_by(const Link& link, const std::vector<Perm>& labels) const {
  const Perm& stored = link.from < 0 ? kOwnOrder : labels[static_cast<size_t>(link.from)];
  if (link.via.empty()) return stored;
  return compose(inverse(link.via), stored);
}

double LayoutSolution::cost(const Link& link, const std::vector<Perm>& labels) const {
  const Perm seen = seen_by(link, labels);
  const Perm& wanted = link.to < 0 ? kOwnOrder : labels[static_cast<size_t>(link.to)];
  const Shape& shape = graph_.type(link.value).shape;
  const auto transposes = [&](const Shape& s, const Perm& a, const Perm& b) {
    return same_sequence(s, a, b) ? 0.0 : link.weight;
  };
  if (link.kind == LinkKind::kNeed) return transposes(shape, seen, wanted);
  if (link.kind == LinkKind::kFlatten) return seen.empty() || seen[0] == 0 ? 0 : link.weight;
  const Node& node = graph_.node(link.node);
  const Shape& result = graph_.type(node.outputs[0]).shape;
  if (link.kind == LinkKind::kReduce) {
    const std::vector<bool> removed = removed_axes(graph_, node, *row(link.node));
    return transposes(result, without(full(seen, shape.rank()), removed), wanted);
  }
  if (is_plain_reshape(*reshape(link.node), seen, wanted)) return 0;
  if (order_before_reshape(link.node, wanted)) return link.weight;
  return transposes(shape, seen, {}) + transposes(result, wanted, {});
}

/// The order in which a kNeed link wants its source.
Perm LayoutSolution::needed(const Link& link, const std::vector<Perm>& labels) const {
  const Perm& wanted = link.to < 0 ? kOwnOrder : labels[static_cast<size_t>(link.to)];
  Perm result = compose(link.via, wanted);
  if (is_identity(result)) result.clear();
  return result;
}

/// Counts, or with −1 uncounts, the orders that values are wanted in by `group` (−1: by operators with their own
/// order).
void LayoutSolution::count_needs(int group, int by, const std::vector<Perm>& labels, Needs& needs) const {
  const auto count = [&](const Link& link) {
    if (link.kind == LinkKind::kNeed && link.to == group) needs[{link.source.index, needed(link, labels)}] += by;
  };
  if (group < 0) {
    for (const Link& link : links_) count(link);
  } else {
    for (size_t i : links_of_[static_cast<size_t>(group)]) count(links_[i]);
  }
}

/// What the group's crossings cost. `others` counts the needs of everybody else: a Transpose that they need anyway is
/// free.
double LayoutSolution::cost_of_group(int group, const std::vector<Perm>& labels, const Needs& others) const {
  double total = 0;
  std::set<std::pair<int32_t, Perm>> counted;
  for (size_t i : links_of_[static_cast<size_t>(group)]) {
    const Link& link = links_[i];
    const double price = cost(link, labels);
    if (price == 0) continue;
    if (link.kind == LinkKind::kNeed) {
      const std::pair key{link.source.index, needed(link, labels)};
      if (!counted.insert(key).second) continue;
      const auto found = link.from == group ? others.end() : others.find(key);
      if (found != others.end() && found->second > 0) continue;
    }
    total += price;
  }
  return total + forbidden(group, labels);
}

double LayoutSolution::forbidden(int group, const std::vector<Perm>& labels) const {
  double total = 0;
  for (NodeId id : members_of_[static_cast<size_t>(group)]) {
    if (!accepts_order(graph_, graph_.node(id), *row(id), labels[static_cast<size_t>(group)])) total += kForbidden;
  }
  return total;
}

double LayoutSolution::total_cost(const std::vector<Perm>& labels) const {
  double total = 0;
  std::set<std::pair<int32_t, Perm>> counted;
  for (const Link& link : links_) {
    const double price = cost(link, labels);
    if (price == 0) continue;
    if (link.kind == LinkKind::kNeed && !counted.insert({link.source.index, needed(link, labels)}).second) continue;
    total += price;
  }
  for (size_t g = 0; g < members_of_.size(); ++g) total += forbidden(static_cast<int>(g), labels);
  return total;
}

/// The order of `group` that would make the link free; none when the link has no opinion.
std::optional<Perm> LayoutSolution::wish(const Link& link, int group, const std::vector<Perm>& labels) const {
  const Perm& wanted = link.to < 0 ? kOwnOrder : labels[static_cast<size_t>(link.to)];
  if (link.to == group && link.from != group) {
    const Perm seen = seen_by(link, labels);
    if (link.kind == LinkKind::kNeed) return seen;
    const Shape& shape = graph_.type(link.value).shape;
    if (link.kind == LinkKind::kReduce) {
      return without(full(seen, shape.rank()), removed_axes(graph_, graph_.node(link.node), *row(link.node)));
    }
    return order_after_reshape(*reshape(link.node), seen);
  }
  if (link.from != group || link.to == group) return std::nullopt;
  if (link.kind == LinkKind::kNeed) return compose(link.via, wanted);
  if (link.kind == LinkKind::kReshape) {
    const auto before = order_before_reshape(link.node, wanted);
    return before ? std::optional(compose(link.via, *before)) : std::nullopt;
  }
  return std::nullopt;
}

std::vector<Perm> LayoutSolution::candidates(int group, const std::vector<Perm>& labels) const {
  std::set<Perm> result{Perm()};
  for (size_t i : links_of_[static_cast<size_t>(group)]) {
    const auto perm = wish(links_[i], group, labels);
    if (perm) result.insert(is_identity(*perm) ? Perm() : *perm);
  }
  return {result.begin(), result.end()};
}

/// The order that costs least given everybody else's; the present one unless another is better.
Perm LayoutSolution::best_order(int group, std::vector<Perm>& labels, const Needs& others) const {
  Perm& label = labels[static_cast<size_t>(group)];
  Perm best = label;
  double least = cost_of_group(group, labels, others);
  if (least == 0) return best;
  for (const Perm& perm : candidates(group, labels)) {
    label = perm;
    const double total = cost_of_group(group, labels, others);
    if (total >= least - 1e-9) continue;
    least = total;
    best = perm;
  }
  return best;
}

double LayoutSolution::descend(std::vector<Perm>& labels) const {
  Needs needs;
  for (int group = -1; group < static_cast<int>(links_of_.size()); ++group) count_needs(group, 1, labels, needs);
  bool improved = true;
  for (int sweep = 0; improved && sweep < kMaxSweeps; ++sweep) {
    improved = false;
    for (size_t g = 0; g < links_of_.size(); ++g) {
      if (links_of_[g].empty()) continue;
      const int group = static_cast<int>(g);
      const Perm present = labels[g];
      count_needs(group, -1, labels, needs);
      labels[g] = best_order(group, labels, needs);
      count_needs(group, 1, labels, needs);
      improved = improved || labels[g] != present;
    }
  }
  return total_cost(labels);
}

/// Each group takes the order that most of its crossings ask for, in the order of the graph.
void LayoutSolution::propose_most_wanted(std::vector<Perm>& labels) const {
  for (size_t g = 0; g < links_of_.size(); ++g) {
    std::map<Perm, int> votes;
    for (size_t i : links_of_[g]) {
      const auto perm = wish(links_[i], static_cast<int>(g), labels);
      if (perm && !is_identity(*perm)) ++votes[*perm];
    }
    int most = 0;
    for (const auto& [perm, count] : votes) {
      if (count <= most) continue;
      most = count;
      labels[g] = perm;
    }
    if (forbidden(static_cast<int>(g), labels) > 0) labels[g].clear();
  }
}

void LayoutSolution::solve() {
  labels_.assign(parent_.size(), Perm());
  const double from_own = descend(labels_);
  if (from_own == 0) return;
  std::vector<Perm> other(parent_.size());
  propose_most_wanted(other);
  if (descend(other) < from_own - 1e-9) labels_ = std::move(other);
}

}  // namespace hone

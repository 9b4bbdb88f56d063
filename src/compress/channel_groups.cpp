#include "compress/channel_groups.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "compress/rebuild.h"
#include "ops/channels.h"
#include "ops/conv.h"
#include "ops/movement.h"

namespace hone {

namespace {

int64_t last_size(const Graph& graph, ValueId value) {
  const Shape& shape = graph.type(value).shape;
  if (!shape.has_rank() || shape.rank() == 0 || !shape[shape.rank() - 1].is_known()) return -1;
  return shape[shape.rank() - 1].value();
}

class Finder {
 public:
  explicit Finder(const Graph& graph)
      : graph_(graph), parent_(graph.value_capacity()), is_seen_(parent_.size(), 0), is_fixed_(parent_.size(), 0) {
    std::iota(parent_.begin(), parent_.end(), 0);
  }

  ChannelGroups run() {
    for (const ValueId in : graph_.inputs()) fix(in);
    for (const GraphState& state : graph_.states()) fix(state.now), fix(state.next);
    for (const NodeId id : graph_.order()) visit(graph_.node(id));
    for (const ValueId out : graph_.outputs()) fix(out);
    return collect();
  }

 private:
  int find(int i) {
    while (parent_[static_cast<size_t>(i)] != i)
      i = parent_[static_cast<size_t>(i)] = parent_[static_cast<size_t>(parent_[static_cast<size_t>(i)])];
    return i;
  }
  void see(ValueId v) { is_seen_[static_cast<size_t>(v.index)] = 1; }
  void fix(ValueId v) {
    see(v);
    is_fixed_[static_cast<size_t>(v.index)] = 1;
  }
  void tie(ValueId a, ValueId b) {
    see(a), see(b);
    parent_[static_cast<size_t>(find(b.index))] = find(a.index);
  }

  void visit(const Node& node) {
    const ChannelRule rule = channel_rule(graph_, node);
    if (rule == ChannelRule::kFixed) {
      for (const ValueId v : node.inputs)
        if (v.exists()) fix(v);
      for (const ValueId v : node.outputs) fix(v);
      return;
    }
    see(node.inputs[0]), see(node.outputs[0]);
    if (rule == ChannelRule::kDepthwise) tie(node.inputs[0], node.outputs[0]);
    if (rule != ChannelRule::kEach) return;
    for (const ValueId v : node.inputs)
      if (v.exists() && is_float(graph_.type(v).logical_dtype()) &&
          last_size(graph_, v) == last_size(graph_, node.outputs[0]))
        tie(node.outputs[0], v);
  }

  ChannelGroups collect() {
    ChannelGroups out{.groups = {}, .of_value = std::vector<int>(parent_.size(), -1)};
    std::map<int, int> index;
    const auto add = [&](ValueId v) {
      if (!is_seen_[static_cast<size_t>(v.index)]) return;
      const auto [at, is_new] = index.try_emplace(find(v.index), static_cast<int>(out.groups.size()));
      if (is_new) out.groups.push_back({.channels = last_size(graph_, v)});
      ChannelGroup& group = out.groups[static_cast<size_t>(at->second)];
      if (out.of_value[static_cast<size_t>(v.index)] >= 0) return;
      out.of_value[static_cast<size_t>(v.index)] = at->second;
      group.values.push_back(v);
      group.is_fixed |= is_fixed_[static_cast<size_t>(v.index)] != 0 || last_size(graph_, v) != group.channels;
    };
    for (const ValueId in : graph_.inputs()) add(in);
    for (const NodeId id : graph_.order()) {
      for (const ValueId v : graph_.node(id).inputs)
        if (v.exists()) add(v);
      for (const ValueId v : graph_.node(id).outputs) add(v);
    }
    for (const NodeId id : graph_.order()) place(id, out);
    return out;
  }

  void place(NodeId id, ChannelGroups& out) {
    const Node& node = graph_.node(id);
    const ChannelRule rule = channel_rule(graph_, node);
    const auto group = [&](ValueId v) -> ChannelGroup& {
      return out.groups[static_cast<size_t>(out.of_value[static_cast<size_t>(v.index)])];
    };
    if (rule == ChannelRule::kDepthwise) group(node.outputs[0]).carriers.push_back(id);
    if (rule != ChannelRule::kMix) return;
    group(node.inputs[0]).readers.push_back(id);
    group(node.outputs[0]).makers.push_back(id);
  }

  const Graph& graph_;
  std::vector<int> parent_;
  std::vector<char> is_seen_, is_fixed_;
};

/// The entries `kept` along `axis`.
Tensor taken(const Tensor& x, int64_t axis, const std::vector<int64_t>& kept) {
  Dims dims = x.dims();
  const int64_t size = dims[static_cast<size_t>(axis)];
  dims[static_cast<size_t>(axis)] = static_cast<int64_t>(kept.size());
  int64_t inner = 1, outer = 1;
  for (int64_t i = 0; i < axis; ++i) outer *= x.dim(i);
  for (int64_t i = axis + 1; i < x.rank(); ++i) inner *= x.dim(i);
  Tensor out = Tensor::empty(x.dtype(), dims);
  const auto from = x.data<float>();
  auto to = out.mutable_data<float>().begin();
  for (int64_t o = 0; o < outer; ++o)
    for (const int64_t k : kept) to = std::copy_n(from.begin() + (o * size + k) * inner, inner, to);
  return out;
}

class Remover {
 public:
  Remover(const Graph& graph, const ChannelGroups& groups, const std::vector<std::vector<int64_t>>& kept)
      : groups_(groups), kept_(kept), build_(graph) {}

  Graph run() {
    const Graph& from = build_.from;
    for (const ValueId in : from.inputs()) build_[in] = build_.graph.add_input(from.value(in).name, from.type(in));
    build_.add_states();
    for (const NodeId id : from.order()) copy(from.node(id));
    std::vector<ValueId> outputs;
    for (const ValueId out : from.outputs())
      outputs.push_back(from.is_constant(out) ? build_.constant(out) : build_[out]);
    build_.graph.set_outputs(std::move(outputs));
    for (const GraphState& state : from.states()) build_.graph.set_next(build_[state.now], build_[state.next]);
    return std::move(build_.graph);
  }

 private:
  /// What stays of the channels of `value`; null when all do.
  const std::vector<int64_t>* kept_of(ValueId value) const {
    const int group = groups_.of_value[static_cast<size_t>(value.index)];
    if (group < 0) return nullptr;
    const std::vector<int64_t>& kept = kept_[static_cast<size_t>(group)];
    return static_cast<int64_t>(kept.size()) < groups_.groups[static_cast<size_t>(group)].channels ? &kept : nullptr;
  }

  ValueId constant(const Node& node, size_t i) {
    const ValueId old = node.inputs[i];
    Tensor t = build_.from.value(old).constant;
    const ChannelRule rule = channel_rule(build_.from, node);
    const auto *rows = kept_of(node.outputs[0]), *columns = kept_of(node.inputs[0]);
    const bool is_weights = rule == ChannelRule::kMix || rule == ChannelRule::kDepthwise;
    if (is_weights && i > 0) {
      if (rows) t = taken(t, 0, *rows);
      if (i == 1 && columns && rule == ChannelRule::kMix) t = taken(t, t.rank() - 1, *columns);
    } else if (node.is<Reshape>() && i == 1 && rows) {
      std::vector<int64_t> shape = to_ints(t);
      if (shape.back() > 0) shape.back() = static_cast<int64_t>(rows->size());
      t = cast(Tensor::of<int64_t>(t.dims(), std::span<const int64_t>(shape)), t.dtype());
    } else if (const auto* own = kept_of(old)) {
      t = taken(t, t.rank() - 1, *own);
    } else {
      return build_.constant(old);
    }
    return build_.graph.add_constant(std::move(t), build_.from.value(old).name);
  }

  void copy(const Node& node) {
    std::vector<ValueId> inputs(node.inputs.size());
    for (size_t i = 0; i < inputs.size(); ++i)
      if (node.inputs[i].exists())
        inputs[i] = build_.from.is_constant(node.inputs[i]) ? constant(node, i) : build_[node.inputs[i]];
    NodeSpec spec = build_.spec_of(node, std::move(inputs));
    bool is_changed = false;
    for (const ValueId out : node.outputs) is_changed |= kept_of(out) != nullptr;
    if (is_changed) spec.output_types.clear();
    if (is_changed && channel_rule(build_.from, node) == ChannelRule::kDepthwise) {
      Conv op = node.as<Conv>();
      op.groups = static_cast<int64_t>(kept_of(node.outputs[0])->size());
      spec.attrs = Attrs::of(std::move(op));
    }
    const NodeId id = build_.graph.add(std::move(spec));
    for (size_t i = 0; i < node.outputs.size(); ++i) build_[node.outputs[i]] = build_.graph.node(id).outputs[i];
  }

  const ChannelGroups& groups_;
  const std::vector<std::vector<int64_t>>& kept_;
  Rebuild build_;
};

}  // namespace

ChannelGroups channel_groups(const Graph& graph) { return Finder(graph).run(); }

Graph with_channels(const Graph& graph, const ChannelGroups& groups, const std::vector<std::vector<int64_t>>& kept) {
  return Remover(graph, groups, kept).run();
}

}  // namespace hone

#include "train/gradient.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/text.h"
#include "train/gradient_rows.h"

namespace hone {
namespace {

/// For every value whether it depends on one of `values`.
std::vector<bool> depends_on(const Graph& graph, std::span<const ValueId> values, std::span<const NodeId> order) {
  std::vector<bool> depends(graph.value_capacity());
  for (const ValueId v : values) depends[static_cast<size_t>(v.index)] = true;
  for (const NodeId id : order) {
    const Node& node = graph.node(id);
    const bool any = std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId v) {
      return v.exists() && is_float(graph.type(v).dtype) && depends[static_cast<size_t>(v.index)];
    });
    if (any)
      for (const ValueId v : node.outputs) depends[static_cast<size_t>(v.index)] = true;
  }
  return depends;
}

/// For every value whether one of `ends` depends on it.
std::vector<bool> leads_to(const Graph& graph, std::span<const Slope> ends, std::span<const NodeId> order) {
  std::vector<bool> leads(graph.value_capacity());
  for (const Slope& end : ends) leads[static_cast<size_t>(end.value.index)] = true;
  for (size_t i = order.size(); i-- > 0;) {
    const Node& node = graph.node(order[i]);
    const bool any = std::any_of(node.outputs.begin(), node.outputs.end(),
                                 [&](ValueId v) { return leads[static_cast<size_t>(v.index)]; });
    if (any)
      for (const ValueId v : node.inputs)
        if (v.exists()) leads[static_cast<size_t>(v.index)] = true;
  }
  return leads;
}

struct Pass {
  Graph& graph;
  std::vector<bool> depends, leads;
  std::map<ValueId, ValueId> slopes = {};  ///< gradients so far

  bool is_active(ValueId v) const {
    const auto i = static_cast<size_t>(v.index);
    return v.exists() && depends[i] && leads[i] && is_float(graph.type(v).dtype);
  }
  bool is_active(const Node& node) const {
    return std::any_of(node.outputs.begin(), node.outputs.end(), [&](ValueId v) { return is_active(v); });
  }

  void require_rows(std::span<const NodeId> order) const {
    std::vector<std::string> missing;
    for (const NodeId id : order) {
      const Node& node = graph.node(id);
      const GradientRow* row = find_gradient(*node.def);
      if (!is_active(node) || (row && row->write)) continue;
      missing.push_back(cat(describe(node), ": ", node.def->name, row ? cat(" ", row->why) : std::string()));
    }
    if (!missing.empty()) throw unsupported(cat("no gradient passes through\n  ", join(missing, "\n  ")));
  }

  void accumulate(ValueId v, ValueId slope) {
    const auto [at, is_new] = slopes.try_emplace(v, slope);
    if (!is_new) at->second = graph.add(Add{}, {at->second, slope});
  }

  void visit(NodeId id) {
    const Node& node = graph.node(id);
    if (!is_active(node)) return;
    std::vector<ValueId> dy;
    bool has_any = false;
    for (const ValueId v : node.outputs) {
      const auto at = slopes.find(v);
      dy.push_back(at == slopes.end() ? ValueId{} : at->second);
      has_any |= dy.back().exists();
    }
    if (!has_any) return;
    std::vector<bool> wanted;
    for (const ValueId v : node.inputs) wanted.push_back(v.exists() && is_active(v));
    Backward backward(graph, node, std::move(dy), wanted);
    find_gradient(*node.def)->write(backward);
    for (size_t i = 0; i < node.inputs.size(); ++i)
      if (wanted[i] && backward.given()[i].exists()) accumulate(node.inputs[i], backward.given()[i]);
  }
};

}  // namespace

const GradientRow* find_gradient(const OpDef& op) {
  for (const auto rows : {elementwise_gradients(), layer_gradients(), movement_gradients(), norm_gradients(),
                          recurrent_gradients(), reduce_gradients(), sampling_gradients(), no_gradients()})
    for (const GradientRow& row : rows)
      if (row.op == &op) return &row;
  return nullptr;
}

std::vector<ValueId> add_gradients(Graph& graph, ValueId loss, std::span<const ValueId> values) {
  const TensorType type = graph.type(loss);
  const ValueId one = graph.add_constant(cast(Tensor::scalar<float>(1), type.dtype).reshaped(type.shape.dims()));
  return add_gradients(graph, std::vector<Slope>{{loss, one}}, values);
}

std::vector<ValueId> add_gradients(Graph& graph, std::span<const Slope> ends, std::span<const ValueId> values) {
  const std::vector<NodeId> order = graph.order();
  Pass pass{graph, depends_on(graph, values, order), leads_to(graph, ends, order)};
  pass.require_rows(order);
  for (const Slope& end : ends) pass.accumulate(end.value, end.slope);
  for (size_t i = order.size(); i-- > 0;) pass.visit(order[i]);
  std::vector<ValueId> out;
  for (const ValueId v : values) {
    const auto at = pass.slopes.find(v);
    if (at != pass.slopes.end()) {
      out.push_back(at->second);
      continue;
    }
    Tensor zeros = Tensor::empty(graph.type(v).dtype, graph.type(v).shape.dims());
    std::fill_n(static_cast<std::byte*>(zeros.mutable_raw()), zeros.byte_size(), std::byte{0});
    out.push_back(graph.add_constant(std::move(zeros)));
  }
  return out;
}

}  // namespace hone

#include "ops/channels.h"

#include <algorithm>

#include "ops/conv.h"
#include "ops/matmul.h"
#include "ops/movement.h"
#include "ops/pool.h"
#include "ops/reduce.h"

namespace hone {

namespace {

/// Size of the last axis, −1 when unknown.
int64_t channels_of(const Graph& graph, ValueId value) {
  const Shape& shape = graph.type(value).shape;
  if (!shape.has_rank() || shape.rank() == 0 || !shape[shape.rank() - 1].is_known()) return -1;
  return shape[shape.rank() - 1].value();
}

bool has_constant_weights(const Graph& graph, const Node& node) {
  for (size_t i = 1; i < node.inputs.size(); ++i)
    if (node.inputs[i].exists() &&
        (!graph.is_constant(node.inputs[i]) || graph.value(node.inputs[i]).users.size() != 1))
      return false;
  return node.inputs.size() > 1;
}

ChannelRule of_conv(const Graph& graph, const Node& node) {
  const int64_t groups = node.as<Conv>().groups;
  if (!has_constant_weights(graph, node)) return ChannelRule::kFixed;
  if (groups == 1) return ChannelRule::kMix;
  const Tensor& w = graph.value(node.inputs[1]).constant;
  return w.dim(0) == groups && w.dim(w.rank() - 1) == 1 ? ChannelRule::kDepthwise : ChannelRule::kFixed;
}

ChannelRule of_fully_connected(const Graph& graph, const Node& node) {
  if (!has_constant_weights(graph, node)) return ChannelRule::kFixed;
  const Tensor& w = graph.value(node.inputs[1]).constant;
  return w.dim(1) == channels_of(graph, node.inputs[0]) ? ChannelRule::kMix : ChannelRule::kFixed;
}

/// The last axis stands through where its size does and no other than a constant says otherwise.
ChannelRule of_reshape(const Graph& graph, const Node& node) {
  return graph.is_constant(node.input(1)) ? ChannelRule::kEach : ChannelRule::kFixed;
}

ChannelRule of_reduction(const Graph& graph, const Node& node) {
  if (!graph.is_constant(node.input(1))) return ChannelRule::kFixed;
  const Shape& x = graph.type(node.inputs[0]).shape;
  if (!x.has_rank()) return ChannelRule::kFixed;
  for (const int64_t axis : to_ints(graph.value(node.inputs[1]).constant))
    if (axis == -1 || axis == static_cast<int64_t>(x.rank()) - 1) return ChannelRule::kFixed;
  return ChannelRule::kEach;
}

ChannelRule each(const Graph&, const Node&) { return ChannelRule::kEach; }

struct Row {
  const OpDef* def;
  ChannelRule (*rule)(const Graph&, const Node&);
};

constexpr Row kRows[] = {
    {&Conv::def, of_conv},
    {&FullyConnected::def, of_fully_connected},
    {&MaxPool::def, each},
    {&AveragePool::def, each},
    {&ReduceMean::def, of_reduction},
    {&ReduceMax::def, of_reduction},
    {&ReduceSum::def, of_reduction},
    {&Reshape::def, of_reshape},
};

}  // namespace

ChannelRule channel_rule(const Graph& graph, const Node& node) {
  ChannelRule rule = node.def->elementwise ? ChannelRule::kEach : ChannelRule::kFixed;
  for (const Row& row : kRows)
    if (row.def == node.def) rule = row.rule(graph, node);
  if (node.outputs.size() != 1 || node.inputs.empty() || !node.inputs[0].exists()) return ChannelRule::kFixed;
  if (rule != ChannelRule::kEach) return rule;
  const int64_t channels = channels_of(graph, node.outputs[0]);
  int64_t widest = -1;
  for (const ValueId in : node.inputs) {
    // Shapes and axes are not activations.
    if (in.exists() && is_float(graph.type(in).logical_dtype())) widest = std::max(widest, channels_of(graph, in));
  }
  return channels > 0 && widest == channels ? ChannelRule::kEach : ChannelRule::kFixed;
}

}  // namespace hone

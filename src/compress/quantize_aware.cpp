#include "compress/quantize_aware.h"

#include <algorithm>
#include <map>

#include "compress/taught.h"
#include "ops/backward.h"
#include "ops/interpreter.h"
#include "ops/unary.h"
#include "train/training_graph.h"

namespace hone {
namespace {

/// The parameters of a float graph's values and weights in its quantized form, by name.
class Stored {
 public:
  explicit Stored(const Graph& quantized) : graph_(quantized) {
    for (const NodeId id : quantized.order()) {
      const Node& node = quantized.node(id);
      nodes_[node.name] = &node;
      for (const ValueId y : node.outputs) note(y);
    }
    for (const ValueId in : quantized.inputs()) note(in);
  }

  /// Null for a value that stays in float.
  QuantPtr value(const std::string& name) const {
    for (const char* suffix : {"", "_quantized", "_stored"})
      if (const auto at = values_.find(name + suffix); at != values_.end()) return at->second;
    return nullptr;
  }

  /// The integer weights of a node; does not exist() where they stay in float.
  Tensor weights(const Node& node) const {
    const auto at = nodes_.find(node.name);
    if (at == nodes_.end() || node.def->quant.weight < 0) return {};
    const ValueId w = at->second->input(static_cast<size_t>(node.def->quant.weight));
    return graph_.is_constant(w) && graph_.type(w).is_quantized() ? graph_.value(w).constant : Tensor();
  }

 private:
  void note(ValueId v) {
    const Value& value = graph_.value(v);
    if (value.type.is_quantized() && value.type.quant->is_per_tensor()) values_[value.name] = value.type.quant;
  }

  const Graph& graph_;
  std::map<std::string, const Node*> nodes_;
  std::map<std::string, QuantPtr> values_;
};

/// A float graph with FakeQuantize wherever its quantized form rounds.
class Disguise {
 public:
  Disguise(const Graph& graph, const Stored& stored, DType activations)
      : graph_(graph), stored_(stored), low_(min_of(activations)), high_(max_of(activations)) {
    const std::vector<NodeId> order = graph.order();
    for (const NodeId id : order) cover_weights(id);
    for (const ValueId in : graph.inputs()) cover_value(in);
    for (const NodeId id : order) {
      // What only moves integers does not round again.
      if (graph.node(id).def->moves_data) continue;
      for (const ValueId y : graph.node(id).outputs) cover_value(y);
    }
  }

  const Graph& graph() const { return graph_; }

 private:
  void cover_weights(NodeId id) {
    const Node& node = graph_.node(id);
    const Tensor q = stored_.weights(node);
    if (!q.exists()) return;
    const auto at = static_cast<size_t>(node.def->quant.weight);
    Dims dims;
    const QuantParams& params = *q.quant();
    if (!params.is_per_tensor()) {
      dims.assign(static_cast<size_t>(q.rank()), 1);
      dims[static_cast<size_t>(params.axis)] = q.dim(params.axis);
    }
    const ValueId scale = graph_.add_constant(Tensor::of<float>(dims, std::span<const float>(params.scales)));
    const int64_t most = q.dtype() == DType::kI4 ? 7 : 127;
    graph_.set_input(id, at, graph_.add(FakeQuantize{.low = -most, .high = most}, {node.inputs[at], scale}));
  }

  void cover_value(ValueId v) {
    const QuantPtr quant = stored_.value(graph_.value(v).name);
    if (!quant || graph_.type(v).dtype != DType::kF32) return;
    const UseList users = graph_.value(v).users;
    const int64_t zero = quant->zero_point();
    const Node* maker = graph_.producer(v);
    const bool is_fixed = maker && maker->def->quant.kind == QuantRule::kFixedRange;
    // What an operator fixes does not learn: weights are constants that stand at FakeQuantize itself.
    const ValueId scale = is_fixed ? graph_.add(Identity{}, {scale_of(quant)}) : scale_of(quant);
    const ValueId rounded = graph_.add(FakeQuantize{.low = low_ - zero, .high = high_ - zero}, {v, scale});
    for (const NodeId user : users)
      for (size_t i = 0; i < graph_.node(user).inputs.size(); ++i)
        if (graph_.node(user).inputs[i] == v) graph_.set_input(user, i, rounded);
    std::vector<ValueId> outputs = graph_.outputs();
    std::replace(outputs.begin(), outputs.end(), v, rounded);
    graph_.set_outputs(outputs);
  }

  /// Values that share their parameters share what is learned of them.
  ValueId scale_of(const QuantPtr& quant) {
    const auto [at, is_new] = scales_.try_emplace({quant->scale(), quant->zero_point()});
    if (is_new) at->second = graph_.add_constant(Tensor::scalar<float>(quant->scale()));
    return at->second;
  }

  Graph graph_;
  const Stored& stored_;
  int64_t low_, high_;
  std::map<std::pair<float, int32_t>, ValueId> scales_;
};

/// The weights that `fake` rounds as the integers it makes of them, with scales along the axis that `like` has.
Tensor integers(const Graph& graph, const Node& fake, const Tensor& like) {
  const Tensor &w = graph.value(fake.inputs[0]).constant, &scale = graph.value(fake.inputs[1]).constant;
  const std::vector<float> scales(scale.data<float>().begin(), scale.data<float>().end());
  const QuantPtr quant =
      like.quant()->is_per_tensor()
          ? QuantParams::per_tensor(scales[0], 0)
          : QuantParams::per_channel(scales, std::vector<int32_t>(scales.size(), 0), like.quant()->axis);
  const TensorType type = w.type();
  const TensorType* types[] = {&type};
  const Tensor inputs[] = {w, scale};
  return quantize(evaluate_node(fake, types, inputs, QuantArithmetic::kFloat)[0], like.dtype(), quant);
}

}  // namespace

Graph quantize_aware(const Graph& graph, const Ranges& ranges, const QuantizeOptions& options, const Evidence& evidence,
                     int64_t epochs) {
  const Graph quantized = quantize_static(graph, ranges, options);
  const Stored stored(quantized);
  const Graph trained = taught(Disguise(graph, stored, options.activations).graph(), graph, evidence, epochs);
  // Ids of values are those of the float graph as far as that goes.
  Graph moved = graph;
  for (const ValueId w : weights_of(graph)) moved.set_constant(w, trained.value(w).constant);
  Ranges learned = ranges;
  QuantizeOptions rounded = options;
  for (const NodeId id : trained.order()) {
    const Node& fake = trained.node(id);
    if (!fake.is<FakeQuantize>() || !trained.is_constant(fake.inputs[1])) continue;
    if (trained.is_constant(fake.inputs[0])) {
      for (const NodeId layer : trained.value(fake.outputs[0]).users)
        rounded.rounded[trained.node(layer).name] = integers(trained, fake, stored.weights(trained.node(layer)));
    } else {
      const auto& op = fake.as<FakeQuantize>();
      const float scale = trained.value(fake.inputs[1]).constant.data<float>()[0];
      learned[trained.value(fake.inputs[0]).name] = {static_cast<float>(op.low) * scale,
                                                     static_cast<float>(op.high) * scale};
    }
  }
  return quantize_static(moved, learned, rounded);
}

}  // namespace hone

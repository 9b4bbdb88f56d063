#include "measure/node_probe.h"

#include <algorithm>

namespace hone {

namespace {

/// Real numbers as a tensor of `type`; its element count must be theirs.
Tensor stored(const std::vector<double>& values, const TensorType& type) {
  Dims dims;
  for (const Dim& d : type.shape.list()) dims.push_back(d.value());
  Tensor real = Tensor::empty(DType::kF32, dims);
  std::transform(values.begin(), values.end(), real.mutable_data<float>().begin(),
                 [](double v) { return static_cast<float>(v); });
  return type.quant ? quantize(real, type.dtype, type.quant) : cast(real, type.dtype);
}

}  // namespace

std::optional<NodeProbe> NodeProbe::make(const Graph& graph, NodeId id, const Engine& engine) {
  const Node& node = graph.node(id);
  if (!node.subgraphs.empty()) return std::nullopt;
  Graph alone;
  alone.arithmetic = graph.arithmetic;
  NodeSpec spec{.def = node.def, .attrs = node.attrs, .outputs = node.outputs.size(), .name = node.name};
  std::vector<ValueId> inputs, made;
  std::vector<TensorType> types;
  for (const ValueId value : node.inputs) {
    if (!value.exists()) {
      spec.inputs.push_back({});
      continue;
    }
    const auto seen = std::find(inputs.begin(), inputs.end(), value);
    if (seen != inputs.end()) {
      spec.inputs.push_back(made[static_cast<size_t>(seen - inputs.begin())]);
    } else if (const Tensor& constant = graph.value(value).constant; constant.exists()) {
      spec.inputs.push_back(alone.add_constant(constant, graph.value(value).name));
    } else {
      const TensorType& type = graph.type(value);
      if (!type.shape.is_static()) return std::nullopt;
      inputs.push_back(value);
      types.push_back(type);
      made.push_back(alone.add_input(graph.value(value).name, type));
      spec.inputs.push_back(made.back());
    }
  }
  for (const ValueId out : node.outputs) spec.output_types.push_back(graph.type(out));
  const NodeId copy = alone.add(std::move(spec));
  alone.set_outputs({alone.node(copy).outputs[0]});
  return NodeProbe(Session(Plan::compile(alone, engine.providers, engine.plan)), std::move(inputs), std::move(types));
}

std::vector<double> NodeProbe::run(std::span<const std::vector<double>* const> values) {
  std::vector<Tensor> tensors;
  for (size_t i = 0; i < types_.size(); ++i) tensors.push_back(stored(*values[i], types_[i]));
  return to_doubles(session_.run(tensors)[0]);
}

}  // namespace hone

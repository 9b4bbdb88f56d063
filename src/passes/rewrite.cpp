#include "passes/rewrite.h"

#include <cstring>

#include "ops/unary.h"

namespace hone {

std::optional<double> constant_scalar(const Graph& graph, ValueId value) {
  if (!graph.is_constant(value)) return std::nullopt;
  const Tensor& tensor = graph.value(value).constant;
  if (tensor.elements() != 1) return std::nullopt;
  return to_doubles(tensor)[0];
}

std::optional<std::vector<int64_t>> constant_ints(const Graph& graph, ValueId value) {
  if (!graph.is_constant(value)) return std::nullopt;
  const Tensor& tensor = graph.value(value).constant;
  if (!is_integer(tensor.dtype()) || tensor.quant()) return std::nullopt;
  return to_ints(tensor);
}

bool is_constant_full_of(const Graph& graph, ValueId value, double number) {
  if (!graph.is_constant(value)) return false;
  const Tensor& tensor = graph.value(value).constant;
  if (tensor.elements() == 0 || tensor.elements() > (1 << 16)) return false;
  for (double x : to_doubles(tensor)) {
    if (x != number) return false;
  }
  return true;
}

ValueId widened_constant(const Graph& graph, ValueId value) {
  const Node* cast = producer_as<Cast>(graph, value);
  const bool is_plain =
      cast && graph.is_constant(cast->inputs[0]) && !graph.type(value).quant && !graph.type(cast->inputs[0]).quant;
  return is_plain ? cast->inputs[0] : ValueId{};
}

bool is_private(const Graph& graph, ValueId value) {
  return graph.value(value).users.size() == 1 && !graph.is_output(value);
}

bool is_dead(const Graph& graph, NodeId node) {
  for (ValueId output : graph.node(node).outputs) {
    if (!graph.value(output).users.empty() || graph.is_output(output)) return false;
  }
  return true;
}

int64_t rank_of(const Graph& graph, ValueId value) {
  const Shape& shape = graph.type(value).shape;
  return shape.has_rank() ? shape.rank() : -1;
}

std::optional<Dims> static_dims(const Graph& graph, ValueId value) {
  if (!value.exists() || !graph.type(value).shape.is_static()) return std::nullopt;
  return graph.type(value).shape.dims();
}

bool same_shape(const Shape& a, const Shape& b) {
  if (!a.has_rank() || !b.has_rank() || a.rank() != b.rank()) return false;
  for (int64_t i = 0; i < a.rank(); ++i) {
    if (!(a[i] == b[i]) || (!a[i].is_known() && a[i].symbol().empty())) return false;
  }
  return true;
}

bool same_storage(const TensorType& a, const TensorType& b) {
  return a.dtype == b.dtype && same_quant(a.quant, b.quant);
}

std::optional<std::vector<int64_t>> reshape_argument(const Shape& shape) {
  if (!shape.has_rank()) return std::nullopt;
  std::vector<int64_t> result;
  int unknown = 0;
  bool has_zero = false;
  for (const Dim& dim : shape.list()) {
    if (dim.is_known() && dim.value() == 0) has_zero = true;
    if (!dim.is_known()) ++unknown;
    result.push_back(dim.is_known() ? dim.value() : -1);
  }
  if (unknown > 1 || has_zero) return std::nullopt;
  return result;
}

ValueId add_ints(Graph& graph, const std::vector<int64_t>& values) {
  return graph.add_constant(Tensor::of<int64_t>({static_cast<int64_t>(values.size())}, std::span(values)));
}

Tensor make_floats(DType dtype, Dims dims, std::span<const double> values) {
  Tensor result = Tensor::of<double>(std::move(dims), values);
  return dtype == DType::kF64 ? result : cast(result, dtype);
}

namespace {

/// Copies elements of `size` bytes; `strides` are those of the source for each axis of the result.
void copy_permuted(const std::byte* from, std::byte* to, const Dims& dims, const Dims& strides, size_t size) {
  Dims index(dims.size(), 0);
  int64_t offset = 0;
  for (;;) {
    std::memcpy(to, from + static_cast<size_t>(offset) * size, size);
    to += size;
    size_t axis = dims.size();
    while (axis > 0) {
      --axis;
      offset += strides[axis];
      if (++index[axis] < dims[axis]) break;
      offset -= strides[axis] * dims[axis];
      index[axis] = 0;
      if (axis == 0) return;
    }
    if (dims.empty()) return;
  }
}

}  // namespace

Tensor permuted(const Tensor& x, std::span<const int64_t> perm) {
  Dims dims, strides;
  const Dims source = strides_of(x.dims());
  for (int64_t axis : perm) {
    dims.push_back(x.dim(axis));
    strides.push_back(source[static_cast<size_t>(axis)]);
  }
  QuantPtr quant = x.quant();
  if (quant && quant->axis >= 0) {
    auto moved = std::make_shared<QuantParams>(*quant);
    for (size_t i = 0; i < perm.size(); ++i) {
      if (perm[i] == quant->axis) moved->axis = static_cast<int64_t>(i);
    }
    quant = moved;
  }
  Tensor result = Tensor::empty(x.dtype(), dims, quant);
  if (x.elements() == 0) return result;
  copy_permuted(static_cast<const std::byte*>(x.raw()), static_cast<std::byte*>(result.mutable_raw()), dims, strides,
                static_cast<size_t>(size_of(x.dtype())));
  return result;
}

NodeSpec spec_of(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  NodeSpec spec;
  spec.def = node.def;
  spec.attrs = node.attrs;
  spec.inputs = node.inputs;
  spec.outputs = node.outputs.size();
  spec.name = node.name;
  for (ValueId output : node.outputs) {
    spec.output_types.push_back(graph.type(output));
    spec.output_names.push_back(graph.value(output).name);
  }
  spec.subgraphs = node.subgraphs;
  spec.source = node.source;
  return spec;
}

namespace {

NodeSpec spec_for(const Graph& graph, ValueId old, const OpDef& def, Attrs attrs, std::vector<ValueId> inputs) {
  NodeSpec spec;
  spec.def = &def;
  spec.attrs = std::move(attrs);
  spec.inputs = std::move(inputs);
  if (const Node* node = graph.producer(old)) {
    spec.name = node->name;
    spec.source = node->source;
  }
  spec.output_names = {graph.value(old).name};
  return spec;
}

}  // namespace

ValueId add_for(Graph& graph, ValueId old, const OpDef& def, Attrs attrs, std::vector<ValueId> inputs) {
  NodeSpec spec = spec_for(graph, old, def, std::move(attrs), std::move(inputs));
  spec.output_types = {graph.type(old)};
  return graph.node(graph.add(std::move(spec))).outputs[0];
}

ValueId add_step(Graph& graph, ValueId old, const OpDef& def, Attrs attrs, std::vector<ValueId> inputs) {
  NodeSpec spec = spec_for(graph, old, def, std::move(attrs), std::move(inputs));
  return graph.node(graph.add(std::move(spec))).outputs[0];
}

bool can_substitute(const Graph& graph, ValueId old, ValueId by) {
  if (old == by) return false;
  if (!graph.is_output(old)) return true;
  return !graph.value(by).is_input && !graph.is_output(by);
}

bool substitute(Graph& graph, ValueId old, ValueId by) {
  if (!can_substitute(graph, old, by)) return false;
  const NodeId node = graph.value(old).producer;
  graph.replace_uses(old, by);
  if (node.exists() && graph.is_live(node) && is_dead(graph, node)) graph.remove(node);
  return true;
}

bool supersede(Graph& graph, ValueId old, ValueId by) {
  const NodeId node = graph.value(old).producer;
  const NodeId successor = graph.value(by).producer;
  std::string value_name = graph.value(old).name;
  std::string node_name = node.exists() ? graph.node(node).name : std::string();
  graph.replace_uses(old, by);
  if (!node.exists() || !graph.is_live(node) || !is_dead(graph, node)) return true;
  graph.remove(node);
  graph.set_name(successor, std::move(node_name));
  if (graph.value(by).name != value_name) graph.set_name(by, std::move(value_name));
  return true;
}

NodeId replace_node(Graph& graph, NodeId old, NodeSpec spec) {
  const std::string name = graph.node(old).name;
  const std::vector<ValueId> outputs = graph.node(old).outputs;
  std::vector<std::string> names;
  for (ValueId output : outputs) names.push_back(graph.value(output).name);
  const NodeId added = graph.add(std::move(spec));
  const std::vector<ValueId> results = graph.node(added).outputs;
  for (size_t i = 0; i < outputs.size() && i < results.size(); ++i) graph.replace_uses(outputs[i], results[i]);
  graph.remove(old);
  graph.set_name(added, name);
  for (size_t i = 0; i < names.size() && i < results.size(); ++i) {
    if (graph.value(results[i]).name != names[i]) graph.set_name(results[i], names[i]);
  }
  return added;
}

size_t remove_if_dead(Graph& graph, NodeId node) {
  size_t removed = 0;
  std::vector<NodeId> stack{node};
  while (!stack.empty()) {
    const NodeId id = stack.back();
    stack.pop_back();
    if (!graph.is_live(id) || !is_dead(graph, id)) continue;
    for (ValueId input : graph.node(id).inputs) {
      if (input.exists() && graph.value(input).producer.exists()) stack.push_back(graph.value(input).producer);
    }
    graph.remove(id);
    ++removed;
  }
  return removed;
}

}  // namespace hone

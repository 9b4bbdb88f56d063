#include "formats/onnx/saturation.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"
#include "ops/conv.h"
#include "ops/matmul.h"
#include "ops/quantize.h"

namespace hone::onnx {

namespace {

constexpr size_t kWeight = 1;  ///< the operand that holds the weights of a product
constexpr int32_t kOffset = 128;

bool is_product(const Node& node) {
  return node.is<Conv>() || node.is<FullyConnected>() || node.is<Gemm>() || node.is<MatMul>();
}

bool is_depthwise(const Node& node, const Tensor& weight) {
  return node.is<Conv>() && node.as<Conv>().groups > 1 && weight.dim(weight.rank() - 1) == 1 &&
         weight.dim(0) == node.as<Conv>().groups;
}

/// The axis of output channels of a product's weight.
int64_t channel_axis(const Node& node, const Tensor& weight) {
  const bool is_turned =
      (node.is<Gemm>() && node.as<Gemm>().transpose_b) || (node.is<MatMul>() && node.as<MatMul>().transpose_b);
  if (node.is<Conv>() || node.is<FullyConnected>()) return 0;
  return is_turned ? weight.rank() - 2 : weight.rank() - 1;
}

/// The largest that an activation becomes as u8, given a clamp in the operator that makes it.
int64_t largest_activation(const Graph& graph, ValueId id) {
  constexpr int64_t kLargest = 255;
  const TensorType& type = graph.type(id);
  const Node* producer = graph.producer(id);
  if (!producer || !type.quant->is_per_tensor()) return kLargest;
  for (const FieldInfo& field : producer->attrs.type().fields) {
    if (field.name != "act_max") continue;
    const float bound = *static_cast<const float*>(field.address(const_cast<void*>(producer->attrs.value())));
    const double steps = std::nearbyint(static_cast<double>(bound) / static_cast<double>(type.quant->scale())) +
                         type.quant->zero_point() + (type.dtype == DType::kI8 ? kOffset : 0);
    return static_cast<int64_t>(std::clamp(steps, 0.0, static_cast<double>(kLargest)));
  }
  return kLargest;
}

/// Whether two weights of one output channel, times `largest` each, leave 16 bits.
bool can_overflow(const Tensor& weight, int64_t axis, int64_t largest) {
  const int64_t channels = weight.dim(axis);
  int64_t inner = 1;
  for (int64_t i = axis + 1; i < weight.rank(); ++i) inner *= weight.dim(i);
  struct Ends {
    std::array<int64_t, 2> high{}, low{};
  };
  std::vector<Ends> ends(static_cast<size_t>(channels));
  const std::span<const int8_t> values = weight.data<int8_t>();
  for (size_t i = 0; i < values.size(); ++i) {
    Ends& end = ends[static_cast<size_t>(static_cast<int64_t>(i) / inner % channels)];
    const int64_t v = values[i];
    if (v > end.high[1]) end.high[1] = v;
    if (end.high[1] > end.high[0]) std::swap(end.high[0], end.high[1]);
    if (v < end.low[1]) end.low[1] = v;
    if (end.low[1] < end.low[0]) std::swap(end.low[0], end.low[1]);
  }
  return std::any_of(ends.begin(), ends.end(), [&](const Ends& end) {
    return largest * (end.high[0] + end.high[1]) > INT16_MAX || largest * (end.low[0] + end.low[1]) < INT16_MIN;
  });
}

bool is_activation(const TensorType& type, DType dtype) {
  return type.quant && type.dtype == dtype && type.quant->is_per_tensor() && type.quant->block_size == 0;
}

/// The type that holds the same numbers in the other of i8 and u8.
TensorType flipped(const TensorType& type) {
  const bool is_signed = type.dtype == DType::kI8;
  QuantParams quant = *type.quant;
  for (int32_t& zero : quant.zero_points) zero += is_signed ? kOffset : -kOffset;
  return {is_signed ? DType::kU8 : DType::kI8, type.shape, std::make_shared<const QuantParams>(std::move(quant))};
}

Tensor flipped(const Tensor& tensor) {
  const TensorType type = flipped(tensor.type());
  Tensor out = Tensor::empty(type.dtype, tensor.dims(), type.quant);
  const auto* from = static_cast<const uint8_t*>(tensor.raw());
  std::transform(from, from + tensor.elements(), static_cast<uint8_t*>(out.mutable_raw()),
                 [](uint8_t v) { return static_cast<uint8_t>(v ^ 0x80); });
  return out;
}

/// Whether some product reads a constant as its weights.
bool is_weight(const Graph& graph, ValueId id) {
  const auto& users = graph.value(id).users;
  return std::any_of(users.begin(), users.end(), [&](NodeId user) {
    const Node& node = graph.node(user);
    return (is_product(node) || node.def->quant.weight >= 0) &&
           node.input(is_product(node) ? kWeight : static_cast<size_t>(node.def->quant.weight)) == id;
  });
}

/// An input of the graph stays as it is; what computes with it reads its other form.
void flip_input(Graph& graph, ValueId input, DType from) {
  if (!is_activation(graph.type(input), from) || graph.is_output(input)) return;
  const UseList users = graph.value(input).users;
  const bool is_border = std::all_of(users.begin(), users.end(), [&](NodeId user) {
    return graph.node(user).is<Quantize>() || graph.node(user).is<Dequantize>();
  });
  if (is_border) return;
  const ValueId made = graph.add(Quantize{}, {input}, {.type = flipped(graph.type(input)), .has_type = true});
  for (const NodeId user : users)
    for (size_t i = 0; i < graph.node(user).inputs.size(); ++i)
      if (graph.node(user).inputs[i] == input) graph.set_input(user, i, made);
}

/// Output i of the graph keeps `type`, which it had.
void keep_output(Graph& graph, size_t i, const TensorType& type) {
  std::vector<ValueId> outputs = graph.outputs();
  const ValueId out = outputs[i];
  if (!graph.producer(out) || std::count(outputs.begin(), outputs.end(), out) > 1) return;
  if (graph.type(out).dtype == type.dtype) graph.set_type(out, flipped(type));
  const std::string name = graph.value(out).name;
  graph.set_name(out, cat(name, "/", to_string(graph.type(out).dtype)));
  outputs[i] = graph.add(Quantize{}, {out}, {.type = type, .has_type = true});
  graph.set_name(outputs[i], name);
  graph.set_outputs(std::move(outputs));
}

/// All activations of dtype `from`, and the constants computed with them, but the graph's inputs and outputs.
void flip_activations(Graph& graph, DType from) {
  std::vector<TensorType> ends;
  for (const ValueId out : graph.outputs()) ends.push_back(graph.type(out));
  for (const ValueId input : std::vector<ValueId>(graph.inputs())) flip_input(graph, input, from);
  for (size_t i = 0; i < graph.value_capacity(); ++i) {
    const ValueId id{static_cast<int32_t>(i)};
    const Value& value = graph.value(id);
    if (!is_activation(value.type, from) || graph.is_output(id) || value.is_input) continue;
    if (graph.producer(id))
      graph.set_type(id, flipped(value.type));
    else if (value.constant.exists() && !is_weight(graph, id))
      graph.set_constant(id, flipped(value.constant));
  }
  for (size_t i = 0; i < ends.size(); ++i)
    if (is_activation(ends[i], from)) keep_output(graph, i, ends[i]);
}

/// Quantize from a type to itself, which flipping there and back leaves at the graph's ends, over a Dequantize or not.
void drop_copies(Graph& graph) {
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (!node.is<Quantize>()) continue;
    const Node* before = graph.producer(node.inputs[0]);
    const ValueId from = before && before->is<Dequantize>() ? before->inputs[0] : node.inputs[0];
    const ValueId to = node.outputs[0];
    if (!(graph.type(from) == graph.type(to))) continue;
    const bool was_output = graph.is_output(to);
    if (was_output && (graph.value(from).is_input || graph.is_output(from))) continue;
    const std::string name = graph.value(to).name;
    graph.replace_uses(to, from);
    graph.remove(id);
    if (was_output) graph.set_name(from, name);
  }
}

}  // namespace

std::vector<NodeId> saturating_products(const Graph& graph) {
  std::vector<NodeId> found;
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (!is_product(node)) continue;
    const TensorType &x = graph.type(node.inputs[0]), &w = graph.type(node.inputs[kWeight]);
    if (!x.quant || !w.quant || (x.dtype != DType::kI8 && x.dtype != DType::kU8) || w.dtype != DType::kI8) continue;
    const Tensor& weight = graph.value(node.inputs[kWeight]).constant;
    const bool is_computed = !weight.exists();
    if (is_computed || (weight.rank() >= 2 && !is_depthwise(node, weight) &&
                        can_overflow(weight, channel_axis(node, weight), largest_activation(graph, node.inputs[0]))))
      found.push_back(id);
  }
  return found;
}

Graph with_unsigned_products(Graph graph, const std::vector<NodeId>& products) {
  if (products.empty()) return graph;
  for (const NodeId id : products) {
    const ValueId weight = graph.node(id).inputs[kWeight];
    const Tensor& tensor = graph.value(weight).constant;
    if (tensor.exists() && tensor.dtype() == DType::kI8) graph.set_constant(weight, flipped(tensor));
  }
  flip_activations(graph, DType::kI8);
  return graph;
}

int sign_products(Graph& graph) {
  std::vector<ValueId> weights;
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (!is_product(node)) continue;
    const Tensor& tensor = graph.value(node.inputs[kWeight]).constant;
    if (!tensor.exists() || !tensor.quant() || tensor.dtype() != DType::kU8) continue;
    const std::vector<int32_t>& zeros = tensor.quant()->zero_points;
    if (std::all_of(zeros.begin(), zeros.end(), [](int32_t zero) { return zero == kOffset; }))
      weights.push_back(node.inputs[kWeight]);
  }
  if (weights.empty()) return 0;
  for (const ValueId id : weights)
    if (graph.type(id).dtype == DType::kU8) graph.set_constant(id, flipped(graph.value(id).constant));
  flip_activations(graph, DType::kU8);
  drop_copies(graph);
  return static_cast<int>(weights.size());
}

}  // namespace hone::onnx

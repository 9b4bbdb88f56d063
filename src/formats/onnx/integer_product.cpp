#include "formats/onnx/integer_product.h"

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "base/text.h"
#include "formats/onnx/node_reader.h"
#include "ops/binary.h"
#include "ops/conv.h"
#include "ops/matmul.h"
#include "ops/movement.h"
#include "ops/unary.h"

namespace hone::onnx {

namespace {

bool is_byte(DType dtype) { return dtype == DType::kI8 || dtype == DType::kU8; }

/// Integers as bytes and a zero point; nothing when they are spread wider than a byte.
std::optional<ByteOperand> constant_operand(const Tensor& tensor) {
  const std::vector<int64_t> values = to_ints(tensor);
  if (values.empty()) return std::nullopt;
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  if (*low >= -128 && *high <= 127) return ByteOperand{.stored = {}, .constant = cast(tensor, DType::kI8)};
  const int64_t zero = std::clamp<int64_t>(-*low, 0, 255);
  if (*low + zero < 0 || *high + zero > 255) return std::nullopt;
  std::vector<uint8_t> bytes;
  for (const int64_t v : values) bytes.push_back(static_cast<uint8_t>(v + zero));
  return ByteOperand{.stored = {}, .constant = Tensor::of<uint8_t>(tensor.dims(), bytes), .zero_point = zero};
}

std::optional<int64_t> scalar_of(const Graph& graph, ValueId id) {
  const Tensor& tensor = graph.value(id).constant;
  if (!tensor.exists() || tensor.elements() != 1 || !is_integer(tensor.dtype())) return std::nullopt;
  return to_ints(tensor)[0];
}

/// The single byte behind a Cast to i32, if that is what `id` is.
ValueId byte_scalar(const Graph& graph, ValueId id) {
  const Node* cast = graph.producer(id);
  if (!cast || !cast->is<Cast>() || cast->as<Cast>().to != DType::kI32) return {};
  const TensorType& type = graph.type(cast->inputs[0]);
  const bool is_single = type.shape.is_static() && type.shape.elements() == 1;
  return !type.quant && is_byte(type.dtype) && is_single ? cast->inputs[0] : ValueId{};
}

/// Inputs of a product that may be bytes.
size_t operand_count(const Node& node) { return std::min<size_t>(node.inputs.size(), 2); }

/// Whether the node moves channels from behind the batch to the end: where they, or all other axes, are one, that is a
/// Reshape.
bool is_turn(const Graph& graph, const Node& node) {
  const Shape& to = graph.type(node.outputs[0]).shape;
  if (node.is<Transpose>()) return to.has_rank() && node.as<Transpose>().perm == to_channels_last_perm(to.rank());
  if (!node.is<Reshape>()) return false;
  const Shape& from = graph.type(node.inputs[0]).shape;
  if (!from.is_static() || !to.is_static() || from.rank() != to.rank() || from.rank() < 3) return false;
  const Dims before = from.dims(), after = to.dims();
  Dims turned = before;
  std::rotate(turned.begin() + 1, turned.begin() + 2, turned.end());
  const bool keeps_order =
      before[1] == 1 || std::all_of(before.begin() + 2, before.end(), [](int64_t d) { return d == 1; });
  return turned == after && keeps_order;
}

bool is_read_only_by_products(const Graph& graph, ValueId id, int depth) {
  if (graph.is_output(id) || depth > 3) return false;
  const UseList& users = graph.value(id).users;
  return !users.empty() && std::all_of(users.begin(), users.end(), [&](NodeId user) {
    const Node& node = graph.node(user);
    if (is_byte_product(graph, node)) return true;
    return (node.is<Sub>() || is_turn(graph, node)) && is_read_only_by_products(graph, node.outputs[0], depth + 1);
  });
}

}  // namespace

std::optional<ByteOperand> byte_operand(const Graph& graph, ValueId id) {
  const Tensor& tensor = graph.value(id).constant;
  if (tensor.exists()) return tensor.quant() ? std::nullopt : constant_operand(tensor);
  ByteOperand operand{.stored = id};
  const Node* node = graph.producer(operand.stored);
  if (node && (node->is<Transpose>() || node->is<Reshape>())) {
    if (!is_turn(graph, *node)) return std::nullopt;
    operand.is_turned = true;
    operand.stored = node->inputs[0];
    node = graph.producer(operand.stored);
  }
  if (node && node->is<Sub>()) {
    if (const std::optional<int64_t> zero = scalar_of(graph, node->inputs[1]))
      operand.zero_point = *zero;
    else
      operand.zero_value = byte_scalar(graph, node->inputs[1]);
    if (!operand.zero_value.exists() && !graph.is_constant(node->inputs[1])) return std::nullopt;
    operand.stored = node->inputs[0];
    node = graph.producer(operand.stored);
  }
  if (!node || !node->is<Cast>() || node->as<Cast>().to != DType::kI32) return std::nullopt;
  operand.stored = node->inputs[0];
  const TensorType& type = graph.type(operand.stored);
  const bool fits = operand.zero_point >= min_of(type.dtype) && operand.zero_point <= max_of(type.dtype);
  if (type.quant || !is_byte(type.dtype) || !fits) return std::nullopt;
  if (operand.zero_value.exists() && graph.type(operand.zero_value).dtype != type.dtype) return std::nullopt;
  return operand;
}

bool is_byte_product(const Graph& graph, const Node& node) {
  if (!node.is<Conv>() && !node.is<MatMul>()) return false;
  if (node.is<MatMul>() && (node.as<MatMul>().transpose_a || node.as<MatMul>().transpose_b)) return false;
  if (node.inputs.size() > 2 && node.inputs[2].exists()) return false;
  if (graph.type(node.outputs[0]).logical_dtype() != DType::kI32) return false;
  for (size_t i = 0; i < operand_count(node); ++i) {
    const auto operand = byte_operand(graph, node.inputs[i]);
    if (!operand || (node.is<MatMul>() && operand->is_turned)) return false;
  }
  return true;
}

bool is_read_as_bytes(const Graph& graph, const Node& node) {
  if (!node.is<Cast>() && !node.is<Sub>() && !is_turn(graph, node)) return false;
  if (graph.type(node.outputs[0]).dtype != DType::kI32 || graph.type(node.outputs[0]).quant) return false;
  return is_read_only_by_products(graph, node.outputs[0], 0);
}

void write_integer_product(NodeWriter& w, std::string_view integer, std::string_view real,
                           const AttributeList& attributes) {
  if (!is_byte_product(w.graph(), w.node()))
    throw unsupported(
        cat("onnx: ", real, " of integers that are not bytes less a zero point: ONNX has ", integer, " of bytes only"));
  std::vector<std::string> inputs, zero_points;
  for (size_t i = 0; i < 2; ++i) {
    const ByteOperand operand = *byte_operand(w.graph(), w.value(i));
    inputs.push_back(w.bytes_in(i, operand.stored, operand.constant, operand.is_turned));
    const DType dtype = operand.constant.exists() ? operand.constant.dtype() : w.graph().type(operand.stored).dtype;
    if (operand.zero_value.exists()) {
      zero_points.push_back(w.name_of(operand.zero_value));
      continue;
    }
    zero_points.push_back(w.scalar(dtype, static_cast<double>(operand.zero_point), "zero_point"));
  }
  inputs.insert(inputs.end(), zero_points.begin(), zero_points.end());
  w.emit(integer, std::move(inputs), {w.out()}, attributes);
}

}  // namespace hone::onnx

#include "formats/torch/call.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "base/text.h"
#include "ops/interpreter.h"
#include "ops/movement.h"
#include "ops/permute.h"
#include "ops/quantize.h"
#include "ops/unary.h"

namespace hone::torch {

namespace {

/// What is computed while reading: sizes, small tables, not weights.
constexpr int64_t kMostFolded = 65536;  ///< elements of a result
constexpr int64_t kMostRead = 1 << 18;  ///< elements that it is made of

/// Arguments that say where and how, not what.
constexpr std::string_view kIgnored[] = {"layout",    "device", "pin_memory", "non_blocking", "memory_format",
                                         "generator", "out",    "copy",       "requires_grad"};

Value default_of(std::string_view text, Heap& heap) {
  if (text == "None") return std::monostate{};
  if (text == "True" || text == "False") return text == "True";
  if (text == "[]") return heap.list({});
  if (const auto integer = parse_int(text)) return *integer;
  if (const auto real = parse_double(text)) return *real;
  return heap.text(std::string(text));
}

}  // namespace

std::vector<Value> bind_arguments(const OpRow& row, Heap& heap, const std::vector<Value>& given,
                                  std::span<const std::string> keywords) {
  std::vector<std::string> names;
  std::vector<Value> values;
  std::vector<bool> is_given;
  for (const std::string& part : split(row.signature, ' ')) {
    const size_t equals = part.find('=');
    names.push_back(part.substr(0, equals));
    is_given.push_back(equals != std::string::npos);
    values.push_back(equals == std::string::npos ? Value{} : default_of(part.substr(equals + 1), heap));
  }
  for (size_t i = 0; i < given.size(); ++i) {
    const std::string keyword = i < keywords.size() ? keywords[i] : "";
    if (keyword.empty() && i >= names.size())
      throw unsupported(cat("takes ", names.size(), " arguments, found ", given.size()));
    const size_t place =
        keyword.empty() ? i : static_cast<size_t>(std::find(names.begin(), names.end(), keyword) - names.begin());
    if (place == names.size()) {
      if (std::find(std::begin(kIgnored), std::end(kIgnored), keyword) != std::end(kIgnored)) continue;
      throw unsupported(cat("has an argument '", keyword, "'"));
    }
    values[place] = given[i];
    is_given[place] = true;
  }
  for (size_t i = 0; i < names.size(); ++i)
    if (!is_given[i]) throw invalid_model(cat("argument '", names[i], "' is absent"));
  return values;
}

Call::Call(Graph& graph_, Heap& heap_, const OpRow& row_, std::string name_, std::vector<Value> args)
    : graph(graph_), heap(heap_), row(row_), name(std::move(name_)), args_(std::move(args)) {}

const Value& Call::arg(std::string_view key) const {
  size_t place = 0;
  for (size_t at = 0; at < row.signature.size(); ++place) {
    const size_t end = std::min(row.signature.find(' ', at), row.signature.size());
    const std::string_view part = row.signature.substr(at, end - at);
    if (part.substr(0, part.find('=')) == key) return args_[place];
    at = end + 1;
  }
  throw internal_error(cat("torch row ", row.name, " has no argument '", key, "'"));
}

std::vector<int64_t> Call::ints(std::string_view key, size_t count) const {
  return framed(key, [&] {
    std::vector<int64_t> out;
    if (is<List*>(arg(key))) {
      for (const Value& item : to_list(arg(key)).items) out.push_back(to_int(item));
    } else if (has(key)) {
      out.push_back(to_int(arg(key)));
    }
    if (count != 0 && out.size() == 1) out.assign(count, out[0]);
    if (count != 0 && out.size() != count)
      throw invalid_model(cat("found ", out.size(), " integers, expected ", count));
    return out;
  });
}

ValueId Call::value(const Value& value) {
  if (const auto* cell = std::get_if<Cell*>(&value)) {
    Cell& tensor = **cell;
    if (!tensor.graph) {
      if (!tensor.array.exists()) throw internal_error("torch: a tensor without a value");
      tensor.graph = &graph;
      tensor.id = graph.add_constant(tensor.array, tensor.name.empty() ? name + "/constant" : tensor.name);
    }
    if (tensor.graph == &graph) return tensor.id;
    if (tensor.array.exists()) return graph.add_constant(tensor.array, tensor.name.empty() ? name : tensor.name);
    return heap.outside(tensor);
  }
  if (const auto* flag = std::get_if<bool>(&value)) return add_constant(Tensor::scalar(*flag));
  if (const auto* integer = std::get_if<int64_t>(&value)) return add_constant(Tensor::scalar(*integer));
  if (const auto* real = std::get_if<double>(&value)) return add_constant(Tensor::scalar(static_cast<float>(*real)));
  throw unsupported(cat("found ", kind_of(value), ", expected a tensor"));
}

ValueId Call::x(std::string_view key) {
  return framed(key, [&] { return value(arg(key)); });
}

std::vector<ValueId> Call::tensors(std::string_view key) {
  return framed(key, [&] {
    std::vector<ValueId> out;
    for (const Value& item : to_list(arg(key)).items) out.push_back(value(item));
    return out;
  });
}

ValueId Call::indices(const Value& from) {
  const ValueId id = value(from);
  if (is_float(dtype(id)) && graph.value(id).is_input) throw InputDType{id, DType::kI64};
  return dtype(id) == DType::kI64 || dtype(id) == DType::kI32 ? id : cast(id, DType::kI64);
}

ValueId Call::mask(std::string_view key) {
  const ValueId id = x(key);
  if (is_float(dtype(id)) && graph.value(id).is_input) throw InputDType{id, DType::kBool};
  return cast(id, DType::kBool);
}

ValueId Call::dims_value(const std::vector<Value>& dims) {
  std::vector<int64_t> known;
  for (const Value& dim : dims) {
    const auto* cell = std::get_if<Cell*>(&dim);
    if (cell && !(*cell)->array.exists()) break;
    known.push_back(to_int(dim));
  }
  if (known.size() == dims.size()) return ints_value(known);
  std::vector<ValueId> parts;
  for (const Value& dim : dims) parts.push_back(reshape(cast(value(dim), DType::kI64), {1}));
  return add(Concat{.axis = 0}, parts);
}

int64_t Call::rank(ValueId id) const {
  if (!type(id).shape.has_rank()) throw unsupported("a tensor of unknown rank");
  return type(id).shape.rank();
}

int64_t Call::dim(ValueId id, int64_t axis) const {
  const int64_t place = normalize_axis(axis, rank(id), "axis");
  if (!type(id).shape[place].is_known()) throw unsupported(cat("axis ", axis, " has an open size"));
  return type(id).shape[place].value();
}

int64_t Call::axis(std::string_view key, int64_t rank) const {
  return framed(key, [&] { return normalize_axis(integer(key), std::max<int64_t>(rank, 1), "axis"); });
}

const Tensor* Call::constant(ValueId id) const { return graph.is_constant(id) ? &graph.value(id).constant : nullptr; }

ValueId Call::ints_value(const std::vector<int64_t>& values) {
  return add_constant(Tensor::of<int64_t>({static_cast<int64_t>(values.size())}, values));
}

ValueId Call::scalar(double value, DType dtype) { return add_constant(hone::cast(Tensor::scalar(value), dtype)); }

Value Call::tensor_value(ValueId id) {
  Cell* cell = heap.cell(graph, id);
  if (graph.is_constant(id)) cell->array = graph.value(id).constant;
  return cell;
}

void Call::emit(ValueId id) { result = tensor_value(id); }

void Call::emit_all(const std::vector<ValueId>& ids, bool is_tuple) {
  std::vector<Value> items;
  for (const ValueId id : ids) items.push_back(tensor_value(id));
  result = heap.list(std::move(items), is_tuple);
}

namespace {

Dims permuted_dims(const Dims& dims, const std::vector<int64_t>& perm) {
  Dims out;
  for (const int64_t axis : perm) out.push_back(dims[static_cast<size_t>(axis)]);
  return out;
}

/// Whether only axes of size 1 change places: the elements stay where they are, in the file.
bool moves_nothing(const Dims& dims, const std::vector<int64_t>& perm) {
  int64_t last = -1;
  for (const int64_t axis : perm) {
    if (dims[static_cast<size_t>(axis)] == 1) continue;
    if (axis < last) return false;
    last = axis;
  }
  return true;
}

}  // namespace

ValueId Call::transpose(ValueId x, std::vector<int64_t> perm) {
  if (std::is_sorted(perm.begin(), perm.end())) return x;
  if (const Tensor* known = constant(x)) {
    QuantPtr quant = known->quant();
    if (quant && !quant->is_per_tensor())
      quant = QuantParams::per_channel(quant->scales, quant->zero_points,
                                       std::find(perm.begin(), perm.end(), quant->axis) - perm.begin());
    if (moves_nothing(known->dims(), perm))
      return graph.add_constant(known->reshaped(permuted_dims(known->dims(), perm)).with_quant(quant),
                                graph.value(x).name);
    const ValueId moved = graph.add_constant(permuted(*known, perm).with_quant(quant), graph.value(x).name);
    known->release_pages();
    return moved;
  }
  return add(Transpose{.perm = std::move(perm)}, {x});
}

ValueId Call::reshape(ValueId x, const std::vector<int64_t>& dims) {
  return add(Reshape{.allow_zero = true}, {x, ints_value(dims)});
}

ValueId Call::cast(ValueId x, DType to) { return dtype(x) == to ? x : add(Cast{.to = to}, {x}); }

ValueId Call::to_channels_last(ValueId x) {
  std::vector<int64_t> perm{0};
  for (int64_t i = 2; i < rank(x); ++i) perm.push_back(i);
  perm.push_back(1);
  return transpose(x, perm);
}

ValueId Call::from_channels_last(ValueId x) {
  std::vector<int64_t> perm{0, rank(x) - 1};
  for (int64_t i = 1; i + 1 < rank(x); ++i) perm.push_back(i);
  return transpose(x, perm);
}

namespace {

/// Booleans, integers, floats.
int category(DType dtype) { return is_float(dtype) ? 2 : dtype == DType::kBool ? 0 : 1; }

/// The wider of two dtypes of one category.
DType wider(DType a, DType b) {
  if (a == b) return a;
  if (is_float(a)) return size_of(a) == size_of(b) ? DType::kF32 : size_of(a) > size_of(b) ? a : b;
  if (size_of(a) == size_of(b)) return is_signed(a) && is_signed(b) ? a : DType::kI16;  // u8 and i8
  return size_of(a) > size_of(b) ? a : b;
}

}  // namespace

/// Source: torch.result_type; c10/core/ScalarType.h promoteTypes.
DType Call::common_dtype(std::span<const Value> values) {
  std::optional<DType> widest[3];  // of numbers, tensors of rank 0, arrays
  const auto join = [](std::optional<DType>& into, DType dtype) {
    if (!into || category(dtype) > category(*into))
      into = dtype;
    else if (category(dtype) == category(*into))
      into = wider(*into, dtype);
  };
  for (const Value& v : values) {
    if (is_number(v)) {
      join(widest[0], is<bool>(v) ? DType::kBool : is<int64_t>(v) ? DType::kI64 : DType::kF32);
    } else {
      const ValueId id = value(v);
      join(widest[rank(id) == 0 ? 1 : 2], dtype(id));
    }
  }
  std::optional<DType> to = widest[2];
  for (const std::optional<DType>& lower : {widest[1], widest[0]})
    if (lower && (!to || category(*lower) > category(*to))) to = lower;
  return to.value_or(DType::kF32);
}

std::pair<ValueId, ValueId> Call::promoted(const Value& a, const Value& b) {
  const DType to = common_dtype(std::vector<Value>{a, b});
  const auto made = [&](const Value& v) { return is<Cell*>(v) ? cast(value(v), to) : scalar(to_real(v), to); };
  return {made(a), made(b)};
}

/// The outputs of a node whose inputs are all known become constants where they are small.
std::vector<ValueId> Call::folded(NodeId id) {
  const Node& node = graph.node(id);
  const std::vector<ValueId> made = node.outputs;
  std::vector<Tensor> inputs;
  int64_t elements = 0;
  for (const ValueId input : node.inputs) {
    if (input.exists() && !graph.is_constant(input)) return made;
    inputs.push_back(input.exists() ? graph.value(input).constant : Tensor());
    if (input.exists()) elements += inputs.back().elements();
  }
  std::vector<const TensorType*> types;
  for (const ValueId output : made) {
    const TensorType& type = graph.type(output);
    if (type.quant || !type.shape.is_static() || type.shape.elements() > kMostFolded) return made;
    types.push_back(&type);
    elements += type.shape.elements();
  }
  if (elements > kMostRead + kMostFolded) return made;
  heap.work(elements / 4);
  std::vector<ValueId> out;
  const std::vector<Tensor> results = evaluate_node(node, types, inputs, QuantArithmetic::kFloat);
  for (const Tensor& result : results) out.push_back(add_constant(result));
  graph.remove(id);
  return out;
}

/// What moves, pools or bounds integers keeps their parameters unless the row says others.
std::vector<ValueId> Call::add_spec(const OpDef& def, Attrs attrs, std::vector<ValueId> inputs, size_t outputs,
                                    std::vector<TensorType> stored) {
  const bool is_told = !stored.empty();
  const TensorType first = inputs.empty() || !inputs[0].exists() ? TensorType{} : graph.type(inputs[0]);
  const NodeId id = graph.add({.def = &def,
                               .attrs = std::move(attrs),
                               .inputs = std::move(inputs),
                               .outputs = outputs,
                               .name = name,
                               .output_types = std::move(stored),
                               .source = {"torch", std::string(row.name), name, 0}});
  if (first.quant && first.quant->is_per_tensor() && !is_told && &def != &Dequantize::def)
    for (const ValueId output : std::vector<ValueId>(graph.node(id).outputs))
      if (graph.type(output).dtype == DType::kF32)
        graph.set_type(output, {first.dtype, graph.type(output).shape, first.quant});
  return folded(id);
}

const OpRow* find_row(std::string_view name) {
  for (const auto rows : {binary_rows(), unary_rows(), spatial_rows(), movement_rows(), index_rows(), matrix_rows(),
                          reduce_rows(), norm_rows(), making_rows(), recurrent_rows(), quantized_rows()})
    for (const OpRow& row : rows)
      if (row.name == name) return &row;
  return nullptr;
}

}  // namespace hone::torch

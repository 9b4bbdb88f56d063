#include "formats/onnx/node_reader.h"

#include <cstring>

#include "base/text.h"
#include "ops/movement.h"

namespace hone::onnx {

namespace {

/// Whether permuting leaves the order of all axes longer than 1 as it is.
bool only_moves_ones(const Dims& dims, const std::vector<int64_t>& perm) {
  int64_t last = -1;
  for (int64_t axis : perm) {
    if (dims[static_cast<size_t>(axis)] == 1) continue;
    if (axis < last) return false;
    last = axis;
  }
  return true;
}

void check_perm(const Tensor& x, const std::vector<int64_t>& perm) {
  std::vector<bool> seen(static_cast<size_t>(x.rank()));
  bool ok = static_cast<int64_t>(perm.size()) == x.rank();
  for (size_t i = 0; ok && i < perm.size(); ++i) {
    ok = perm[i] >= 0 && perm[i] < x.rank() && !seen[static_cast<size_t>(perm[i])];
    if (ok) seen[static_cast<size_t>(perm[i])] = true;
  }
  if (!ok) throw invalid_argument(cat("transpose: perm ", perm, " does not fit a tensor of rank ", x.rank()));
}

}  // namespace

Tensor transposed(const Tensor& x, const std::vector<int64_t>& perm) {
  check_perm(x, perm);
  Dims dims;
  for (int64_t axis : perm) dims.push_back(x.dim(axis));
  if (only_moves_ones(x.dims(), perm)) return x.reshaped(dims);
  const Dims strides = strides_of(x.dims());
  Tensor out = Tensor::empty(x.dtype(), dims, x.quant());
  const auto width = static_cast<size_t>(size_of(x.dtype()));
  const auto* from = static_cast<const char*>(x.raw());
  auto* to = static_cast<char*>(out.mutable_raw());
  if (out.elements() == 0) return out;
  Dims index(dims.size(), 0);
  do {
    int64_t place = 0;
    for (size_t d = 0; d < dims.size(); ++d) place += index[d] * strides[static_cast<size_t>(perm[d])];
    std::memcpy(to, from + static_cast<size_t>(place) * width, width);
    to += width;
  } while (next_index(index, dims));
  return out;
}

std::vector<int64_t> to_channels_last_perm(int64_t rank) {
  std::vector<int64_t> perm{0};
  for (int64_t axis = 2; axis < rank; ++axis) perm.push_back(axis);
  perm.push_back(1);
  return perm;
}

std::vector<int64_t> to_channels_first_perm(int64_t rank) {
  std::vector<int64_t> perm{0, rank - 1};
  for (int64_t axis = 1; axis < rank - 1; ++axis) perm.push_back(axis);
  return perm;
}

ValueId NodeReader::in(size_t i) const {
  if (!has(i)) throw invalid_model(cat("onnx: input ", static_cast<int64_t>(i), " is missing"));
  return c_.inputs[i];
}

ValueId NodeReader::present(ValueId id) {
  if (!id.exists()) throw invalid_model("onnx: an input is missing");
  return id;
}

int64_t NodeReader::rank(ValueId id) const {
  const Shape& shape = type(id).shape;
  if (!shape.has_rank()) {
    throw unsupported(cat("onnx: the rank of '", c_.graph.value(id).name, "' is not known"),
                      "give the model's inputs their shapes");
  }
  return shape.rank();
}

std::vector<int64_t> NodeReader::constant_ints(size_t i) const {
  const Tensor& value = constant(in(i));
  if (!value.exists())
    throw unsupported(cat("onnx: input ", static_cast<int64_t>(i), " is computed at run time, expected a constant"));
  return to_ints(value);
}

int64_t NodeReader::constant_int(size_t i) const {
  const std::vector<int64_t> values = constant_ints(i);
  if (values.size() != 1)
    throw invalid_model(
        cat("onnx: input ", static_cast<int64_t>(i), " holds ", values.size(), " numbers, expected one"));
  return values[0];
}

const AttributeProto* NodeReader::find(std::string_view name) const {
  for (const AttributeProto& attribute : c_.proto.attributes) {
    if (attribute.name != name) continue;
    if (attribute.ref.empty()) return &attribute;
    if (!c_.arguments) return nullptr;
    const auto it = c_.arguments->find(attribute.ref);
    return it == c_.arguments->end() ? nullptr : it->second;
  }
  return nullptr;
}

int64_t NodeReader::attr_int(std::string_view name, int64_t otherwise) const {
  const AttributeProto* attribute = find(name);
  return attribute ? attribute->i : otherwise;
}

int64_t NodeReader::attr_int(std::string_view name) const {
  const AttributeProto* attribute = find(name);
  if (!attribute) throw invalid_model(cat("onnx: attribute '", name, "' is missing"));
  return attribute->i;
}

float NodeReader::attr_float(std::string_view name, float otherwise) const {
  const AttributeProto* attribute = find(name);
  return attribute ? attribute->f : otherwise;
}

std::string NodeReader::attr_string(std::string_view name, std::string_view otherwise) const {
  const AttributeProto* attribute = find(name);
  return std::string(attribute ? attribute->s : otherwise);
}

std::vector<int64_t> NodeReader::attr_ints(std::string_view name) const {
  const AttributeProto* attribute = find(name);
  return attribute ? attribute->ints : std::vector<int64_t>{};
}

std::vector<float> NodeReader::attr_floats(std::string_view name) const {
  const AttributeProto* attribute = find(name);
  return attribute ? attribute->floats : std::vector<float>{};
}

std::vector<std::string> NodeReader::attr_strings(std::string_view name) const {
  const AttributeProto* attribute = find(name);
  if (!attribute) return {};
  return {attribute->strings.begin(), attribute->strings.end()};
}

Tensor NodeReader::attr_tensor(std::string_view name) const {
  const AttributeProto* attribute = find(name);
  if (!attribute) return {};
  if (!attribute->sparse.empty()) return c_.tensors.read(c_.decoder.sparse_tensor(attribute->sparse.back()));
  if (attribute->tensors.empty()) throw invalid_model(cat("onnx: attribute '", name, "' holds no tensor"));
  return c_.tensors.read(c_.decoder.tensor(attribute->tensors.back()));
}

std::string_view NodeReader::attr_graph(std::string_view name) const {
  const AttributeProto* attribute = find(name);
  if (!attribute || attribute->graphs.empty()) throw invalid_model(cat("onnx: attribute '", name, "' holds no graph"));
  return attribute->graphs.back();
}

DType NodeReader::attr_dtype(std::string_view name, DType otherwise) const {
  const AttributeProto* attribute = find(name);
  if (!attribute) return otherwise;
  const auto dtype = dtype_of(static_cast<int32_t>(attribute->i));
  if (!dtype) {
    throw unsupported(
        cat("onnx: attribute '", name, "' asks for ", data_type_name(static_cast<int32_t>(attribute->i))));
  }
  return *dtype;
}

std::vector<ValueId> NodeReader::emit_node(NodeSpec spec) {
  // The node's own name is given to what computes its result, once that is known.
  const std::string_view base =
      c_.proto.name.empty() && !c_.proto.outputs.empty() ? c_.proto.outputs[0] : c_.proto.name;
  spec.name = cat(base, "/", spec.def->name);
  spec.source = {
      .format = "onnx", .op = std::string(c_.proto.op_type), .name = std::string(c_.proto.name), .version = c_.opset};
  const NodeId id = c_.graph.add(std::move(spec));
  return c_.graph.node(id).outputs;
}

ValueId NodeReader::ints(std::vector<int64_t> values) {
  const auto count = static_cast<int64_t>(values.size());
  return constant(Tensor::of<int64_t>({count}, values));
}

ValueId NodeReader::scalar_like(ValueId like, double value) {
  const double values[] = {value};
  return constant(cast(Tensor::of<double>({}, values), type(like).logical_dtype()));
}

const std::vector<ValueId>& NodeReader::results() const {
  for (size_t i = 0; i < results_.size(); ++i) {
    if (wants(i) && !results_[i].exists())
      throw unsupported(cat("onnx: output ", static_cast<int64_t>(i), " is not offered"));
  }
  return results_;
}

ValueId NodeReader::transposed(ValueId x, std::vector<int64_t> perm) {
  if (constant(x).exists()) return constant(onnx::transposed(constant(x), perm));
  return emit(Transpose{.perm = std::move(perm)}, {x});
}

ValueId NodeReader::channels_last(ValueId x) {
  const int64_t r = rank(x);
  return r > 2 ? transposed(x, to_channels_last_perm(r)) : x;
}

ValueId NodeReader::channels_first(ValueId x) {
  const int64_t r = rank(x);
  return r > 2 ? transposed(x, to_channels_first_perm(r)) : x;
}

}  // namespace hone::onnx

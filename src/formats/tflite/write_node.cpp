#include "formats/tflite/write_node.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/text.h"
#include "formats/tflite/run_shape.h"
#include "formats/tflite/runtime_rules.h"
#include "formats/tflite/types.h"
#include "formats/tflite/writer.h"
#include "passes/rewrite.h"

namespace hone::tflite {

WriteNode::WriteNode(SubgraphWriter& writer, NodeId id, Form form) : writer_(writer), id_(id), form_(form) {
  if (form == Form::kStored) return;
  const auto real = [&](ValueId id_of) {
    TensorType type = id_of.exists() ? graph().type(id_of) : TensorType();
    return type.quant ? TensorType{DType::kF32, type.shape, nullptr} : type;
  };
  for (const ValueId input : node().inputs) real_inputs_.push_back(real(input));
  for (const ValueId output : node().outputs) real_outputs_.push_back(real(output));
  results_.assign(node().outputs.size(), -1);
}

const Node& WriteNode::node() const { return writer_.graph().node(id_); }
const Graph& WriteNode::graph() const { return writer_.graph(); }

const TensorType& WriteNode::type(size_t i) const {
  return form_ == Form::kReal ? real_inputs_.at(i) : graph().type(node().inputs[i]);
}
const TensorType& WriteNode::out_type(size_t j) const {
  return form_ == Form::kReal ? real_outputs_.at(j) : graph().type(node().outputs[j]);
}
bool WriteNode::is_real(ValueId id) const { return form_ == Form::kReal && graph().type(id).quant; }

namespace {

Dims static_dims(const Shape& shape, const char* what, size_t i) {
  if (!shape.has_rank() || !shape.is_static())
    throw unsupported(cat(what, " ", i, " has shape ", shape, ", expected known sizes"),
                      "fix them: --shape INPUT=1x3x224x224");
  return shape.dims();
}

}  // namespace

Dims WriteNode::dims(size_t i) const { return static_dims(type(i).shape, "input", i); }
Dims WriteNode::out_dims(size_t j) const { return static_dims(out_type(j).shape, "output", j); }

namespace {

int64_t static_dim(const Shape& shape, int64_t axis, const char* what, size_t i) {
  if (!shape.has_rank() || axis >= shape.rank() || !shape[axis].is_known())
    throw unsupported(cat(what, " ", i, " has shape ", shape, ", expected a known size along axis ", axis),
                      "fix it: --shape INPUT=1x3x224x224");
  return shape[axis].value();
}

}  // namespace

int64_t WriteNode::dim(size_t i, int64_t axis) const { return static_dim(type(i).shape, axis, "input", i); }
int64_t WriteNode::out_dim(size_t j, int64_t axis) const { return static_dim(out_type(j).shape, axis, "output", j); }

int64_t WriteNode::rank(size_t i) const {
  if (!type(i).shape.has_rank()) throw unsupported(cat("input ", i, " has an unknown rank"));
  return type(i).shape.rank();
}

bool WriteNode::is_constant(size_t i) const { return has(i) && graph().is_constant(node().inputs[i]); }

const Tensor& WriteNode::constant(size_t i) const {
  if (!is_constant(i)) throw unsupported(cat("input ", i, " is known only at run time, expected a constant"));
  const Tensor& stored = graph().value(node().inputs[i]).constant;
  if (!is_real(node().inputs[i])) return stored;
  Tensor& real = real_constants_[i];
  if (!real.exists()) real = hone::dequantize(stored);
  return real;
}

std::vector<int64_t> WriteNode::ints(size_t i) const { return to_ints(constant(i)); }

bool WriteNode::is_used(size_t j) const {
  if (j >= node().outputs.size()) return false;
  const ValueId id = node().outputs[j];
  return !graph().value(id).users.empty() || graph().is_output(id);
}

std::string WriteNode::name_for(const char* suffix) const {
  return cat(node().outputs.empty() ? node().name : graph().value(node().outputs[0]).name, "/", suffix);
}

TensorIndex WriteNode::in(size_t i) {
  if (!has(i)) throw internal_error(cat("input ", i, " is absent"));
  const ValueId id = node().inputs[i];
  if (!is_real(id)) return writer_.tensor_of(id);
  if (writer_.real_of(id) >= 0) return writer_.real_of(id);
  TensorIndex real = -1;
  if (is_constant(i)) {
    real = real_constant(graph().value(id).constant, graph().value(id).name.c_str());
  } else {
    real = temp(type(i), "real");
    dequantize(writer_.tensor_of(id), real);
  }
  writer_.bind_real(id, real);
  return real;
}

/// Bytes stay bytes in the file, widened when the model is loaded, where the runtime can.
TensorIndex WriteNode::real_constant(Tensor stored, const char* name) {
  const bool is_byte = stored.dtype() == DType::kI8 || stored.dtype() == DType::kU8;
  if (!is_byte) return add_constant(hone::dequantize(stored), name);
  const TensorIndex real = temp({DType::kF32, Shape(stored.dims()), nullptr}, "real");
  dequantize(add_constant(std::move(stored), name), real);
  return real;
}

void WriteNode::dequantize(TensorIndex from, TensorIndex to) {
  const TensorType type = type_of(from);
  if (type.dtype != DType::kI32) {
    const int32_t version = type.quant->is_per_tensor() ? Versions{.f32 = 1, .i8 = 2, .i16 = 3}.of(type) : 5;
    return emit(fb::BuiltinOperator::DEQUANTIZE, version, fb::DequantizeOptionsT(), {from}, {to});
  }
  if (!type.quant->is_per_tensor() || type.quant->zero_point() != 0)
    throw unsupported("32-bit integers with a scale for each channel, or a zero point");
  const TensorIndex wide = temp({DType::kF32, type.shape, nullptr}, "wide");
  emit_cast(from, wide, false);
  emit(fb::BuiltinOperator::MUL, 1, fb::MulOptionsT(), {wide, add_scalar(type.quant->scale(), "scale")}, {to});
}

void WriteNode::finish() {
  for (size_t j = 0; j < results_.size(); ++j) {
    if (results_[j] < 0) continue;
    const TensorType& stored = graph().type(node().outputs[j]);
    const int32_t version = !stored.quant->is_per_tensor() ? 3 : stored.dtype == DType::kI16 ? 2 : 1;
    emit(fb::BuiltinOperator::QUANTIZE, version, fb::QuantizeOptionsT(), {results_[j]},
         {writer_.tensor_of(node().outputs[j])});
  }
}

TensorIndex WriteNode::in_i32(size_t i) {
  if (type(i).dtype == DType::kI32) return in(i);
  if (is_constant(i)) {
    Tensor narrow = Tensor::empty(DType::kI32, constant(i).dims());
    const std::vector<int64_t> wide = ints(i);
    for (size_t k = 0; k < wide.size(); ++k)
      narrow.mutable_data<int32_t>()[k] = static_cast<int32_t>(
          std::clamp<int64_t>(wide[k], std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()));
    return add_constant(std::move(narrow), graph().value(node().inputs[i]).name.c_str());
  }
  const TensorIndex to = temp({DType::kI32, type(i).shape, nullptr}, "i32");
  emit_cast(in(i), to, false);
  return to;
}

TensorIndex WriteNode::out(size_t j) {
  if (!is_real(node().outputs[j])) return writer_.tensor_of(node().outputs[j]);
  if (results_[j] < 0) results_[j] = temp(out_type(j), "result");
  return results_[j];
}

TensorIndex WriteNode::add_constant(Tensor value, const char* suffix) {
  const TensorType type = value.type();
  return writer_.add_tensor(name_for(suffix), type, std::move(value));
}

TensorIndex WriteNode::add_ints(const std::vector<int64_t>& values, const char* suffix) {
  return add_constant(cast(Tensor::of<int64_t>({static_cast<int64_t>(values.size())}, values), DType::kI32), suffix);
}

TensorIndex WriteNode::add_scalar(float value, const char* suffix) {
  return add_constant(Tensor::scalar(value), suffix);
}

TensorIndex WriteNode::temp(TensorType type, const char* suffix) { return writer_.add_tensor(name_for(suffix), type); }

TensorIndex WriteNode::kept(size_t i, const TensorType& type) {
  const bool is_computed = has(i) && !is_constant(i);
  if (is_computed && writer_.is_variable(in(i))) return in(i);
  const TensorIndex variable = writer_.add_variable(name_for("state"), type);
  if (is_computed) {
    reshape(in(i), variable);
    return variable;
  }
  const Tensor given = has(i) ? constant(i) : Tensor::zeros(type.dtype, type.shape.dims(), type.quant);
  const Tensor real = given.quant() ? hone::dequantize(given) : given;
  const TensorIndex first = add_constant(real.reshaped(type.shape.dims()), "first");
  const TensorIndex sum = type.quant ? temp({DType::kF32, type.shape, nullptr}, "first") : variable;
  emit(fb::BuiltinOperator::ADD, 1, fb::AddOptionsT(), {zero_of_run(), first}, {sum});
  if (type.quant)
    emit(fb::BuiltinOperator::QUANTIZE, type.dtype == DType::kI16 ? 2 : 1, fb::QuantizeOptionsT(), {sum}, {variable});
  return variable;
}

/// A zero f32[1,1] that the runtime computes from input 0 in each run: what depends on constants alone it may compute
/// once, and a variable must be set before each run.
TensorIndex WriteNode::zero_of_run() {
  TensorIndex x = in(0);
  if (type(0).quant) {
    const TensorIndex real = temp({DType::kF32, type(0).shape, nullptr}, "real");
    dequantize(x, real);
    x = real;
  }
  const auto axes = static_cast<size_t>(rank(0));
  fb::StridedSliceOptionsT one;
  one.shrink_axis_mask = (1 << (axes - 2)) - 1;
  const TensorType scalar{DType::kF32, Shape(Dims{1, 1}), nullptr};
  const TensorIndex element = temp(scalar, "element"), zero = temp(scalar, "zero");
  emit(fb::BuiltinOperator::STRIDED_SLICE, 1, one,
       {x, add_ints(std::vector<int64_t>(axes, 0), "begin"), add_ints(std::vector<int64_t>(axes, 1), "end"),
        add_ints(std::vector<int64_t>(axes, 1), "step")},
       {element});
  emit(fb::BuiltinOperator::ZEROS_LIKE, 1, fb::ZerosLikeOptionsT(), {element}, {zero});
  return zero;
}

void WriteNode::hand_on(TensorIndex variable, size_t j) {
  if (j >= output_count() || !is_used(j)) return;
  if (!writer_.is_kept(node().outputs[j])) reshape(variable, out(j));
}

const TensorType& WriteNode::type_of(TensorIndex tensor) const { return writer_.type_of(tensor); }

void WriteNode::emit(fb::BuiltinOperator code, int32_t version, std::vector<TensorIndex> inputs,
                     std::vector<TensorIndex> outputs) {
  emit_operator(code, version, {}, fb::OperatorT(), std::move(inputs), std::move(outputs));
}

void WriteNode::emit_custom(const std::string& name, int32_t version, std::vector<uint8_t> options,
                            std::vector<TensorIndex> inputs, std::vector<TensorIndex> outputs) {
  fb::OperatorT op;
  op.custom_options = std::move(options);
  emit_operator(fb::BuiltinOperator::CUSTOM, version, name, std::move(op), std::move(inputs), std::move(outputs));
}

void WriteNode::emit_operator(fb::BuiltinOperator code, int32_t version, const std::string& custom, fb::OperatorT op,
                              std::vector<TensorIndex> inputs, std::vector<TensorIndex> outputs) {
  while (!inputs.empty() && inputs.back() < 0 && code != fb::BuiltinOperator::FULLY_CONNECTED &&
         code != fb::BuiltinOperator::UNIDIRECTIONAL_SEQUENCE_LSTM && code != fb::BuiltinOperator::CUSTOM)
    inputs.pop_back();
  // Versions run ahead of types: the last one a runtime has takes all that it takes at all.
  const RuntimeRule* rule = runtime_rule(code);
  if (rule) version = std::min(version, rule->last_version);
  op.opcode_index = writer_.state().code_of(code, custom, version);
  op.inputs = std::move(inputs);
  op.outputs = std::move(outputs);
  writer_.add_operator(std::make_unique<fb::OperatorT>(std::move(op)));
}

bool WriteNode::find_activation(float min, float max, fb::Activation& activation) {
  const float inf = std::numeric_limits<float>::infinity();
  struct Row {
    float min, max;
    fb::Activation activation;
  };
  const Row rows[] = {{-inf, inf, fb::Activation::NONE},
                      {0, inf, fb::Activation::RELU},
                      {-1, 1, fb::Activation::RELU_N1_TO_1},
                      {0, 6, fb::Activation::RELU6}};
  for (const Row& row : rows)
    if (row.min == min && row.max == max) {
      activation = row.activation;
      return true;
    }
  return false;
}

void WriteNode::clamp(TensorIndex from, TensorIndex to, float min, float max) {
  const TensorType type = type_of(to);  // a copy: new tensors move the others
  fb::Activation activation = fb::Activation::NONE;
  if (find_activation(min, max, activation) && activation != fb::Activation::NONE) {
    using B = fb::BuiltinOperator;
    const B code = activation == fb::Activation::RELU    ? B::RELU
                   : activation == fb::Activation::RELU6 ? B::RELU6
                                                         : B::RELU_N1_TO_1;
    const Versions versions = code == B::RELU_N1_TO_1 ? Versions{1, 1, 1} : Versions{};
    return emit(code, versions.of(type), {from}, {to});
  }
  auto bound = [&](float value, const char* name) {
    Tensor scalar = Tensor::scalar(value);
    if (type.quant) return add_constant(quantize(scalar, type.dtype, type.quant), name);
    return add_constant(hone::cast(scalar, type.dtype), name);
  };
  const Versions versions{.f32 = 1, .i8 = 2, .i16 = 4};
  const bool has_min = !std::isinf(min), has_max = !std::isinf(max);
  TensorIndex at = stored_as(from, type);
  if (has_min) {
    const TensorIndex next = has_max ? temp(type, "clamped") : to;
    emit(fb::BuiltinOperator::MAXIMUM, versions.of(type), fb::MaximumMinimumOptionsT(), {at, bound(min, "min")},
         {next});
    at = next;
  }
  if (has_max) {
    emit(fb::BuiltinOperator::MINIMUM, versions.of(type), fb::MaximumMinimumOptionsT(), {at, bound(max, "max")}, {to});
  } else if (!has_min) {
    reshape(at, to);
  }
}

TensorIndex WriteNode::stored_as(TensorIndex from, const TensorType& to) {
  const TensorType& type = type_of(from);
  if (!to.quant || (type.dtype == to.dtype && same_quant(type.quant, to.quant))) return from;
  const TensorIndex stored = temp({to.dtype, type.shape, to.quant}, "stored");
  emit(fb::BuiltinOperator::QUANTIZE, type_of(from).quant || to.dtype == DType::kI16 ? 2 : 1, fb::QuantizeOptionsT(),
       {from}, {stored});
  return stored;
}

TensorIndex WriteNode::out_shape_from(size_t i, int64_t shared) {
  const Shape &from = type(i).shape, &to = out_type().shape;
  if (to.has_rank() && to.is_static()) return add_ints(out_dims(), "shape");
  if (!to.has_rank() || !from.has_rank() || from.rank() != to.rank()) return add_ints(out_dims(), "shape");
  std::vector<RunSize> sizes;
  for (int64_t k = 0; k < to.rank(); ++k) {
    const bool is_same = k < shared || (!to[k].symbol().empty() && to[k] == from[k]);
    if (!to[k].is_known() && !is_same) out_dim(0, k);
    sizes.push_back(to[k].is_known() ? RunSize{.number = to[k].value()} : RunSize{.axis = k});
  }
  return run_shape(*this, in(i), sizes);
}

bool WriteNode::is_complex(size_t i) const { return has(i) && writer_.complex_of(node().inputs[i]) >= 0; }
TensorIndex WriteNode::complex_in(size_t i) const { return writer_.complex_of(node().inputs[i]); }
void WriteNode::bind_complex(size_t j, TensorIndex tensor) { writer_.bind_complex(node().outputs[j], tensor); }
TensorIndex WriteNode::tensor_of(ValueId id) { return writer_.tensor_of(id); }

TensorIndex WriteNode::complex_temp(const Shape& shape, const char* suffix) {
  return writer_.add_complex(name_for(suffix), shape);
}

TensorIndex WriteNode::complex_reshaped(TensorIndex from, const Shape& to) {
  Shape shape = to;
  shape.list().pop_back();
  const TensorIndex y = complex_temp(shape, "complex");
  reshape(from, y);
  return y;
}

void WriteNode::reshape(TensorIndex from, TensorIndex to) {
  fb::ReshapeOptionsT options;
  std::vector<int64_t> shape;
  int64_t unknown = 0;
  for (const Dim& d : type_of(to).shape.list()) {
    shape.push_back(d.is_known() ? d.value() : -1);
    unknown += !d.is_known();
    options.new_shape.push_back(static_cast<int32_t>(shape.back()));
  }
  if (!type_of(to).shape.has_rank()) throw unsupported("reshape to an unknown rank");
  if (unknown > 1) {
    const std::vector<RunSize> sizes = run_sizes(type_of(from).shape, type_of(to).shape);
    return emit(fb::BuiltinOperator::RESHAPE, 1, fb::ReshapeOptionsT(), {from, run_shape(*this, from, sizes)}, {to});
  }
  emit(fb::BuiltinOperator::RESHAPE, 1, options, {from, add_ints(shape, "shape")}, {to});
}

void WriteNode::emit_cast(TensorIndex from, TensorIndex to, bool) {
  const DType wanted = type_of(to).dtype, found = type_of(from).dtype;
  if (found == DType::kF16 && wanted == DType::kF32)
    return emit(fb::BuiltinOperator::DEQUANTIZE, 3, fb::DequantizeOptionsT(), {from}, {to});
  fb::CastOptionsT options;
  options.in_data_type = file_type_of(found);
  options.out_data_type = file_type_of(wanted);
  emit(fb::BuiltinOperator::CAST, 1, options, {from}, {to});
}

TensorIndex WriteNode::permuted(size_t i, const std::vector<int64_t>& perm) {
  const char* name = graph().value(node().inputs[i]).name.c_str();
  if (is_constant(i) && is_real(node().inputs[i]))
    return real_constant(transposed(graph().value(node().inputs[i]).constant, perm), name);
  if (is_constant(i)) return add_constant(transposed(constant(i), perm), name);
  TensorType t = type(i);
  Shape shape = Shape::unknown_of_rank(static_cast<int64_t>(perm.size()));
  for (size_t k = 0; k < perm.size(); ++k) shape[static_cast<int64_t>(k)] = t.shape[perm[k]];
  t.shape = shape;
  const TensorIndex to = temp(t, "permuted");
  if (const ValueId narrow = widened_constant(graph(), node().inputs[i]); narrow.exists())
    emit_cast(add_constant(transposed(graph().value(narrow).constant, perm), name), to, true);
  else
    transpose(in(i), to, perm);
  return to;
}

int32_t WriteNode::subgraph(size_t i) { return SubgraphWriter(writer_.state(), node().subgraphs[i]).write(); }

}  // namespace hone::tflite

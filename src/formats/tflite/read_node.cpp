#include "formats/tflite/read_node.h"

#include "base/error.h"
#include "base/text.h"
#include "formats/tflite/reader.h"
#include "formats/tflite/types.h"
#include "ops/binary.h"
#include "ops/control.h"
#include "ops/movement.h"
#include "ops/pool.h"
#include "ops/quantize.h"
#include "ops/resize.h"
#include "ops/unary.h"

namespace hone::tflite {

FusedActivation fused_activation(fb::Activation activation) {
  switch (activation) {
    case fb::Activation::NONE:
      return {};
    case fb::Activation::RELU:
      return {.min = 0};
    case fb::Activation::RELU_N1_TO_1:
      return {.min = -1, .max = 1};
    case fb::Activation::RELU6:
      return {.min = 0, .max = 6};
    case fb::Activation::TANH:
      return {.is_tanh = true};
    case fb::Activation::SIGN_BIT:
      throw unsupported("fused activation SIGN_BIT, expected a clamp or TANH");
  }
  throw invalid_model(cat("fused activation is ", static_cast<int64_t>(activation), ", expected 0 to 5"));
}

ReadNode::ReadNode(SubgraphReader& reader, const fb::OperatorT& op, OperatorName name)
    : reader_(reader), op_(op), op_name_(std::move(name.text)), version_(name.version), is_custom_(name.is_custom) {}

int32_t ReadNode::index_of(size_t i) const {
  if (!has(i)) throw invalid_model(cat("input ", i, " is absent, found ", op_.inputs.size(), " inputs"));
  return op_.inputs[i];
}

ValueId ReadNode::in(size_t i) {
  if (is_complex(i)) throw unsupported(cat("input ", i, " holds complex numbers"));
  return reader_.value_of(index_of(i));
}

bool ReadNode::is_complex(size_t i) const { return has(i) && reader_.is_complex(op_.inputs[i]); }

ValueId ReadNode::complex_in(size_t i) {
  if (!is_complex(i)) throw invalid_model(cat("input ", i, " does not hold complex numbers"));
  return reader_.value_of(index_of(i));
}

const TensorType& ReadNode::type(size_t i) { return graph().type(in(i)); }

int64_t ReadNode::rank(size_t i) {
  if (!type(i).shape.has_rank()) throw unsupported(cat("input ", i, " has an unknown rank"));
  return type(i).shape.rank();
}

bool ReadNode::is_constant(size_t i) { return has(i) && graph().is_constant(in(i)); }

const Tensor& ReadNode::constant(size_t i) {
  if (!is_constant(i)) throw unsupported(cat("input ", i, " is known only at run time, expected a constant"));
  return graph().value(in(i)).constant;
}

std::vector<int64_t> ReadNode::ints(size_t i) {
  reader_.state().file.spend(static_cast<uint64_t>(constant(i).elements()));
  return to_ints(constant(i));
}

const TensorType& ReadNode::out_type(size_t j) const {
  if (j >= op_.outputs.size())
    throw invalid_model(cat("output ", j, " is absent, found ", op_.outputs.size(), " outputs"));
  return reader_.declared(op_.outputs[j]);
}

QuantPtr ReadNode::intermediate_quant(size_t k) const {
  if (k >= op_.intermediates.size() || op_.intermediates[k] < 0) return nullptr;
  return reader_.declared(op_.intermediates[k]).quant;
}

Graph& ReadNode::graph() { return reader_.graph(); }
void ReadNode::spend(uint64_t units) { reader_.state().file.spend(units); }

std::string ReadNode::output_name(size_t j) const { return reader_.name_of_tensor(op_.outputs[j]); }

Source ReadNode::source() const {
  return {.format = "tflite",
          .op = op_name_,
          .name = op_.outputs.empty() ? std::string() : output_name(0),
          .version = version_};
}

void ReadNode::emit_spec(const OpDef& def, Attrs attrs, std::vector<ValueId> inputs, size_t outputs,
                         std::vector<Graph> subgraphs) {
  NodeSpec spec{.def = &def,
                .attrs = std::move(attrs),
                .inputs = std::move(inputs),
                .outputs = outputs,
                .name = outputs > 0 && !op_.outputs.empty() ? output_name(0) : std::string(),
                .subgraphs = std::move(subgraphs),
                .source = source()};
  for (size_t j = 0; j < outputs; ++j) {
    if (j < op_.outputs.size() && op_.outputs[j] < 0) {
      spec.output_names.emplace_back();
      continue;
    }
    // The shapes in a file are those of the converter's last run: what inference finds replaces them.
    TensorType type = out_type(j);
    type.shape = Shape::unranked();
    spec.output_types.push_back(std::move(type));
    spec.output_names.push_back(output_name(j));
  }
  const QuantPtr from = passed_quant(spec);
  for (TensorType& type : spec.output_types)
    if (from && type.quant) type.quant = from;
  const NodeId id = graph().add(std::move(spec));
  for (size_t j = 0; j < outputs; ++j) bind(j, restored(graph().node(id).outputs[j], j));
}

/// The parameters of input 0 where the runtime's kernel passes stored integers from there to outputs that declare
/// others: those mean what the output says.
QuantPtr ReadNode::passed_quant(const NodeSpec& spec) {
  const bool moves = spec.def->moves_data && !spec.def->eval_quantized;
  const bool passes = moves || spec.def == &MaxPool::def || spec.def == &AveragePool::def || spec.def == &Resize::def;
  if (!passes || spec.inputs.empty() || !spec.inputs[0].exists()) return nullptr;
  const TensorType& from = graph().type(spec.inputs[0]);
  if (!from.quant) return nullptr;
  for (const TensorType& to : spec.output_types) {
    if (!to.quant || (to.dtype == from.dtype && same_quant(from.quant, to.quant))) continue;
    if (to.dtype != from.dtype || !from.quant->is_per_tensor() || !to.quant->is_per_tensor())
      throw unsupported(cat("the output is ", to_text(to), ", the input ", to_text(from),
                            ": elements would change their meaning where they only move"));
  }
  return from.quant;
}

/// The stored integers of `value` with the meaning that output j declares: real numbers by another scale and zero.
ValueId ReadNode::restored(ValueId value, size_t j) {
  const QuantPtr from = graph().type(value).quant;
  if (op_.outputs[j] < 0 || !from) return value;
  const TensorType& to = out_type(j);
  if (!to.quant || same_quant(from, to.quant)) return value;
  const float ratio = to.quant->scale() / from->scale();
  const auto shift = static_cast<float>(from->zero_point() - to.quant->zero_point()) * to.quant->scale();
  ValueId real = temp(Dequantize{}, {value});
  real = temp(Mul{}, {real, add_constant(Tensor::scalar(ratio), "ratio")});
  if (shift != 0) real = temp(Add{}, {real, add_constant(Tensor::scalar(shift), "shift")});
  return temp(Quantize{}, {real}, {to.dtype, Shape::unranked(), to.quant});
}

ValueId ReadNode::temp_spec(const OpDef& def, Attrs attrs, std::vector<ValueId> inputs, const TensorType* type) {
  const std::string name = op_.outputs.empty() ? cat(op_name_, ".", def.name) : cat(output_name(0), ".", def.name);
  NodeSpec spec{.def = &def,
                .attrs = std::move(attrs),
                .inputs = std::move(inputs),
                .name = name,
                .output_names = {name},
                .source = source()};
  if (type) spec.output_types.push_back(*type);
  return graph().node(graph().add(std::move(spec))).outputs[0];
}

void ReadNode::emit_tanh(ValueId x) { emit(Tanh{}, {x}); }

void ReadNode::bind(size_t j, ValueId value) {
  if (j >= op_.outputs.size())
    throw invalid_model(cat("output ", j, " is absent, found ", op_.outputs.size(), " outputs"));
  reader_.bind(op_.outputs[j], value);
  is_bound_ = true;
  // What this operator made under a working name is known by the file's name from here on.
  const Node* maker = op_.outputs[j] >= 0 ? graph().producer(value) : nullptr;
  if (maker && (maker->source.op.empty() || maker->source.name == output_name(0)))
    graph().set_name(value, output_name(j));
}

ValueId ReadNode::add_constant(Tensor value, const char* suffix) {
  reader_.state().file.spend(static_cast<uint64_t>(value.byte_size()));
  const std::string base = op_.outputs.empty() ? op_name_ : output_name(0);
  return graph().add_constant(std::move(value), cat(base, "/", suffix));
}

ValueId ReadNode::add_ints(const std::vector<int64_t>& values, const char* suffix) {
  return add_constant(Tensor::of<int64_t>({static_cast<int64_t>(values.size())}, values), suffix);
}

ValueId ReadNode::list_i64(size_t i) {
  if (is_constant(i)) return add_ints(ints(i));
  const ValueId wide = type(i).dtype == DType::kI64 ? in(i) : temp(Cast{.to = DType::kI64}, {in(i)});
  if (rank(i) == 1) return wide;
  return temp(Reshape{}, {wide, add_ints({-1}, "flat")});
}

ValueId ReadNode::scalar(size_t i) {
  if (rank(i) == 0) return in(i);
  if (!is_constant(i)) return temp(Reshape{}, {in(i), add_ints({}, "scalar")});
  if (constant(i).elements() != 1)
    throw invalid_model(cat("input ", i, " has ", constant(i).elements(), " elements, expected 1"));
  return add_constant(constant(i).reshaped({}), "scalar");
}

ValueId ReadNode::permuted(size_t i, const std::vector<int64_t>& perm) {
  if (rank(i) != static_cast<int64_t>(perm.size()))
    throw invalid_model(cat("input ", i, " has rank ", rank(i), ", expected ", perm.size()));
  if (is_constant(i)) reader_.state().file.spend(static_cast<uint64_t>(constant(i).byte_size()));
  if (is_constant(i)) return graph().add_constant(transposed(constant(i), perm), graph().value(in(i)).name);
  return temp(Transpose{.perm = perm}, {in(i)});
}

void ReadNode::opaque(std::string reason) {
  Opaque op{.format = "tflite",
            .domain = is_custom_ ? "custom" : "",
            .type = op_name_,
            .version = version_,
            .reason = std::move(reason)};
  for (size_t j = 0; j < output_count(); ++j) op.output_dtypes.emplace_back(to_string(out_type(j).logical_dtype()));
  if (is_custom_) {
    op.payload.assign(op_.custom_options.begin(), op_.custom_options.end());
  } else if (op_.builtin_options.value) {
    fb::OperatorT options;
    options.builtin_options = op_.builtin_options;
    flatbuffers::FlatBufferBuilder builder;
    builder.Finish(fb::Operator::Pack(builder, &options));
    op.payload.assign(reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize());
  }
  std::vector<ValueId> inputs;
  for (size_t i = 0; i < input_count(); ++i) inputs.push_back(optional(i));
  NodeSpec spec{.def = &Opaque::def,
                .attrs = Attrs::of(std::move(op)),
                .inputs = std::move(inputs),
                .outputs = output_count(),
                .name = op_.outputs.empty() ? op_name_ : output_name(0),
                .source = source()};
  for (size_t j = 0; j < output_count(); ++j) {
    spec.output_types.push_back(out_type(j));
    // The converter writes a rank that it does not know as none.
    if (Shape& shape = spec.output_types.back().shape; shape.has_rank() && shape.rank() == 0) shape = Shape::unranked();
    spec.output_names.push_back(output_name(j));
  }
  const NodeId id = graph().add(std::move(spec));
  for (size_t j = 0; j < output_count(); ++j) bind(j, graph().node(id).outputs[j]);
}

ValueId ReadNode::keeping_spec(const OpDef& def, Attrs attrs, std::vector<ValueId> inputs,
                               const std::vector<size_t>& kept) {
  const TensorType& y = out_type(0);
  NodeSpec spec{.def = &def,
                .attrs = std::move(attrs),
                .inputs = std::move(inputs),
                .outputs = 1 + kept.size(),
                .name = output_name(0),
                .output_names = {cat(output_name(0), ".", def.name)},
                .source = source()};
  spec.output_types.push_back({y.dtype, Shape::unranked(), y.quant});
  for (const size_t i : kept) {
    spec.output_types.push_back(type(i));
    spec.output_names.push_back(cat(reader_.name_of_tensor(index_of(i)), ".next"));
  }
  const std::vector<ValueId> made = graph().node(graph().add(std::move(spec))).outputs;
  for (size_t k = 0; k < kept.size(); ++k) reader_.advance(index_of(kept[k]), made[k + 1]);
  return made[0];
}

void ReadNode::name_resource(size_t i, std::string key) {
  if (i >= op_.outputs.size()) throw invalid_model("a handle without an output");
  reader_.name_resource(op_.outputs[i], std::move(key));
}

ValueId ReadNode::read_resource(size_t i, const TensorType& type) { return reader_.read_resource(index_of(i), type); }
void ReadNode::assign_resource(size_t i, ValueId value) { reader_.assign_resource(index_of(i), value); }
void ReadNode::run_once(int32_t subgraph) { reader_.run_once(subgraph); }

Graph ReadNode::subgraph(int64_t index) {
  const auto* subgraphs = reader_.state().file.model().subgraphs();
  if (index < 0 || index >= static_cast<int64_t>(subgraphs->size()))
    throw invalid_model(cat("subgraph index is ", index, ", expected less than ", subgraphs->size()));
  return SubgraphReader(reader_.state(), static_cast<int32_t>(index)).read();
}

}  // namespace hone::tflite

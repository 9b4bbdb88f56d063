#include "formats/onnx/node_writer.h"

#include <algorithm>
#include <cmath>
#include <protozero/pbf_message.hpp>
#include <protozero/pbf_writer.hpp>

#include "base/error.h"
#include "base/text.h"
#include "formats/onnx/graph_writer.h"
#include "formats/onnx/node_reader.h"
#include "formats/onnx/tensor_io.h"
#include "ops/control.h"
#include "ops/movement.h"
#include "ops/quantize.h"

namespace hone::onnx {

namespace {

constexpr Layout layout_of(bool is_first) { return is_first ? Layout::channels_first : Layout::plain; }

int64_t known_rank(const TensorType& type) {
  if (!type.shape.has_rank()) throw unsupported("onnx: the rank of a tensor is not known");
  return type.shape.rank();
}

Dims first_dims(const Dims& dims) {
  Dims out;
  for (const int64_t axis : to_channels_first_perm(static_cast<int64_t>(dims.size())))
    out.push_back(dims[static_cast<size_t>(axis)]);
  return out;
}

/// Whether moving the channels to the front leaves the elements where they are.
bool moves_only_ones(const Shape& shape) {
  const Dim one(1);
  if (shape[shape.rank() - 1] == one) return true;
  for (int64_t i = 1; i + 1 < shape.rank(); ++i)
    if (!(shape[i] == one)) return false;
  return true;
}

/// `tensor` seen with `rank` axes, the new ones of one element in front.
Tensor with_leading_ones(const Tensor& tensor, int64_t rank) {
  const int64_t more = rank - tensor.rank();
  Dims dims(static_cast<size_t>(more), 1);
  dims.insert(dims.end(), tensor.dims().begin(), tensor.dims().end());
  const Tensor wide = tensor.with_quant(nullptr).reshaped(dims);
  if (!tensor.quant()) return wide;
  QuantParams quant = *tensor.quant();
  if (quant.axis >= 0) quant.axis += more;
  return wide.with_quant(std::make_shared<const QuantParams>(std::move(quant)));
}

/// What a real becomes when it is stored: where clamps at or beyond the ends of the type change nothing.
int64_t stored_value(double real, const QuantParams& quant, DType dtype) {
  const double step = std::nearbyint(real / static_cast<double>(quant.scale())) + quant.zero_point();
  return static_cast<int64_t>(std::clamp(step, static_cast<double>(min_of(dtype)), static_cast<double>(max_of(dtype))));
}

/// The type in which a value's reals are stored: its own, or that of the only Quantize that reads it; null when none.
const TensorType* storage_of(const Graph& graph, ValueId id) {
  const Value& value = graph.value(id);
  if (value.type.quant) return &value.type;
  if (value.users.size() != 1 || graph.is_output(id)) return nullptr;
  const Node& user = graph.node(value.users.front());
  return user.is<Quantize>() ? &graph.type(user.outputs[0]) : nullptr;
}

bool is_single(const TensorType& type) { return type.shape.is_static() && type.shape.elements() == 1; }

}  // namespace

const Graph& NodeWriter::graph() const { return writer_.graph(); }
const Node& NodeWriter::node() const { return graph().node(id_); }
int NodeWriter::opset() const { return writer_.opset(); }
void NodeWriter::needs(int opset) { writer_.needs(opset); }
int64_t NodeWriter::rank(size_t i) const { return known_rank(type(i)); }
int64_t NodeWriter::output_rank(size_t i) const { return known_rank(output_type(i)); }

std::vector<int64_t> NodeWriter::constant_ints(size_t i) const {
  if (!has(i) || !constant(i).exists())
    throw unsupported(cat("onnx: input ", static_cast<int64_t>(i), " is computed at run time, expected a constant"));
  return to_ints(constant(i));
}

bool NodeWriter::try_channels_first(size_t data_inputs) {
  const TensorType& result = output_type();
  if (!result.shape.has_rank() || result.shape.rank() <= 2) return false;
  const int64_t rank = result.shape.rank();
  int first = 0, plain = 0;
  for (size_t i = 0; i < std::min(data_inputs, input_count()); ++i) {
    if (!has(i)) continue;
    const TensorType& in = type(i);
    if (!in.shape.has_rank()) return false;
    if (constant(i).exists() || is_single(in)) continue;
    if (in.shape.rank() != rank) return false;
    const bool in_first = writer_.exists_in(value(i), Layout::channels_first);
    const bool in_plain = writer_.exists_in(value(i), Layout::plain);
    first += in_first && !in_plain;
    plain += in_plain && !in_first;
    if (in_first && in_plain) continue;
  }
  bool any_first = false;
  for (size_t i = 0; i < std::min(data_inputs, input_count()); ++i)
    any_first = any_first || (has(i) && !constant(i).exists() && writer_.exists_in(value(i), Layout::channels_first));
  is_first_ = any_first && first >= plain;
  return is_first_;
}

int64_t NodeWriter::map_axis(int64_t axis, int64_t rank) const {
  const int64_t at = normalize_axis(axis, rank, "axis");
  if (!is_first_) return at;
  const std::vector<int64_t> perm = to_channels_first_perm(rank);
  return std::find(perm.begin(), perm.end(), at) - perm.begin();
}

bool NodeWriter::alias_transpose() {
  const Shape& shape = type(0).shape;
  if (!shape.has_rank() || shape.rank() <= 2) return false;
  const auto& perm = op<Transpose>().perm;
  const int64_t r = shape.rank();
  const ValueId x = value(0), y = node().outputs[0];
  const QuantPtr &from = type(0).quant, &to = output_type().quant;
  if (!same_quant(from, to) || (from && !from->is_per_tensor()) || constant(0).exists()) return false;
  const bool is_to_first = perm == to_channels_first_perm(r);
  const bool is_to_last = perm == to_channels_last_perm(r);
  if (is_to_last && writer_.exists_in(x, Layout::plain)) {
    writer_.alias(y, Layout::channels_first, x, Layout::plain);
    return true;
  }
  if (is_to_first && writer_.exists_in(x, Layout::channels_first)) {
    writer_.alias(y, Layout::plain, x, Layout::channels_first);
    return true;
  }
  return false;
}

void NodeWriter::define_dequantized() { writer_.define_dequantized(node().outputs[0], value(0)); }

bool NodeWriter::alias_reshape() {
  const Shape &from = type(0).shape, &to = output_type().shape;
  if (!from.is_static() || !to.is_static() || from.rank() != to.rank() || from.rank() <= 2) return false;
  if (constant(0).exists() || !same_quant(type(0).quant, output_type().quant)) return false;
  const ValueId x = value(0), y = node().outputs[0];
  if (writer_.exists_in(x, Layout::plain) && moves_only_ones(to) && first_dims(to.dims()) == from.dims()) {
    writer_.alias(y, Layout::channels_first, x, Layout::plain);
    return true;
  }
  if (writer_.exists_in(x, Layout::channels_first) && moves_only_ones(from) && first_dims(from.dims()) == to.dims()) {
    writer_.alias(y, Layout::plain, x, Layout::channels_first);
    return true;
  }
  return false;
}

std::string NodeWriter::any_order_in() {
  const Shape& shape = type(0).shape;
  if (!shape.has_rank() || shape.rank() <= 2 || constant(0).exists() || writer_.exists_in(value(0), Layout::plain) ||
      !moves_only_ones(shape))
    return plain_in(0);
  return writer_.name(value(0), Layout::channels_first);
}

std::string NodeWriter::in(size_t i) {
  if (i >= input_count() || !has(i)) return "";
  if (!is_first_) return writer_.name(value(i));
  const TensorType& in_type = type(i);
  if (constant(i).exists() && in_type.shape.rank() < output_rank() && in_type.shape.rank() > 0 &&
      in_type.shape.elements() > 1) {
    // A constant that broadcasts from the right gets its leading ones before it is turned.
    return writer_.write_constant(with_leading_ones(constant(i), output_rank()), graph().value(value(i)).name,
                                  Layout::channels_first);
  }
  const bool keeps = is_single(in_type) && in_type.shape.rank() != output_rank();
  return writer_.name(value(i), keeps ? Layout::plain : Layout::channels_first);
}

std::string NodeWriter::plain_in(size_t i) { return i < input_count() && has(i) ? writer_.name(value(i)) : ""; }

std::string NodeWriter::name_of(ValueId id) { return writer_.name(id); }

std::string NodeWriter::plain_in_as(size_t i, DType dtype) {
  if (!has(i) || type(i).logical_dtype() == dtype) return plain_in(i);
  if (constant(i).exists() && !type(i).quant)
    return writer_.add_constant(cast(constant(i), dtype), graph().value(value(i)).name);
  const std::string name = temp(to_string(dtype));
  emit("Cast", {plain_in(i)}, {name}, AttributeList().add("to", dtype));
  return name;
}

std::string NodeWriter::bytes_in(size_t i, ValueId stored, const Tensor& bytes, bool is_turned) {
  const Layout layout = layout_of(is_first_);
  if (bytes.exists()) return writer_.write_constant(bytes, graph().value(value(i)).name, layout);
  return writer_.name(stored, is_turned ? Layout::plain : layout);
}

std::string NodeWriter::transposed_in(size_t i, const std::vector<int64_t>& perm) {
  const std::string hint = cat(graph().value(value(i)).name, "/transposed");
  if (const Tensor& tensor = constant(i); tensor.exists()) {
    const Tensor turned = onnx::transposed(tensor.with_quant(nullptr), perm);
    if (!tensor.quant()) return writer_.add_constant(turned, hint);
    QuantParams quant = *tensor.quant();
    if (quant.axis >= 0) quant.axis = std::find(perm.begin(), perm.end(), quant.axis) - perm.begin();
    const auto moved = std::make_shared<const QuantParams>(std::move(quant));
    return writer_.write_constant(turned.with_quant(moved), hint, Layout::plain);
  }
  const std::string name = temp(hint);
  emit("Transpose", {plain_in(i)}, {name}, AttributeList().add("perm", perm));
  return name;
}

std::string NodeWriter::stored_in(size_t i) { return writer_.stored_name(value(i), layout_of(is_first_)); }

std::vector<std::string> NodeWriter::all_in() {
  std::vector<std::string> names;
  for (size_t i = 0; i < input_count(); ++i) names.push_back(in(i));
  return names;
}

std::string NodeWriter::ints_in(size_t i) { return plain_in_as(i, DType::kI64); }

std::string NodeWriter::out(size_t i) {
  return writer_.define(node().outputs.at(i), layout_of(is_first_ && output_rank(i) > 2));
}
std::string NodeWriter::plain_out(size_t i) { return writer_.define(node().outputs.at(i), Layout::plain); }

std::vector<std::string> NodeWriter::all_out() {
  std::vector<std::string> names;
  for (size_t i = 0; i < output_count(); ++i) names.push_back(is_first_ ? out(i) : plain_out(i));
  return names;
}

void NodeWriter::emit_quantize(const std::string& real, size_t i) {
  const ValueId id = node().outputs.at(i);
  writer_.emit_quantize(real, id, layout_of(is_first_ && known_rank(graph().type(id)) > 2));
}

std::string NodeWriter::constant(const Tensor& tensor, std::string_view hint) {
  return writer_.add_constant(tensor, cat(node().name, "/", hint));
}

std::string NodeWriter::ints(std::vector<int64_t> values, std::string_view hint) {
  const auto count = static_cast<int64_t>(values.size());
  return constant(Tensor::of<int64_t>({count}, values), hint);
}

std::string NodeWriter::scalar(DType dtype, double value, std::string_view hint) {
  return constant(cast(Tensor::scalar<double>(value), dtype), hint);
}

std::string NodeWriter::temp(std::string_view hint) { return writer_.unique(cat(node().name, "/", hint)); }

void NodeWriter::emit(std::string_view op_type, std::vector<std::string> inputs, std::vector<std::string> outputs,
                      const AttributeList& attributes) {
  writer_.emit(op_type, node().name, inputs, outputs, attributes);
}

void NodeWriter::emit_clamped(std::string_view op_type, std::vector<std::string> inputs,
                              const AttributeList& attributes, float act_min, float act_max) {
  bool has_min = std::isfinite(act_min), has_max = std::isfinite(act_max);
  const TensorType* stored = storage_of(graph(), node().outputs.at(0));
  if (stored && stored->quant->is_per_tensor()) {
    has_min = has_min && stored_value(act_min, *stored->quant, stored->dtype) > min_of(stored->dtype);
    has_max = has_max && stored_value(act_max, *stored->quant, stored->dtype) < max_of(stored->dtype);
  }
  const DType dtype = output_type().logical_dtype();
  std::string made = op_type.empty() ? inputs.at(0) : has_min || has_max ? temp("unclamped") : out();
  if (!op_type.empty()) emit(op_type, std::move(inputs), {made}, attributes);
  if (!has_min && !has_max && !op_type.empty()) return;
  if (!has_min && !has_max) return emit("Identity", {made}, {out()});
  if (has_min && act_min == 0 && !has_max) return emit("Relu", {made}, {out()});
  std::vector<std::string> clip{made, has_min ? scalar(dtype, act_min, "min") : ""};
  if (has_max) clip.push_back(scalar(dtype, act_max, "max"));
  emit("Clip", std::move(clip), {out()});
}

void NodeWriter::emit_opaque() {
  const Opaque& op = this->op<Opaque>();
  std::string out;
  protozero::pbf_writer writer(out);
  for (size_t i = 0; i < input_count(); ++i) writer.add_string(1, plain_in(i));
  for (size_t i = 0; i < output_count(); ++i) writer.add_string(2, plain_out(i));
  writer.add_string(3, node().name);
  writer.add_string(4, op.type);
  // Attributes go back as they came; everything else in the payload is names of another graph.
  try {
    protozero::pbf_reader reader(op.payload);
    while (reader.next()) {
      if (reader.tag() == 5 && reader.wire_type() == protozero::pbf_wire_type::length_delimited) {
        const protozero::data_view view = reader.get_view();
        writer.add_message(5, view.data(), view.size());
      } else {
        reader.skip();
      }
    }
  } catch (const protozero::exception& e) {
    throw invalid_model(cat("opaque: the body of '", op.type, "' is no ONNX node: ", e.what()));
  }
  if (!op.domain.empty()) writer.add_string(7, op.domain);
  writer_.emit_raw(std::move(out));
}

std::string NodeWriter::subgraph(size_t k, size_t formal, size_t captured) {
  std::vector<std::string> names;
  for (size_t i = captured; i < input_count(); ++i) names.push_back(plain_in(i));
  GraphWriter inner(node().subgraphs.at(k), writer_);
  return inner.write_subgraph(formal, names);
}

std::string NodeWriter::while_body(size_t states) {
  std::vector<std::string> names;
  for (size_t i = states; i < input_count(); ++i) names.push_back(plain_in(i));
  GraphWriter inner(node().subgraphs.at(1), writer_);
  return inner.write_loop_body(node().subgraphs.at(0), states, names);
}

void add_field(AttributeList& attributes, const FieldInfo& field, const void* op) {
  const void* at = field.address(const_cast<void*>(op));
  switch (field.kind) {
    case AttrKind::kInt:
      attributes.add(field.name, *static_cast<const int64_t*>(at));
      break;
    case AttrKind::kBool:
      attributes.add(field.name, *static_cast<const bool*>(at));
      break;
    case AttrKind::kFloat:
      attributes.add(field.name, *static_cast<const float*>(at));
      break;
    case AttrKind::kString:
      attributes.add(field.name, std::string_view(*static_cast<const std::string*>(at)));
      break;
    case AttrKind::kInts:
      attributes.add(field.name, *static_cast<const std::vector<int64_t>*>(at));
      break;
    case AttrKind::kFloats:
      attributes.add(field.name, std::span<const float>(*static_cast<const std::vector<float>*>(at)));
      break;
    case AttrKind::kStrings:
      attributes.add(field.name, *static_cast<const std::vector<std::string>*>(at));
      break;
    case AttrKind::kDType:
      attributes.add(field.name, *static_cast<const DType*>(at));
      break;
    case AttrKind::kTensor:
      if (static_cast<const Tensor*>(at)->exists()) attributes.add(field.name, *static_cast<const Tensor*>(at));
      break;
    case AttrKind::kEnum:
      attributes.add(field.name, field.enum_names[static_cast<size_t>(*static_cast<const int*>(at))]);
      break;
  }
}

AttributeList same_attributes(const Node& node) {
  AttributeList attributes;
  for (const FieldInfo& field : node.attrs.type().fields) add_field(attributes, field, node.attrs.value());
  return attributes;
}

void write_same(NodeWriter& w) {
  if (w.node().def->elementwise) w.try_channels_first(w.input_count());
  w.emit(w.op_name(), w.all_in(), w.all_out(), same_attributes(w.node()));
}

}  // namespace hone::onnx

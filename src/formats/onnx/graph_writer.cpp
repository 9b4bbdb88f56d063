#include "formats/onnx/graph_writer.h"

#include <algorithm>
#include <iterator>
#include <protozero/pbf_writer.hpp>

#include "base/error.h"
#include "base/text.h"
#include "formats/onnx/conforms.h"
#include "formats/onnx/integer_product.h"
#include "formats/onnx/kernels.h"
#include "formats/onnx/rows.h"
#include "formats/onnx/tensor_io.h"
#include "ops/movement.h"
#include "passes/rewrite.h"

namespace hone::onnx {

namespace {

constexpr size_t index_of(Layout layout) { return static_cast<size_t>(layout); }
constexpr Layout other(Layout layout) { return layout == Layout::plain ? Layout::channels_first : Layout::plain; }

int64_t known_rank(const Graph& graph, ValueId id) {
  const Shape& shape = graph.type(id).shape;
  if (!shape.has_rank()) throw unsupported(cat("onnx: the rank of '", graph.value(id).name, "' is not known"));
  return shape.rank();
}

/// Tensors below this stay in the model even when others go to a file of their own.
constexpr int64_t kMinExternalBytes = 1024;

}  // namespace

std::vector<int64_t> permutation(int64_t rank, Layout to) {
  return to == Layout::channels_first ? to_channels_first_perm(rank) : to_channels_last_perm(rank);
}

std::string encode_value_info(std::string_view name, const TensorType& type) {
  std::string dims, tensor, value, out;
  for (size_t i = 0; type.shape.has_rank() && i < type.shape.list().size(); ++i) {
    const Dim& dim = type.shape.list()[i];
    std::string encoded;
    protozero::pbf_writer d(encoded);
    if (dim.is_known()) d.add_int64(1, dim.value());
    if (!dim.is_known() && !dim.symbol().empty()) d.add_string(2, dim.symbol());
    protozero::pbf_writer(dims).add_message(1, encoded);
  }
  protozero::pbf_writer t(tensor);
  t.add_int32(1, data_type_of(type.dtype));
  if (type.shape.has_rank()) t.add_message(2, dims);
  protozero::pbf_writer(value).add_message(1, tensor);
  protozero::pbf_writer info(out);
  info.add_string(1, name.data(), name.size());
  info.add_message(2, value);
  return out;
}

std::string GraphWriter::unique(std::string_view hint) {
  std::string candidate(hint);
  for (int64_t n = 1; candidate.empty() || !used_.insert(candidate).second; ++n) candidate = cat(hint, "_", n);
  return candidate;
}

std::string GraphWriter::take(std::string_view wanted) {
  std::string name(wanted);
  return reserved_.erase(name) != 0 ? name : unique(wanted);
}

std::string GraphWriter::add_constant(const Tensor& tensor, std::string_view hint) {
  if (is_packed(tensor.dtype())) needs(21);
  const std::string name = unique(hint);
  types_[name] = tensor.dtype();
  if (external_.location.empty() || tensor.byte_size() < kMinExternalBytes) {
    initializers_.push_back(encode_tensor(name, tensor));
    return name;
  }
  constexpr size_t kAlignment = 64;
  external_.bytes.resize((external_.bytes.size() + kAlignment - 1) / kAlignment * kAlignment);
  const std::string bytes = raw_bytes(tensor);
  std::string out;
  protozero::pbf_writer writer(out);
  for (const int64_t dim : tensor.dims()) writer.add_int64(1, dim);
  writer.add_int32(2, data_type_of(tensor.dtype()));
  writer.add_string(8, name);
  const std::pair<const char*, std::string> entries[] = {
      {"location", external_.location}, {"offset", cat(external_.bytes.size())}, {"length", cat(bytes.size())}};
  for (const auto& [key, value] : entries) {
    protozero::pbf_writer entry(writer, 13);
    entry.add_string(1, key);
    entry.add_string(2, value);
  }
  writer.add_int32(14, 1);
  external_.bytes += bytes;
  initializers_.push_back(std::move(out));
  return name;
}

void GraphWriter::add_node(std::string_view op_type, std::string_view node_name, std::span<const std::string> inputs,
                           std::span<const std::string> outputs, const AttributeList& attributes) {
  std::string out;
  protozero::pbf_writer writer(out);
  for (const std::string& name : inputs) writer.add_string(1, name);
  for (const std::string& name : outputs) writer.add_string(2, name);
  writer.add_string(3, unique_node(node_name));
  writer.add_string(4, op_type.data(), op_type.size());
  for (const std::string& attribute : attributes.encoded()) writer.add_message(5, attribute);
  const Kernel* kernel = find_kernel(op_type, target_.version);
  if (kernel && !kernel->domain.empty()) {
    writer.add_string(7, kernel->domain.data(), kernel->domain.size());
    target_.domains.insert(kernel->domain);
  }
  nodes_.push_back(std::move(out));
}

std::optional<DType> GraphWriter::type_of(const std::string& name) const {
  const auto it = types_.find(name);
  return it == types_.end() ? std::nullopt : std::optional(it->second);
}

void GraphWriter::emit(std::string_view op_type, std::string_view node_name, std::vector<std::string> inputs,
                       std::vector<std::string> outputs, const AttributeList& attributes) {
  while (!inputs.empty() && inputs.back().empty()) inputs.pop_back();
  // When a newer operator set is needed, this one's file is void anyway.
  TypedNode node{.op = op_type,
                 .opset = std::max(target_.version, target_.needed),
                 .in = {},
                 .out = {},
                 .attribute = attributes.dtype()};
  for (const std::string& name : inputs) node.in.push_back(type_of(name));
  for (const std::string& name : outputs) node.out.push_back(type_of(name));
  const Conformed conformed = conform(node);
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!conformed.cast_in[i]) continue;
    if (is_packed(*node.in[i])) needs(21);
    const std::string wide = unique(cat(inputs[i], "/", to_string(*conformed.cast_in[i])));
    const AttributeList to = AttributeList().add("to", *conformed.cast_in[i]);
    add_node("Cast", cat(wide, "/Cast"), {&inputs[i], 1}, {&wide, 1}, to);
    types_[wide] = *conformed.cast_in[i];
    inputs[i] = wide;
  }
  const std::vector<std::string> wanted = outputs;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].empty()) continue;
    if (conformed.cast_out[i]) outputs[i] = unique(cat(wanted[i], "/", to_string(*conformed.out[i])));
    if (conformed.out[i]) types_[outputs[i]] = *conformed.out[i];
  }
  add_node(op_type, node_name, inputs, outputs, attributes);
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!conformed.cast_out[i] || outputs[i].empty()) continue;
    if (is_packed(*conformed.cast_out[i])) needs(21);
    add_node("Cast", cat(wanted[i], "/Cast"), {&outputs[i], 1}, {&wanted[i], 1},
             AttributeList().add("to", *conformed.cast_out[i]));
    types_[wanted[i]] = *conformed.cast_out[i];
  }
}

std::string GraphWriter::unique_node(std::string_view wanted) {
  std::string candidate(wanted);
  for (int64_t n = 1; !node_names_.insert(candidate).second; ++n) candidate = cat(wanted, "_", n);
  return candidate;
}

bool GraphWriter::exists_in(ValueId id, Layout layout) const {
  const auto it = names_.find(id.index);
  if (it == names_.end()) return false;
  return !it->second.real[index_of(layout)].empty() || !it->second.stored[index_of(layout)].empty();
}

/// A channels-first name that a later Transpose back would want is taken now, so that no copy is needed.
std::string GraphWriter::wanted_name(ValueId id, Layout layout) {
  const Value& value = graph_.value(id);
  if (layout == Layout::plain) return value.name;
  for (const NodeId user : value.users) {
    const Node& node = graph_.node(user);
    if (!node.is<Transpose>() || !value.type.shape.has_rank()) continue;
    const ValueId result = node.outputs[0];
    if (node.as<Transpose>().perm == permutation(value.type.shape.rank(), layout) && graph_.is_output(result) &&
        !names_.contains(result.index) && !value.type.quant)
      return graph_.value(result).name;
  }
  return cat(value.name, "/channels_first");
}

std::string GraphWriter::define(ValueId id, Layout layout) {
  Names& names = names_[id.index];
  std::string& real = names.real[index_of(layout)];
  if (!real.empty()) return real;
  const std::string wanted = wanted_name(id, layout);
  real = graph_.value(id).type.quant ? unique(cat(wanted, "/real")) : take(wanted);
  types_[real] = graph_.type(id).logical_dtype();
  defined_.push_back({id, layout});
  return real;
}

void GraphWriter::define_dequantized(ValueId id, ValueId source) {
  const Names& from = names_[source.index];
  Names& to = names_[id.index];
  for (const Layout layout : {Layout::plain, Layout::channels_first}) {
    const std::string& stored = from.stored[index_of(layout)];
    if (stored.empty()) continue;
    to.real[index_of(layout)] =
        graph_.is_output(id) ? emit_dequantize(source, layout, stored, wanted_name(id, layout)) : name(source, layout);
    return;
  }
  to.real[index_of(Layout::plain)] = name(source);
}

void GraphWriter::alias(ValueId id, Layout layout, ValueId source, Layout source_layout) {
  if (graph_.is_constant(source)) return;
  const Names from = names_[source.index];
  Names& to = names_[id.index];
  to.real[index_of(layout)] = from.real[index_of(source_layout)];
  to.stored[index_of(layout)] = from.stored[index_of(source_layout)];
}

std::string GraphWriter::transpose(const std::string& from, ValueId id, Layout to, bool is_value) {
  const std::string wanted = is_value ? take(graph_.value(id).name) : unique(cat(from, "/transposed"));
  AttributeList attributes;
  attributes.add("perm", permutation(known_rank(graph_, id), to));
  emit("Transpose", cat(wanted, "/Transpose"), {from}, {wanted}, attributes);
  return wanted;
}

int64_t GraphWriter::axis_in(int64_t axis, int64_t rank, Layout layout) const {
  if (layout == Layout::plain) return axis;
  const std::vector<int64_t> perm = permutation(rank, layout);
  return std::find(perm.begin(), perm.end(), axis) - perm.begin();
}

std::string GraphWriter::quantize_parameters(const QuantParams& quant, DType dtype, std::string* zero_point,
                                             bool is_bias) {
  if (quant.block_size != 0) throw unsupported("onnx: a type with blocked quantization has no form in ONNX");
  const auto shared = [&](const Tensor& tensor, std::string_view hint) {
    const std::string key = cat(to_text(tensor.type()), raw_bytes(tensor));
    std::string& name = shared_constants_[key];
    if (name.empty()) name = add_constant(tensor, hint);
    return name;
  };
  const Dims dims = quant.is_per_tensor() ? Dims{} : Dims{static_cast<int64_t>(quant.scales.size())};
  std::vector<double> points(quant.zero_points.begin(), quant.zero_points.end());
  if (!is_bias)
    *zero_point = shared(cast(Tensor::of<double>(dims, std::span<const double>(points)), dtype), "zero_point");
  return shared(Tensor::of<float>(dims, std::span<const float>(quant.scales)), "scale");
}

/// i32 whose zero point is not 0: the runtime takes i32 for biases and does not look at one.
static bool has_lost_zero_point(const QuantParams& quant, DType dtype) {
  return dtype == DType::kI32 &&
         std::any_of(quant.zero_points.begin(), quant.zero_points.end(), [](int32_t point) { return point != 0; });
}

/// Asks for the operator set that has the storage type of a quantized value.
void GraphWriter::need_quantized(ValueId id) {
  const DType dtype = graph_.type(id).dtype;
  if (size_of(dtype) == 2 || is_packed(dtype)) return needs(21);
  if (dtype != DType::kI8 && dtype != DType::kU8 && dtype != DType::kI32)
    throw unsupported(cat("onnx: '", graph_.value(id).name, "' is quantized to ", to_string(dtype),
                          ", ONNX has 4, 8, 16 and 32 bits"));
}

std::string GraphWriter::emit_dequantize(ValueId id, Layout layout, const std::string& stored,
                                         std::string_view wanted) {
  const TensorType& type = graph_.type(id);
  need_quantized(id);
  std::string zero_point;
  const std::string scale = quantize_parameters(*type.quant, type.dtype, &zero_point, type.dtype == DType::kI32);
  AttributeList attributes;
  if (!type.quant->is_per_tensor()) {
    attributes.add("axis", axis_in(type.quant->axis, known_rank(graph_, id), layout));
  }
  const std::string real = take(wanted);
  std::string integers = stored;
  if (has_lost_zero_point(*type.quant, type.dtype)) {
    if (!type.quant->is_per_tensor()) throw unsupported("onnx: i32 with several zero points has no form in ONNX");
    integers = unique(cat(real, "/centered"));
    const std::string point = add_constant(Tensor::scalar(type.quant->zero_point()), cat(real, "/zero_point"));
    emit("Sub", cat(real, "/Sub"), {stored, point}, {integers}, {});
  }
  emit("DequantizeLinear", cat(real, "/DequantizeLinear"), {integers, scale, zero_point}, {real}, attributes);
  return real;
}

void GraphWriter::emit_quantize(const std::string& real, ValueId id, Layout layout) {
  const TensorType& type = graph_.type(id);
  if (type.dtype == DType::kI32)
    throw unsupported(cat("onnx: '", graph_.value(id).name, "' is quantized to i32, ONNX has 4, 8 and 16 bits"));
  need_quantized(id);
  std::string zero_point;
  const std::string scale = quantize_parameters(*type.quant, type.dtype, &zero_point, false);
  AttributeList attributes;
  if (!type.quant->is_per_tensor()) {
    if (layout != Layout::plain) throw unsupported("onnx: activations quantized per channel in a spatial operator");
    attributes.add("axis", type.quant->axis);
  }
  std::string& stored = names_[id.index].stored[index_of(layout)];
  stored = take(wanted_name(id, layout));
  emit("QuantizeLinear", cat(stored, "/QuantizeLinear"), {real, scale, zero_point}, {stored}, attributes);
}

namespace {

bool is_moved(const Tensor& constant, Layout layout) { return layout == Layout::channels_first && constant.rank() > 2; }
Tensor in_layout(const Tensor& constant, Layout layout) {
  return is_moved(constant, layout) ? transposed(constant, permutation(constant.rank(), layout)) : constant;
}
std::string name_in_layout(const std::string& name, const Tensor& constant, Layout layout) {
  return is_moved(constant, layout) ? cat(name, "/channels_first") : name;
}

}  // namespace

/// Constants are permuted here; quantized ones are widened to a type operator set 17 has.
std::string GraphWriter::write_constant(const Tensor& constant, const std::string& name, Layout layout) {
  Tensor tensor = in_layout(constant, layout);
  const std::string hint = name_in_layout(name, constant, layout);
  if (!constant.quant()) return add_constant(tensor, hint);
  QuantParams quant = *constant.quant();
  const bool is_narrow = is_packed(tensor.dtype());
  if (quant.block_size != 0 || has_lost_zero_point(quant, tensor.dtype()) ||
      (!is_narrow && tensor.dtype() != DType::kI8 && tensor.dtype() != DType::kU8 && tensor.dtype() != DType::kI32))
    return add_constant(in_layout(dequantize(constant), layout), cat(hint, "/real"));
  if (is_narrow) tensor = cast(tensor.with_quant(nullptr), tensor.dtype() == DType::kI4 ? DType::kI8 : DType::kU8);
  if (is_moved(constant, layout) && quant.axis >= 0) quant.axis = axis_in(quant.axis, tensor.rank(), layout);
  std::string zero_point;
  const std::string scale = quantize_parameters(quant, tensor.dtype(), &zero_point, tensor.dtype() == DType::kI32);
  const std::string stored = add_constant(tensor.with_quant(nullptr), hint);
  AttributeList attributes;
  if (!quant.is_per_tensor()) attributes.add("axis", quant.axis);
  const std::string real = unique(cat(hint, "/dequantized"));
  emit("DequantizeLinear", cat(hint, "/DequantizeLinear"), {stored, scale, zero_point}, {real}, attributes);
  return real;
}

std::string GraphWriter::name(ValueId id, Layout layout) {
  if (!id.exists()) return "";
  const Value& value = graph_.value(id);
  if (value.type.shape.has_rank() && value.type.shape.rank() <= 2) layout = Layout::plain;
  Names& names = names_[id.index];
  std::string& real = names.real[index_of(layout)];
  if (!real.empty()) return real;
  if (value.constant.exists()) return real = write_constant(value.constant, value.name, layout);
  if (const ValueId narrow = widened_constant(graph_, id); narrow.exists()) {
    // Behind the Cast a Transpose would turn the weights anew in every run.
    const std::string from = name(narrow, layout);
    real = layout == Layout::plain ? take(value.name) : unique(cat(value.name, "/channels_first"));
    emit("Cast", cat(real, "/Cast"), {from}, {real}, AttributeList().add("to", value.type.dtype));
    return real;
  }
  if (!names.stored[index_of(layout)].empty())
    return real = emit_dequantize(id, layout, names.stored[index_of(layout)], cat(value.name, "/dequantized"));
  // Integers are turned, a quarter of the bytes of what they stand for.
  if (value.type.quant)
    return real = emit_dequantize(id, layout, stored_name(id, layout), cat(value.name, "/dequantized"));
  const std::string& from = names.real[index_of(other(layout))];
  if (from.empty()) throw internal_error(cat("onnx: value '", value.name, "' is used before it is made"));
  return real = transpose(from, id, layout, layout == Layout::plain);
}

std::string GraphWriter::stored_name(ValueId id, Layout layout) {
  const Value& value = graph_.value(id);
  if (!value.type.quant) return name(id, layout);
  Names& names = names_[id.index];
  std::string& stored = names.stored[index_of(layout)];
  if (!stored.empty()) return stored;
  if (const Tensor& constant = value.constant; constant.exists())
    return stored = add_constant(in_layout(constant, layout).with_quant(nullptr),
                                 name_in_layout(value.name, constant, layout));
  const std::string& from = names.stored[index_of(other(layout))];
  if (from.empty()) throw internal_error(cat("onnx: value '", value.name, "' is used before it is made"));
  return stored = transpose(from, id, layout, layout == Layout::plain);
}

void GraphWriter::reserve_names() {
  for (size_t i = 0; i < graph_.value_capacity(); ++i) {
    const Value& value = graph_.value(ValueId{static_cast<int32_t>(i)});
    if (value.is_input || (value.producer.exists() && graph_.is_live(value.producer))) {
      used_.insert(value.name);
      reserved_.insert(value.name);
    }
  }
}

void GraphWriter::bind_input(ValueId id) {
  const Value& value = graph_.value(id);
  Names& names = names_[id.index];
  reserved_.erase(value.name);
  types_[value.name] = value.type.dtype;
  (value.type.quant ? names.stored : names.real)[index_of(Layout::plain)] = value.name;
}

std::string GraphWriter::bind_output(ValueId id, std::string_view wanted) {
  const std::string found = stored_name(id, Layout::plain);
  if (found == wanted || wanted.empty()) return found;
  emit("Identity", cat(wanted, "/Identity"), {found}, {std::string(wanted)}, {});
  return std::string(wanted);
}

void GraphWriter::finish_node(const Node& node) {
  for (const auto& [id, layout] : defined_) {
    Names& names = names_[id.index];
    if (!graph_.value(id).type.quant) continue;
    const std::string made = names.real[index_of(layout)];
    names.real[index_of(layout)].clear();
    emit_quantize(made, id, layout);
  }
  defined_.clear();
  for (const ValueId id : node.outputs)
    if (!exists_in(id, Layout::plain) && !exists_in(id, Layout::channels_first) &&
        (!graph_.value(id).users.empty() || graph_.is_output(id)))
      throw internal_error(cat("onnx: ", describe(node), " did not make '", graph_.value(id).name, "'"));
}

void GraphWriter::write_node(NodeId id) {
  const Node& node = graph_.node(id);
  if (!node.outputs.empty() && widened_constant(graph_, node.outputs[0]).exists()) return;  // written where it is used
  if (is_read_as_bytes(graph_, node)) return;
  const Row* row = find_writer(node.def);
  if (!row) throw unsupported(cat("onnx: operator ", node.def->name, " has no form in ONNX"));
  NodeWriter writer(*this, id, row->op);
  row->write(writer);
  finish_node(node);
}

void GraphWriter::write_nodes() {
  std::vector<std::string> problems;
  for (const NodeId id : graph_.order()) {
    try {
      write_node(id);
    } catch (Error& e) {
      if (e.code() != ErrorCode::kUnsupported) {
        e.add_frame(cat("in ", describe(graph_.node(id))));
        throw;
      }
      problems.push_back(cat(describe(graph_.node(id)), ": ", e.message()));
      defined_.clear();
      for (const ValueId out : graph_.node(id).outputs) names_[out.index].real[0] = names_[out.index].stored[0] = "?";
    }
  }
  if (problems.empty()) return;
  throw unsupported(cat(problems.size() == 1 ? "a node" : cat(problems.size(), " nodes"),
                        " cannot be written as ONNX:\n  ", join(problems, "\n  ")));
}

std::string GraphWriter::encode(const std::vector<std::string>& inputs, const std::vector<std::string>& outputs) {
  std::string out;
  protozero::pbf_writer writer(out);
  for (const std::string& node : nodes_) writer.add_message(1, node);
  writer.add_string(2, graph_.name.empty() ? std::string("graph") : graph_.name);
  for (std::string& tensor : initializers_) {
    writer.add_message(5, tensor);
    std::string().swap(tensor);
  }
  for (const std::string& info : inputs) writer.add_message(11, info);
  for (const std::string& info : outputs) writer.add_message(12, info);
  return out;
}

std::string GraphWriter::write() {
  reserve_names();
  std::vector<std::string> inputs, outputs;
  for (const ValueId id : graph_.inputs()) {
    bind_input(id);
    inputs.push_back(encode_value_info(graph_.value(id).name, graph_.type(id)));
  }
  write_nodes();
  std::unordered_set<std::string> taken;
  for (const ValueId id : graph_.outputs()) {
    const Value& value = graph_.value(id);
    const bool is_own = graph_.producer(id) != nullptr && taken.insert(value.name).second;
    const std::string bound = bind_output(id, is_own ? value.name : unique(value.name));
    outputs.push_back(encode_value_info(bound, value.type));
  }
  return encode(inputs, outputs);
}

/// Names the inputs of a subgraph: the first `formal` are its own, the others outer ones. Returns the own ones' infos.
std::vector<std::string> GraphWriter::bind_formal(size_t formal, const std::vector<std::string>& captured) {
  std::vector<std::string> infos;
  for (size_t i = 0; i < graph_.inputs().size(); ++i) {
    const ValueId id = graph_.inputs()[i];
    std::string& name = names_[id.index].real[index_of(Layout::plain)];
    if (graph_.type(id).quant) throw unsupported("onnx: a subgraph with quantized inputs");
    name = i < formal ? unique(graph_.value(id).name) : captured.at(i - formal);
    types_[name] = graph_.type(id).dtype;
    if (i < formal) infos.push_back(encode_value_info(name, graph_.type(id)));
  }
  return infos;
}

/// Names of the outputs; what no node here makes is copied, since an output of a subgraph must be made in it.
std::vector<std::string> GraphWriter::subgraph_outputs() {
  std::vector<std::string> names;
  for (const ValueId id : graph_.outputs()) {
    names.push_back(stored_name(id, Layout::plain));
    if (graph_.producer(id) != nullptr) continue;
    const std::string copy = unique(cat(graph_.value(id).name, "/out"));
    emit("Identity", cat(copy, "/Identity"), {names.back()}, {copy}, {});
    names.back() = copy;
  }
  return names;
}

std::string GraphWriter::write_subgraph(size_t formal, const std::vector<std::string>& captured) {
  const std::vector<std::string> inputs = bind_formal(formal, captured);
  write_nodes();
  std::vector<std::string> outputs;
  const std::vector<std::string> names = subgraph_outputs();
  for (size_t i = 0; i < names.size(); ++i)
    outputs.push_back(encode_value_info(names[i], graph_.type(graph_.outputs()[i])));
  return encode(inputs, outputs);
}

std::string GraphWriter::write_loop_body(const Graph& condition, size_t states,
                                         const std::vector<std::string>& captured) {
  const TensorType iteration{DType::kI64, Shape{}, nullptr}, flag{DType::kBool, Shape{}, nullptr};
  std::vector<std::string> inputs{encode_value_info(unique("iteration"), iteration),
                                  encode_value_info(unique("condition"), flag)};
  for (std::string& info : bind_formal(states, captured)) inputs.push_back(std::move(info));
  write_nodes();
  const std::vector<std::string> results = subgraph_outputs();
  GraphWriter test(condition, *this);
  std::vector<std::string> known = results;
  known.insert(known.end(), captured.begin(), captured.end());
  test.bind_formal(0, known);
  test.write_nodes();
  std::vector<std::string> outputs{encode_value_info(test.subgraph_outputs().at(0), flag)};
  std::move(test.nodes_.begin(), test.nodes_.end(), std::back_inserter(nodes_));
  std::move(test.initializers_.begin(), test.initializers_.end(), std::back_inserter(initializers_));
  for (size_t i = 0; i < results.size(); ++i)
    outputs.push_back(encode_value_info(results[i], graph_.type(graph_.outputs()[i])));
  return encode(inputs, outputs);
}

}  // namespace hone::onnx

#include "formats/tflite/writer.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "base/text.h"
#include "formats/tflite/census.h"
#include "formats/tflite/conforms.h"
#include "formats/tflite/metadata.h"
#include "formats/tflite/rows.h"
#include "formats/tflite/runtime_rules.h"
#include "formats/tflite/tflite.h"
#include "formats/tflite/types.h"
#include "formats/tflite/write_states.h"
#include "ops/control.h"
#include "ops/quantize.h"
#include "passes/pipelines.h"
#include "passes/retype.h"
#include "passes/rewrite.h"

namespace hone::tflite {

uint32_t WriteState::code_of(fb::BuiltinOperator code, const std::string& custom, int32_t version) {
  const auto [at, fresh] =
      code_index.try_emplace({static_cast<int32_t>(code), custom, version}, static_cast<uint32_t>(codes.size()));
  if (fresh) {
    auto entry = std::make_unique<fb::OperatorCodeT>();
    entry->builtin_code = code;
    entry->deprecated_builtin_code =
        static_cast<int8_t>(std::min(code, fb::BuiltinOperator::PLACEHOLDER_FOR_GREATER_OP_CODES));
    entry->custom_code = custom;
    entry->version = version;
    codes.push_back(std::move(entry));
  }
  return at->second;
}

uint32_t WriteState::add_buffer(Tensor value) {
  buffers.push_back(std::move(value));
  return static_cast<uint32_t>(buffers.size() - 1);
}

SubgraphWriter::SubgraphWriter(WriteState& state, const Graph& graph)
    : state_(state),
      graph_(graph),
      tensor_of_value_(graph.value_capacity(), -1),
      complex_of_value_(graph.value_capacity(), -1),
      real_of_value_(graph.value_capacity(), -1) {
  subgraph_->name = graph.name;
}

namespace {

/// 4-bit values two a byte, the first in the lower half.
Tensor packed_nibbles(const Tensor& x) {
  Tensor packed = Tensor::zeros(DType::kU8, {(x.elements() + 1) / 2});
  const auto in = x.data<int8_t>();
  auto out = packed.mutable_data<uint8_t>();
  for (size_t i = 0; i < in.size(); ++i)
    out[i / 2] = static_cast<uint8_t>(out[i / 2] | (static_cast<unsigned>(in[i]) & 15u) << (i % 2 * 4));
  return packed;
}

void set_shape(fb::TensorT& tensor, const Shape& shape) {
  if (!shape.has_rank()) return;
  tensor.has_rank = true;
  bool is_dynamic = false;
  for (const Dim& d : shape.list()) {
    if (d.is_known() && d.value() > std::numeric_limits<int32_t>::max())
      throw unsupported(cat("shape ", shape, " does not fit tflite's 32 bits"));
    tensor.shape.push_back(d.is_known() ? static_cast<int32_t>(d.value()) : 1);
    tensor.shape_signature.push_back(d.is_known() ? static_cast<int32_t>(d.value()) : -1);
    is_dynamic = is_dynamic || !d.is_known();
  }
  if (!is_dynamic) tensor.shape_signature.clear();
}

}  // namespace

TensorIndex SubgraphWriter::add_tensor(std::string name, const TensorType& type, const Tensor& constant) {
  auto tensor = std::make_unique<fb::TensorT>();
  tensor->name = std::move(name);
  tensor->type = file_type_of(type.dtype);
  tensor->quantization = file_quant_of(type.quant);
  set_shape(*tensor, type.shape);
  if (constant.exists() && constant.elements() > 0)
    tensor->buffer = state_.add_buffer(type.dtype == DType::kI4 ? packed_nibbles(constant) : constant);
  subgraph_->tensors.push_back(std::move(tensor));
  types_.push_back(type);
  return static_cast<TensorIndex>(types_.size() - 1);
}

TensorIndex SubgraphWriter::add_variable(std::string name, const TensorType& type) {
  const TensorIndex index = add_tensor(std::move(name), type);
  subgraph_->tensors.back()->is_variable = true;
  return index;
}

TensorIndex SubgraphWriter::add_resource(std::string name) {
  const TensorIndex index = add_tensor(std::move(name), {DType::kI32, Shape(Dims{1}), nullptr});
  subgraph_->tensors.back()->type = fb::TensorType::RESOURCE;
  return index;
}

bool SubgraphWriter::is_kept(ValueId next) const {
  return std::any_of(graph_.states().begin(), graph_.states().end(), [&](const GraphState& s) {
    const TensorIndex now = tensor_of_value_[static_cast<size_t>(s.now.index)];
    return s.next == next && now >= 0 && is_variable(now);
  });
}

TensorIndex SubgraphWriter::tensor_of(ValueId id) {
  if (tensor_of_value_[static_cast<size_t>(id.index)] >= 0) return tensor_of_value_[static_cast<size_t>(id.index)];
  const Value& value = graph_.value(id);
  const TensorIndex index = with_context([&] { return cat("in value '", value.name, "'"); },
                                         [&] { return add_tensor(value.name, value.type, value.constant); });
  set(tensor_of_value_, id, index);
  if (widened_constant(graph_, id).exists()) write_operators(value.producer);
  if (complex_of(id) >= 0) take_apart(complex_of(id), index);
  return index;
}

TensorIndex SubgraphWriter::add_complex(std::string name, const Shape& shape) {
  const TensorIndex index = add_tensor(std::move(name), {DType::kF32, shape, nullptr});
  subgraph_->tensors.back()->type = fb::TensorType::COMPLEX64;
  return index;
}

/// to[…,2] = real and imaginary part of from[…].
void SubgraphWriter::take_apart(TensorIndex from, TensorIndex to) {
  using B = fb::BuiltinOperator;
  const auto emit = [&](B code, std::vector<TensorIndex> inputs, TensorIndex output) {
    auto op = std::make_unique<fb::OperatorT>();
    op->opcode_index = state_.code_of(code, {}, 1);
    op->inputs = std::move(inputs);
    op->outputs = {output};
    add_operator(std::move(op));
  };
  const TensorType part = type_of(from);
  const TensorIndex real = add_tensor("real", part), imag = add_tensor("imag", part);
  emit(B::REAL, {from}, real);
  emit(B::IMAG, {from}, imag);
  emit(B::PACK, {real, imag}, to);
  fb::PackOptionsT pack;
  pack.values_count = 2;
  pack.axis = static_cast<int32_t>(part.shape.rank());
  subgraph_->operators.back()->builtin_options.Set(pack);
}

void SubgraphWriter::write_node(NodeId id) {
  const std::vector<ValueId>& outputs = graph_.node(id).outputs;
  const bool is_widening = !outputs.empty() && widened_constant(graph_, outputs[0]).exists();
  if (!is_widening) write_operators(id);  // else where it is used
}

SubgraphWriter::Mark SubgraphWriter::mark() const {
  return {types_.size(), subgraph_->operators.size(), state_.buffers.size(), state_.codes.size(), assigned_.size()};
}

void SubgraphWriter::back_to(const Mark& mark) {
  types_.resize(mark.tensors);
  subgraph_->tensors.resize(mark.tensors);
  subgraph_->operators.resize(mark.operators);
  state_.buffers.resize(mark.buffers);
  state_.codes.resize(mark.codes);
  std::erase_if(state_.code_index, [&](const auto& entry) { return entry.second >= mark.codes; });
  for (; assigned_.size() > mark.assigned; assigned_.pop_back())
    (*assigned_.back().first)[assigned_.back().second] = -1;
}

/// Holds what stands for the node, from operator `first` on, against the runtime's rules. A file of a younger runtime
/// keeps its operators: those that hone does not know, and those that came after the rules.
void SubgraphWriter::check_operators(size_t first, const Node& node) const {
  if (node.is<Opaque>()) return;
  for (size_t i = first; i < subgraph_->operators.size(); ++i) {
    const fb::OperatorT& op = *subgraph_->operators[i];
    const fb::OperatorCodeT& code = *state_.codes[op.opcode_index];
    if (node.source.format == "tflite" && !runtime_rule(code.builtin_code)) continue;
    check_conforms(code, op, subgraph_->tensors);
  }
}

/// Whether a row can say the node in this form, by operators that the runtime takes.
bool SubgraphWriter::write_as(Form form, NodeId id) {
  const size_t first = subgraph_->operators.size();
  WriteNode out(*this, id, form);
  for (const std::span<const Row> table : all_rows())
    for (const Row& row : table) {
      if (row.op != graph_.node(id).def || !row.write || !row.write(out)) continue;
      out.finish();
      check_operators(first, graph_.node(id));
      return true;
    }
  return false;
}

namespace {

bool has_quantized(const Graph& graph, const Node& node) {
  for (const std::vector<ValueId>* list : {&node.inputs, &node.outputs})
    for (const ValueId id : *list)
      if (id.exists() && graph.type(id).quant) return true;
  return false;
}

bool has_row(const OpDef* op) {
  for (const std::span<const Row> table : all_rows())
    for (const Row& row : table)
      if (row.op == op) return true;
  return false;
}

}  // namespace

void SubgraphWriter::write_operators(NodeId id) {
  const Node& node = graph_.node(id);
  const bool is_itself = node.is<Quantize>() || node.is<Dequantize>() || node.is<Opaque>();
  const bool has_real_form = has_quantized(graph_, node) && node.subgraphs.empty() && !is_itself;
  // Integer weights on plain values: TFLite's kernels quantize those too, which only fixed point means.
  const bool is_real = has_real_form && graph_.arithmetic == QuantArithmetic::kFloat && !node.inputs.empty() &&
                       node.inputs[0].exists() && !graph_.type(node.inputs[0]).quant;
  const Mark before = mark();
  std::string why;
  for (const Form form : {Form::kStored, Form::kReal}) {
    if (form == Form::kReal ? !has_real_form : is_real) continue;
    try {
      if (write_as(form, id)) return;
      if (why.empty() && has_row(node.def))
        why = cat("tflite has no form of ", node.def->name, " with these attributes and types");
      if (why.empty()) why = cat("tflite has no operator for ", node.def->name);
    } catch (const Error& e) {
      if (e.code() != ErrorCode::kUnsupported) throw;
      if (why.empty()) why = e.message();
    }
    if (has_real_form) back_to(before);
  }
  state_.unsupported.push_back(cat(describe(node), ": ", why));
}

int32_t SubgraphWriter::write() {
  const auto index = static_cast<int32_t>(state_.subgraphs.size());
  state_.subgraphs.push_back(nullptr);
  for (const ValueId id : graph_.inputs()) subgraph_->inputs.push_back(tensor_of(id));
  StateWriter states(*this, state_);
  states.begin();
  for (const NodeId id : graph_.order()) write_node(id);
  states.end();
  for (const ValueId id : graph_.outputs()) subgraph_->outputs.push_back(tensor_of(id));
  state_.subgraphs[static_cast<size_t>(index)] = std::move(subgraph_);
  return index;
}

namespace {

flatbuffers::Offset<fb::Buffer> pack_buffer(flatbuffers::FlatBufferBuilder& builder, const Tensor& value) {
  if (!value.exists()) return fb::CreateBuffer(builder);
  builder.ForceVectorAlignment(static_cast<size_t>(value.byte_size()), 1, 16);
  const auto data =
      builder.CreateVector(static_cast<const uint8_t*>(value.raw()), static_cast<size_t>(value.byte_size()));
  return fb::CreateBuffer(builder, data);
}

template <class T>
auto pack_all(flatbuffers::FlatBufferBuilder& builder, const std::vector<std::unique_ptr<T>>& items) {
  std::vector<flatbuffers::Offset<typename T::TableType>> offsets;
  for (const auto& item : items) offsets.push_back(T::TableType::Pack(builder, item.get()));
  return builder.CreateVector(offsets);
}

void throw_unsupported(const std::vector<std::string>& lines, const Graph& graph) {
  std::string text = cat(lines.size(), lines.size() == 1 ? " node" : " nodes", " cannot be written as tflite:");
  constexpr size_t kMostLines = 50;
  for (size_t i = 0; i < lines.size() && i < kMostLines; ++i) text += cat("\n    ", lines[i]);
  if (lines.size() > kMostLines) text += cat("\n    and ", lines.size() - kMostLines, " more");
  for (const ValueId id : graph.inputs())
    if (!graph.type(id).shape.is_static())
      throw unsupported(text, cat("input ", graph.value(id).name, " has the shape ", graph.type(id).shape,
                                  ": with --shape ", graph.value(id).name, "=… more can be written; or write .onnx"));
  throw unsupported(text, "write .onnx instead, or keep these operators out of the model");
}

constexpr int64_t kLargestFile = (int64_t(1) << 31) - (int64_t(1) << 20);

std::vector<std::byte> pack_model(WriteState& state, const Graph& graph) {
  int64_t total = 0;
  for (const Tensor& t : state.buffers) total += t.exists() ? t.byte_size() + 64 : 0;
  if (total > kLargestFile)
    throw unsupported(cat("the model's constants take ", human_bytes(static_cast<uint64_t>(total)),
                          ", a tflite file holds at most 2 GB"));
  flatbuffers::FlatBufferBuilder builder(static_cast<size_t>(total) + 65536);
  std::vector<flatbuffers::Offset<fb::Metadata>> metadata = pack_metadata(builder, graph, state);
  const auto signatures = pack_signatures(builder, graph, *state.subgraphs[0]);
  std::vector<flatbuffers::Offset<fb::Buffer>> buffers;
  for (const Tensor& t : state.buffers) buffers.push_back(pack_buffer(builder, t));
  const auto buffer_list = builder.CreateVector(buffers);
  const auto metadata_list = builder.CreateVector(metadata);
  const auto description = builder.CreateString(description_of(graph));
  const auto subgraphs = pack_all(builder, state.subgraphs);
  const auto codes = pack_all(builder, state.codes);
  const auto signature_list = builder.CreateVector(signatures);
  fb::FinishModelBuffer(builder, fb::CreateModel(builder, 3, codes, subgraphs, description, buffer_list, 0,
                                                 metadata_list, signature_list));
  const auto* bytes = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
  return {bytes, bytes + builder.GetSize()};
}

}  // namespace

}  // namespace hone::tflite

namespace hone {

namespace {

/// The graph by operators and types that TFLite has.
Graph in_its_words(const Graph& graph) {
  Graph result = graph;
  const PassOptions unchecked{.verify = false};
  const bool is_retyped = widen_halves(result) || sign_bytes(result);
  if (run_pipeline(result, expand_pipeline(), unchecked).changes > 0 || is_retyped)
    run_pipeline(result, simplify_pipeline(), unchecked);
  return result;
}

}  // namespace

std::vector<std::byte> write_tflite(const Graph& source) {
  const Graph graph = in_its_words(source);
  for (const ValueId id : graph.inputs())
    if (!graph.type(id).shape.has_rank())
      throw unsupported(cat("input '", graph.value(id).name, "' has an unknown rank, a tflite file states it"),
                        cat("fix it: --shape ", graph.value(id).name, "=DIMS"));
  tflite::WriteState state;
  tflite::SubgraphWriter(state, graph).write();
  if (!state.unsupported.empty()) tflite::throw_unsupported(state.unsupported, graph);
  return tflite::pack_model(state, graph);
}

namespace {

constexpr std::string_view kExtensions[] = {".tflite"};

bool looks_like_tflite(const ModelSource& source) {
  return source.bytes.size() >= 8 && source.text().substr(4, 4) == "TFL3";
}

Graph read_file(const ReadRequest& request) { return read_tflite(request.bytes, request.owner); }

void write_graph(const Graph& graph, const WriteRequest& request) { write_file(request.path, write_tflite(graph)); }

}  // namespace

constinit const Format kTfliteFormat{.name = "tflite",
                                     .extensions = kExtensions,
                                     .sniff = looks_like_tflite,
                                     .read = read_file,
                                     .write = write_graph,
                                     .census = tflite::count_operators};

}  // namespace hone

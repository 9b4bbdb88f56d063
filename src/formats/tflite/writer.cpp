#include "formats/tflite/writer.h"

#include <cstring>

#include "base/error.h"
#include "base/text.h"
#include "formats/tflite/metadata.h"
#include "formats/tflite/rows.h"
#include "formats/tflite/tflite.h"
#include "formats/tflite/types.h"
#include "ops/control.h"
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
      complex_of_value_(graph.value_capacity(), -1) {
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

TensorIndex SubgraphWriter::tensor_of(ValueId id) {
  TensorIndex& index = tensor_of_value_[static_cast<size_t>(id.index)];
  if (index >= 0) return index;
  const Value& value = graph_.value(id);
  index = with_context([&] { return cat("in value '", value.name, "'"); },
                       [&] { return add_tensor(value.name, value.type, value.constant); });
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

void SubgraphWriter::write_operators(NodeId id) {
  const Node& node = graph_.node(id);
  auto reject = [&](std::string_view why) { state_.unsupported.push_back(cat(describe(node), ": ", why)); };
  try {
    WriteNode out(*this, id);
    bool has_row = false;
    for (const std::span<const Row> table : all_rows())
      for (const Row& row : table) {
        if (row.op != node.def) continue;
        has_row = true;
        if (row.write && row.write(out)) return;
      }
    reject(has_row ? cat("tflite has no form of ", node.def->name, " with these attributes and types")
                   : cat("tflite has no operator for ", node.def->name));
  } catch (const Error& e) {
    if (e.code() != ErrorCode::kUnsupported) throw;
    reject(e.message());
  }
}

int32_t SubgraphWriter::write() {
  const auto index = static_cast<int32_t>(state_.subgraphs.size());
  state_.subgraphs.push_back(nullptr);
  for (const ValueId id : graph_.inputs()) subgraph_->inputs.push_back(tensor_of(id));
  for (const NodeId id : graph_.order()) write_node(id);
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

std::vector<std::byte> write_tflite(const Graph& graph) {
  tflite::WriteState state;
  tflite::SubgraphWriter(state, graph).write();
  if (!state.unsupported.empty()) tflite::throw_unsupported(state.unsupported, graph);
  return tflite::pack_model(state, graph);
}

namespace {

bool looks_like_tflite(std::span<const std::byte> head, std::string_view) {
  return head.size() >= 8 && std::memcmp(head.data() + 4, "TFL3", 4) == 0;
}

Graph read_file(const ReadRequest& request) { return read_tflite(request.bytes, request.owner); }

void write_graph(const Graph& graph, const WriteRequest& request) { write_file(request.path, write_tflite(graph)); }

}  // namespace

constinit const Format kTfliteFormat{
    .name = "tflite", .extension = ".tflite", .sniff = looks_like_tflite, .read = read_file, .write = write_graph};

}  // namespace hone

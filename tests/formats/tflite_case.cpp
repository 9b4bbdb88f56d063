#include "formats/tflite_case.h"

#include "formats/tflite/types.h"

namespace hone {

namespace {

uint32_t next(uint32_t& state) {
  state = state * 1664525u + 1013904223u;
  return state >> 8;
}

std::unique_ptr<fb::TensorT> tensor_of(const std::string& name, DType dtype, const Dims& dims, const QuantPtr& quant) {
  auto t = std::make_unique<fb::TensorT>();
  t->name = name;
  t->type = tflite::file_type_of(dtype);
  t->shape.assign(dims.begin(), dims.end());
  t->quantization = tflite::file_quant_of(quant);
  return t;
}

/// The tensor with its last axis as the parts of complex numbers.
void make_complex(fb::TensorT& t) {
  t.type = fb::TensorType::COMPLEX64;
  if (!t.shape.empty()) t.shape.pop_back();
}

}  // namespace

Tensor some_floats(Dims dims, float low, float high, uint32_t seed) {
  Tensor t = Tensor::empty(DType::kF32, std::move(dims));
  uint32_t state = seed * 7919;
  for (float& v : t.mutable_data<float>())
    v = low + (high - low) * static_cast<float>(next(state)) / static_cast<float>(1 << 24);
  return t;
}

Tensor some_ints(DType dtype, Dims dims, int64_t low, int64_t high, uint32_t seed) {
  Tensor t = Tensor::empty(DType::kI64, std::move(dims));
  uint32_t state = seed * 104729;
  for (int64_t& v : t.mutable_data<int64_t>()) v = low + static_cast<int64_t>(next(state)) % (high - low + 1);
  return cast(t, dtype);
}

Tensor some_stored(DType dtype, Dims dims, float scale, int32_t zero_point, uint32_t seed) {
  return some_ints(dtype, std::move(dims), min_of(dtype), max_of(dtype), seed)
      .with_quant(QuantParams::per_tensor(scale, zero_point));
}

std::vector<Tensor> TfliteCase::fed() const {
  std::vector<Tensor> out;
  for (const Input& in : inputs)
    if (in.kind == Input::kFed) out.push_back(in.value.with_quant(nullptr));
  return out;
}

std::vector<std::byte> TfliteCase::model(bool open) const {
  fb::ModelT m;
  m.version = 3;
  m.buffers.push_back(std::make_unique<fb::BufferT>());
  auto code_entry = std::make_unique<fb::OperatorCodeT>();
  code_entry->builtin_code = code;
  code_entry->deprecated_builtin_code =
      static_cast<int8_t>(std::min(code, fb::BuiltinOperator::PLACEHOLDER_FOR_GREATER_OP_CODES));
  code_entry->version = version;
  code_entry->custom_code = custom;
  m.operator_codes.push_back(std::move(code_entry));
  auto graph = std::make_unique<fb::SubGraphT>();
  auto op = std::make_unique<fb::OperatorT>();
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Input& in = inputs[i];
    if (in.kind == Input::kAbsent) {
      op->inputs.push_back(-1);
      continue;
    }
    auto t = tensor_of("in" + std::to_string(i), in.value.dtype(), in.value.dims(), in.value.quant());
    if (in.is_complex) make_complex(*t);
    if (in.kind == Input::kConstant && in.value.byte_size() > 0) {
      auto buffer = std::make_unique<fb::BufferT>();
      const auto* bytes = static_cast<const uint8_t*>(in.value.raw());
      buffer->data.assign(bytes, bytes + in.value.byte_size());
      t->buffer = static_cast<uint32_t>(m.buffers.size());
      m.buffers.push_back(std::move(buffer));
    }
    if (open && in.kind == Input::kFed && t->shape.size() > 1) {
      t->shape_signature = t->shape;
      t->shape_signature[0] = -1;
      t->shape[0] = 1;
    }
    t->is_variable = in.kind == Input::kVariable;
    const auto index = static_cast<int32_t>(graph->tensors.size());
    if (in.kind == Input::kFed) graph->inputs.push_back(index);
    op->inputs.push_back(index);
    graph->tensors.push_back(std::move(t));
  }
  for (size_t j = 0; j < outputs.size(); ++j) {
    const auto index = static_cast<int32_t>(graph->tensors.size());
    graph->tensors.push_back(tensor_of("out" + std::to_string(j), outputs[j].dtype, outputs[j].dims, outputs[j].quant));
    if (outputs[j].is_complex) make_complex(*graph->tensors.back());
    op->outputs.push_back(index);
    graph->outputs.push_back(index);
  }
  for (const Output& inside : intermediates) {
    op->intermediates.push_back(static_cast<int32_t>(graph->tensors.size()));
    graph->tensors.push_back(tensor_of("inside", inside.dtype, {0}, inside.quant));
  }
  if (options) options(*op);
  graph->operators.push_back(std::move(op));
  graph->name = "main";
  m.subgraphs.push_back(std::move(graph));
  flatbuffers::FlatBufferBuilder builder;
  fb::FinishModelBuffer(builder, fb::Model::Pack(builder, &m));
  const auto* bytes = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
  return {bytes, bytes + builder.GetSize()};
}

}  // namespace hone

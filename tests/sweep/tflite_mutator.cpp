#include "sweep/tflite_mutator.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <vector>

#include "formats/tflite/schema.h"

namespace hone::sweep {

namespace {

class Mutator {
 public:
  Mutator(fb::ModelT& model, std::mt19937_64& random) : model_(model), random_(random) {}

  void change() {
    if (model_.subgraphs.empty()) return;
    fb::SubGraphT& graph = *any(model_.subgraphs);
    switch (below(11)) {
      case 0:
        return change_index(graph.inputs, graph);
      case 1:
        return change_index(graph.outputs, graph);
      case 2:
        return change_buffer();
      case 3:
        return change_code();
      case 4:
      case 5:
        return change_operators(graph);
      default:
        if (!graph.tensors.empty() && below(2) == 0) return change_tensor(*any(graph.tensors));
        if (!graph.operators.empty()) change_operator(*any(graph.operators), graph);
    }
  }

  /// Changes a number in the options of an operator of the packed model.
  void change_option(uint8_t* bytes) {
    const fb::Model* model = fb::GetModel(bytes);
    std::vector<const uint8_t*> options;
    const auto visit = [](const auto* list, const auto& each) {
      for (flatbuffers::uoffset_t i = 0; list && i < list->size(); ++i) each(*list->Get(i));
    };
    visit(model->subgraphs(), [&](const fb::SubGraph& graph) {
      visit(graph.operators(), [&](const fb::Operator& op) {
        if (op.builtin_options()) options.push_back(static_cast<const uint8_t*>(op.builtin_options()));
      });
    });
    if (options.empty()) return;
    const uint8_t* table = any(options);
    const uint8_t* vtable = table - flatbuffers::ReadScalar<flatbuffers::soffset_t>(table);
    const size_t fields = flatbuffers::ReadScalar<uint16_t>(vtable) / sizeof(uint16_t);
    if (fields <= 2) return;
    const auto at = flatbuffers::ReadScalar<uint16_t>(vtable + (2 + below(fields - 2)) * sizeof(uint16_t));
    if (at != 0) bytes[table + at - bytes] = static_cast<uint8_t>(below(4) == 0 ? below(256) : below(5) - 1);
  }

 private:
  size_t below(size_t n) { return n == 0 ? 0 : random_() % n; }
  template <class List>
  typename List::value_type& any(List& list) {
    return list[below(list.size())];
  }
  int32_t number() {
    constexpr int32_t kFar[] = {std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max(), -2, 1 << 20};
    return below(4) == 0 ? kFar[below(std::size(kFar))] : static_cast<int32_t>(below(10)) - 1;
  }

  void change_index(std::vector<int32_t>& list, const fb::SubGraphT& graph) {
    const auto other = [&] { return static_cast<int32_t>(below(graph.tensors.size() + 2)) - 1; };
    if (list.empty() || below(4) == 0)
      list.push_back(other());
    else if (below(4) == 0)
      list.erase(list.begin() + static_cast<std::ptrdiff_t>(below(list.size())));
    else if (below(4) == 0)
      std::swap(any(list), any(list));
    else
      any(list) = other();
  }
  void change_buffer() {
    if (model_.buffers.empty()) return;
    std::vector<uint8_t>& data = any(model_.buffers)->data;
    if (data.empty() || below(6) == 0)
      data.resize(below(64));
    else
      any(data) = static_cast<uint8_t>(below(2) == 0 ? below(256) : below(8) - 2);
  }
  void change_code() {
    if (model_.operator_codes.empty()) return;
    fb::OperatorCodeT& code = *any(model_.operator_codes);
    if (below(4) == 0) {
      code.version = number();
      return;
    }
    code.builtin_code = fb::EnumValuesBuiltinOperator()[below(static_cast<size_t>(fb::BuiltinOperator::MAX) + 1)];
    code.deprecated_builtin_code = static_cast<int8_t>(std::min<int32_t>(static_cast<int32_t>(code.builtin_code), 127));
  }
  void change_operators(fb::SubGraphT& graph) {
    auto& list = graph.operators;
    if (list.empty()) return;
    const size_t at = below(list.size());
    const auto place = list.begin() + static_cast<std::ptrdiff_t>(at);
    if (below(3) == 0)
      list.erase(place);
    else if (below(2) == 0)
      list.insert(place, std::make_unique<fb::OperatorT>(*list[at]));
    else
      std::swap(list[at], any(list));
  }
  void change_operator(fb::OperatorT& op, fb::SubGraphT& graph) {
    switch (below(8)) {
      case 0:
        op.opcode_index = static_cast<uint32_t>(below(model_.operator_codes.size() + 1));
        break;
      case 1:
        if (const auto& other = *any(graph.operators); true) op.builtin_options = other.builtin_options;
        break;
      case 2:
        op.builtin_options.Reset();
        break;
      case 3:
        op.custom_options.assign(below(8), static_cast<uint8_t>(below(256)));
        break;
      case 4:
        change_index(op.outputs, graph);
        break;
      default:
        change_index(op.inputs, graph);
    }
  }
  void change_shape(std::vector<int32_t>& shape) {
    if (shape.empty() || below(5) == 0)
      shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(below(shape.size() + 1)), number());
    else if (below(4) == 0)
      shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(below(shape.size())));
    else
      any(shape) = number();
  }
  void change_tensor(fb::TensorT& tensor) {
    switch (below(7)) {
      case 0:
        tensor.type = fb::EnumValuesTensorType()[below(static_cast<size_t>(fb::TensorType::MAX) + 1)];
        break;
      case 1:
        tensor.buffer = static_cast<uint32_t>(below(model_.buffers.size() + 1));
        break;
      case 2:
        tensor.is_variable = !tensor.is_variable;
        break;
      case 3:
        change_shape(tensor.shape_signature);
        break;
      case 4:
        change_quantization(tensor);
        break;
      default:
        change_shape(tensor.shape);
    }
  }
  void change_quantization(fb::TensorT& tensor) {
    if (!tensor.quantization) tensor.quantization = std::make_unique<fb::QuantizationParametersT>();
    fb::QuantizationParametersT& quant = *tensor.quantization;
    constexpr float kScales[] = {
        0, 0.5F, 1, -1, 1e-30F, 1e30F, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()};
    switch (below(5)) {
      case 0:
        tensor.quantization.reset();
        break;
      case 1:
        quant.scale.assign(below(4), kScales[below(std::size(kScales))]);
        quant.zero_point.resize(quant.scale.size());
        break;
      case 2:
        quant.zero_point.assign(1 + below(2), number());
        break;
      case 3:
        quant.quantized_dimension = number();
        break;
      default:
        if (quant.scale.empty())
          quant.scale = {0.5F};
        else
          any(quant.scale) = kScales[below(std::size(kScales))];
    }
  }

  fb::ModelT& model_;
  std::mt19937_64& random_;
};

}  // namespace

std::string mutated_tflite(std::string_view bytes, std::mt19937_64& random) {
  flatbuffers::Verifier verifier(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  if (!fb::VerifyModelBuffer(verifier)) return std::string(bytes);
  fb::ModelT model;
  fb::GetModel(bytes.data())->UnPackTo(&model);
  Mutator mutator(model, random);
  for (size_t changes = 1 + random() % 4; changes > 0; --changes) mutator.change();
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(fb::Model::Pack(builder, &model), fb::ModelIdentifier());
  if (random() % 3 == 0) mutator.change_option(builder.GetBufferPointer());
  return {reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize()};
}

}  // namespace hone::sweep

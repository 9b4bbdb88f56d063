#include "formats/tflite/reader.h"

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "formats/tflite/metadata.h"
#include "formats/tflite/rows.h"
#include "formats/tflite/tflite.h"
#include "formats/tflite/types.h"
#include "ops/interpreter.h"

namespace hone::tflite {

namespace {

constexpr size_t kDeepestSubgraph = 16;

template <class Vector>
size_t size_of_list(const Vector* list) {
  return list ? list->size() : 0;
}

/// Open dims of the model's input `number` become symbols: "batch" and "d1", "d2" …, of later inputs "batch_1" and so
/// on, because nothing says that two inputs share a size. Returns how many there are.
size_t name_open_dims(Shape& shape, size_t number) {
  const std::string suffix = number == 0 ? "" : cat("_", number);
  size_t count = 0;
  for (int64_t k = 0; k < shape.rank(); ++k) {
    if (shape[k].is_known()) continue;
    shape[k] = Dim(cat(k == 0 ? std::string("batch") : cat("d", k), suffix));
    ++count;
  }
  return count;
}

const fb::SubGraph& subgraph_at(const ModelFile& file, int32_t index) {
  const auto* subgraphs = file.model().subgraphs();
  if (index < 0 || static_cast<size_t>(index) >= size_of_list(subgraphs))
    throw invalid_model(cat("found ", size_of_list(subgraphs), " subgraphs, expected more than ", index));
  return *subgraphs->Get(static_cast<flatbuffers::uoffset_t>(index));
}

}  // namespace

OperatorIdentity identify(const ModelFile& file, uint32_t opcode_index) {
  const auto* codes = file.model().operator_codes();
  if (opcode_index >= size_of_list(codes))
    throw invalid_model(cat("operator code index is ", opcode_index, ", expected less than ", size_of_list(codes)));
  const fb::OperatorCode& code = *codes->Get(opcode_index);
  OperatorIdentity id;
  id.code = std::max(code.builtin_code(), static_cast<fb::BuiltinOperator>(code.deprecated_builtin_code()));
  id.name.version = code.version();
  id.name.is_custom = id.code == fb::BuiltinOperator::CUSTOM;
  id.name.text = !id.name.is_custom ? name_of(id.code) : code.custom_code() ? code.custom_code()->str() : "custom";
  return id;
}

SubgraphReader::SubgraphReader(ReadState& state, int32_t index)
    : state_(state), subgraph_(subgraph_at(state.file, index)), depth_(state.open_subgraphs.size()) {
  const auto& open = state.open_subgraphs;
  if (std::find(open.begin(), open.end(), index) != open.end())
    throw invalid_model(cat("subgraph ", index, " contains itself"));
  if (open.size() >= kDeepestSubgraph) throw resource_error(cat("subgraphs are nested deeper than ", kDeepestSubgraph));
  state_.open_subgraphs.push_back(index);
}

const fb::Tensor& SubgraphReader::tensor(int32_t index) const {
  const size_t count = size_of_list(subgraph_.tensors());
  if (index < 0 || static_cast<size_t>(index) >= count)
    throw invalid_model(cat("tensor index is ", index, ", expected 0 to ", static_cast<int64_t>(count) - 1));
  return *subgraph_.tensors()->Get(static_cast<flatbuffers::uoffset_t>(index));
}

std::string SubgraphReader::name_of_tensor(int32_t index) const {
  const fb::Tensor& t = tensor(index);
  return t.name() && t.name()->size() > 0 ? t.name()->str() : cat("tensor_", index);
}

/// The dims of `shape`, open where the signature has −1 and the converter wrote the 1 that stands for "any size". Any
/// other number is one that the file's maker resized the input to: the runtime runs with it, and so does hone.
Shape SubgraphReader::shape_of(const fb::Tensor& t) const {
  const size_t rank = size_of_list(t.shape());
  state_.file.spend(rank);
  const bool holds_data = t.is_variable() || (t.buffer() != 0 && !state_.file.buffer(t.buffer()).empty());
  const bool is_signed = state_.has_open_dims && !holds_data && size_of_list(t.shape_signature()) == rank;
  Shape shape;
  for (flatbuffers::uoffset_t i = 0; i < rank; ++i) {
    const int32_t size = t.shape()->Get(i);
    const bool is_open = is_signed && t.shape_signature()->Get(i) == -1 && size == 1;
    shape.list().push_back(is_open ? Dim() : Dim(size));
  }
  return shape;
}

TensorType SubgraphReader::declare(const fb::Tensor& t) const {
  TensorType type;
  type.dtype = *dtype_of(t.type());
  type.shape = shape_of(t);
  if (t.quantization()) state_.file.spend(2 * size_of_list(t.quantization()->scale()));
  type.quant = quant_of(t.quantization(), type.dtype, type.shape);
  return type;
}

void SubgraphReader::declare_all() {
  const size_t count = size_of_list(subgraph_.tensors());
  declared_.resize(count);
  is_typed_.resize(count);
  values_.resize(count);
  for (size_t i = 0; i < count; ++i) {
    const auto index = static_cast<int32_t>(i);
    with_context([&] { return cat("in tensor ", index, " '", name_of_tensor(index), "'"); },
                 [&] {
                   const fb::Tensor& t = tensor(index);
                   state_.file.spend(1 + (t.name() ? t.name()->size() : 0));
                   if (t.type() < fb::TensorType::MIN || t.type() > fb::TensorType::MAX)
                     throw invalid_model(cat("element type is ", static_cast<int64_t>(t.type()), ", expected 0 to ",
                                             static_cast<int64_t>(fb::TensorType::MAX)));
                   is_typed_[i] = dtype_of(t.type()).has_value();
                   if (is_typed_[i]) declared_[i] = declare(t);
                 });
  }
}

const TensorType& SubgraphReader::declared(int32_t index) const {
  const fb::Tensor& t = tensor(index);
  if (!is_typed_[static_cast<size_t>(index)])
    throw unsupported(cat("tensor '", name_of_tensor(index), "' holds elements of type ",
                          fb::EnumNameTensorType(t.type()), ", expected numbers or booleans"));
  return declared_[static_cast<size_t>(index)];
}

ValueId SubgraphReader::value_of(int32_t index) {
  const fb::Tensor& t = tensor(index);
  ValueId& value = values_[static_cast<size_t>(index)];
  if (value.exists()) return value;
  return with_context([&] { return cat("in tensor ", index, " '", name_of_tensor(index), "'"); },
                      [&] {
                        const TensorType& type = declared(index);
                        const bool has_data = t.buffer() != 0 && !state_.file.buffer(t.buffer()).empty();
                        const bool is_empty = type.shape.is_static() && type.shape.elements() == 0;
                        if (!has_data && !is_empty && !t.is_variable())
                          throw invalid_model("is read before any operator writes it, and holds no data");
                        if (!type.shape.is_static())
                          throw invalid_model(cat("is constant, but has shape ", type.shape));
                        Tensor tensor = has_data ? state_.file.constant(t, type.dtype, type.shape.dims(), type.quant)
                                                 : state_.file.zeros(type.dtype, type.shape.dims(), type.quant);
                        if (t.is_variable() && !is_empty) {
                          value = add_state(name_of_tensor(index), std::move(tensor));
                          variables_[index] = value;
                        } else {
                          value = graph_.add_constant(std::move(tensor), name_of_tensor(index));
                        }
                        return value;
                      });
}

void SubgraphReader::bind(int32_t index, ValueId value) {
  if (index < 0) return;
  tensor(index);
  ValueId& slot = values_[static_cast<size_t>(index)];
  if (slot.exists())
    throw invalid_model(cat("tensor ", index, " '", name_of_tensor(index), "' is written twice or after it was read"));
  slot = value;
}

ValueId SubgraphReader::add_state(std::string name, Tensor initial) {
  if (!is_main()) throw unsupported(cat("variable '", name, "' of a subgraph"));
  return graph_.add_state(std::move(name), std::move(initial));
}

void SubgraphReader::advance(int32_t index, ValueId next) {
  if (!tensor(index).is_variable()) return;
  values_[static_cast<size_t>(index)] = next;
  if (const auto state = variables_.find(index); state != variables_.end()) graph_.set_next(state->second, next);
}

ValueId SubgraphReader::read_resource(int32_t handle, const TensorType& type) {
  const std::string key = handles_[handle];
  Resource& resource = resources_[key];
  if (resource.value.exists()) return resource.value;
  Tensor initial;
  if (const auto known = initial_.find(key); known != initial_.end()) {
    initial = known->second;
    if (!initial.exists()) throw unsupported(cat("variable '", key, "' begins with what hone cannot compute"));
    if (initial.dtype() != type.dtype || !compatible(type.shape, Shape(initial.dims())))
      throw unsupported(cat("variable '", key, "' is ", to_text(type), ", it begins as ", to_text(initial.type())));
    initial = initial.with_quant(type.quant);
  } else {
    if (has_unknown_initial_ || !type.shape.is_static())
      throw unsupported(cat("variable '", key, "' begins with what hone does not know"));
    initial = state_.file.zeros(type.dtype, type.shape.dims(), type.quant);
  }
  return resource.state = resource.value = add_state(key, std::move(initial));
}

void SubgraphReader::assign_resource(int32_t handle, ValueId value) {
  if (!is_main() && !is_run_once_) throw unsupported(cat("variable '", handles_[handle], "' of a subgraph"));
  resources_[handles_[handle]].value = value;
}

void SubgraphReader::run_once(int32_t index) {
  has_unknown_initial_ = true;
  SubgraphReader once(state_, index);
  once.is_run_once_ = true;
  Graph graph = once.read();
  std::vector<ValueId> values;
  for (const auto& [key, resource] : once.resources_) values.push_back(resource.value);
  std::vector<Tensor> tensors(values.size());
  try {
    graph.set_outputs(std::move(values));
    graph.remove_dead();
    tensors = evaluate(graph, {});
  } catch (const Error& e) {
    if (e.code() != ErrorCode::kUnsupported) throw;
  }
  size_t i = 0;
  for (const auto& [key, resource] : once.resources_) initial_[key] = tensors[i++];
  has_unknown_initial_ = false;
}

/// What was read before it was assigned is remembered from run to run.
void SubgraphReader::end_states() {
  for (const auto& [key, resource] : resources_)
    if (resource.state.exists()) graph_.set_next(resource.state, resource.value);
}

void SubgraphReader::add_inputs() {
  const auto* inputs = subgraph_.inputs();
  state_.file.spend(size_of_list(inputs));
  for (flatbuffers::uoffset_t i = 0; i < size_of_list(inputs); ++i) {
    const int32_t index = inputs->Get(i);
    with_context([&] { return cat("in graph input ", i); },
                 [&] {
                   TensorType type{DType::kF32, {}, nullptr};
                   if (is_complex(index)) {
                     type.shape = shape_of(tensor(index));
                     type.shape.list().emplace_back(2);
                   } else {
                     type = declared(index);
                   }
                   if (is_main()) state_.open_dims += name_open_dims(type.shape, i);
                   bind(index, graph_.add_input(name_of_tensor(index), std::move(type)));
                 });
  }
}

void SubgraphReader::read_operator(size_t number) {
  const fb::Operator& op = *subgraph_.operators()->Get(static_cast<flatbuffers::uoffset_t>(number));
  const OperatorIdentity id = identify(state_.file, op.opcode_index());
  with_context([&] { return cat("in operator ", number, " (", id.name.text, ", version ", id.name.version, ")"); },
               [&] {
                 state_.file.spend(8 + size_of_list(op.inputs()) + size_of_list(op.outputs()) +
                                   size_of_list(op.custom_options()) + size_of_list(op.intermediates()) +
                                   size_of_list(op.mutating_variable_inputs()));
                 fb::OperatorT unpacked;
                 op.UnPackTo(&unpacked);
                 if (op.large_custom_options_offset() > 1) {
                   const auto bytes = state_.file.outside(op.large_custom_options_offset(),
                                                          op.large_custom_options_size(), "custom options");
                   state_.file.spend(bytes.size());
                   const auto* first = reinterpret_cast<const uint8_t*>(bytes.data());
                   unpacked.custom_options.assign(first, first + bytes.size());
                 }
                 ReadNode node(*this, unpacked, id.name);
                 const Row* row = reading_row(id.code);
                 if (!row) return node.opaque();
                 if (id.name.version > row->max_version)
                   return node.opaque(cat("version ", id.name.version, ", hone knows ", row->max_version, " at most"));
                 try {
                   row->read(node);
                 } catch (const Error& e) {
                   // Legal, but not for hone: kept as it is, so that the model can be inspected and written back.
                   if (e.code() != ErrorCode::kUnsupported || node.is_bound()) throw;
                   ++state_.opaque_nodes;
                   node.opaque(e.message());
                 }
               });
}

void SubgraphReader::collect_outputs() {
  std::vector<ValueId> outputs;
  const auto* list = subgraph_.outputs();
  state_.file.spend(size_of_list(list));
  for (flatbuffers::uoffset_t i = 0; i < size_of_list(list); ++i)
    with_context([&] { return cat("in graph output ", i); }, [&] { outputs.push_back(value_of(list->Get(i))); });
  graph_.set_outputs(std::move(outputs));
}

Graph SubgraphReader::read() {
  graph_.name = subgraph_.name() ? subgraph_.name()->str() : "";
  graph_.arithmetic = QuantArithmetic::kFixedPoint;
  with_context([&] { return cat("in subgraph ", state_.open_subgraphs.back(), " '", graph_.name, "'"); },
               [&] {
                 state_.file.spend(graph_.name.size());
                 declare_all();
                 add_inputs();
                 for (size_t i = 0; i < size_of_list(subgraph_.operators()); ++i) read_operator(i);
                 collect_outputs();
                 end_states();
               });
  return std::move(graph_);
}

}  // namespace hone::tflite

namespace hone {

namespace tflite {
namespace {

/// What the signature leaves open is a symbol, as in ONNX: whoever states no size gets the 1 of `shape`, which is what
/// the runtime does until an input is resized. A model that cannot be said with symbols has the sizes of `shape`.
Graph read_main(std::span<const std::byte> bytes, const std::shared_ptr<const void>& owner) {
  const auto read = [&](bool has_open_dims, ReadState& state) {
    state.has_open_dims = has_open_dims;
    Graph graph = SubgraphReader(state, 0).read();
    read_metadata(state.file, graph);
    return graph;
  };
  ModelFile file(bytes, owner);
  ReadState open{file};
  std::optional<Graph> graph;
  try {
    graph = read(true, open);
  } catch (const Error&) {
    if (open.open_dims == 0) throw;
  }
  if (graph && (open.open_dims == 0 || open.opaque_nodes == 0)) return std::move(*graph);
  ModelFile again(bytes, owner);
  ReadState fixed{again};
  try {
    Graph other = read(false, fixed);
    return graph && open.opaque_nodes <= fixed.opaque_nodes ? std::move(*graph) : std::move(other);
  } catch (const Error&) {
    if (!graph) throw;
    return std::move(*graph);
  }
}

}  // namespace
}  // namespace tflite

Graph read_tflite(std::span<const std::byte> bytes, std::shared_ptr<const void> owner) {
  return tflite::read_main(bytes, owner);
}

}  // namespace hone

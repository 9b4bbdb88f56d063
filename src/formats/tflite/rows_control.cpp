#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "formats/tflite/reader.h"
#include "formats/tflite/rows.h"
#include "ops/control.h"
#include "passes/rewrite.h"

namespace hone::tflite {

namespace {

using B = fb::BuiltinOperator;

std::vector<ValueId> inputs_from(ReadNode& n, size_t first) {
  std::vector<ValueId> inputs;
  for (size_t i = first; i < n.input_count(); ++i) inputs.push_back(n.in(i));
  return inputs;
}

void read_if(ReadNode& n) {
  const auto o = n.options<fb::IfOptionsT>();
  std::vector<Graph> branches;
  branches.push_back(n.subgraph(o.then_subgraph_index));
  branches.push_back(n.subgraph(o.else_subgraph_index));
  std::vector<ValueId> inputs = inputs_from(n, 1);
  inputs.insert(inputs.begin(), n.scalar(0));
  n.emit_spec(If::def, Attrs::of(If{}), std::move(inputs), n.output_count(), std::move(branches));
}

void read_while(ReadNode& n) {
  const auto o = n.options<fb::WhileOptionsT>();
  std::vector<Graph> graphs;
  graphs.push_back(n.subgraph(o.cond_subgraph_index));
  graphs.push_back(n.subgraph(o.body_subgraph_index));
  const auto count = static_cast<int64_t>(n.input_count());
  n.emit_spec(While::def, Attrs::of(While{.num_state = count}), inputs_from(n, 0), n.output_count(), std::move(graphs));
}

/// The nodes of the called subgraph in place of the call.
void read_call(ReadNode& n) {
  const Graph body = n.subgraph(static_cast<int64_t>(n.options<fb::CallOptionsT>().subgraph));
  if (body.inputs().size() != n.input_count() || body.outputs().size() != n.output_count())
    throw invalid_model(cat("the called subgraph has ", body.inputs().size(), " inputs and ", body.outputs().size(),
                            " outputs, expected ", n.input_count(), " and ", n.output_count()));
  Graph& graph = n.graph();
  std::vector<ValueId> mapped(body.value_capacity());
  const auto at = [&](ValueId id) -> ValueId& { return mapped[static_cast<size_t>(id.index)]; };
  for (size_t i = 0; i < n.input_count(); ++i) at(body.inputs()[i]) = n.in(i);
  const auto bring = [&](ValueId id) {
    if (!id.exists()) return id;
    if (!at(id).exists()) at(id) = graph.add_constant(body.value(id).constant, body.value(id).name);
    return at(id);
  };
  for (const NodeId id : body.order()) {
    NodeSpec spec = spec_of(body, id);
    n.spend(8 + spec.inputs.size() + spec.outputs);
    for (ValueId& input : spec.inputs) input = bring(input);
    const std::vector<ValueId> made = graph.node(graph.add(std::move(spec))).outputs;
    for (size_t j = 0; j < made.size(); ++j) at(body.node(id).outputs[j]) = made[j];
  }
  for (size_t j = 0; j < n.output_count(); ++j) n.bind(j, bring(body.outputs()[j]));
}

template <class Options>
void emit_control(WriteNode& n, B code, Options options) {
  std::vector<TensorIndex> inputs, outputs;
  for (size_t i = 0; i < n.input_count(); ++i) inputs.push_back(n.in(i));
  for (size_t j = 0; j < n.output_count(); ++j) outputs.push_back(n.out(j));
  n.emit(code, 1, std::move(options), std::move(inputs), std::move(outputs));
}

bool write_if(WriteNode& n) {
  fb::IfOptionsT o;
  o.then_subgraph_index = n.subgraph(0);
  o.else_subgraph_index = n.subgraph(1);
  emit_control(n, B::IF, o);
  return true;
}

bool write_while(WriteNode& n) {
  // The runtime's loop carries everything: values only read would have to be handed on by the body.
  if (n.as<While>().num_state != static_cast<int64_t>(n.input_count())) throw unsupported("loop with captured values");
  fb::WhileOptionsT o;
  o.cond_subgraph_index = n.subgraph(0);
  o.body_subgraph_index = n.subgraph(1);
  emit_control(n, B::WHILE, o);
  return true;
}

void read_call_once(ReadNode& n) { n.run_once(n.options<fb::CallOnceOptionsT>().init_subgraph_index); }

void read_var_handle(ReadNode& n) {
  const auto o = n.options<fb::VarHandleOptionsT>();
  n.name_resource(0, o.container.empty() ? o.shared_name : o.container + "/" + o.shared_name);
}

void read_read_variable(ReadNode& n) { n.bind(0, n.read_resource(0, n.out_type(0))); }

void read_assign_variable(ReadNode& n) { n.assign_resource(0, n.in(1)); }

/// An opaque node of this format goes back as it came.
bool write_opaque(WriteNode& n) {
  const Opaque& op = n.as<Opaque>();
  if (op.format != "tflite") throw unsupported(cat("operator ", op.type, " of ", op.format));
  std::vector<TensorIndex> inputs, outputs;
  for (size_t i = 0; i < n.input_count(); ++i) inputs.push_back(n.optional(i));
  for (size_t j = 0; j < n.output_count(); ++j) outputs.push_back(n.out(j));
  const auto* bytes = reinterpret_cast<const uint8_t*>(op.payload.data());
  if (op.domain == "custom") {
    n.emit_custom(op.type, static_cast<int32_t>(op.version), {bytes, bytes + op.payload.size()}, std::move(inputs),
                  std::move(outputs));
    return true;
  }
  const auto* names = fb::EnumNamesBuiltinOperator();
  int32_t code = 0;
  while (names[code] && op.type != names[code]) ++code;
  if (!names[code]) throw unsupported(cat("operator ", op.type, " is unknown, and so are its options"));
  fb::OperatorT options;
  if (!op.payload.empty()) {
    flatbuffers::Verifier verifier(bytes, op.payload.size());
    if (!verifier.VerifyBuffer<fb::Operator>(nullptr)) throw invalid_model(cat("options of ", op.type, " are broken"));
    flatbuffers::GetRoot<fb::Operator>(bytes)->UnPackTo(&options);
  }
  n.emit_operator(static_cast<B>(code), static_cast<int32_t>(op.version), {}, std::move(options), std::move(inputs),
                  std::move(outputs));
  return true;
}

constexpr Row kRows[] = {
    {B::IF, 1, read_if, &If::def, write_if},
    {B::WHILE, 1, read_while, &While::def, write_while},
    {B::CALL, 1, read_call, nullptr, nullptr},
    {B::CALL_ONCE, 1, read_call_once, nullptr, nullptr},
    {B::VAR_HANDLE, 1, read_var_handle, nullptr, nullptr},
    {B::READ_VARIABLE, 1, read_read_variable, nullptr, nullptr},
    {B::ASSIGN_VARIABLE, 1, read_assign_variable, nullptr, nullptr},
    {B::CUSTOM, 1, nullptr, &Opaque::def, write_opaque},
};

}  // namespace

std::span<const Row> control_rows() { return kRows; }

}  // namespace hone::tflite

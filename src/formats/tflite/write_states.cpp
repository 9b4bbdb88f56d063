#include "formats/tflite/write_states.h"

#include <algorithm>

#include "ops/sequence_lstm_q.h"

namespace hone::tflite {

namespace {

using B = fb::BuiltinOperator;

/// An input that the operator's kernel keeps in a variable, and the output that is what it becomes.
struct Kept {
  const OpDef* op;
  size_t input, output;
};
constexpr Kept kKept[] = {{&SequenceLstm::def, kOutputState, 1},
                          {&SequenceLstm::def, kCellState, 2},
                          {&SequenceRnn::def, 4, 1},
                          {&Svdf::def, 4, 1}};

bool begins_at_zero(const Tensor& x) {
  const std::vector<double> values = to_doubles(x);
  return std::all_of(values.begin(), values.end(), [](double v) { return v == 0; });
}

/// Whether one operator reads the state and nothing else what it makes of it.
bool is_kept_by_kernel(const Graph& graph, const GraphState& state) {
  const Value &now = graph.value(state.now), &next = graph.value(state.next);
  if (now.users.size() != 1 || now.output_uses > 0 || !next.users.empty() || next.output_uses != 1) return false;
  const Node& node = graph.node(now.users.front());
  const bool fits = std::any_of(std::begin(kKept), std::end(kKept), [&](const Kept& k) {
    return node.def == k.op && node.input(k.input) == state.now && k.output < node.outputs.size() &&
           node.outputs[k.output] == state.next;
  });
  return fits && begins_at_zero(state.initial);
}

fb::OperatorT handle_of(const std::string& name) {
  fb::VarHandleOptionsT options;
  options.shared_name = name;
  fb::OperatorT op;
  op.builtin_options.Set(std::move(options));
  return op;
}

template <class Options>
fb::OperatorT operator_with(Options options) {
  fb::OperatorT op;
  op.builtin_options.Set(std::move(options));
  return op;
}

}  // namespace

void StateWriter::emit(fb::OperatorT op, B code, std::vector<TensorIndex> inputs, std::vector<TensorIndex> outputs) {
  op.opcode_index = file_.code_of(code, {}, 1);
  op.inputs = std::move(inputs);
  op.outputs = std::move(outputs);
  writer_.add_operator(std::make_unique<fb::OperatorT>(std::move(op)));
}

void StateWriter::begin() {
  const Graph& graph = writer_.graph();
  for (const GraphState& state : graph.states()) {
    const Value& now = graph.value(state.now);
    if (is_kept_by_kernel(graph, state))
      writer_.keep(state.now, writer_.add_variable(now.name, now.type));
    else
      resources_.push_back({state, -1});
  }
  initialise();
  for (Resource& r : resources_) {
    const std::string& name = graph.value(r.state.now).name;
    r.handle = writer_.add_resource(name + "/handle");
    emit(handle_of(name), B::VAR_HANDLE, {}, {r.handle});
    emit(operator_with(fb::ReadVariableOptionsT()), B::READ_VARIABLE, {r.handle}, {writer_.tensor_of(r.state.now)});
  }
}

/// The runtime has no resource before somebody assigns it.
void StateWriter::initialise() {
  if (resources_.empty()) return;
  const auto index = static_cast<int32_t>(file_.subgraphs.size());
  file_.subgraphs.push_back(nullptr);
  Graph nothing;
  nothing.name = "initial";
  SubgraphWriter once(file_, nothing);
  StateWriter assigning(once, file_);
  for (const Resource& r : resources_) {
    const std::string& name = writer_.graph().value(r.state.now).name;
    const TensorIndex handle = once.add_resource(name + "/handle");
    assigning.emit(handle_of(name), B::VAR_HANDLE, {}, {handle});
    assigning.emit(operator_with(fb::AssignVariableOptionsT()), B::ASSIGN_VARIABLE,
                   {handle, once.add_tensor(name, r.state.initial.type(), r.state.initial)}, {});
  }
  file_.subgraphs[static_cast<size_t>(index)] = once.take();
  fb::CallOnceOptionsT options;
  options.init_subgraph_index = index;
  emit(operator_with(options), B::CALL_ONCE, {}, {});
}

void StateWriter::end() {
  for (const Resource& r : resources_)
    if (r.state.next != r.state.now)
      emit(operator_with(fb::AssignVariableOptionsT()), B::ASSIGN_VARIABLE, {r.handle, writer_.tensor_of(r.state.next)},
           {});
}

}  // namespace hone::tflite

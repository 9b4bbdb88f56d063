#include "ops/control.h"

#include "passes/rewrite.h"
#include "passes/simplify.h"

namespace hone {
namespace {

/// Copies `body` into `graph` with its inputs bound to `arguments`; returns what its outputs became.
std::vector<ValueId> inline_graph(Graph& graph, const Graph& body, std::span<const ValueId> arguments) {
  std::vector<ValueId> mapped(body.value_capacity());
  const auto at = [&](ValueId id) -> ValueId& { return mapped[static_cast<size_t>(id.index)]; };
  for (size_t i = 0; i < body.inputs().size(); ++i) at(body.inputs()[i]) = arguments[i];
  const auto bring = [&](ValueId id) {
    if (!id.exists()) return id;
    if (!at(id).exists() && body.is_constant(id)) {
      at(id) = graph.add_constant(body.value(id).constant, body.value(id).name);
    }
    return at(id);
  };
  for (NodeId id : body.order()) {
    NodeSpec spec = spec_of(body, id);
    for (ValueId& input : spec.inputs) input = bring(input);
    const std::vector<ValueId> made = graph.node(graph.add(std::move(spec))).outputs;
    const std::vector<ValueId>& outputs = body.node(id).outputs;
    for (size_t i = 0; i < outputs.size(); ++i) at(outputs[i]) = made[i];
  }
  std::vector<ValueId> results;
  for (ValueId output : body.outputs()) results.push_back(bring(output));
  return results;
}

/// If(true, a…) [then, else] → y   ⇒   then(a…) → y
bool inline_if(Graph& graph, NodeId id) {
  const auto condition = constant_scalar(graph, graph.node(id).inputs[0]);
  if (!condition || graph.node(id).subgraphs.size() != 2) return false;
  const Graph body = graph.node(id).subgraphs[*condition != 0 ? 0 : 1];
  const std::vector<ValueId> outputs = graph.node(id).outputs;
  const std::vector<ValueId> arguments(graph.node(id).inputs.begin() + 1, graph.node(id).inputs.end());
  if (body.inputs().size() != arguments.size() || body.outputs().size() != outputs.size()) return false;
  for (ValueId argument : arguments) {
    if (!argument.exists()) return false;
  }
  // A branch that hands an argument through, or the same value twice, cannot stand for outputs of the whole graph.
  for (size_t i = 0; i < outputs.size(); ++i) {
    const ValueId result = body.outputs()[i];
    if (graph.is_output(outputs[i]) && !body.value(result).producer.exists()) return false;
    for (size_t j = 0; j < i; ++j) {
      if (body.outputs()[j] == result && graph.is_output(outputs[i])) return false;
    }
  }
  const std::vector<ValueId> results = inline_graph(graph, body, arguments);
  for (size_t i = 0; i < outputs.size(); ++i) graph.replace_uses(outputs[i], results[i]);
  graph.remove(id);
  return true;
}

}  // namespace

std::vector<Rule> control_rules() { return {{"inline_if", {&If::def}, inline_if}}; }

}  // namespace hone

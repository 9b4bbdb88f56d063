#include "compress/rebuild.h"

namespace hone {

Rebuild::Rebuild(const Graph& source) : from(source), map(source.value_capacity()) {
  graph.name = source.name;
  graph.metadata = source.metadata;
  graph.arithmetic = source.arithmetic;
}

ValueId Rebuild::constant(ValueId old) {
  ValueId& id = (*this)[old];
  if (!id.exists()) id = graph.add_constant(from.value(old).constant, from.value(old).name);
  return id;
}

void Rebuild::add_states() {
  for (const GraphState& state : from.states())
    (*this)[state.now] = graph.add_state(from.value(state.now).name, state.initial);
}

NodeSpec Rebuild::spec_of(const Node& node, std::vector<ValueId> inputs) const {
  NodeSpec spec;
  spec.def = node.def;
  spec.attrs = node.attrs;
  spec.inputs = std::move(inputs);
  spec.outputs = node.outputs.size();
  spec.name = node.name;
  spec.subgraphs = node.subgraphs;
  spec.source = node.source;
  for (const ValueId out : node.outputs) {
    spec.output_types.push_back(from.type(out));
    spec.output_names.push_back(from.value(out).name);
  }
  return spec;
}

NodeId Rebuild::copy(const Node& node, std::vector<ValueId> inputs) {
  const NodeId id = graph.add(spec_of(node, std::move(inputs)));
  for (size_t i = 0; i < node.outputs.size(); ++i) (*this)[node.outputs[i]] = graph.node(id).outputs[i];
  return id;
}

}  // namespace hone

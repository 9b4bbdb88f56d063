#include "compress/simulate.h"

#include "compress/rebuild.h"
#include "ops/quantize.h"

namespace hone {

namespace {

class Simulation {
 public:
  Simulation(const Graph& quantized, const Exact& exact) : exact_(exact), build_(quantized) {
    build_.graph.arithmetic = QuantArithmetic::kFloat;
  }

  Graph run() {
    const Graph& from = build_.from;
    for (const ValueId in : from.inputs()) {
      const TensorType& type = from.type(in);
      build_[in] = build_.graph.add_input(from.value(in).name, {type.logical_dtype(), type.shape, nullptr});
      build_[in] = rounded(in, build_[in]);
    }
    for (const GraphState& state : from.states())
      build_[state.now] = build_.graph.add_state(from.value(state.now).name,
                                                 state.initial.quant() ? dequantize(state.initial) : state.initial);
    for (const NodeId id : from.order()) copy(from.node(id));
    std::vector<ValueId> outputs;
    for (const ValueId out : from.outputs()) outputs.push_back(value(out));
    build_.graph.set_outputs(std::move(outputs));
    for (const GraphState& state : from.states()) build_.graph.set_next(build_[state.now], value(state.next));
    build_.graph.remove_dead();
    return std::move(build_.graph);
  }

 private:
  ValueId value(ValueId old) {
    if (!old.exists()) return {};
    ValueId& id = build_[old];
    const Tensor& t = build_.from.value(old).constant;
    if (!id.exists()) id = build_.graph.add_constant(t.quant() ? dequantize(t) : t, build_.from.value(old).name);
    return id;
  }

  ValueId rounded(ValueId old, ValueId real) {
    const TensorType& type = build_.from.type(old);
    if (!type.quant || exact_.values.count(old.index)) return real;
    const ValueId stored = build_.graph.add(Quantize{}, {real}, {.type = type, .has_type = true});
    return build_.graph.add(Dequantize{}, {stored});
  }

  void copy(const Node& node) {
    if (node.is<Quantize>() || node.is<Dequantize>()) {
      build_[node.outputs[0]] = rounded(node.outputs[0], value(node.inputs[0]));
      return;
    }
    std::vector<ValueId> inputs;
    for (const ValueId in : node.inputs) inputs.push_back(value(in));
    replace(inputs, node.def->quant.weight, exact_.weights, node.name);
    replace(inputs, node.def->quant.bias, exact_.biases, node.name);
    NodeSpec spec = build_.spec_of(node, std::move(inputs));
    for (TensorType& type : spec.output_types) type = {type.logical_dtype(), type.shape, nullptr};
    const NodeId id = build_.graph.add(std::move(spec));
    for (size_t i = 0; i < node.outputs.size(); ++i)
      build_[node.outputs[i]] = rounded(node.outputs[i], build_.graph.node(id).outputs[i]);
  }

  void replace(std::vector<ValueId>& inputs, int8_t index, const std::map<std::string, Tensor>& by,
               const std::string& name) {
    const auto found = by.find(name);
    if (index >= 0 && found != by.end() && static_cast<size_t>(index) < inputs.size())
      inputs[static_cast<size_t>(index)] = build_.graph.add_constant(found->second);
  }

  const Exact& exact_;
  Rebuild build_;
};

}  // namespace

Graph simulate(const Graph& quantized, const Exact& exact) { return Simulation(quantized, exact).run(); }

}  // namespace hone

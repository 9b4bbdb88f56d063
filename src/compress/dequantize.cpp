#include "compress/dequantize.h"

#include "base/error.h"
#include "base/text.h"
#include "compress/rebuild.h"
#include "ops/quantize.h"

namespace hone {

namespace {

TensorType real(const TensorType& type) { return {type.logical_dtype(), type.shape, nullptr}; }

bool is_border(const Node& node) { return node.is<Quantize>() || node.is<Dequantize>(); }

}  // namespace

Graph to_float(const Graph& graph) {
  Rebuild build(graph);
  build.graph.arithmetic = QuantArithmetic::kFloat;
  for (const ValueId in : graph.inputs()) build[in] = build.graph.add_input(graph.value(in).name, real(graph.type(in)));
  for (const GraphState& state : graph.states()) {
    const Tensor& t = state.initial;
    build[state.now] = build.graph.add_state(graph.value(state.now).name, t.quant() ? dequantize(t) : t);
  }
  for (size_t i = 0; i < graph.value_capacity(); ++i) {
    const ValueId id{static_cast<int32_t>(i)};
    if (!graph.is_constant(id)) continue;
    const Tensor& t = graph.value(id).constant;
    build[id] = build.graph.add_constant(t.quant() ? dequantize(t) : t, graph.value(id).name);
  }
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (is_border(node)) {
      build[node.outputs[0]] = build[node.inputs[0]];
      continue;
    }
    std::vector<ValueId> inputs;
    for (const ValueId in : node.inputs) inputs.push_back(in.exists() ? build[in] : ValueId{});
    NodeSpec spec = build.spec_of(node, std::move(inputs));
    for (TensorType& type : spec.output_types) type = real(type);
    const NodeId copy = build.graph.add(std::move(spec));
    for (size_t i = 0; i < node.outputs.size(); ++i) build[node.outputs[i]] = build.graph.node(copy).outputs[i];
  }
  std::vector<ValueId> outputs;
  for (const ValueId out : graph.outputs()) {
    outputs.push_back(build[out]);
    if (!build.graph.value(build[out]).is_input) build.graph.set_name(build[out], graph.value(out).name);
  }
  build.graph.set_outputs(std::move(outputs));
  for (const GraphState& state : graph.states()) build.graph.set_next(build[state.now], build[state.next]);
  build.graph.remove_dead();
  return std::move(build.graph);
}

bool has_integer_weights(const Graph& graph) {
  bool has_them = false;
  for (size_t i = 0; i < graph.value_capacity(); ++i) {
    const ValueId id{static_cast<int32_t>(i)};
    if (!graph.type(id).quant) continue;
    if (!graph.is_constant(id) && (graph.value(id).is_input || graph.producer(id)))
      throw invalid_argument(cat("the model computes in integers already ('", graph.value(id).name, "' is ",
                                 to_text(graph.type(id)), "), expected a float model"),
                             "undo it first: hone quantize MODEL --to float -o FLOAT.tflite");
    has_them |= graph.is_constant(id);
  }
  return has_them;
}

Graph with_float_weights(const Graph& graph) { return has_integer_weights(graph) ? to_float(graph) : graph; }

}  // namespace hone

#include "ops/interpreter.h"

#include "base/cancel.h"
#include "base/error.h"
#include "base/text.h"
#include "ops/quantize.h"

namespace hone {

namespace {

bool any_quantized(std::span<const Tensor> tensors) {
  for (const Tensor& t : tensors)
    if (t.exists() && t.quant()) return true;
  return false;
}

/// Types for these inputs: what inference finds for their concrete shapes and, where an operator reads values, data.
std::vector<TensorType> infer_concrete(const Node& node, std::span<const Tensor> inputs, size_t outputs) {
  std::vector<TensorType> types(inputs.size());
  std::vector<const TensorType*> type_pointers(inputs.size(), nullptr);
  std::vector<const Tensor*> values(inputs.size(), nullptr);
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].exists()) continue;
    types[i] = inputs[i].type();
    type_pointers[i] = &types[i];
    values[i] = &inputs[i];
  }
  return infer_types(*node.def, node.attrs, type_pointers, values, outputs, node.subgraphs);
}

/// Results are what inference promised: less is a bug, except where it believed what a subgraph declares.
void check_results(const Node& node, const std::vector<Tensor>& outputs, std::span<const TensorType> types) {
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!outputs[i].exists()) throw internal_error(cat("output ", i, " was not computed"));
    if (outputs[i].dtype() == types[i].dtype && compatible(types[i].shape, Shape(outputs[i].dims()))) continue;
    const std::string what = cat("output ", i, " is ", to_text(outputs[i].type()));
    if (node.subgraphs.empty()) throw internal_error(cat(what, ", inference promised ", to_text(types[i])));
    throw invalid_model(cat(lower(node.def->name), ": ", what, ", its graph declares ", to_text(types[i])));
  }
}

}  // namespace

std::vector<Tensor> evaluate_node(const Node& node, std::span<const TensorType* const> output_types,
                                  std::span<const Tensor> inputs, QuantArithmetic arithmetic, uint64_t seed,
                                  BodyRunner* bodies) {
  return with_context(
      [&] { return cat("in ", describe(node)); },
      [&] {
        const OpDef& def = *node.def;
        if (!def.eval && !def.eval_quantized)
          throw unsupported(cat("operator ", def.name, " cannot be executed"),
                            "list such operators: hone inspect MODEL");
        std::vector<TensorType> types = infer_concrete(node, inputs, output_types.size());
        bool quantized = any_quantized(inputs);
        for (size_t i = 0; i < types.size(); ++i) {
          if (!output_types[i] || !output_types[i]->quant) continue;
          types[i].dtype = output_types[i]->dtype;
          types[i].quant = output_types[i]->quant;
          quantized = true;
        }
        std::vector<Tensor> outputs(output_types.size());
        EvalContext context{node.attrs, inputs, outputs, types, node.subgraphs, arithmetic, seed, bodies};
        const bool moves_stored = def.moves_data && !types.empty() && !inputs.empty() && inputs[0].exists() &&
                                  inputs[0].quant() && types[0].dtype == inputs[0].dtype() &&
                                  same_quant(types[0].quant, inputs[0].quant());
        const bool rounds_reals = &def == &Quantize::def && types[0].quant;
        // Plain activations on quantized weights: TFLite's dynamic-range kernels.
        const bool is_hybrid = def.quant.weight == 1 && inputs.size() > 1 && inputs[1].exists() && inputs[1].quant();
        if (def.eval_quantized && arithmetic == QuantArithmetic::kFixedPoint && inputs[0].exists() &&
            (inputs[0].quant() || rounds_reals || is_hybrid)) {
          def.eval_quantized(context);
        } else if (!quantized || moves_stored || !def.eval || def.is_random) {
          def.eval(context);
        } else {
          std::vector<Tensor> real(inputs.begin(), inputs.end());
          for (Tensor& t : real)
            if (t.exists() && t.quant()) t = dequantize(t);
          std::vector<TensorType> real_types = types;
          for (TensorType& t : real_types)
            if (t.quant) t = {DType::kF32, t.shape, nullptr};
          EvalContext real_context{node.attrs, real, outputs, real_types, node.subgraphs, arithmetic, seed, bodies};
          def.eval(real_context);
          for (size_t i = 0; i < outputs.size(); ++i)
            if (types[i].quant) outputs[i] = quantize(outputs[i], types[i].dtype, types[i].quant);
        }
        check_results(node, outputs, types);
        for (size_t i = 0; i < outputs.size(); ++i)
          if (!same_quant(outputs[i].quant(), types[i].quant)) outputs[i] = outputs[i].with_quant(types[i].quant);
        return outputs;
      });
}

std::vector<Tensor> evaluate(const Graph& graph, std::span<const Tensor> inputs, const EvalOptions& options) {
  if (inputs.size() != graph.inputs().size())
    throw invalid_argument(
        cat("graph '", graph.name, "' takes ", graph.inputs().size(), " inputs, got ", inputs.size()));
  std::vector<Tensor> values(graph.value_capacity());
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Value& v = graph.value(graph.inputs()[i]);
    if (!inputs[i].exists() || inputs[i].dtype() != v.type.dtype || !compatible(v.type.shape, Shape(inputs[i].dims())))
      throw invalid_argument(cat("input '", v.name, "' is ", inputs[i].exists() ? to_text(inputs[i].type()) : "absent",
                                 ", expected ", to_text(v.type)));
    values[static_cast<size_t>(graph.inputs()[i].index)] = inputs[i].with_quant(v.type.quant);
  }
  for (size_t i = 0; i < graph.states().size(); ++i) {
    const GraphState& state = graph.states()[i];
    const bool is_kept = options.states && !options.states->empty();
    values[static_cast<size_t>(state.now.index)] = is_kept ? options.states->at(i) : state.initial;
  }
  std::vector<int64_t> uses_left(graph.value_capacity(), 0);
  for (size_t i = 0; i < uses_left.size(); ++i) {
    const ValueId id{static_cast<int32_t>(i)};
    uses_left[i] = static_cast<int64_t>(graph.value(id).users.size());
    if (graph.is_constant(id)) values[i] = graph.value(id).constant;
  }
  for (const ValueId out : graph.outputs()) ++uses_left[static_cast<size_t>(out.index)];
  for (const GraphState& state : graph.states()) ++uses_left[static_cast<size_t>(state.next.index)];

  for (const NodeId id : graph.order()) {
    check_interrupted();
    const Node& node = graph.node(id);
    std::vector<Tensor> in;
    for (const ValueId v : node.inputs) in.push_back(v.exists() ? values[static_cast<size_t>(v.index)] : Tensor());
    std::vector<const TensorType*> types;
    for (const ValueId v : node.outputs) types.push_back(&graph.type(v));
    std::vector<Tensor> out =
        evaluate_node(node, types, in, graph.arithmetic, options.seed + static_cast<uint64_t>(id.index));
    if (options.observe) options.observe(id, out);
    for (size_t i = 0; i < out.size(); ++i)
      if (uses_left[static_cast<size_t>(node.outputs[i].index)] > 0)
        values[static_cast<size_t>(node.outputs[i].index)] = std::move(out[i]);
    for (const ValueId v : node.inputs)
      if (v.exists() && --uses_left[static_cast<size_t>(v.index)] == 0 && !graph.is_constant(v))
        values[static_cast<size_t>(v.index)] = Tensor();
  }
  if (options.states) options.states->clear();
  for (const GraphState& state : graph.states())
    if (options.states) options.states->push_back(values[static_cast<size_t>(state.next.index)]);
  std::vector<Tensor> results;
  for (const ValueId out : graph.outputs()) results.push_back(values[static_cast<size_t>(out.index)]);
  return results;
}

}  // namespace hone

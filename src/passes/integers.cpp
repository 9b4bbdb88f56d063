#include "passes/integers.h"

#include <cmath>
#include <string>

#include "ops/movement.h"
#include "ops/quantize.h"
#include "passes/rewrite.h"

namespace hone {
namespace {

bool is_plain_real(const TensorType& type) { return type.dtype == DType::kF32 && !type.quant; }

/// Parameters of a QuantizeLinear or DequantizeLinear whose scale and zero point are single constants, else null.
QuantPtr constant_params(const Graph& graph, const Node& node) {
  const auto scale = constant_scalar(graph, node.input(1));
  const auto zero = node.input(2).exists() ? constant_scalar(graph, node.input(2)) : std::optional<double>(0);
  if (!scale || !zero || !(*scale > 0) || !std::isfinite(*scale)) return nullptr;
  if (graph.type(node.inputs[1]).dtype != DType::kF32) return nullptr;
  return QuantParams::per_tensor(static_cast<float>(*scale), static_cast<int32_t>(*zero));
}

/// x → QuantizeLinear(s, z) → DequantizeLinear(s, z) → y   ⇒   x → Quantize → Dequantize → y
bool type_pair(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const ValueId middle = node.inputs[0], out = node.outputs[0];
  const Node* first = producer_as<QuantizeLinear>(graph, middle);
  if (!first || !is_plain_real(graph.type(first->inputs[0])) || !is_plain_real(graph.type(out))) return false;
  const QuantPtr in = constant_params(graph, *first), back = constant_params(graph, node);
  if (!in || !same_quant(in, back)) return false;
  const DType dtype = graph.type(middle).dtype;
  if (dtype != DType::kI8 && dtype != DType::kU8 && dtype != DType::kI16) return false;
  const ValueId x = first->inputs[0];
  NodeSpec spec{.def = &Quantize::def, .inputs = {x}, .name = first->name, .source = first->source};
  spec.output_types = {{dtype, graph.type(middle).shape, in}};
  const ValueId stored = graph.node(graph.add(std::move(spec))).outputs[0];
  return supersede(graph, out, add_for(graph, out, Dequantize{}, {stored}));
}

/// The inputs of `node` with Dequantize taken off; none when one of them is computed in float, or the weights are.
std::optional<std::vector<ValueId>> stored_inputs(const Graph& graph, const Node& node) {
  std::vector<ValueId> inputs = node.inputs;
  const QuantRule& rule = node.def->quant;
  bool found = false;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].exists() || !is_plain_real(graph.type(inputs[i]))) continue;
    if (const Node* border = producer_as<Dequantize>(graph, inputs[i])) {
      inputs[i] = border->inputs[0];
      found = true;
    } else if (!graph.is_constant(inputs[i]) || static_cast<int>(i) == rule.weight) {
      return std::nullopt;
    }
  }
  if (!found || !inputs[0].exists() || !graph.type(inputs[0]).quant) return std::nullopt;
  return inputs;
}

bool is_candidate(const Graph& graph, const Node& node) {
  return graph.arithmetic == QuantArithmetic::kFloat && node.outputs.size() == 1 && !node.inputs.empty() &&
         (node.def->quant.kind != QuantRule::kFloat || node.def->moves_data) && !node.is<Quantize>() &&
         !node.is<Dequantize>() && is_plain_real(graph.type(node.outputs[0]));
}

/// q → Dequantize → op → Quantize → y   ⇒   q → op (quantized result) → y
bool absorb(Graph& graph, NodeId id) {
  const Node& last = graph.node(id);
  const ValueId middle = last.inputs[0], out = last.outputs[0];
  const Node* node = graph.producer(middle);
  if (!node || !is_private(graph, middle) || !is_candidate(graph, *node)) return false;
  const auto inputs = stored_inputs(graph, *node);
  if (!inputs) return false;
  const bool keeps_scale = node->def->quant.kind == QuantRule::kSameScale || node->def->moves_data;
  if (keeps_scale && !same_storage(graph.type((*inputs)[0]), graph.type(out))) return false;
  const OpDef& def = *node->def;
  const Attrs attrs = node->attrs;
  const std::string name = node->name;  // reports speak of the operator, not of the border it took over
  const Source source = node->source;
  NodeSpec spec{.def = &def, .attrs = attrs, .inputs = *inputs, .name = name, .source = source};
  spec.output_types = {graph.type(out)};
  const NodeId made = graph.add(std::move(spec));
  supersede(graph, out, graph.node(made).outputs[0]);
  graph.set_name(made, name);
  return true;
}

/// q → Dequantize → move → y   ⇒   q → move → Dequantize → y, so that it meets a Quantize or moves bytes at least
bool sink(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const ValueId out = node.outputs[0];
  if (!is_candidate(graph, node) || !node.def->moves_data || !producer_as<Dequantize>(graph, node.inputs[0]))
    return false;
  if (!is_private(graph, node.inputs[0])) return false;
  const auto inputs = stored_inputs(graph, node);
  if (!inputs) return false;
  const TensorType from = graph.type((*inputs)[0]);
  if (!from.quant->is_per_tensor()) return false;
  for (const ValueId in : *inputs)
    if (in.exists() && (graph.type(in).quant ? !same_storage(graph.type(in), from) : is_plain_real(graph.type(in))))
      return false;
  NodeSpec spec{.def = node.def, .attrs = node.attrs, .inputs = *inputs, .name = node.name, .source = node.source};
  spec.output_types = {{from.dtype, graph.type(out).shape, from.quant}};
  const ValueId moved = graph.node(graph.add(std::move(spec))).outputs[0];
  return supersede(graph, out, add_for(graph, out, Dequantize{}, {moved}));
}

}  // namespace

std::vector<Rule> integer_rules() {
  return {
      {"type_pair", {&DequantizeLinear::def}, type_pair},
      {"absorb", {&Quantize::def}, absorb},
      {"sink_dequantize",
       {&Reshape::def, &Flatten::def, &Squeeze::def, &Unsqueeze::def, &Transpose::def, &Concat::def, &Slice::def},
       sink},
  };
}

}  // namespace hone

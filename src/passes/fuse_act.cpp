#include "ops/conv.h"
#include "ops/matmul.h"
#include "ops/quantize.h"
#include "ops/unary.h"
#include "passes/bounds.h"
#include "passes/fuse.h"
#include "passes/rewrite.h"

namespace hone {
namespace {

/// x → Conv, FullyConnected, Add, pool, … → Relu or Clamp → y   ⇒   x → the same {act_min, act_max} → y
bool fuse_activation(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const ValueId middle = node.inputs[0], out = node.outputs[0];
  const Node* first = graph.producer(middle);
  if (!first || first->outputs.size() != 1 || !is_private(graph, middle)) return false;
  const auto present = activation_of(*first);
  if (!present || !is_float(graph.type(middle).logical_dtype()) || !is_transparent(graph, middle, out)) return false;
  Attrs attrs = with_activation(*first, then(*present, *bounds_of(node)));
  const OpDef& def = *first->def;
  const std::vector<ValueId> inputs = first->inputs;
  return supersede(graph, out, add_for(graph, out, def, std::move(attrs), inputs));
}

/// q → Conv (plain result) → Quantize → y   ⇒   q → Conv (quantized result) → y, for quantized data and weights.
bool fuse_quantize(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const ValueId middle = node.inputs[0], out = node.outputs[0];
  const Node* first = graph.producer(middle);
  if (!first || !is_private(graph, middle) || graph.type(middle).quant) return false;
  if (!first->is<Conv>() && !first->is<ConvTranspose>() && !first->is<FullyConnected>()) return false;
  for (size_t i = 0; i < 2; ++i) {
    if (!first->input(i).exists() || !graph.type(first->inputs[i]).quant) return false;
  }
  const OpDef& def = *first->def;
  const Attrs attrs = first->attrs;
  const std::vector<ValueId> inputs = first->inputs;
  return supersede(graph, out, add_for(graph, out, def, attrs, inputs));
}

}  // namespace

std::vector<Rule> act_rules() {
  return {
      {"fuse_activation", {&Relu::def, &Clamp::def}, fuse_activation},
      {"fuse_quantize", {&Quantize::def}, fuse_quantize},
  };
}

}  // namespace hone

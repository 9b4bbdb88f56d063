#include "ops/movement.h"
#include "passes/rewrite.h"
#include "passes/simplify.h"

namespace hone {
namespace {

/// The permutation with the default (reversed) spelled out; empty when the rank is not known.
std::vector<int64_t> perm_of(const Graph& graph, const Node& node) {
  std::vector<int64_t> perm = node.as<Transpose>().perm;
  const int64_t rank = rank_of(graph, node.inputs[0]);
  if (perm.empty()) {
    for (int64_t i = rank; i-- > 0;) perm.push_back(i);
  }
  return perm;
}

/// x → Flatten, Squeeze or Unsqueeze(constant axes) → y: [known dims]   ⇒   x → Reshape(known dims) → y
bool reshape_from_other(Graph& graph, NodeId id) {
  const ValueId axes = graph.node(id).input(1);
  if (axes.exists() && !graph.is_constant(axes)) return false;
  const ValueId x = graph.node(id).inputs[0], out = graph.node(id).outputs[0];
  const auto argument = reshape_argument(graph.type(out).shape);
  if (!argument || !same_storage(graph.type(x), graph.type(out))) return false;
  return replace_by(graph, out, Reshape{}, {x, add_ints(graph, *argument)});
}

/// x → Reshape(computed, 0 or −1) → y: [known dims]   ⇒   x → Reshape(known dims) → y
bool settle_reshape(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const ValueId x = node.inputs[0], out = node.outputs[0];
  const auto argument = reshape_argument(graph.type(out).shape);
  if (!argument) return false;
  const auto present = constant_ints(graph, node.input(1));
  if (present == argument && !node.as<Reshape>().allow_zero) return false;
  return replace_by(graph, out, Reshape{}, {x, add_ints(graph, *argument)});
}

/// x → Reshape → Reshape(s) → y   ⇒   x → Reshape(s) → y
bool merge_reshapes(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const ValueId middle = node.inputs[0], out = node.outputs[0];
  const Node* first = producer_as<Reshape>(graph, middle);
  if (!first) return false;
  const auto argument = reshape_argument(graph.type(out).shape);
  const ValueId x = first->inputs[0];
  if (!argument || !same_storage(graph.type(x), graph.type(out))) return false;
  return replace_by(graph, out, Reshape{}, {x, add_ints(graph, *argument)});
}

/// x → Transpose(p) → Transpose(q) → y   ⇒   x → Transpose(p[q]) → y
bool merge_transposes(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const ValueId out = node.outputs[0];
  const Node* first = producer_as<Transpose>(graph, node.inputs[0]);
  if (!first) return false;
  const ValueId x = first->inputs[0];
  const std::vector<int64_t> p = perm_of(graph, *first), q = perm_of(graph, node);
  if (p.empty() || p.size() != q.size()) return false;
  Transpose merged;
  bool is_identity = true;
  for (size_t i = 0; i < q.size(); ++i) {
    merged.perm.push_back(p[static_cast<size_t>(q[i])]);
    is_identity = is_identity && merged.perm.back() == static_cast<int64_t>(i);
  }
  if (is_identity && same_storage(graph.type(x), graph.type(out)) && substitute(graph, out, x)) return true;
  return replace_by(graph, out, std::move(merged), {x});
}

/// x: [N,1,1,C] → Transpose(0,3,1,2) → y   ⇒   x → Reshape([N,C,1,1]) → y: only axes of size 1 move.
bool reshape_from_transpose(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const ValueId x = node.inputs[0], out = node.outputs[0];
  const TensorType type = graph.type(x);
  const auto argument = reshape_argument(graph.type(out).shape);
  if (!argument || !type.shape.has_rank() || !same_storage(type, graph.type(out))) return false;
  if (type.quant && !type.quant->is_per_tensor()) return false;
  int64_t last = -1;
  for (int64_t axis : perm_of(graph, node)) {
    const Dim& dim = type.shape[axis];
    if (dim.is_known() && dim.value() == 1) continue;
    if (axis < last) return false;
    last = axis;
  }
  return replace_by(graph, out, Reshape{}, {x, add_ints(graph, *argument)});
}

}  // namespace

std::vector<Rule> shape_rules() {
  return {
      {"reshape_from_other", {&Flatten::def, &Squeeze::def, &Unsqueeze::def}, reshape_from_other},
      {"merge_reshapes", {&Reshape::def}, merge_reshapes},
      {"settle_reshape", {&Reshape::def}, settle_reshape},
      {"merge_transposes", {&Transpose::def}, merge_transposes},
      {"reshape_from_transpose", {&Transpose::def}, reshape_from_transpose},
  };
}

}  // namespace hone

#include "ops/binary.h"
#include "ops/matmul.h"
#include "passes/bounds.h"
#include "passes/canonical.h"
#include "passes/rewrite.h"

namespace hone {
namespace {

constexpr int64_t kSwap[] = {1, 0};

/// The bias [O] that a constant c broadcast over […, O] amounts to; absent (no value) when it is none.
Tensor bias_of(const Graph& graph, ValueId value, int64_t outputs) {
  if (!graph.is_constant(value)) return {};
  const Tensor& c = graph.value(value).constant;
  const bool is_row = c.elements() == outputs && (c.rank() > 0 && c.dims().back() == outputs);
  if (is_row) return c.rank() == 1 ? c : c.quant() && c.quant()->axis >= 0 ? Tensor() : c.reshaped({outputs});
  if (c.elements() != 1 || c.quant() || !is_float(c.dtype())) return {};
  const std::vector<double> values(static_cast<size_t>(outputs), to_doubles(c)[0]);
  return make_floats(c.dtype(), {outputs}, values);
}

Tensor scaled(const Tensor& x, double factor) {
  if (factor == 1) return x;
  std::vector<double> values = to_doubles(x);
  for (double& v : values) v *= factor;
  return make_floats(x.dtype(), x.dims(), values);
}

bool is_plain_float(const Tensor& x) { return !x.quant() && is_float(x.dtype()); }

/// alpha · a · B + beta · C with constant B and C   ⇒   FullyConnected(a, alpha · Bᵀ, beta · C)
bool fully_connected_from_gemm(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const Gemm op = node.as<Gemm>();
  const ValueId a = node.inputs[0], out = node.outputs[0];
  if (op.transpose_a || !graph.is_constant(node.inputs[1]) || !is_float(graph.type(a).logical_dtype())) return false;
  const Tensor b = graph.value(node.inputs[1]).constant;
  if (b.rank() != 2 || (op.alpha != 1 && !is_plain_float(b))) return false;
  const Tensor weight = scaled(op.transpose_b ? b : permuted(b, kSwap), static_cast<double>(op.alpha));
  std::vector<ValueId> inputs{a, {}};
  if (node.input(2).exists()) {
    const Tensor bias = bias_of(graph, node.inputs[2], weight.dim(0));
    if (!bias.exists() || (op.beta != 1 && !is_plain_float(bias))) return false;
    const std::string name = graph.value(node.inputs[2]).name;
    inputs.push_back(graph.add_constant(scaled(bias, static_cast<double>(op.beta)), name));
  }
  inputs[1] = graph.add_constant(weight, graph.value(graph.node(id).inputs[1]).name);
  return replace_by(graph, out, FullyConnected{}, std::move(inputs));
}

/// x: […,K] · B: [K,N] constant   ⇒   FullyConnected(x, Bᵀ)
bool fully_connected_from_matmul(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const MatMul op = node.as<MatMul>();
  const ValueId x = node.inputs[0], out = node.outputs[0];
  if (op.transpose_a || !graph.is_constant(node.inputs[1]) || graph.is_constant(x) || rank_of(graph, x) < 2)
    return false;
  const Tensor b = graph.value(node.inputs[1]).constant;
  if (b.rank() != 2 || !is_float(graph.type(x).logical_dtype()) || !is_float(b.type().logical_dtype())) return false;
  const std::string name = graph.value(node.inputs[1]).name;
  const ValueId weight = op.transpose_b ? node.inputs[1] : graph.add_constant(permuted(b, kSwap), name);
  return replace_by(graph, out, FullyConnected{}, {x, weight});
}

/// x → FullyConnected(w) → + c → y   ⇒   x → FullyConnected(w, c) → y
bool bias_into_fully_connected(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const ValueId out = node.outputs[0];
  for (size_t i = 0; i < 2; ++i) {
    const ValueId middle = node.inputs[i];
    const Node* first = producer_as<FullyConnected>(graph, middle);
    if (!first || first->input(2).exists() || !is_private(graph, middle) || graph.type(middle).quant) continue;
    if (!activation_of(*first)->is_open() || rank_of(graph, middle) != rank_of(graph, out)) continue;
    const ValueId x = first->inputs[0], weight = first->inputs[1];
    const auto dims = static_dims(graph, weight);
    if (!dims || graph.type(x).quant) continue;
    const Tensor bias = bias_of(graph, node.inputs[1 - i], (*dims)[0]);
    if (!bias.exists() || !is_plain_float(bias)) continue;
    const Bounds clamp = *activation_of(node);
    const FullyConnected op{{}, first->as<FullyConnected>().keep_dims, clamp.min, clamp.max};
    const std::string name = graph.value(node.inputs[1 - i]).name;
    return replace_by(graph, out, op, {x, weight, graph.add_constant(bias, name)});
  }
  return false;
}

}  // namespace

std::vector<Rule> linear_rules() {
  return {
      {"fully_connected_from_gemm", {&Gemm::def}, fully_connected_from_gemm},
      {"fully_connected_from_matmul", {&MatMul::def}, fully_connected_from_matmul},
      {"bias_into_fully_connected", {&Add::def}, bias_into_fully_connected},
  };
}

}  // namespace hone

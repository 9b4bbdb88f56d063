#include <cmath>

#include "ops/binary.h"
#include "ops/unary.h"
#include "passes/canonical.h"
#include "passes/rewrite.h"

namespace hone {
namespace {

/// c + x, c · x, max(c, x), …   ⇒   x + c, …: constants stand on the right.
bool constant_right(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  if (!graph.is_constant(node.inputs[0]) || graph.is_constant(node.inputs[1])) return false;
  NodeSpec spec = spec_of(graph, id);
  std::swap(spec.inputs[0], spec.inputs[1]);
  replace_node(graph, id, std::move(spec));
  return true;
}

/// The elements of a plain float constant; none for other values.
std::optional<std::vector<double>> float_constant(const Graph& graph, ValueId value) {
  if (!graph.is_constant(value)) return std::nullopt;
  const Tensor& tensor = graph.value(value).constant;
  if (tensor.quant() || !is_float(tensor.dtype())) return std::nullopt;
  return to_doubles(tensor);
}

/// x − c   ⇒   x + (−c)
bool add_from_sub(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  auto numbers = float_constant(graph, node.inputs[1]);
  if (!numbers) return false;
  for (double& x : *numbers) x = -x;
  const Sub op = node.as<Sub>();
  const ValueId x = node.inputs[0], out = node.outputs[0];
  const Tensor& old = graph.value(node.inputs[1]).constant;
  const std::string name = graph.value(node.inputs[1]).name;
  const ValueId c = graph.add_constant(make_floats(old.dtype(), old.dims(), *numbers), name);
  return replace_by(graph, out, Add{{}, op.act_min, op.act_max}, {x, c});
}

/// x / c   ⇒   x · (1/c), where every 1/c is a normal number of the same dtype.
bool mul_from_div(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  auto numbers = float_constant(graph, node.inputs[1]);
  if (!numbers) return false;
  const double largest = graph.type(node.inputs[1]).dtype == DType::kF16 ? 6e4 : 1e37;
  for (double& x : *numbers) {
    x = 1 / x;
    if (!(std::abs(x) < largest && std::abs(x) > 1 / largest)) return false;
  }
  const Div op = node.as<Div>();
  const ValueId x = node.inputs[0], out = node.outputs[0];
  const Tensor& old = graph.value(node.inputs[1]).constant;
  const std::string name = graph.value(node.inputs[1]).name;
  const ValueId c = graph.add_constant(make_floats(old.dtype(), old.dims(), *numbers), name);
  return replace_by(graph, out, Mul{{}, op.act_min, op.act_max}, {x, c});
}

/// x^2 ⇒ x · x,  x^0.5 ⇒ Sqrt,  x^−0.5 ⇒ Rsqrt
bool expand_pow(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const auto exponent = constant_scalar(graph, node.inputs[1]);
  const ValueId x = node.inputs[0], out = node.outputs[0];
  if (!exponent || !is_float(graph.type(x).logical_dtype())) return false;
  if (rank_of(graph, x) < 0 || rank_of(graph, x) != rank_of(graph, out)) return false;
  if (*exponent == 2) return replace_by(graph, out, Mul{}, {x, x});
  if (*exponent == 0.5) return replace_by(graph, out, Sqrt{}, {x});
  if (*exponent == -0.5) return replace_by(graph, out, Rsqrt{}, {x});
  return false;
}

/// 1 / Sqrt(x) or Reciprocal(Sqrt(x))   ⇒   Rsqrt(x)
bool rsqrt_from_parts(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const ValueId out = node.outputs[0];
  if (node.is<Div>() && (!is_constant_full_of(graph, node.inputs[0], 1) || !std::isinf(node.as<Div>().act_min) ||
                         !std::isinf(node.as<Div>().act_max)))
    return false;
  const ValueId middle = node.is<Div>() ? node.inputs[1] : node.inputs[0];
  const Node* root = producer_as<Sqrt>(graph, middle);
  if (!root || graph.type(middle).quant) return false;
  const ValueId x = root->inputs[0];
  if (!same_shape(graph.type(x).shape, graph.type(out).shape)) return false;
  return replace_by(graph, out, Rsqrt{}, {x});
}

}  // namespace

std::vector<Rule> arithmetic_rules() {
  return {
      {"constant_right", {&Add::def, &Mul::def, &Maximum::def, &Minimum::def}, constant_right},
      {"add_from_sub", {&Sub::def}, add_from_sub},
      {"mul_from_div", {&Div::def}, mul_from_div},
      {"expand_pow", {&Pow::def}, expand_pow},
      {"rsqrt_from_parts", {&Div::def, &Reciprocal::def}, rsqrt_from_parts},
  };
}

}  // namespace hone

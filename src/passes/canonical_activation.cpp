#include <cmath>

#include "ops/binary.h"
#include "ops/norm.h"
#include "ops/reduce.h"
#include "ops/unary.h"
#include "passes/bounds.h"
#include "passes/canonical.h"
#include "passes/product.h"
#include "passes/rewrite.h"

namespace hone {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

bool replace_by_bounds(Graph& graph, ValueId out, ValueId x, const Bounds& bounds) {
  if (bounds == Bounds{0}) return replace_by(graph, out, Relu{}, {x});
  return replace_by(graph, out, Clamp{{}, bounds.min, bounds.max}, {x});
}

bool is_float_of_same_shape(const Graph& graph, ValueId x, ValueId out) {
  return is_float(graph.type(x).logical_dtype()) && rank_of(graph, x) >= 0 && rank_of(graph, x) == rank_of(graph, out);
}

/// x → Clip(constant, constant) → y   ⇒   x → Clamp or Relu → y, for floats.
bool clamp_from_clip(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const ValueId x = node.inputs[0], out = node.outputs[0];
  Bounds bounds;
  for (size_t i = 1; i < 3; ++i) {
    if (!node.input(i).exists()) continue;
    const auto scalar = constant_scalar(graph, node.inputs[i]);
    if (!scalar) return false;
    (i == 1 ? bounds.min : bounds.max) = static_cast<float>(*scalar);
  }
  return is_float_of_same_shape(graph, x, out) && replace_by_bounds(graph, out, x, bounds);
}

/// max(x, constant) or min(x, constant)   ⇒   x → Clamp or Relu → y, for floats.
bool clamp_from_extremum(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const bool is_max = node.is<Maximum>();
  for (size_t i = 0; i < 2; ++i) {
    const auto scalar = constant_scalar(graph, node.inputs[i]);
    const ValueId x = node.inputs[1 - i], out = node.outputs[0];
    if (!scalar || !is_float_of_same_shape(graph, x, out)) continue;
    const float bound = static_cast<float>(*scalar);
    return replace_by_bounds(graph, out, x, is_max ? Bounds{bound, kInfinity} : Bounds{-kInfinity, bound});
  }
  return false;
}

/// Clamp(0, ∞)   ⇒   Relu
bool relu_from_clamp(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  return *bounds_of(node) == Bounds{0} && replace_by(graph, node.outputs[0], Relu{}, {node.inputs[0]});
}

/// x → Clamp or Relu → Clamp or Relu → y   ⇒   x → Clamp → y
bool merge_clamps(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const ValueId middle = node.inputs[0], out = node.outputs[0];
  const Node* first = graph.producer(middle);
  if (!first || !bounds_of(*first) || !is_private(graph, middle) || !is_transparent(graph, middle, out)) return false;
  return replace_by_bounds(graph, out, first->inputs[0], then(*bounds_of(*first), *bounds_of(node)));
}

/// The x of Clamp(x + 3, 0, 6).
std::optional<ValueId> relu6_of_plus_three(const Graph& graph, ValueId value) {
  const Node* clamp = producer_as<Clamp>(graph, value);
  if (!clamp || graph.type(value).quant || !(*bounds_of(*clamp) == Bounds{0, 6})) return std::nullopt;
  return plus_constant(graph, clamp->inputs[0], 3);
}

/// The x of HardSigmoid(x) with alpha 1/6 and beta 1/2.
std::optional<ValueId> hard_sigmoid_of(const Graph& graph, ValueId value) {
  const Node* node = producer_as<HardSigmoid>(graph, value);
  if (!node || graph.type(value).quant) return std::nullopt;
  const HardSigmoid& op = node->as<HardSigmoid>();
  if (!is_near(static_cast<double>(op.alpha), 1.0 / 6) || op.beta != 0.5f) return std::nullopt;
  return node->inputs[0];
}

/// x · HardSigmoid(x) or x · Clamp(x + 3, 0, 6) / 6   ⇒   HardSwish(x);  Clamp(x + 3, 0, 6) / 6   ⇒   HardSigmoid(x)
bool hard_swish_from_product(Graph& graph, ValueId out, const Product& product) {
  if (product.values.size() == 1 && is_near(product.scalar, 1.0 / 6)) {
    const auto x = relu6_of_plus_three(graph, product.values[0]);
    return x && replace_by(graph, out, HardSigmoid{{}, 1.0f / 6, 0.5f}, {*x});
  }
  if (product.values.size() != 2) return false;
  for (size_t i = 0; i < 2; ++i) {
    const ValueId x = product.values[i], other = product.values[1 - i];
    const bool matches = (product.scalar == 1 && hard_sigmoid_of(graph, other) == x) ||
                         (is_near(product.scalar, 1.0 / 6) && relu6_of_plus_three(graph, other) == x);
    if (matches) return replace_by(graph, out, HardSwish{}, {x});
  }
  return false;
}

/// x · Tanh(Softplus(x))   ⇒   Mish(x)
bool mish_from_product(Graph& graph, ValueId out, const Product& product) {
  if (product.values.size() != 2 || product.scalar != 1) return false;
  for (size_t i = 0; i < 2; ++i) {
    const Node* tanh = producer_as<Tanh>(graph, product.values[1 - i]);
    const Node* softplus = tanh ? producer_as<Softplus>(graph, tanh->inputs[0]) : nullptr;
    if (softplus && softplus->inputs[0] == product.values[i] && !graph.type(product.values[1 - i]).quant)
      return replace_by(graph, out, Mish{}, {product.values[i]});
  }
  return false;
}

/// Whether `value` is x / √2.
bool is_x_over_sqrt2(const Graph& graph, ValueId value, ValueId x) {
  const Product inner = factors_of(graph, value);
  return inner.values == std::vector<ValueId>{x} && is_near(inner.scalar, std::sqrt(0.5));
}

/// Whether `value` is 0.044715 · x³ added to x.
bool is_cubic_sum(const Graph& graph, ValueId value, ValueId x) {
  const Node* add = producer_as<Add>(graph, value);
  if (!add || graph.type(value).quant) return false;
  for (size_t i = 0; i < 2; ++i) {
    const Product cube = factors_of(graph, add->inputs[1 - i]);
    if (add->inputs[i] == x && cube.values.size() == 3 && cube.count(x) == 3 && is_near(cube.scalar, 0.044715))
      return true;
  }
  return false;
}

/// Whether `value` is √(2/π) · (x + 0.044715 · x³), as written or as √(2/π) · x · (1 + 0.044715 · x²).
bool is_tanh_argument(const Graph& graph, ValueId value, ValueId x) {
  const Product inner = factors_of(graph, value);
  if (!is_near(inner.scalar, std::sqrt(2 / M_PI))) return false;
  if (inner.values.size() == 1) return is_cubic_sum(graph, inner.values[0], x);
  if (inner.values.size() != 2) return false;
  for (size_t i = 0; i < 2; ++i) {
    if (inner.values[i] != x) continue;
    const auto square = plus_constant(graph, inner.values[1 - i], 1);
    if (!square) continue;
    const Product terms = factors_of(graph, *square);
    if (terms.values.size() == 2 && terms.count(x) == 2 && is_near(terms.scalar, 0.044715)) return true;
  }
  return false;
}

/// 0.5 · x · (1 + Erf(x/√2))   ⇒   Gelu(x);  0.5 · x · (1 + Tanh(√(2/π)(x + 0.044715 x³)))   ⇒   Gelu{approximate}(x)
bool gelu_from_product(Graph& graph, ValueId out, const Product& product) {
  if (product.values.size() != 2 || product.scalar != 0.5) return false;
  for (size_t i = 0; i < 2; ++i) {
    const ValueId x = product.values[i];
    const auto inner = plus_constant(graph, product.values[1 - i], 1);
    if (!inner) continue;
    const Node* erf = producer_as<Erf>(graph, *inner);
    if (erf && is_x_over_sqrt2(graph, erf->inputs[0], x)) return replace_by(graph, out, Gelu{}, {x});
    const Node* tanh = producer_as<Tanh>(graph, *inner);
    if (tanh && is_tanh_argument(graph, tanh->inputs[0], x)) return replace_by(graph, out, Gelu{{}, true}, {x});
  }
  return false;
}

/// Products that are known functions of one value: the pictures are above.
bool function_from_product(Graph& graph, NodeId id) {
  const ValueId out = graph.node(id).outputs[0];
  if (!activation_of(graph.node(id))->is_open() || !is_float(graph.type(out).logical_dtype())) return false;
  const Product product = factors_of(graph, out);
  if (product.values.empty() || !same_shape(graph.type(product.values[0]).shape, graph.type(out).shape)) return false;
  return hard_swish_from_product(graph, out, product) || mish_from_product(graph, out, product) ||
         gelu_from_product(graph, out, product);
}

/// 1 / (1 + Exp(−x))   ⇒   Sigmoid(x)
bool sigmoid_from_parts(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const ValueId out = node.outputs[0];
  if (node.is<Div>() && (!is_constant_full_of(graph, node.inputs[0], 1) || !activation_of(node)->is_open()))
    return false;
  const auto power = plus_constant(graph, node.is<Div>() ? node.inputs[1] : node.inputs[0], 1);
  const Node* exp = power ? producer_as<Exp>(graph, *power) : nullptr;
  const Node* neg = exp ? producer_as<Neg>(graph, exp->inputs[0]) : nullptr;
  if (!neg || !same_shape(graph.type(neg->inputs[0]).shape, graph.type(out).shape)) return false;
  return replace_by(graph, out, Sigmoid{}, {neg->inputs[0]});
}

/// The one constant axis that a reduction with keepdims runs over; none otherwise.
template <class Op>
std::optional<int64_t> single_axis(const Graph& graph, const Node& node) {
  const int64_t rank = rank_of(graph, node.inputs[0]);
  const auto axes = constant_ints(graph, node.input(1));
  if (!axes || axes->size() != 1 || rank < 0 || !node.as<Op>().keepdims) return std::nullopt;
  return normalize_axis((*axes)[0], rank, "reduce: axis");
}

/// e = Exp(x),  e / ReduceSum(e, axis)   ⇒   Softmax(x, axis)
bool softmax_from_parts(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const ValueId e = node.inputs[0], out = node.outputs[0];
  const Node* exp = producer_as<Exp>(graph, e);
  const Node* sum = producer_as<ReduceSum>(graph, node.inputs[1]);
  if (!exp || !sum || sum->inputs[0] != e || !activation_of(node)->is_open()) return false;
  if (graph.type(e).quant || graph.type(node.inputs[1]).quant) return false;
  const auto axis = single_axis<ReduceSum>(graph, *sum);
  return axis && replace_by(graph, out, Softmax{{}, *axis}, {exp->inputs[0]});
}

/// x − ReduceMax(x, axis) → Softmax(axis)   ⇒   x → Softmax(axis): it subtracts the maximum itself.
bool softmax_without_maximum(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const Node* sub = producer_as<Sub>(graph, node.inputs[0]);
  const Node* max = sub ? producer_as<ReduceMax>(graph, sub->inputs[1]) : nullptr;
  if (!max || max->inputs[0] != sub->inputs[0] || graph.type(node.inputs[0]).quant || !activation_of(*sub)->is_open())
    return false;
  const Softmax op = node.as<Softmax>();
  const int64_t rank = rank_of(graph, node.inputs[0]);
  if (rank < 0 || single_axis<ReduceMax>(graph, *max) != normalize_axis(op.axis, rank, "softmax: axis")) return false;
  return replace_by(graph, node.outputs[0], op, {sub->inputs[0]});
}

}  // namespace

std::vector<Rule> activation_rules() {
  return {
      {"clamp_from_clip", {&Clip::def}, clamp_from_clip},
      {"clamp_from_extremum", {&Maximum::def, &Minimum::def}, clamp_from_extremum},
      {"relu_from_clamp", {&Clamp::def}, relu_from_clamp},
      {"merge_clamps", {&Clamp::def, &Relu::def}, merge_clamps},
      {"function_from_product", {&Mul::def}, function_from_product},
      {"sigmoid_from_parts", {&Div::def, &Reciprocal::def}, sigmoid_from_parts},
      {"softmax_from_parts", {&Div::def}, softmax_from_parts},
      {"softmax_without_maximum", {&Softmax::def}, softmax_without_maximum},
  };
}

}  // namespace hone

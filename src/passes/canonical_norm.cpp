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

/// The first of the trailing axes that a ReduceMean with keepdims runs over; none when it runs over others.
std::optional<int64_t> trailing_axis(const Graph& graph, const Node& mean) {
  const int64_t rank = rank_of(graph, mean.inputs[0]);
  auto axes = constant_ints(graph, mean.input(1));
  if (!axes || axes->empty() || rank < 0 || !mean.as<ReduceMean>().keepdims) return std::nullopt;
  for (int64_t& axis : *axes) axis = normalize_axis(axis, rank, "reduce: axis");
  std::sort(axes->begin(), axes->end());
  for (size_t i = 0; i < axes->size(); ++i) {
    if ((*axes)[i] != rank - static_cast<int64_t>(axes->size() - i)) return std::nullopt;
  }
  return (*axes)[0];
}

/// What d = x − mean(x) is made of.
struct Centered {
  ValueId x;
  int64_t axis;
};

std::optional<Centered> centered(const Graph& graph, ValueId d) {
  const Node* sub = producer_as<Sub>(graph, d);
  const Node* mean = sub ? producer_as<ReduceMean>(graph, sub->inputs[1]) : nullptr;
  if (!mean || mean->inputs[0] != sub->inputs[0] || graph.type(d).quant || !activation_of(*sub)->is_open())
    return std::nullopt;
  const auto axis = trailing_axis(graph, *mean);
  if (!axis) return std::nullopt;
  return Centered{sub->inputs[0], *axis};
}

/// epsilon of v = mean(d²) + epsilon over the same axes; none when `value` is something else.
std::optional<double> variance_epsilon(const Graph& graph, ValueId value, ValueId d, int64_t axis) {
  const Node* add = producer_as<Add>(graph, value);
  if (!add || graph.type(value).quant) return std::nullopt;
  for (size_t i = 0; i < 2; ++i) {
    const auto epsilon = constant_scalar(graph, add->inputs[1 - i]);
    const Node* mean = producer_as<ReduceMean>(graph, add->inputs[i]);
    if (!epsilon || !mean || trailing_axis(graph, *mean) != axis) continue;
    const Product square = factors_of(graph, mean->inputs[0]);
    if (square.scalar == 1 && square.values == std::vector<ValueId>{d, d}) return epsilon;
  }
  return std::nullopt;
}

/// d = x − mean(x),  d / √(mean(d²) + ε)   ⇒   LayerNorm(x, 1);  likewise d · Rsqrt(mean(d²) + ε)
bool layer_norm_from_parts(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const ValueId out = node.outputs[0];
  if (!activation_of(node)->is_open()) return false;
  for (size_t i = 0; i < 2; ++i) {
    if (node.is<Div>() && i == 1) break;
    const ValueId d = node.inputs[i], divisor = node.inputs[1 - i];
    const auto center = centered(graph, d);
    if (!center) continue;
    const Node* root = node.is<Div>() ? producer_as<Sqrt>(graph, divisor) : producer_as<Rsqrt>(graph, divisor);
    const auto epsilon = root ? variance_epsilon(graph, root->inputs[0], d, center->axis) : std::nullopt;
    const Shape shape = graph.type(center->x).shape;
    if (!epsilon || graph.type(divisor).quant) continue;
    Dims dims;
    for (int64_t axis = center->axis; axis < shape.rank(); ++axis) {
      if (!shape[axis].is_known()) return false;
      dims.push_back(shape[axis].value());
    }
    const ValueId x = center->x;
    const int64_t axis = center->axis - shape.rank();
    Tensor ones = Tensor::empty(DType::kF32, dims);
    for (float& one : ones.mutable_data<float>()) one = 1;
    const DType dtype = graph.type(x).logical_dtype();
    const ValueId scale = graph.add_constant(dtype == DType::kF32 ? ones : cast(ones, dtype));
    return replace_by(graph, out, LayerNorm{{}, axis, static_cast<float>(*epsilon)}, {x, scale});
  }
  return false;
}

/// Whether a plain constant has the dims of the scale of a LayerNorm.
bool fits_scale(const Graph& graph, ValueId value, ValueId scale) {
  if (!graph.is_constant(value) || !graph.is_constant(scale)) return false;
  const Tensor& a = graph.value(value).constant;
  const Tensor& b = graph.value(scale).constant;
  return !a.quant() && !b.quant() && a.dims() == b.dims() && a.dtype() == b.dtype() && is_float(a.dtype());
}

/// x → LayerNorm(s) → · c → y   ⇒   x → LayerNorm(s · c) → y;  LayerNorm(s) → + c   ⇒   LayerNorm(s, c)
bool layer_norm_affine(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const ValueId out = node.outputs[0];
  if (!activation_of(node)->is_open()) return false;
  for (size_t i = 0; i < 2; ++i) {
    const ValueId middle = node.inputs[i], constant = node.inputs[1 - i];
    const Node* norm = producer_as<LayerNorm>(graph, middle);
    if (!norm || norm->outputs.size() != 1 || !is_private(graph, middle) || graph.type(middle).quant) continue;
    const ValueId x = norm->inputs[0], scale = norm->inputs[1];
    if (norm->input(2).exists() || !fits_scale(graph, constant, scale)) continue;
    const LayerNorm op = norm->as<LayerNorm>();
    if (node.is<Add>()) return replace_by(graph, out, op, {x, scale, constant});
    const Tensor& factor = graph.value(constant).constant;
    std::vector<double> product = to_doubles(graph.value(scale).constant);
    const std::vector<double> factors = to_doubles(factor);
    for (size_t k = 0; k < product.size(); ++k) product[k] *= factors[k];
    const ValueId merged = graph.add_constant(make_floats(factor.dtype(), factor.dims(), product));
    return replace_by(graph, out, op, {x, merged});
  }
  return false;
}

}  // namespace

std::vector<Rule> norm_rules() {
  return {
      {"layer_norm_from_parts", {&Div::def, &Mul::def}, layer_norm_from_parts},
      {"layer_norm_affine", {&Mul::def, &Add::def}, layer_norm_affine},
  };
}

}  // namespace hone

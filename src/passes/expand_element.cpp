#include <algorithm>

#include "ops/binary.h"
#include "ops/conv.h"
#include "ops/matmul.h"
#include "ops/movement.h"
#include "ops/quantize.h"
#include "ops/reduce.h"
#include "ops/shaping.h"
#include "ops/unary.h"
#include "passes/expand.h"
#include "passes/steps.h"

namespace hone {
namespace {

/// A product of integers writes out all its terms; so many at most.
constexpr int64_t kMostTerms = 1 << 24;

/// MatMul of integers   ⇒   ReduceSum(a[…,M,K,1] · b[…,1,K,N]) along K
bool expand_integer_matmul(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const MatMul& op = node.as<MatMul>();
  const ValueId out = node.outputs[0];
  const DType dtype = graph.type(out).dtype;
  if ((dtype != DType::kI32 && dtype != DType::kI64) || graph.type(out).quant) return false;
  const auto a = static_dims(graph, node.inputs[0]), b = static_dims(graph, node.inputs[1]);
  const auto y = static_dims(graph, out);
  if (!a || !b || !y || a->size() < 2 || b->size() < 2) return false;
  const int64_t terms = (*a)[a->size() - (op.transpose_a ? 2 : 1)];
  int64_t total = terms;
  for (const int64_t d : *y)
    if (__builtin_mul_overflow(total, d, &total)) return false;
  if (total > kMostTerms) return false;
  const bool turn_a = op.transpose_a, turn_b = op.transpose_b;
  const std::vector<ValueId> inputs = node.inputs;
  Steps steps(graph, out);
  const auto factor = [&](size_t i, bool turned, const std::vector<int64_t>& axis) {
    ValueId x = inputs[i];
    const auto rank = rank_of(graph, x);
    std::vector<int64_t> perm;
    for (int64_t k = 0; k < rank; ++k) perm.push_back(k);
    std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
    if (turned) x = steps.transpose(x, perm);
    if (steps.type(x).dtype != dtype) x = steps.add(Cast{.to = dtype}, {x});
    return steps.add(Unsqueeze{}, {x, steps.ints(axis)});
  };
  const ValueId product = steps.add(Mul{}, {factor(0, turn_a, {-1}), factor(1, turn_b, {-3})});
  return replace_by(graph, out, ReduceSum{.keepdims = false}, {product, steps.ints({-2})});
}

/// DynamicQuantizeLinear   ⇒   what it is defined as (ONNX DynamicQuantizeLinear 11)
bool expand_dynamic_quantize(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const ValueId x = node.inputs[0];
  const std::vector<ValueId> outputs = node.outputs;
  if (graph.type(x).quant || outputs.size() != 3) return false;
  Steps steps(graph, outputs[0]);
  const ValueId zero = steps.number(0), top = steps.number(255);
  const ValueId high = steps.add(Maximum{}, {steps.add(ReduceMax{.keepdims = false}, {x}), zero});
  const ValueId low = steps.add(Minimum{}, {steps.add(ReduceMin{.keepdims = false}, {x}), zero});
  const ValueId scale = steps.add(Div{}, {steps.add(Sub{}, {high, low}), top});
  // Zeros alone have a scale of zero: divided by 1 they stay zeros.
  const ValueId divisor = steps.add(Where{}, {steps.add(Equal{}, {scale, zero}), steps.number(1), scale});
  const ValueId lifted = steps.add(Round{}, {steps.add(Div{}, {steps.add(Sub{}, {zero, low}), divisor})});
  const ValueId zero_point = steps.add(Clamp{.min = 0, .max = 255}, {lifted});
  const ValueId rounded = steps.add(Round{}, {steps.add(Div{}, {x, divisor})});
  const ValueId stored = steps.add(Clamp{.min = 0, .max = 255}, {steps.add(Add{}, {rounded, zero_point})});
  supersede(graph, outputs[0], add_for(graph, outputs[0], Cast{.to = DType::kU8}, {stored}));
  graph.replace_uses(outputs[1], scale);
  graph.replace_uses(outputs[2], add_step(graph, outputs[2], Cast{.to = DType::kU8}, {zero_point}));
  return true;
}

bool is_small(const TensorType& type) {
  return !type.quant && (type.dtype == DType::kI8 || type.dtype == DType::kU8 || type.dtype == DType::kI16);
}

/// f of plain integers of 8 or 16 bits   ⇒   Cast back(f(Cast to i32)): they wrap around as the small type does
bool widen_small_integers(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const ValueId out = node.outputs[0];
  std::vector<ValueId> inputs = node.inputs;
  const DType dtype = graph.type(out).dtype;
  std::vector<bool> is_narrow;
  for (const ValueId x : inputs) is_narrow.push_back(x.exists() && is_small(graph.type(x)));
  if (std::find(is_narrow.begin(), is_narrow.end(), true) == is_narrow.end() || graph.type(out).quant) return false;
  if (node.outputs.size() != 1 || (!is_small(graph.type(out)) && dtype != DType::kBool)) return false;
  Steps steps(graph, out);
  for (size_t i = 0; i < inputs.size(); ++i)
    if (is_narrow[i]) inputs[i] = steps.add(Cast{.to = DType::kI32}, {inputs[i]});
  NodeSpec spec = spec_of(graph, id);
  spec.inputs = std::move(inputs);
  spec.output_types.clear();
  const ValueId wide = graph.node(graph.add(std::move(spec))).outputs[0];
  return dtype == DType::kBool ? supersede(graph, out, wide) : replace_by(graph, out, Cast{.to = dtype}, {wide});
}

/// Relu of integers   ⇒   max(x, 0)
bool expand_integer_relu(Graph& graph, NodeId id) {
  const ValueId x = graph.node(id).inputs[0], out = graph.node(id).outputs[0];
  const TensorType& type = graph.type(x);
  if (type.quant || !is_integer(type.dtype)) return false;
  Steps steps(graph, out);
  return replace_by(graph, out, Maximum{}, {x, steps.number(0, type.dtype)});
}

/// Indices of run time that may count from the end   ⇒   counted from the front. Those of a TFLite file already are.
bool lift_gather_indices(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const ValueId indices = node.inputs[1], out = node.outputs[0];
  if (graph.is_constant(indices) || node.source.format == "tflite" || producer_as<Where>(graph, indices)) return false;
  const TensorType type = graph.type(indices);
  const int64_t rank = rank_of(graph, node.inputs[0]);
  if (rank < 1 || type.quant) return false;
  const Dim size = graph.type(node.inputs[0]).shape[normalize_axis(node.as<Gather>().axis, rank, "gather: axis")];
  if (!size.is_known() || (type.dtype != DType::kI32 && type.dtype != DType::kI64)) return false;
  Steps steps(graph, out);
  const ValueId is_low = steps.add(Less{}, {indices, steps.number(0, type.dtype)});
  const ValueId lifted = steps.add(Add{}, {indices, steps.number(static_cast<double>(size.value()), type.dtype)});
  graph.set_input(id, 1, steps.add(Where{}, {is_low, lifted, indices}));
  return true;
}

struct Range {
  double low, high;
};

/// Where integers lie that began as bytes; none when that is not known.
std::optional<Range> range_of(const Graph& graph, ValueId value, int depth = 0) {
  if (graph.is_constant(value)) {
    Range r{0, 0};
    for (const double x : to_doubles(graph.value(value).constant)) r = {std::min(r.low, x), std::max(r.high, x)};
    return r;
  }
  const TensorType& type = graph.type(value);
  if (!type.quant && type.dtype == DType::kI8) return Range{-128, 127};
  if (!type.quant && type.dtype == DType::kU8) return Range{0, 255};
  const Node* node = graph.producer(value);
  if (!node || depth > 8) return std::nullopt;
  if (node->is<Cast>() || node->is<Transpose>() || node->is<Reshape>() || node->is<Unsqueeze>())
    return range_of(graph, node->inputs[0], depth + 1);
  if (!node->is<Sub>()) return std::nullopt;
  const auto a = range_of(graph, node->inputs[0], depth + 1), b = range_of(graph, node->inputs[1], depth + 1);
  return a && b ? std::optional(Range{a->low - b->high, a->high - b->low}) : std::nullopt;
}

double reach(const Range& r) { return std::max(-r.low, r.high); }

/// Whole numbers up to here are exact in f32.
constexpr double kMostExact = 1 << 24;

/// Conv of integers whose sums are exact in f32   ⇒   Cast(Conv of f32)
bool expand_integer_conv(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const ValueId x = node.inputs[0], w = node.inputs[1], out = node.outputs[0];
  const TensorType &type = graph.type(x), &to = graph.type(out);
  const auto dims = static_dims(graph, w);
  const auto range_x = range_of(graph, x), range_w = range_of(graph, w);
  const bool is_whole = to.dtype == DType::kI32 || to.dtype == DType::kI64 || to.dtype == DType::kF64;
  if (type.quant || to.quant || !is_whole || node.input(2).exists() || !dims || !range_x || !range_w) return false;
  double terms = 1;
  for (size_t i = 1; i < dims->size(); ++i) terms *= static_cast<double>((*dims)[i]);
  if (reach(*range_x) * reach(*range_w) * terms > kMostExact) return false;
  const DType dtype = to.dtype;
  Steps steps(graph, out);
  NodeSpec spec = spec_of(graph, id);
  spec.inputs = {steps.add(Cast{.to = DType::kF32}, {x}), steps.add(Cast{.to = DType::kF32}, {w})};
  spec.output_types.clear();
  const ValueId sums = graph.node(graph.add(std::move(spec))).outputs[0];
  return replace_by(graph, out, Cast{.to = dtype}, {sums});
}

/// Axes that kernels broadcast over.
constexpr int64_t kMostBroadcast = 4;

/// MatMul over many batch axes   ⇒   Reshape → MatMul over one → Reshape
bool collapse_matmul_batch(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const MatMul op = node.as<MatMul>();
  const ValueId out = node.outputs[0];
  const auto y = static_dims(graph, out);
  if (!y || static_cast<int64_t>(y->size()) <= kMostBroadcast) return false;
  const Dims batch(y->begin(), y->end() - 2);
  int64_t count = 1;
  for (const int64_t d : batch) count *= d;
  const std::vector<ValueId> inputs = node.inputs;
  for (const ValueId input : inputs)
    if (!static_dims(graph, input) || rank_of(graph, input) < 2) return false;
  Steps steps(graph, out);
  const auto collapsed = [&](ValueId x) {
    const Dims dims = *static_dims(graph, x);
    Dims whole = batch;
    whole.insert(whole.end(), dims.end() - 2, dims.end());
    if (whole != dims) x = steps.add(Expand{}, {x, steps.ints(whole)});
    return steps.reshape(x, {count, whole[whole.size() - 2], whole[whole.size() - 1]});
  };
  const ValueId a = collapsed(inputs[0]), b = collapsed(inputs[1]);
  NodeSpec spec = spec_of(graph, id);
  spec.attrs = Attrs::of(op);
  spec.inputs = {a, b};
  spec.output_types[0].shape = Shape::unranked();
  const ValueId product = graph.node(graph.add(std::move(spec))).outputs[0];
  return replace_by(graph, out, Reshape{}, {product, steps.ints(*y)});
}

/// f(a, b) with broadcasting over many axes   ⇒   f(Expand(a), Expand(b))
bool expand_operands(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const ValueId out = node.outputs[0];
  const auto y = static_dims(graph, out);
  if (!y || static_cast<int64_t>(y->size()) <= kMostBroadcast) return false;
  std::vector<ValueId> inputs = node.inputs;
  std::vector<bool> is_narrow;
  for (const ValueId input : inputs) is_narrow.push_back(static_dims(graph, input) != y);
  if (std::find(is_narrow.begin(), is_narrow.end(), true) == is_narrow.end()) return false;
  Steps steps(graph, out);
  for (size_t i = 0; i < inputs.size(); ++i)
    if (is_narrow[i]) inputs[i] = steps.add(Expand{}, {inputs[i], steps.ints(*y)});
  NodeSpec spec = spec_of(graph, id);
  spec.inputs = std::move(inputs);
  replace_node(graph, id, std::move(spec));
  return true;
}

}  // namespace

std::vector<Rule> element_expansions() {
  return {
      {"expand_integer_matmul", {&MatMul::def}, expand_integer_matmul},
      {"expand_dynamic_quantize", {&DynamicQuantizeLinear::def}, expand_dynamic_quantize},
      {"widen_small_integers",
       {&Add::def, &Sub::def, &Mul::def, &Div::def, &Pow::def, &FloorDiv::def, &Mod::def, &SquaredDifference::def,
        &Neg::def, &Abs::def, &Equal::def, &NotEqual::def, &Less::def, &LessOrEqual::def, &Greater::def,
        &GreaterOrEqual::def, &CumSum::def, &ReduceSum::def, &ReduceProd::def},
       widen_small_integers},
      {"expand_integer_relu", {&Relu::def}, expand_integer_relu},
      {"expand_integer_conv", {&Conv::def}, expand_integer_conv},
      {"lift_gather_indices", {&Gather::def}, lift_gather_indices},
      {"collapse_matmul_batch", {&MatMul::def}, collapse_matmul_batch},
      {"expand_operands",
       {&Add::def,
        &Sub::def,
        &Mul::def,
        &Div::def,
        &Pow::def,
        &Mod::def,
        &FloorDiv::def,
        &Maximum::def,
        &Minimum::def,
        &SquaredDifference::def,
        &And::def,
        &Or::def,
        &Xor::def,
        &Equal::def,
        &NotEqual::def,
        &Less::def,
        &LessOrEqual::def,
        &Greater::def,
        &GreaterOrEqual::def,
        &Where::def,
        &PRelu::def},
       expand_operands},
  };
}

}  // namespace hone

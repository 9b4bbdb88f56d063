#include <algorithm>

#include "ops/binary.h"
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

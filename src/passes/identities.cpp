#include <cmath>

#include "ops/binary.h"
#include "ops/control.h"
#include "ops/movement.h"
#include "ops/quantize.h"
#include "ops/reduce.h"
#include "ops/resize.h"
#include "ops/unary.h"
#include "passes/rewrite.h"
#include "passes/simplify.h"

namespace hone {
namespace {

/// Replaces output 0 of a node by one of its inputs when type and shape say that this changes nothing.
bool drop(Graph& graph, NodeId id, size_t input = 0) {
  const ValueId out = graph.node(id).outputs[0];
  const ValueId in = graph.node(id).input(input);
  if (!in.exists() || !same_storage(graph.type(out), graph.type(in))) return false;
  return substitute(graph, out, in);
}

bool drop_same_shape(Graph& graph, NodeId id, size_t input = 0) {
  const Node& node = graph.node(id);
  const ValueId in = node.input(input);
  if (!in.exists() || !same_shape(graph.type(node.outputs[0]).shape, graph.type(in).shape)) return false;
  return drop(graph, id, input);
}

/// x → Identity → y   ⇒   x = y
bool drop_identity(Graph& graph, NodeId id) { return drop(graph, id); }

/// x → Dropout → y   ⇒   x = y, when it does not train and nobody looks at the mask.
bool drop_dropout(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  if (node.outputs.size() > 1) {
    const ValueId mask = node.outputs[1];
    if (!graph.value(mask).users.empty() || graph.is_output(mask)) return false;
  }
  const ValueId training = node.input(2);
  if (training.exists() && !is_constant_full_of(graph, training, 0)) return false;
  return drop(graph, id);
}

/// x → Cast(to dtype of x) → y   ⇒   x = y
bool drop_cast(Graph& graph, NodeId id) { return !graph.type(graph.node(id).inputs[0]).quant && drop(graph, id); }

/// Whether every value of `from` survives a trip through `through`.
bool holds_all(DType through, DType from) {
  if (through == from) return true;
  if (from == DType::kBool) return true;
  if (from == DType::kF16 || from == DType::kBF16) return through == DType::kF32 || through == DType::kF64;
  if (from == DType::kF32) return through == DType::kF64;
  if (!is_integer(from)) return false;
  if (is_integer(through)) return min_of(through) <= min_of(from) && max_of(through) >= max_of(from);
  const bool is_narrow = size_of(from) <= 2;
  return (through == DType::kF64 && size_of(from) <= 4) || (through == DType::kF32 && is_narrow);
}

/// x → Cast(wider) → Cast(z) → y   ⇒   x → Cast(z) → y
bool merge_casts(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const Node* first = producer_as<Cast>(graph, node.inputs[0]);
  if (!first) return false;
  const ValueId x = first->inputs[0], out = node.outputs[0];
  if (graph.type(x).quant || !holds_all(first->as<Cast>().to, graph.type(x).dtype)) return false;
  return replace_by(graph, out, Cast{{}, node.as<Cast>().to}, {x});
}

/// c → Cast → Transpose → y   ⇒   c → Transpose → Cast → y, where c is constant: then folding moves the narrow weights
/// in the file. Likewise Reshape, Squeeze, Unsqueeze and Flatten.
bool move_before_widening(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const ValueId narrow = widened_constant(graph, node.inputs[0]), out = node.outputs[0];
  if (!narrow.exists() || !is_private(graph, node.inputs[0]) || graph.type(out).quant) return false;
  std::vector<ValueId> inputs = node.inputs;
  inputs[0] = narrow;
  for (const ValueId input : inputs)
    if (input.exists() && !graph.is_constant(input)) return false;
  const ValueId moved = add_step(graph, out, *node.def, node.attrs, std::move(inputs));
  return replace_by(graph, out, Cast{.to = graph.type(out).dtype}, {moved});
}

/// x → Reshape(dims of x) → y   ⇒   x = y; likewise Expand, Tile, Flatten, Squeeze, Unsqueeze and Resize.
bool drop_without_effect(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  if (node.is<Resize>() && node.as<Resize>().coordinates == ResizeCoordinates::tf_crop_and_resize) return false;
  return drop_same_shape(graph, id);
}

/// x → Transpose(0, 1, 2, …) → y   ⇒   x = y
bool drop_transpose(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const std::vector<int64_t>& perm = node.as<Transpose>().perm;
  const int64_t rank = rank_of(graph, node.inputs[0]);
  if (perm.empty() && (rank < 0 || rank > 1)) return false;
  for (size_t i = 0; i < perm.size(); ++i) {
    if (perm[i] != static_cast<int64_t>(i)) return false;
  }
  return drop(graph, id);
}

/// x → Pad(0, 0, …) → y   ⇒   x = y
bool drop_pad(Graph& graph, NodeId id) {
  return is_constant_full_of(graph, graph.node(id).input(1), 0) && drop(graph, id);
}

/// x → Concat or Split of one → y   ⇒   x = y
bool drop_concat(Graph& graph, NodeId id) { return graph.node(id).inputs.size() == 1 && drop(graph, id); }
bool drop_split(Graph& graph, NodeId id) { return graph.node(id).outputs.size() == 1 && drop_same_shape(graph, id); }

/// x → Slice(everything, forwards) → y   ⇒   x = y
bool drop_slice(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  if (node.input(4).exists()) {
    const auto steps = constant_ints(graph, node.input(4));
    if (!steps) return false;
    for (int64_t step : *steps) {
      if (step != 1) return false;
    }
  }
  return drop_same_shape(graph, id);
}

template <class Op>
bool has_no_clamp(const Op& op) {
  return std::isinf(op.act_min) && op.act_min < 0 && std::isinf(op.act_max) && op.act_max > 0;
}

/// x → Mul(1), Add(0), Sub(0), Div(1), Pow(1) → y   ⇒   x = y
template <class Op>
bool drop_neutral(Graph& graph, NodeId id, double neutral, bool commutes) {
  const Node& node = graph.node(id);
  if constexpr (requires(Op op) { op.act_min; }) {
    if (!has_no_clamp(node.as<Op>())) return false;
  }
  if (is_constant_full_of(graph, node.input(1), neutral)) return drop_same_shape(graph, id, 0);
  if (commutes && is_constant_full_of(graph, node.input(0), neutral)) return drop_same_shape(graph, id, 1);
  return false;
}
bool drop_mul(Graph& graph, NodeId id) { return drop_neutral<Mul>(graph, id, 1, true); }
bool drop_add(Graph& graph, NodeId id) { return drop_neutral<Add>(graph, id, 0, true); }
bool drop_sub(Graph& graph, NodeId id) { return drop_neutral<Sub>(graph, id, 0, false); }
bool drop_div(Graph& graph, NodeId id) { return drop_neutral<Div>(graph, id, 1, false); }
bool drop_pow(Graph& graph, NodeId id) { return drop_neutral<Pow>(graph, id, 1, false); }

/// x → Clamp(−∞, ∞) → y   ⇒   x = y
bool drop_clamp(Graph& graph, NodeId id) {
  const Clamp& op = graph.node(id).as<Clamp>();
  return std::isinf(op.min) && op.min < 0 && std::isinf(op.max) && op.max > 0 && drop(graph, id);
}

/// x → Neg → Neg → y   ⇒   x = y; likewise Not.
template <class Op>
bool drop_involution(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const Node* first = producer_as<Op>(graph, node.inputs[0]);
  if (!first) return false;
  const ValueId x = first->inputs[0], middle = node.inputs[0], out = node.outputs[0];
  if (graph.type(x).quant || graph.type(middle).quant || graph.type(out).quant) return false;
  return substitute(graph, out, x);
}

/// x → Relu → Relu → y   ⇒   x → Relu → y; likewise Abs, Ceil, Floor, Round, Sign.
template <class Op>
bool drop_repeated(Graph& graph, NodeId id) {
  return producer_as<Op>(graph, graph.node(id).inputs[0]) && drop(graph, id);
}

/// q → Dequantize → Quantize(parameters of q) → y   ⇒   q = y
bool drop_requantize(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const ValueId in = node.inputs[0], out = node.outputs[0];
  if (graph.type(in).quant) return drop(graph, id);
  const Node* first = producer_as<Dequantize>(graph, in);
  if (!first || !same_storage(graph.type(first->inputs[0]), graph.type(out))) return false;
  return substitute(graph, out, first->inputs[0]);
}

/// x → Reduce(noop_with_empty_axes, axes = {}) → y   ⇒   x = y, where the operator leaves single elements alone.
template <class Op>
bool drop_noop_reduce(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  if (!node.as<Op>().noop_with_empty_axes) return false;
  if (node.input(1).exists()) {
    const auto axes = constant_ints(graph, node.input(1));
    if (!axes || !axes->empty()) return false;
  }
  return drop_same_shape(graph, id);
}

/// Concat(Concat(a, b), c) → Concat(a, b, c) along the same axis when the inner one has no other user.
bool merge_concats(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const ValueId out = node.outputs[0];
  const int64_t rank = rank_of(graph, out);
  if (rank < 0) return false;
  const auto axis_of = [&](const Node& n) { return normalize_axis(n.as<Concat>().axis, rank, "concat: axis"); };
  const int64_t axis = axis_of(node);
  std::vector<ValueId> inputs;
  for (ValueId input : node.inputs) {
    const Node* inner = producer_as<Concat>(graph, input);
    const bool merges = inner && is_private(graph, input) && axis_of(*inner) == axis &&
                        same_storage(graph.type(input), graph.type(out));
    if (merges) {
      inputs.insert(inputs.end(), inner->inputs.begin(), inner->inputs.end());
    } else {
      inputs.push_back(input);
    }
  }
  if (inputs.size() == node.inputs.size()) return false;
  for (ValueId input : inputs) {
    if (!same_storage(graph.type(input), graph.type(out))) return false;
  }
  return replace_by(graph, out, Concat{{}, axis}, std::move(inputs));
}

}  // namespace

std::vector<Rule> identity_rules() {
  return {
      {"drop_identity", {&Identity::def}, drop_identity},
      {"drop_dropout", {&Dropout::def}, drop_dropout},
      {"drop_cast", {&Cast::def}, drop_cast},
      {"merge_casts", {&Cast::def}, merge_casts},
      {"move_before_widening",
       {&Transpose::def, &Reshape::def, &Squeeze::def, &Unsqueeze::def, &Flatten::def},
       move_before_widening},
      {"drop_without_effect",
       {&Reshape::def, &Expand::def, &Tile::def, &Flatten::def, &Squeeze::def, &Unsqueeze::def, &Resize::def},
       drop_without_effect},
      {"drop_transpose", {&Transpose::def}, drop_transpose},
      {"drop_pad", {&Pad::def}, drop_pad},
      {"drop_concat", {&Concat::def}, drop_concat},
      {"drop_split", {&Split::def}, drop_split},
      {"drop_slice", {&Slice::def}, drop_slice},
      {"drop_mul", {&Mul::def}, drop_mul},
      {"drop_add", {&Add::def}, drop_add},
      {"drop_sub", {&Sub::def}, drop_sub},
      {"drop_div", {&Div::def}, drop_div},
      {"drop_pow", {&Pow::def}, drop_pow},
      {"drop_clamp", {&Clamp::def}, drop_clamp},
      {"drop_neg_neg", {&Neg::def}, drop_involution<Neg>},
      {"drop_not_not", {&Not::def}, drop_involution<Not>},
      {"drop_relu_relu", {&Relu::def}, drop_repeated<Relu>},
      {"drop_abs_abs", {&Abs::def}, drop_repeated<Abs>},
      {"drop_floor_floor", {&Floor::def}, drop_repeated<Floor>},
      {"drop_ceil_ceil", {&Ceil::def}, drop_repeated<Ceil>},
      {"drop_round_round", {&Round::def}, drop_repeated<Round>},
      {"drop_requantize", {&Quantize::def}, drop_requantize},
      {"drop_noop_sum", {&ReduceSum::def}, drop_noop_reduce<ReduceSum>},
      {"drop_noop_mean", {&ReduceMean::def}, drop_noop_reduce<ReduceMean>},
      {"drop_noop_max", {&ReduceMax::def}, drop_noop_reduce<ReduceMax>},
      {"drop_noop_min", {&ReduceMin::def}, drop_noop_reduce<ReduceMin>},
      {"merge_concats", {&Concat::def}, merge_concats},
  };
}

}  // namespace hone

#include "passes/layout_table.h"

#include <algorithm>

#include "ops/binary.h"
#include "ops/movement.h"
#include "ops/norm.h"
#include "ops/quantize.h"
#include "ops/reduce.h"
#include "ops/resize.h"
#include "ops/shaping.h"
#include "ops/unary.h"
#include "passes/rewrite.h"

namespace hone {
namespace {

template <class Op>
Op op_of(const LayoutEdit& edit) {
  return edit.spec.attrs.as<Op>();
}

template <class Op>
void set_op(LayoutEdit& edit, Op op) {
  edit.spec.attrs = Attrs::of(std::move(op));
}

/// An attribute `axis` follows its axis.
template <class Op>
void move_axis(LayoutEdit& edit) {
  Op op = op_of<Op>(edit);
  op.axis = edit.moved(op.axis);
  set_op(edit, std::move(op));
}

/// A constant input of axes follows them; its dtype stays.
template <size_t kInput>
void move_axes_input(LayoutEdit& edit) {
  if (kInput >= edit.spec.inputs.size() || !edit.spec.inputs[kInput].exists()) return;
  const Tensor& old = edit.graph.value(edit.spec.inputs[kInput]).constant;
  std::vector<int64_t> axes = to_ints(old);
  for (int64_t& axis : axes) axis = edit.moved(axis);
  Tensor moved = Tensor::of<int64_t>(old.dims(), std::span<const int64_t>(axes));
  if (old.dtype() != DType::kI64) moved = cast(moved, old.dtype());
  edit.spec.inputs[kInput] = edit.graph.add_constant(std::move(moved));
}

template <size_t kInput>
bool has_constant_axes(const LayoutView& view) {
  return !view.node.input(kInput).exists() || constant_ints(view.graph, view.node.input(kInput)).has_value();
}

/// A constant input with one entry per axis follows them.
template <size_t kInput>
void move_entries(LayoutEdit& edit) {
  const Tensor& old = edit.graph.value(edit.spec.inputs[kInput]).constant;
  const std::vector<int64_t> entries = to_ints(old);
  std::vector<int64_t> moved;
  for (int64_t axis : edit.perm) moved.push_back(entries[static_cast<size_t>(axis)]);
  edit.spec.inputs[kInput] = add_ints(edit.graph, moved);
}

template <size_t kInput>
bool has_constant_entries(const LayoutView& view) {
  const auto entries = constant_ints(view.graph, view.node.input(kInput));
  return entries && static_cast<int64_t>(entries->size()) == view.rank;
}

// Pad: amounts per axis, or per entry of axes.
bool pad_is_movable(const LayoutView& view) {
  if (view.node.input(3).exists()) return constant_ints(view.graph, view.node.input(3)).has_value();
  return constant_ints(view.graph, view.node.input(1)).has_value();
}
void move_pad(LayoutEdit& edit) {
  if (edit.spec.inputs.size() > 3) return move_axes_input<3>(edit);
  const std::vector<int64_t> old = to_ints(edit.graph.value(edit.spec.inputs[1]).constant);
  std::vector<int64_t> amounts;
  for (int64_t side = 0; side < 2; ++side) {
    for (int64_t axis : edit.perm) amounts.push_back(old[static_cast<size_t>(side * edit.rank + axis)]);
  }
  edit.spec.inputs[1] = add_ints(edit.graph, amounts);
}

// Slice: without axes the entries are for the first axes.
bool slice_is_movable(const LayoutView& view) {
  if (!has_constant_axes<3>(view)) return false;
  return view.node.input(3).exists() || static_dims(view.graph, view.node.input(1)).has_value();
}
void move_slice(LayoutEdit& edit) {
  if (edit.spec.inputs.size() > 3 && edit.spec.inputs[3].exists()) return move_axes_input<3>(edit);
  std::vector<int64_t> axes;
  const int64_t count = edit.graph.type(edit.spec.inputs[1]).shape.dims()[0];
  for (int64_t axis = 0; axis < count; ++axis) axes.push_back(edit.moved(axis));
  if (edit.spec.inputs.size() < 4) edit.spec.inputs.resize(4);
  edit.spec.inputs[3] = add_ints(edit.graph, axes);
}

void move_resize(LayoutEdit& edit) {
  Resize op = op_of<Resize>(edit);
  if (op.axes.empty()) {
    for (int64_t axis = 0; axis < edit.rank; ++axis) op.axes.push_back(axis);
  }
  for (int64_t& axis : op.axes) axis = edit.moved(axis);
  set_op(edit, std::move(op));
}

void move_reverse_sequence(LayoutEdit& edit) {
  ReverseSequence op = op_of<ReverseSequence>(edit);
  op.batch_axis = edit.moved(op.batch_axis);
  op.time_axis = edit.moved(op.time_axis);
  set_op(edit, std::move(op));
}

void move_mean_variance(LayoutEdit& edit) {
  MeanVarianceNormalize op = op_of<MeanVarianceNormalize>(edit);
  for (int64_t& axis : op.axes) axis = edit.moved(axis);
  set_op(edit, std::move(op));
}
bool names_axes(const LayoutView& view) { return !view.node.as<MeanVarianceNormalize>().axes.empty(); }

// Scales per tensor or along an axis; blocks stay where they are.
template <class Op>
bool is_unblocked(const LayoutView& view) {
  return view.node.as<Op>().block_size == 0;
}
template <class Op>
void move_scale_axis(LayoutEdit& edit) {
  const Shape& scale = edit.graph.type(edit.spec.inputs[1]).shape;
  if (!scale.has_rank() || scale.rank() > 0) move_axis<Op>(edit);
}

bool compress_has_axis(const LayoutView& view) { return view.node.as<Compress>().has_axis; }

// Operators that work along the last axes.
bool keeps_last_axis(const LayoutView& view, const Perm& perm) { return perm.empty() || perm.back() == view.rank - 1; }
bool keeps_channels_and_batch(const LayoutView& view, const Perm& perm) {
  return perm.empty() || (perm.back() == view.rank - 1 && perm[0] == 0);
}
bool keeps_normalized_axes(const LayoutView& view, const Perm& perm) {
  for (int64_t i = view.axis(view.node.as<LayerNorm>().axis); i < view.rank && !perm.empty(); ++i) {
    if (perm[static_cast<size_t>(i)] != i) return false;
  }
  return true;
}

// Gather: a vector of indices keeps the axis, one index takes it away.
bool gathers_vector(const LayoutView& view) {
  return rank_of(view.graph, view.node.input(1)) == 1 && view.node.as<Gather>().batch_dims == 0;
}
bool gathers_one(const LayoutView& view) {
  return rank_of(view.graph, view.node.input(1)) == 0 && view.node.as<Gather>().batch_dims == 0;
}

std::optional<std::vector<bool>> marked(const LayoutView& view, const std::vector<int64_t>& axes) {
  std::vector<bool> result(static_cast<size_t>(view.rank), false);
  for (int64_t axis : axes) {
    const int64_t at = view.axis(axis);
    if (at < 0 || at >= view.rank) return std::nullopt;
    result[static_cast<size_t>(at)] = true;
  }
  return result;
}

template <class Op>
std::optional<std::vector<bool>> removes_axis(const LayoutView& view) {
  return marked(view, {view.node.as<Op>().axis});
}

template <class Op>
std::optional<std::vector<bool>> removes_axes_input(const LayoutView& view) {
  if (!view.node.input(1).exists()) return std::vector<bool>(static_cast<size_t>(view.rank), true);
  const auto axes = constant_ints(view.graph, view.node.input(1));
  return axes ? marked(view, *axes) : std::nullopt;
}

std::optional<std::vector<bool>> removes_squeezed(const LayoutView& view) {
  const auto axes = constant_ints(view.graph, view.node.input(1));
  return axes ? marked(view, *axes) : std::nullopt;
}

template <class Op>
bool keeps_dims(const LayoutView& view) {
  return view.node.as<Op>().keepdims && has_constant_axes<1>(view);
}
template <class Op>
bool drops_dims(const LayoutView& view) {
  return !view.node.as<Op>().keepdims && has_constant_axes<1>(view) && !view.node.as<Op>().noop_with_empty_axes;
}
template <class Op>
bool keeps_index_dims(const LayoutView& view) {
  return view.node.as<Op>().keepdims;
}
template <class Op>
bool drops_index_dims(const LayoutView& view) {
  return !view.node.as<Op>().keepdims;
}

template <class Op>
constexpr LayoutRow tied_along_axis(int data_inputs = 1) {
  return {.op = &Op::def, .data_inputs = data_inputs, .remap = move_axis<Op>};
}
template <class Op>
constexpr LayoutRow reduction(bool keeps) {
  if (keeps) return {.op = &Op::def, .movable = keeps_dims<Op>, .remap = move_axes_input<1>};
  return {.op = &Op::def,
          .kind = LayoutKind::kReduced,
          .movable = drops_dims<Op>,
          .remap = move_axes_input<1>,
          .removed = removes_axes_input<Op>};
}
template <class Op>
constexpr LayoutRow index_of(bool keeps) {
  if (keeps) return {.op = &Op::def, .movable = keeps_index_dims<Op>, .remap = move_axis<Op>};
  return {.op = &Op::def,
          .kind = LayoutKind::kReduced,
          .movable = drops_index_dims<Op>,
          .remap = move_axis<Op>,
          .removed = removes_axis<Op>};
}

/// An operator may have several rows: the first that is movable holds.
constexpr LayoutRow kRows[] = {
    {.op = &Cast::def},
    {.op = &Identity::def},
    {.op = &Quantize::def},
    {.op = &Dequantize::def},
    {.op = &QuantizeLinear::def, .movable = is_unblocked<QuantizeLinear>, .remap = move_scale_axis<QuantizeLinear>},
    {.op = &DequantizeLinear::def,
     .movable = is_unblocked<DequantizeLinear>,
     .remap = move_scale_axis<DequantizeLinear>},
    {.op = &Dropout::def},
    tied_along_axis<Concat>(-1),
    tied_along_axis<Split>(),
    tied_along_axis<Softmax>(),
    tied_along_axis<LogSoftmax>(),
    tied_along_axis<Hardmax>(),
    tied_along_axis<L2Normalize>(),
    tied_along_axis<LpNormalize>(),
    tied_along_axis<TopK>(),
    tied_along_axis<GatherElements>(-1),
    tied_along_axis<ScatterElements>(-1),
    {.op = &CumSum::def, .movable = has_constant_axes<1>, .remap = move_axes_input<1>},
    {.op = &Reverse::def, .movable = has_constant_axes<1>, .remap = move_axes_input<1>},
    {.op = &ReverseSequence::def, .remap = move_reverse_sequence},
    {.op = &MeanVarianceNormalize::def, .movable = names_axes, .remap = move_mean_variance},
    {.op = &Compress::def, .movable = compress_has_axis, .remap = move_axis<Compress>},
    {.op = &Pad::def, .movable = pad_is_movable, .remap = move_pad},
    {.op = &Slice::def, .movable = slice_is_movable, .remap = move_slice},
    {.op = &Tile::def, .movable = has_constant_entries<1>, .remap = move_entries<1>},
    {.op = &Expand::def, .movable = has_constant_entries<1>, .remap = move_entries<1>},
    {.op = &Resize::def, .remap = move_resize},
    {.op = &Gather::def, .movable = gathers_vector, .remap = move_axis<Gather>},
    {.op = &Gather::def,
     .kind = LayoutKind::kReduced,
     .movable = gathers_one,
     .remap = move_axis<Gather>,
     .removed = removes_axis<Gather>},
    {.op = &Squeeze::def, .kind = LayoutKind::kReduced, .remap = move_axes_input<1>, .removed = removes_squeezed},
    {.op = &BatchNorm::def, .accepts = keeps_last_axis},
    {.op = &InstanceNorm::def, .accepts = keeps_channels_and_batch},
    {.op = &GroupNorm::def, .accepts = keeps_channels_and_batch},
    {.op = &Lrn::def, .accepts = keeps_last_axis},
    {.op = &LayerNorm::def, .accepts = keeps_normalized_axes},
    reduction<ReduceSum>(true),
    reduction<ReduceSum>(false),
    reduction<ReduceMean>(true),
    reduction<ReduceMean>(false),
    reduction<ReduceMax>(true),
    reduction<ReduceMax>(false),
    reduction<ReduceMin>(true),
    reduction<ReduceMin>(false),
    reduction<ReduceProd>(true),
    reduction<ReduceProd>(false),
    reduction<ReduceL1>(true),
    reduction<ReduceL1>(false),
    reduction<ReduceL2>(true),
    reduction<ReduceL2>(false),
    reduction<ReduceLogSum>(true),
    reduction<ReduceLogSum>(false),
    reduction<ReduceLogSumExp>(true),
    reduction<ReduceLogSumExp>(false),
    reduction<ReduceSumSquare>(true),
    reduction<ReduceSumSquare>(false),
    reduction<ReduceAny>(true),
    reduction<ReduceAny>(false),
    reduction<ReduceAll>(true),
    reduction<ReduceAll>(false),
    index_of<ArgMax>(true),
    index_of<ArgMax>(false),
    index_of<ArgMin>(true),
    index_of<ArgMin>(false),
};

/// Shared by all elementwise operators: nothing names axes, lower ranks are aligned at the end.
constexpr LayoutRow kElementwise{.op = nullptr, .data_inputs = -1};

/// Elementwise on values whose ranks are known, lower ones constant or with dims that a Reshape can name.
bool is_movable_elementwise(const Graph& graph, const Node& node) {
  if (!node.def->elementwise || node.outputs.size() != 1) return false;
  const int64_t rank = rank_of(graph, node.outputs[0]);
  if (rank < 2) return false;
  for (ValueId input : node.inputs) {
    if (!input.exists()) continue;
    const int64_t input_rank = rank_of(graph, input);
    if (input_rank < 0 || input_rank > rank) return false;
    const bool is_low = input_rank < rank && !graph.is_constant(input);
    if (is_low && (!reshape_argument(graph.type(input).shape) || graph.type(input).quant)) return false;
  }
  return true;
}

bool has_results_of_rank(const Graph& graph, const Node& node, int64_t rank) {
  for (ValueId output : node.outputs) {
    if (rank_of(graph, output) != rank) return false;
  }
  return true;
}

}  // namespace

int64_t data_rank(const Graph& graph, const Node& node, const LayoutRow& row) {
  return rank_of(graph, row.op ? node.inputs[0] : node.outputs[0]);
}

bool is_data_input(const LayoutRow& row, size_t i) {
  return row.data_inputs < 0 || i < static_cast<size_t>(row.data_inputs);
}

const LayoutRow* find_layout_row(const Graph& graph, const Node& node) {
  for (const LayoutRow& row : kRows) {
    if (row.op != node.def) continue;
    const int64_t rank = node.input(0).exists() ? rank_of(graph, node.inputs[0]) : -1;
    if (rank < 2) return nullptr;
    const LayoutView view{graph, node, rank};
    if (row.movable && !row.movable(view)) continue;
    if (row.kind == LayoutKind::kTied && !has_results_of_rank(graph, node, rank)) continue;
    if (row.kind == LayoutKind::kReduced && !row.removed(view)) continue;
    return &row;
  }
  return is_movable_elementwise(graph, node) ? &kElementwise : nullptr;
}

}  // namespace hone

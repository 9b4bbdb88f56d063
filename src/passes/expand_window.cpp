#include <algorithm>
#include <limits>
#include <optional>

#include "ops/binary.h"
#include "ops/conv.h"
#include "ops/movement.h"
#include "ops/pool.h"
#include "ops/unary.h"
#include "passes/expand.h"
#include "passes/steps.h"

namespace hone {
namespace {

/// Parts of a constant along one axis; the parameters of its quantization are cut with it.
Tensor part_of(const Tensor& x, int64_t axis, int64_t first, int64_t count) {
  int64_t outer = 1, inner = size_of(x.dtype());
  for (int64_t i = 0; i < axis; ++i) outer *= x.dim(i);
  for (int64_t i = axis + 1; i < x.rank(); ++i) inner *= x.dim(i);
  Dims dims = x.dims();
  dims[static_cast<size_t>(axis)] = count;
  QuantPtr quant = x.quant();
  if (quant && quant->axis == axis) {
    const auto cut = [&](const auto& all) {
      return std::decay_t<decltype(all)>(all.begin() + first, all.begin() + first + count);
    };
    quant = QuantParams::per_channel(cut(quant->scales), cut(quant->zero_points), axis);
  }
  Tensor y = Tensor::empty(x.dtype(), dims, quant);
  const auto* from = static_cast<const std::byte*>(x.raw());
  auto* to = static_cast<std::byte*>(y.mutable_raw());
  for (int64_t o = 0; o < outer; ++o)
    std::copy_n(from + (o * x.dim(axis) + first) * inner, count * inner, to + o * count * inner);
  return y;
}

/// The node in `groups` parts: each on its channels, with its part of the weight (along `weight_axis`) and of the bias.
template <class Op>
bool split_groups(Graph& graph, NodeId id, int64_t weight_axis) {
  const Node& node = graph.node(id);
  Op op = node.as<Op>();
  const int64_t groups = op.groups, rank = rank_of(graph, node.inputs[0]);
  const ValueId out = node.outputs[0];
  if (groups < 2 || rank < 3 || !graph.is_constant(node.inputs[1])) return false;
  if (node.input(2).exists() && !graph.is_constant(node.inputs[2])) return false;
  const Tensor w = graph.value(node.inputs[1]).constant;
  const Dim channels = graph.type(node.inputs[0]).shape[rank - 1];
  if (!channels.is_known() || w.dim(weight_axis) % groups != 0) return false;
  const std::vector<ValueId> inputs = node.inputs;
  Steps steps(graph, out);
  const std::vector<int64_t> sizes(static_cast<size_t>(groups), channels.value() / groups);
  const std::vector<ValueId> xs = steps.split(inputs[0], rank - 1, sizes);
  op.groups = 1;
  std::vector<ValueId> parts;
  for (int64_t g = 0; g < groups; ++g) {
    const int64_t rows = w.dim(weight_axis) / groups;
    NodeSpec spec = spec_of(graph, id);
    spec.attrs = Attrs::of(op);
    spec.inputs = {xs[static_cast<size_t>(g)], steps.constant(part_of(w, weight_axis, g * rows, rows))};
    if (inputs.size() > 2 && inputs[2].exists()) {
      const Tensor& b = graph.value(inputs[2]).constant;
      const int64_t count = b.dim(0) / groups;
      spec.inputs.push_back(steps.constant(part_of(b, 0, g * count, count)));
    }
    spec.output_types[0].shape = Shape::unranked();
    parts.push_back(graph.node(graph.add(std::move(spec))).outputs[0]);
  }
  return supersede(graph, out, add_for(graph, out, Concat{.axis = rank - 1}, std::move(parts)));
}

/// Conv in groups of more than one channel   ⇒   Split → Conv each → Concat
bool split_conv_groups(Graph& graph, NodeId id) {
  const Shape& w = graph.type(graph.node(id).inputs[1]).shape;
  const bool is_depthwise = w.has_rank() && w.rank() <= 4 && w[w.rank() - 1] == Dim(1);
  return !is_depthwise && split_groups<Conv>(graph, id, 0);
}

bool split_transposed_groups(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const int64_t groups = node.as<ConvTranspose>().groups;
  if (groups < 2 || !graph.is_constant(node.inputs[1])) return false;
  // Scales of quantized weights and biases run over all outputs, groups after channels: not cut here.
  if (graph.type(node.inputs[1]).quant && !graph.type(node.inputs[1]).quant->is_per_tensor()) return false;
  return split_groups<ConvTranspose>(graph, id, 0);
}

/// The weight with zeros between its taps.
Tensor with_gaps(const Tensor& w, const std::vector<int64_t>& dilations) {
  Dims dims = w.dims();
  for (size_t i = 0; i < dilations.size(); ++i) dims[i + 1] = (dims[i + 1] - 1) * dilations[i] + 1;
  const bool has_zero_point = w.quant() && w.quant()->is_per_tensor();
  Tensor y = Tensor::zeros(w.dtype(), dims, w.quant());
  if (has_zero_point && w.quant()->zero_point() != 0)
    y = quantize(Tensor::zeros(DType::kF32, dims), w.dtype(), w.quant()).clone();
  const Dims strides = strides_of(dims);
  const auto size = size_of(w.dtype());
  const auto* from = static_cast<const std::byte*>(w.raw());
  auto* to = static_cast<std::byte*>(y.mutable_raw());
  Dims index(w.dims().size(), 0);
  if (w.elements() == 0) return y;
  do {
    int64_t at = 0;
    for (size_t i = 0; i < index.size(); ++i)
      at += index[i] * strides[i] * (i > 0 && i <= dilations.size() ? dilations[i - 1] : 1);
    std::copy_n(from, size, to + at * size);
    from += size;
  } while (next_index(index, w.dims()));
  return y;
}

bool is_all(const std::vector<int64_t>& values, int64_t number) {
  return std::all_of(values.begin(), values.end(), [&](int64_t v) { return v == number; });
}

/// ConvTranspose {dilations}(w)   ⇒   ConvTranspose(w with zeros between its taps)
bool fill_transposed_gaps(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  ConvTranspose op = node.as<ConvTranspose>();
  if (is_all(op.dilations, 1) || !graph.is_constant(node.inputs[1])) return false;
  const ValueId out = node.outputs[0];
  std::vector<ValueId> inputs = node.inputs;
  inputs[1] = graph.add_constant(with_gaps(graph.value(inputs[1]).constant, op.dilations), graph.value(inputs[1]).name);
  op.dilations.clear();
  return replace_by(graph, out, op, std::move(inputs));
}

/// ConvTranspose over one axis   ⇒   Reshape → ConvTranspose over two, the first of size 1 → Reshape
bool raise_transposed(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  ConvTranspose op = node.as<ConvTranspose>();
  const ValueId x = node.inputs[0], out = node.outputs[0];
  const auto from = static_dims(graph, x), to = static_dims(graph, out);
  if (!from || !to || from->size() != 3 || !graph.is_constant(node.inputs[1])) return false;
  const Tensor& w = graph.value(node.inputs[1]).constant;
  if (w.quant() && w.quant()->axis > 0 && w.quant()->axis != 2) return false;
  QuantPtr quant = w.quant();
  if (quant && quant->axis == 2) quant = QuantParams::per_channel(quant->scales, quant->zero_points, 3);
  const Tensor tall = w.with_quant(nullptr).reshaped({w.dim(0), 1, w.dim(1), w.dim(2)}).with_quant(quant);
  const auto raise = [](std::vector<int64_t>& list, int64_t value) {
    if (!list.empty()) list.insert(list.begin(), value);
  };
  raise(op.strides, 1);
  raise(op.dilations, 1);
  raise(op.output_padding, 0);
  raise(op.output_shape, 1);
  if (!op.pads.empty()) op.pads = {0, op.pads[0], 0, op.pads[1]};
  std::vector<ValueId> inputs = node.inputs;
  Steps steps(graph, out);
  inputs[0] = steps.reshape(x, {(*from)[0], 1, (*from)[1], (*from)[2]});
  inputs[1] = graph.add_constant(tall, graph.value(inputs[1]).name);
  NodeSpec spec = spec_of(graph, id);
  spec.attrs = Attrs::of(op);
  spec.inputs = std::move(inputs);
  spec.output_types[0].shape = Shape::unranked();
  const ValueId y = graph.node(graph.add(std::move(spec))).outputs[0];
  return replace_by(graph, out, Reshape{}, {y, add_ints(graph, *to)});
}

/// ConvTranspose whose padding is cut from what a VALID one gives   ⇒   ConvTranspose(no padding) → Slice. SAME of the
/// size it means, and VALID of any, stay.
bool cut_transposed(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  ConvTranspose op = node.as<ConvTranspose>();
  const ValueId out = node.outputs[0];
  const auto x = static_dims(graph, node.inputs[0]), w = static_dims(graph, node.inputs[1]);
  const auto y = static_dims(graph, out);
  if (!x || !w || !y || op.groups != 1 || !is_all(op.dilations, 1)) return false;
  const size_t spatial = w->size() - 2;
  if (op.strides.empty()) op.strides.assign(spatial, 1);
  std::vector<int64_t> begin(spatial), full(spatial);
  bool is_same = true, is_valid = true;
  for (size_t i = 0; i < spatial; ++i) {
    const int64_t reach = ((*x)[i + 1] - 1) * op.strides[i] + (*w)[i + 1], size = (*y)[i + 1];
    const int64_t extra = op.output_padding.empty() ? 0 : op.output_padding[i];
    const int64_t total = std::max<int64_t>(reach + extra - size, 0);
    if (op.auto_pad == AutoPad::valid)
      begin[i] = 0;
    else if (op.output_shape.empty() && op.auto_pad == AutoPad::explicit_pads)
      begin[i] = op.pads.empty() ? 0 : op.pads[i];
    else
      begin[i] = op.auto_pad == AutoPad::same_upper ? total / 2 : total - total / 2;
    full[i] = std::max(begin[i] + size, reach);
    is_valid = is_valid && begin[i] == 0 && size >= reach;
    const int64_t same_total = std::max<int64_t>(reach - size, 0);
    is_same = is_same && (*x)[i + 1] == (size + op.strides[i] - 1) / op.strides[i] && begin[i] == same_total / 2;
  }
  if (is_same || is_valid) return false;
  op.pads.clear();
  op.output_padding.clear();
  op.auto_pad = AutoPad::valid;
  op.output_shape = full;
  NodeSpec spec = spec_of(graph, id);
  spec.attrs = Attrs::of(op);
  spec.output_types[0].shape = Shape::unranked();
  const ValueId all = graph.node(graph.add(std::move(spec))).outputs[0];
  std::vector<int64_t> end, axes;
  for (size_t i = 0; i < spatial; ++i) {
    end.push_back(begin[i] + (*y)[i + 1]);
    axes.push_back(static_cast<int64_t>(i) + 1);
  }
  return replace_by(graph, out, Slice{}, {all, add_ints(graph, begin), add_ints(graph, end), add_ints(graph, axes)});
}

/// Taps of a window that is written out.
constexpr int64_t kMostTaps = 64;

/// MaxPool with gaps   ⇒   Maximum over the taps of Slice(Pad(x))
bool expand_dilated_max_pool(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  MaxPool op = node.as<MaxPool>();
  const ValueId x = node.inputs[0], out = node.outputs[0];
  const auto from = static_dims(graph, x), to = static_dims(graph, out);
  if (is_all(op.dilations, 1) || !from || !to || op.auto_pad == AutoPad::same_lower || graph.type(x).quant)
    return false;
  if (graph.type(x).dtype != DType::kF32) return false;
  if (node.outputs.size() > 1 && (!graph.value(node.outputs[1]).users.empty() || graph.is_output(node.outputs[1])))
    return false;
  const size_t spatial = op.kernel.size();
  if (op.strides.empty()) op.strides.assign(spatial, 1);
  int64_t taps = 1;
  std::vector<int64_t> pads(2 * (spatial + 2), 0);
  for (size_t i = 0; i < spatial; ++i) {
    taps *= op.kernel[i];
    const int64_t extent = (op.kernel[i] - 1) * op.dilations[i] + 1;
    const int64_t needed = ((*to)[i + 1] - 1) * op.strides[i] + extent - (*from)[i + 1];
    int64_t before = op.auto_pad == AutoPad::explicit_pads && !op.pads.empty() ? op.pads[i] : 0;
    if (op.auto_pad == AutoPad::same_upper) before = std::max<int64_t>(needed, 0) / 2;
    pads[i + 1] = before;
    pads[spatial + 2 + i + 1] = std::max<int64_t>(needed - before, 0);
  }
  if (taps > kMostTaps) return false;
  Steps steps(graph, out);
  const float lowest = std::numeric_limits<float>::lowest();
  const ValueId wide =
      is_all(pads, 0) ? x : steps.add(Pad{}, {x, steps.ints(pads), steps.number(static_cast<double>(lowest))});
  std::vector<int64_t> axes;
  for (size_t i = 0; i < spatial; ++i) axes.push_back(static_cast<int64_t>(i) + 1);
  ValueId result;
  Dims tap(spatial, 0);
  do {
    std::vector<int64_t> begin, end;
    for (size_t i = 0; i < spatial; ++i) {
      begin.push_back(tap[i] * op.dilations[i]);
      end.push_back(begin.back() + ((*to)[i + 1] - 1) * op.strides[i] + 1);
    }
    const ValueId part =
        steps.add(Slice{}, {wide, steps.ints(begin), steps.ints(end), steps.ints(axes), steps.ints(op.strides)});
    result = result.exists() ? steps.add(Maximum{}, {result, part}) : part;
  } while (next_index(tap, op.kernel));
  return replace_by(graph, out, Clamp{.min = op.act_min, .max = op.act_max}, {result});
}

/// The entries of a window over three axes that belong to axes first … end, padded to two.
template <class Op>
void keep_axes(Op& op, size_t first, size_t end) {
  const auto cut = [&](std::vector<int64_t>& list, int64_t missing, size_t half) {
    if (list.empty()) return;
    std::vector<int64_t> kept;
    for (size_t begin = 0; begin < list.size(); begin += half) {
      kept.insert(kept.end(), list.begin() + static_cast<int64_t>(begin + first),
                  list.begin() + static_cast<int64_t>(begin + end));
      if (end - first == 1) kept.push_back(missing);
    }
    list = std::move(kept);
  };
  cut(op.kernel, 1, 3);
  cut(op.strides, 1, 3);
  cut(op.dilations, 1, 3);
  cut(op.pads, 0, 3);
}

/// Pooling over three axes   ⇒   over the last two, then over the first: maxima of maxima, means of means
template <class Op>
bool pool_axis_by_axis(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  Op last = node.as<Op>();
  const ValueId x = node.inputs[0], out = node.outputs[0];
  const auto from = static_dims(graph, x), to = static_dims(graph, out);
  if (last.kernel.size() != 3 || !from || !to || node.outputs.size() > 1) return false;
  const Dims &a = *from, &b = *to;
  Op first = last;
  keep_axes(first, 1, 3);
  keep_axes(last, 0, 1);
  const float inf = std::numeric_limits<float>::infinity();
  first.act_min = -inf;
  first.act_max = inf;
  const NodeSpec whole = spec_of(graph, id);
  Steps steps(graph, out);
  const auto pooled = [&](ValueId in, const Op& op) {
    NodeSpec spec = whole;
    spec.attrs = Attrs::of(op);
    spec.inputs = {in};
    spec.output_types[0].shape = Shape::unranked();
    return graph.node(graph.add(std::move(spec))).outputs[0];
  };
  const ValueId planes = pooled(steps.reshape(x, {a[0] * a[1], a[2], a[3], a[4]}), first);
  const ValueId columns = pooled(steps.reshape(planes, {a[0], a[1], b[2] * b[3], a[4]}), last);
  return replace_by(graph, out, Reshape{}, {columns, steps.ints(b)});
}

}  // namespace

std::vector<Rule> window_expansions() {
  return {
      {"split_conv_groups", {&Conv::def}, split_conv_groups},
      {"split_transposed_groups", {&ConvTranspose::def}, split_transposed_groups},
      {"fill_transposed_gaps", {&ConvTranspose::def}, fill_transposed_gaps},
      {"raise_transposed", {&ConvTranspose::def}, raise_transposed},
      {"cut_transposed", {&ConvTranspose::def}, cut_transposed},
      {"pool_axis_by_axis", {&MaxPool::def}, pool_axis_by_axis<MaxPool>},
      {"pool_axis_by_axis", {&AveragePool::def}, pool_axis_by_axis<AveragePool>},
      {"expand_dilated_max_pool", {&MaxPool::def}, expand_dilated_max_pool},
  };
}

}  // namespace hone

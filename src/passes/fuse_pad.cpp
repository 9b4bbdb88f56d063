#include <algorithm>
#include <cmath>

#include "ops/conv.h"
#include "ops/movement.h"
#include "ops/pool.h"
#include "passes/fuse.h"
#include "passes/rewrite.h"

namespace hone {
namespace {

/// Padding of spatial axes of x: [N, s…, C], begins then ends, and the number it pads with.
struct SpatialPad {
  std::vector<int64_t> pads;
  double value = 0;
  ValueId x;
};

/// Reads a constant Pad of spatial axes with non-negative amounts; none for any other.
std::optional<SpatialPad> spatial_pad(const Graph& graph, ValueId padded) {
  const Node* node = producer_as<Pad>(graph, padded);
  if (!node || node->as<Pad>().mode != PadMode::constant || !is_private(graph, padded)) return std::nullopt;
  const int64_t rank = rank_of(graph, padded);
  const auto amounts = constant_ints(graph, node->input(1));
  if (!amounts || rank < 3 || !same_storage(graph.type(padded), graph.type(node->inputs[0]))) return std::nullopt;
  SpatialPad result;
  result.x = node->inputs[0];
  result.pads.assign(static_cast<size_t>(2 * (rank - 2)), 0);
  if (node->input(2).exists()) {
    const auto value = constant_scalar(graph, node->input(2));
    if (!value) return std::nullopt;
    result.value = *value;
  }
  std::vector<int64_t> axes;
  if (node->input(3).exists()) {
    const auto stated = constant_ints(graph, node->input(3));
    if (!stated) return std::nullopt;
    axes = *stated;
  } else {
    for (int64_t i = 0; i < rank; ++i) axes.push_back(i);
  }
  if (amounts->size() != 2 * axes.size()) return std::nullopt;
  for (size_t i = 0; i < axes.size(); ++i) {
    const int64_t axis = normalize_axis(axes[i], rank, "pad: axis");
    const int64_t begin = (*amounts)[i], end = (*amounts)[i + axes.size()];
    if (begin == 0 && end == 0) continue;
    if (axis == 0 || axis == rank - 1 || begin < 0 || end < 0) return std::nullopt;
    result.pads[static_cast<size_t>(axis - 1)] += begin;
    result.pads[static_cast<size_t>(axis - 1 + rank - 2)] += end;
  }
  return result;
}

/// Adds the padding to a window's own; false when the window's padding is not in numbers.
template <class Op>
bool widen(Op& op, const SpatialPad& pad) {
  if (op.auto_pad != AutoPad::explicit_pads && op.auto_pad != AutoPad::valid) return false;
  if (op.auto_pad == AutoPad::valid || op.pads.empty()) op.pads.assign(pad.pads.size(), 0);
  if (op.pads.size() != pad.pads.size()) return false;
  for (size_t i = 0; i < op.pads.size(); ++i) op.pads[i] += pad.pads[i];
  op.auto_pad = AutoPad::explicit_pads;
  return true;
}

bool replace_padded(Graph& graph, NodeId id, Attrs attrs, ValueId x) {
  const ValueId out = graph.node(id).outputs[0];
  const OpDef& def = *graph.node(id).def;
  std::vector<ValueId> inputs = graph.node(id).inputs;
  inputs[0] = x;
  return supersede(graph, out, add_for(graph, out, def, std::move(attrs), std::move(inputs)));
}

/// x → Pad(0 around the space) → Conv → y   ⇒   x → Conv{pads} → y
bool pad_into_conv(Graph& graph, NodeId id) {
  const auto pad = spatial_pad(graph, graph.node(id).inputs[0]);
  if (!pad || pad->value != 0) return false;
  Conv op = graph.node(id).as<Conv>();
  return widen(op, *pad) && replace_padded(graph, id, Attrs::of(std::move(op)), pad->x);
}

/// x → Pad(0 around the space) → AveragePool without padding → y   ⇒   x → AveragePool{pads, count_include_pad} → y
bool pad_into_average_pool(Graph& graph, NodeId id) {
  const auto pad = spatial_pad(graph, graph.node(id).inputs[0]);
  if (!pad || pad->value != 0) return false;
  AveragePool op = graph.node(id).as<AveragePool>();
  bool has_pads = false;
  for (int64_t amount : op.pads) has_pads = has_pads || amount != 0;
  if ((has_pads && !op.count_include_pad) || op.ceil_mode || !widen(op, *pad)) return false;
  for (size_t i = 0; i < op.pads.size(); ++i) {
    if (op.pads[i] >= op.kernel[i % op.kernel.size()]) return false;
  }
  op.count_include_pad = true;
  return replace_padded(graph, id, Attrs::of(std::move(op)), pad->x);
}

/// x → Pad(−∞ around the space) → MaxPool → y   ⇒   x → MaxPool{pads} → y
bool pad_into_max_pool(Graph& graph, NodeId id) {
  if (graph.node(id).outputs.size() != 1) return false;
  const auto pad = spatial_pad(graph, graph.node(id).inputs[0]);
  if (!pad || pad->value > -3e38) return false;
  MaxPool op = graph.node(id).as<MaxPool>();
  if (op.ceil_mode || !widen(op, *pad)) return false;
  for (size_t i = 0; i < op.pads.size(); ++i) {
    if (op.pads[i] >= op.kernel[i % op.kernel.size()]) return false;
  }
  return replace_padded(graph, id, Attrs::of(std::move(op)), pad->x);
}

bool is_all(const std::vector<int64_t>& values, int64_t expected) {
  return std::all_of(values.begin(), values.end(), [&](int64_t v) { return v == expected; });
}

/// x → SpaceToBatch(b, p) → Conv that moves by one → BatchToSpace(b, c) → y   ⇒   x → Conv{dilations b, pads p − c} → y
/// TensorFlow writes dilated convolutions this way (tf.nn.convolution).
bool blocks_into_dilation(Graph& graph, NodeId id) {
  const Node& back = graph.node(id);
  const Node* conv = producer_as<Conv>(graph, back.inputs[0]);
  const Node* apart = conv ? producer_as<SpaceToBatch>(graph, conv->inputs[0]) : nullptr;
  if (!apart || !is_private(graph, back.inputs[0]) || !is_private(graph, conv->inputs[0])) return false;
  const ValueId x = apart->inputs[0], y = back.outputs[0];
  if (!same_storage(graph.type(x), graph.type(conv->inputs[0]))) return false;
  if (!same_storage(graph.type(y), graph.type(back.inputs[0]))) return false;
  const auto blocks = constant_ints(graph, apart->inputs[1]), margins = constant_ints(graph, apart->inputs[2]);
  const auto crops = constant_ints(graph, back.inputs[2]);
  const size_t axes = static_cast<size_t>(rank_of(graph, y) - 2);
  if (!blocks || !margins || !crops || blocks->size() != axes) return false;
  if (constant_ints(graph, back.inputs[1]) != blocks || margins->size() != crops->size()) return false;
  Conv op = conv->as<Conv>();
  const bool has_no_padding =
      op.auto_pad == AutoPad::valid || (op.auto_pad == AutoPad::explicit_pads && is_all(op.pads, 0));
  if (!has_no_padding || !is_all(op.strides, 1) || !is_all(op.dilations, 1)) return false;
  op.auto_pad = AutoPad::explicit_pads;
  op.dilations = *blocks;
  op.pads.assign(2 * axes, 0);
  for (size_t i = 0; i < axes; ++i)
    for (size_t end = 0; end < 2; ++end) op.pads[i + end * axes] = (*margins)[2 * i + end] - (*crops)[2 * i + end];
  if (std::any_of(op.pads.begin(), op.pads.end(), [](int64_t pad) { return pad < 0; })) return false;
  std::vector<ValueId> inputs = conv->inputs;
  inputs[0] = x;
  return supersede(graph, y, add_for(graph, y, Conv::def, Attrs::of(std::move(op)), std::move(inputs)));
}

}  // namespace

std::vector<Rule> pad_rules() {
  return {
      {"blocks_into_dilation", {&BatchToSpace::def}, blocks_into_dilation},
      {"pad_into_conv", {&Conv::def}, pad_into_conv},
      {"pad_into_average_pool", {&AveragePool::def}, pad_into_average_pool},
      {"pad_into_max_pool", {&MaxPool::def}, pad_into_max_pool},
  };
}

}  // namespace hone

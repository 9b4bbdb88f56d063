#include <algorithm>
#include <numeric>
#include <optional>

#include "ops/matmul.h"
#include "ops/movement.h"
#include "ops/resize.h"
#include "passes/layout.h"
#include "passes/perm.h"
#include "passes/rewrite.h"

namespace hone {
namespace {

/// Entries `picked` of a constant vector, in that order.
ValueId picked_entries(Graph& graph, ValueId value, const std::vector<int64_t>& picked) {
  const Tensor& old = graph.value(value).constant;
  const std::vector<double> numbers = to_doubles(old);
  std::vector<double> result;
  for (int64_t i : picked) result.push_back(numbers[static_cast<size_t>(i)]);
  const Tensor moved = Tensor::of<double>({static_cast<int64_t>(result.size())}, std::span<const double>(result));
  return graph.add_constant(cast(moved, old.dtype()));
}

/// Resize {axes=[0, 3, 1]}(scales of three) → Resize {axes=[1, 3]}(scales of two) when axis 0 keeps its size.
bool settle_resize_axes(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const ValueId x = node.inputs[0], out = node.outputs[0];
  const int64_t rank = rank_of(graph, x);
  Resize op = node.as<Resize>();
  if (rank < 0 || op.coordinates == ResizeCoordinates::tf_crop_and_resize || op.aspect != AspectPolicy::stretch)
    return false;
  std::vector<int64_t> axes = op.axes;
  if (axes.empty()) {
    axes.resize(static_cast<size_t>(rank));
    std::iota(axes.begin(), axes.end(), 0);
  }
  for (int64_t& axis : axes) axis = normalize_axis(axis, rank, "resize: axis");
  const size_t factors = node.input(3).exists() ? 3 : 2;
  if (!graph.is_constant(node.input(factors))) return false;
  const std::vector<double> numbers = to_doubles(graph.value(node.inputs[factors]).constant);
  if (numbers.size() != axes.size()) return false;
  std::vector<int64_t> picked;
  for (size_t i = 0; i < axes.size(); ++i) {
    const Dim from = graph.type(x).shape[axes[i]], to = graph.type(out).shape[axes[i]];
    const bool stays = factors == 2 ? numbers[i] == 1 : from == to && from.is_known();
    if (!stays) picked.push_back(static_cast<int64_t>(i));
  }
  if (picked.empty()) return false;
  std::sort(picked.begin(), picked.end(),
            [&](int64_t a, int64_t b) { return axes[static_cast<size_t>(a)] < axes[static_cast<size_t>(b)]; });
  op.axes.clear();
  for (int64_t i : picked) op.axes.push_back(axes[static_cast<size_t>(i)]);
  if (op.axes == node.as<Resize>().axes) return false;
  std::vector<ValueId> inputs(factors + 1);
  inputs[0] = x;
  inputs[factors] = picked_entries(graph, graph.node(id).inputs[factors], picked);
  return replace_by(graph, out, std::move(op), std::move(inputs));
}

/// a → Transpose(…, n, m) → MatMul   ⇒   a → MatMul {transpose flag turned}
bool transpose_into_matmul(Graph& graph, NodeId id) {
  for (size_t i = 0; i < 2; ++i) {
    const Node& node = graph.node(id);
    const Node* transpose = producer_as<Transpose>(graph, node.inputs[i]);
    if (!transpose || rank_of(graph, node.inputs[i]) < 2) continue;
    const std::optional<Perm> order = perm_of_transpose(graph, *transpose);
    if (!order) continue;
    Perm perm = *order;
    std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
    const ValueId before = transpose->inputs[0];
    if (!is_identity(perm) || !same_storage(graph.type(before), graph.type(node.inputs[i]))) continue;
    MatMul op = node.as<MatMul>();
    (i == 0 ? op.transpose_a : op.transpose_b) ^= true;
    std::vector<ValueId> inputs = node.inputs;
    inputs[i] = before;
    return replace_by(graph, node.outputs[0], op, std::move(inputs));
  }
  return false;
}

}  // namespace

std::vector<Rule> layout_rules() {
  return {
      {"settle_resize_axes", {&Resize::def}, settle_resize_axes},
      {"transpose_into_matmul", {&MatMul::def}, transpose_into_matmul},
  };
}

}  // namespace hone

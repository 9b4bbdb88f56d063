#include <algorithm>
#include <numeric>

#include "ops/matmul.h"
#include "ops/movement.h"
#include "ops/resize.h"
#include "passes/expand.h"
#include "passes/perm.h"
#include "passes/planar_resize.h"
#include "passes/steps.h"

namespace hone {
namespace {

std::vector<int64_t> changed_axes(const Resize& op, const std::vector<ResizeAxis>& axes) {
  std::vector<int64_t> changed;
  for (size_t i = 0; i < axes.size(); ++i)
    if (!axes[i].is_identity(op.coordinates)) changed.push_back(static_cast<int64_t>(i));
  return changed;
}

bool is_native(const std::vector<ResizeAxis>& axes, const std::vector<int64_t>& changed) {
  return axes.size() == 4 && std::all_of(changed.begin(), changed.end(), [](int64_t i) { return i == 1 || i == 2; });
}

/// Resize of two axes of four   ⇒   Transpose → Resize of the middle ones → Transpose
bool resize_in_the_middle(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const Resize& op = node.as<Resize>();
  const ValueId x = node.inputs[0], out = node.outputs[0];
  const auto axes = constant_axes(graph, node);
  if (!axes || axes->size() != 4) return false;
  std::vector<int64_t> changed = changed_axes(op, *axes);
  const auto how = planar_resize(op, *axes);
  if (!how || is_native(*axes, changed) || changed.empty() || changed.size() > 2) return false;
  for (int64_t i = 3; changed.size() < 2; --i)
    if (i != changed[0]) changed.push_back(i);
  std::sort(changed.begin(), changed.end());
  Perm perm{0, changed[0], changed[1], 0};
  std::vector<int64_t> others;
  for (int64_t i = 0; i < 4; ++i)
    if (i != changed[0] && i != changed[1]) others.push_back(i);
  perm[0] = others[0];
  perm[3] = others[1];
  Resize planar{.mode = op.mode,
                .coordinates = ResizeCoordinates::asymmetric,
                .nearest_mode = NearestMode::floor,
                .axes = {1, 2}};
  if (how->align_corners) planar.coordinates = ResizeCoordinates::align_corners;
  if (how->align_corners) planar.nearest_mode = NearestMode::round_prefer_ceil;
  if (how->half_pixel)
    planar.coordinates =
        op.mode == ResizeMode::nearest ? ResizeCoordinates::tf_half_pixel_for_nn : ResizeCoordinates::half_pixel;
  Steps steps(graph, out);
  const auto size = [&](size_t i) { return (*axes)[static_cast<size_t>(changed[i])].out; };
  const ValueId turned = steps.transpose(x, perm);
  NodeSpec spec = spec_of(graph, id);
  spec.attrs = Attrs::of(std::move(planar));
  spec.inputs = {turned, {}, {}, steps.ints({size(0), size(1)})};
  spec.output_types[0].shape = Shape::unranked();
  const ValueId resized = graph.node(graph.add(std::move(spec))).outputs[0];
  return replace_by(graph, out, Transpose{.perm = inverse(perm)}, {resized});
}

/// The matrix [out, in] that makes one axis.
Tensor weights_of(const Resize& op, const ResizeAxis& axis) {
  Tensor m = Tensor::zeros(DType::kF32, {axis.out, axis.in});
  const auto to = m.mutable_data<float>();
  for (int64_t i = 0; i < axis.out; ++i) {
    const ResizeTaps taps = resize_taps(op, axis, i);
    for (size_t k = 0; k < taps.index.size(); ++k)
      to[static_cast<size_t>(i * axis.in + taps.index[k])] += static_cast<float>(taps.weight[k]);
  }
  return m;
}

ValueId along_axis(Steps& steps, const Resize& op, const ResizeAxis& axis, int64_t at, int64_t rank, ValueId x) {
  if (op.mode == ResizeMode::nearest) {
    std::vector<int64_t> indices;
    for (int64_t i = 0; i < axis.out; ++i)
      indices.push_back(resize_nearest(axis, op.nearest_mode, resize_coordinate(axis, op.coordinates, i)));
    return steps.add(Gather{.axis = at}, {x, steps.ints(indices)});
  }
  Perm perm(static_cast<size_t>(rank));
  std::iota(perm.begin(), perm.end(), 0);
  std::swap(perm[static_cast<size_t>(at)], perm.back());
  if (at + 1 != rank) x = steps.transpose(x, perm);
  x = steps.add(FullyConnected{}, {x, steps.constant(weights_of(op, axis))});
  return at + 1 != rank ? steps.transpose(x, perm) : x;
}

/// A matrix for one axis holds at most so many numbers.
constexpr int64_t kLargestMatrix = 1 << 22;

/// Resize that no table knows   ⇒   Gather, or a product with a matrix, along each axis
bool resize_axis_by_axis(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const Resize op = node.as<Resize>();
  const ValueId x = node.inputs[0], out = node.outputs[0];
  const auto axes = constant_axes(graph, node);
  if (!axes || op.coordinates == ResizeCoordinates::tf_crop_and_resize) return false;
  const std::vector<int64_t> changed = changed_axes(op, *axes);
  if (changed.empty() || (is_native(*axes, changed) && planar_resize(op, *axes))) return false;
  const TensorType& type = graph.type(x);
  if (op.mode != ResizeMode::nearest && (type.quant || type.dtype != DType::kF32)) return false;
  if (type.quant && !same_storage(type, graph.type(out))) return false;
  for (const int64_t i : changed)
    if ((*axes)[static_cast<size_t>(i)].in * (*axes)[static_cast<size_t>(i)].out > kLargestMatrix) return false;
  Steps steps(graph, out);
  const auto rank = static_cast<int64_t>(axes->size());
  ValueId y = x;
  for (const int64_t i : changed) y = along_axis(steps, op, (*axes)[static_cast<size_t>(i)], i, rank, y);
  return supersede(graph, out, y);
}

}  // namespace

std::vector<Rule> resize_expansions() {
  return {
      {"resize_in_the_middle", {&Resize::def}, resize_in_the_middle},
      {"resize_axis_by_axis", {&Resize::def}, resize_axis_by_axis},
  };
}

}  // namespace hone

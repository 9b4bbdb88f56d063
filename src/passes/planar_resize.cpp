#include "passes/planar_resize.h"

#include <algorithm>
#include <cmath>

#include "passes/rewrite.h"

namespace hone {
namespace {

/// What TFLite computes with, in its own precision.
float scale_of(const ResizeAxis& axis, bool align_corners) {
  if (align_corners && axis.out > 1) return static_cast<float>(axis.in - 1) / static_cast<float>(axis.out - 1);
  return static_cast<float>(axis.in) / static_cast<float>(axis.out);
}

int64_t nearest_index(const ResizeAxis& axis, const PlanarResize& how, int64_t i) {
  const float at = (static_cast<float>(i) + (how.half_pixel ? 0.5f : 0.0f)) * scale_of(axis, how.align_corners);
  const float index = how.align_corners ? std::round(at) : std::floor(at);
  return std::clamp<int64_t>(static_cast<int64_t>(index), 0, axis.in - 1);
}

double linear_place(const ResizeAxis& axis, const PlanarResize& how, int64_t i) {
  const float scale = scale_of(axis, how.align_corners), x = static_cast<float>(i);
  const float at = how.half_pixel ? (x + 0.5f) * scale - 0.5f : x * scale;
  return static_cast<double>(at);
}

bool is_same(const Resize& op, const ResizeAxis& axis, const PlanarResize& how) {
  const auto inside = [&](double x) { return std::clamp(x, 0.0, static_cast<double>(axis.in - 1)); };
  for (int64_t i = 0; i < axis.out; ++i) {
    const double place = resize_coordinate(axis, op.coordinates, i);
    if (op.mode == ResizeMode::nearest) {
      if (resize_nearest(axis, op.nearest_mode, place) != nearest_index(axis, how, i)) return false;
    } else if (std::abs(inside(place) - inside(linear_place(axis, how, i))) > 1e-5 * static_cast<double>(axis.in)) {
      return false;
    }
  }
  return true;
}

constexpr int64_t kLongestAxis = 1 << 16;

}  // namespace

std::optional<std::vector<ResizeAxis>> constant_axes(const Graph& graph, const Node& node) {
  const auto constant = [&](size_t i) {
    return graph.is_constant(node.input(i)) ? graph.value(node.inputs[i]).constant : Tensor();
  };
  const Shape &from = graph.type(node.inputs[0]).shape, &to = graph.type(node.outputs[0]).shape;
  if (!from.has_rank() || !to.has_rank() || from.rank() != to.rank()) return std::nullopt;
  for (const size_t i : {1, 2, 3})
    if (node.input(i).exists() && !graph.is_constant(node.inputs[i])) return std::nullopt;
  Dims x;
  for (int64_t i = 0; i < from.rank(); ++i) {
    const bool stays = !from[i].is_known() && !from[i].symbol().empty() && from[i] == to[i];
    if (!stays && (!from[i].is_known() || !to[i].is_known())) return std::nullopt;
    x.push_back(stays ? 1 : from[i].value());
  }
  std::vector<ResizeAxis> axes = resize_axes(node.as<Resize>(), x, constant(1), constant(2), constant(3));
  for (const ResizeAxis& axis : axes)
    if (axis.in < 1 || axis.out < 1 || axis.out > kLongestAxis) return std::nullopt;
  return axes;
}

std::optional<PlanarResize> planar_resize(const Resize& op, const std::vector<ResizeAxis>& axes) {
  if (op.mode == ResizeMode::cubic || op.antialias || op.exclude_outside) return std::nullopt;
  if (op.coordinates == ResizeCoordinates::tf_crop_and_resize) return std::nullopt;
  for (const PlanarResize how : {PlanarResize{}, PlanarResize{.half_pixel = true}, PlanarResize{.align_corners = true}})
    if (std::all_of(axes.begin(), axes.end(),
                    [&](const ResizeAxis& axis) { return axis.is_identity(op.coordinates) || is_same(op, axis, how); }))
      return how;
  return std::nullopt;
}

}  // namespace hone

#pragma once

#include <optional>
#include <vector>

#include "ir/graph.h"
#include "ops/resize_plan.h"

namespace hone {

/// How mobile runtimes resize: corners on corners, centres on centres, or index · (input size / output size).
struct PlanarResize {
  bool align_corners = false;
  bool half_pixel = false;
};

/// The axes of a Resize by constant scales or sizes; none for others. A size that is open before and after counts as 1.
std::optional<std::vector<ResizeAxis>> constant_axes(const Graph& graph, const Node& node);
/// Which of these a nearest or linear Resize is along the axes that change: every output element is made of the same
/// input elements with the same weights. None when it is neither.
std::optional<PlanarResize> planar_resize(const Resize& op, const std::vector<ResizeAxis>& axes);

}  // namespace hone

#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "ir/graph.h"

namespace hone {

/// A clamp min(max(x, min), max).
struct Bounds {
  float min = -std::numeric_limits<float>::infinity();
  float max = std::numeric_limits<float>::infinity();

  bool is_open() const { return std::isinf(min) && min < 0 && std::isinf(max) && max > 0; }
  friend bool operator==(const Bounds&, const Bounds&) = default;
};

/// The fused activation of a node: its fields act_min and act_max; none when its operator has none.
std::optional<Bounds> activation_of(const Node& node);
/// The node's attributes with another fused activation. The operator must have one.
Attrs with_activation(const Node& node, const Bounds& bounds);

}  // namespace hone

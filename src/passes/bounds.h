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

/// The clamp that does `first`, then `second`.
inline Bounds then(const Bounds& first, const Bounds& second) {
  const auto apply = [&](float x) { return std::min(std::max(x, second.min), second.max); };
  return {apply(first.min), apply(first.max)};
}

/// What Relu and Clamp do; none for other nodes.
std::optional<Bounds> bounds_of(const Node& node);

/// The fused activation of a node; none when its operator has none.
std::optional<Bounds> activation_of(const Node& node);
/// The node's attributes with another fused activation. The operator must have one.
Attrs with_activation(const Node& node, const Bounds& bounds);

/// Whether a value between two merged operators loses nothing: its result is stored as plain numbers, or as the final
/// result is.
bool is_transparent(const Graph& graph, ValueId middle, ValueId result);

}  // namespace hone

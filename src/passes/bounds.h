#pragma once

#include "ops/activation_fields.h"

namespace hone {

/// The clamp that does `first`, then `second`.
inline Bounds then(const Bounds& first, const Bounds& second) {
  const auto apply = [&](float x) { return std::min(std::max(x, second.min), second.max); };
  return {apply(first.min), apply(first.max)};
}

/// What Relu and Clamp do; none for other nodes.
std::optional<Bounds> bounds_of(const Node& node);

/// Whether a value between two merged operators loses nothing: its result is stored as plain numbers, or as the final
/// result is.
bool is_transparent(const Graph& graph, ValueId middle, ValueId result);

}  // namespace hone

#pragma once

#include <algorithm>

namespace hone {

/// An axis-aligned box by two opposite corners.
struct Box {
  float y1 = 0, x1 = 0, y2 = 0, x2 = 0;
  /// y1 ≤ y2 and x1 ≤ x2.
  Box ordered() const { return {std::min(y1, y2), std::min(x1, x2), std::max(y1, y2), std::max(x1, x2)}; }
  float area() const { return (y2 - y1) * (x2 - x1); }
};

/// Intersection over union of ordered boxes; 0 when either has no area.
inline float overlap(const Box& a, const Box& b) {
  const float area_a = a.area(), area_b = b.area();
  if (area_a <= 0 || area_b <= 0) return 0;
  const float height = std::max(std::min(a.y2, b.y2) - std::max(a.y1, b.y1), 0.0f);
  const float width = std::max(std::min(a.x2, b.x2) - std::max(a.x1, b.x1), 0.0f);
  const float shared = height * width;
  return shared / (area_a + area_b - shared);
}

}  // namespace hone

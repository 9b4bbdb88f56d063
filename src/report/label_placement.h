#pragma once

#include <span>
#include <vector>

namespace hone::report {

/// An upright rectangle in SVG units, y down.
struct Box {
  double x = 0, y = 0, w = 0, h = 0;
};

/// A text of size w × h that belongs to the point (x, y), whose mark has the given radius.
struct LabelRequest {
  double x = 0, y = 0, radius = 0, w = 0, h = 0;
};

/// Where a label stands. With a leader, a line from (from_x, from_y) beside the mark to (to_x, to_y) on the box.
struct PlacedLabel {
  Box box;
  bool is_placed = false;
  bool has_leader = false;
  double from_x = 0, from_y = 0, to_x = 0, to_y = 0;
};

/// Places labels one after another, most important first, each at the cheapest free spot around its point: close by,
/// inside `frame`, off the marks and off `avoid` where that is possible, off the leaders too, and never on another
/// label. A label for which no spot is left comes back with is_placed false. Deterministic; O(labels² · spots).
std::vector<PlacedLabel> place_labels(std::span<const LabelRequest> labels, std::span<const Box> avoid, Box frame);

/// Area that two boxes share.
double overlap(const Box& a, const Box& b);

}  // namespace hone::report

#include "report/label_placement.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace hone::report {
namespace {

constexpr double kGap = 4;                // between a mark and its label, and between labels
constexpr double kLeaderFrom = 10;        // labels further off than this get a leader
constexpr double kMarkCost = 400;         // standing on another point's mark or leader, or a leader through a label
constexpr double kAvoidCost = 0.35;       // per unit of area over something drawn lightly
constexpr double kLightCrossingCost = 6;  // a leader through something drawn lightly
constexpr double kCrossingCost = 60;      // a leader through a mark, or another leader
constexpr double kReaches[] = {0, 8, 18, 30, 44, 60, 80, 104, 132, 164, 200};
constexpr int kDirections = 24;

struct Segment {
  double x0, y0, x1, y1;
};

Box grown(const Box& b, double by) { return {b.x - by, b.y - by, b.w + 2 * by, b.h + 2 * by}; }

bool is_inside(const Box& b, const Box& frame) {
  return b.x >= frame.x && b.y >= frame.y && b.x + b.w <= frame.x + frame.w && b.y + b.h <= frame.y + frame.h;
}

/// Liang–Barsky clipping: does any part of the segment lie in the box?
bool crosses(const Segment& s, const Box& b) {
  double from = 0, to = 1;
  const double dx = s.x1 - s.x0, dy = s.y1 - s.y0;
  const double p[] = {-dx, dx, -dy, dy};
  const double q[] = {s.x0 - b.x, b.x + b.w - s.x0, s.y0 - b.y, b.y + b.h - s.y0};
  for (int i = 0; i < 4; ++i) {
    if (p[i] == 0) {
      if (q[i] < 0) return false;
    } else if (p[i] < 0) {
      from = std::max(from, q[i] / p[i]);
    } else {
      to = std::min(to, q[i] / p[i]);
    }
  }
  return from <= to;
}

double side(const Segment& s, double x, double y) { return (s.x1 - s.x0) * (y - s.y0) - (s.y1 - s.y0) * (x - s.x0); }

bool crosses(const Segment& a, const Segment& b) {
  return side(a, b.x0, b.y0) * side(a, b.x1, b.y1) < 0 && side(b, a.x0, a.y0) * side(b, a.x1, a.y1) < 0;
}

/// The label's box when it lies in `direction` (radians) with `reach` units between mark and box.
Box box_at(const LabelRequest& l, double direction, double reach) {
  const double dx = std::cos(direction), dy = std::sin(direction);
  const double r = l.radius + kGap + reach;
  // The box's centre slides along its own half size, so that the near edge, not the centre, is `r` away.
  const double cx = l.x + dx * r + std::clamp(dx * 1.5, -1.0, 1.0) * l.w / 2;
  const double cy = l.y + dy * r + std::clamp(dy * 1.5, -1.0, 1.0) * l.h / 2;
  return {cx - l.w / 2, cy - l.h / 2, l.w, l.h};
}

Segment leader_to(const LabelRequest& l, const Box& b) {
  const double tx = std::clamp(l.x, b.x, b.x + b.w), ty = std::clamp(l.y, b.y + b.h * 0.2, b.y + b.h * 0.8);
  const double d = std::max(1e-9, std::hypot(tx - l.x, ty - l.y));
  const double from = (l.radius + 1) / d, to = std::max(0.0, d - 2) / d;
  return {l.x + (tx - l.x) * from, l.y + (ty - l.y) * from, l.x + (tx - l.x) * to, l.y + (ty - l.y) * to};
}

class Placer {
 public:
  Placer(std::span<const LabelRequest> labels, std::span<const Box> avoid, Box frame)
      : labels_(labels), avoid_(avoid), frame_(frame) {}

  PlacedLabel place(size_t index) {
    PlacedLabel best;
    double best_cost = std::numeric_limits<double>::infinity();
    for (const double reach : kReaches) {
      for (int d = 0; d < kDirections; ++d) {
        consider(index, box_at(labels_[index], 2 * std::numbers::pi * d / kDirections, reach), best, best_cost);
      }
    }
    if (!best.is_placed) search_frame(index, best, best_cost);
    if (best.is_placed) boxes_.push_back(best.box);
    if (best.has_leader) leaders_.push_back({best.from_x, best.from_y, best.to_x, best.to_y});
    return best;
  }

 private:
  /// The last resort: any free spot in the frame.
  void search_frame(size_t index, PlacedLabel& best, double& best_cost) const {
    const LabelRequest& l = labels_[index];
    for (double y = frame_.y; y + l.h <= frame_.y + frame_.h; y += l.h / 2 + 1) {
      for (double x = frame_.x; x + l.w <= frame_.x + frame_.w; x += 12) {
        consider(index, {x, y, l.w, l.h}, best, best_cost);
      }
    }
  }

  void consider(size_t index, const Box& box, PlacedLabel& best, double& best_cost) const {
    const LabelRequest& l = labels_[index];
    const Segment line = leader_to(l, box);
    const double x = std::clamp(l.x, box.x, box.x + box.w), y = std::clamp(l.y, box.y, box.y + box.h);
    const double distance = std::hypot(x - l.x, y - l.y) - l.radius;
    const bool has_leader = distance > kLeaderFrom;
    const double cost = cost_of(index, box, line, distance, has_leader);
    if (cost >= best_cost) return;
    best_cost = cost;
    best = {box, true, has_leader, line.x0, line.y0, line.x1, line.y1};
  }

  double cost_of(size_t index, const Box& box, const Segment& line, double distance, bool has_leader) const {
    constexpr double kNever = std::numeric_limits<double>::infinity();
    if (!is_inside(box, frame_)) return kNever;
    double cost = std::max(0.0, distance) * 1.5;
    for (const Box& other : boxes_) {
      if (overlap(grown(box, kGap / 2), other) > 0) return kNever;
      if (has_leader && crosses(line, other)) cost += kMarkCost;
    }
    for (const Segment& other : leaders_) {
      if (crosses(other, grown(box, 1))) cost += kMarkCost;
      if (has_leader && crosses(line, other)) cost += kCrossingCost;
    }
    for (size_t i = 0; i < labels_.size(); ++i) {
      const LabelRequest& other = labels_[i];
      const Box mark = {other.x - other.radius, other.y - other.radius, 2 * other.radius, 2 * other.radius};
      if (overlap(grown(mark, 1), box) > 0) cost += kMarkCost;
      if (i != index && has_leader && crosses(line, mark)) cost += kCrossingCost;
    }
    for (const Box& b : avoid_) {
      cost += kAvoidCost * overlap(b, box);
      if (has_leader && crosses(line, b)) cost += kLightCrossingCost;
    }
    const LabelRequest& l = labels_[index];
    if (box.x + box.w / 2 < l.x) cost += 3;                       // right of the point reads best,
    if (std::fabs(box.y + box.h / 2 - l.y) > l.h / 2) cost += 2;  // at its height
    return cost;
  }

  std::span<const LabelRequest> labels_;
  std::span<const Box> avoid_;
  Box frame_;
  std::vector<Box> boxes_;
  std::vector<Segment> leaders_;
};

}  // namespace

double overlap(const Box& a, const Box& b) {
  const double w = std::min(a.x + a.w, b.x + b.w) - std::max(a.x, b.x);
  const double h = std::min(a.y + a.h, b.y + b.h) - std::max(a.y, b.y);
  return w > 0 && h > 0 ? w * h : 0;
}

std::vector<PlacedLabel> place_labels(std::span<const LabelRequest> labels, std::span<const Box> avoid, Box frame) {
  Placer placer(labels, avoid, frame);
  std::vector<PlacedLabel> placed;
  placed.reserve(labels.size());
  for (size_t i = 0; i < labels.size(); ++i) placed.push_back(placer.place(i));
  return placed;
}

}  // namespace hone::report

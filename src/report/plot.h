#pragma once

#include <string>

#include "report/view.h"

namespace hone::report {

/// Size of the drawing and how its points are named: by their labels, or by their numbers where space is short.
struct PlotStyle {
  double width = 760;
  double height = 430;
  double font = 12;
  bool is_numbered = false;
  std::string css_class;
};

/// Accuracy (up) against median latency (right) as an SVG: the baseline and every measured candidate with its interval,
/// the line of the budget, the frontier of what none beats. Every mark stands where its numbers say, labels make room;
/// points far below the budget, and exact ones on a scale of decibels, stand at the edge with an arrow. "" when no
/// point has both numbers, or when less is better.
std::string accuracy_plot(const Report& report, const PlotStyle& style);

/// Positions of round tick marks in [low, high], about `count` of them.
struct Ticks {
  double first = 0, step = 1;
  int count = 0;
  int digits = 0;  ///< decimals that tell them apart
};
Ticks round_ticks(double low, double high, int count);

}  // namespace hone::report

#pragma once

#include <string>

#include "measure/paired_latency.h"

namespace hone {

/// How fast B is against A, both measured in the same rounds.
struct Speed {
  double ratio = 1;         ///< time of A over time of B: 2 when B is twice as fast
  Interval interval{1, 1};  ///< 95 %, by the bootstrap over rounds
  int64_t rounds = 0;

  /// The interval leaves no doubt about who is faster.
  bool is_told() const { return interval.low > 1 || interval.high < 1; }
  /// It leaves no doubt that the two differ by less than one percent.
  bool is_equal() const { return interval.low > 0.99 && interval.high < 1.01; }
};

/// The median over rounds of A's time over B's, and its percentile bootstrap (Efron and Tibshirani 1993, section 13.3):
/// rounds are drawn again 2,000 times, pairs together, so that what disturbed a round disturbs both. Two models without
/// common rounds are told nothing about: {0, ∞}.
Speed speed_of(const Latency& a, const Latency& b);

/// "B is 8.1 % ± 0.6 faster", "B is 2.41 ± 0.03 times as fast", "B is 3.0 % ± 0.2 slower", "A and B are equally fast,
/// within 1 %", or "cannot tell: B is between 1.2 % slower and 0.8 % faster". Percent are of speed, that is of runs a
/// second.
std::string verdict_text(const Speed& speed);

}  // namespace hone

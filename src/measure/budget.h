#pragma once

#include <limits>
#include <string>

#include "measure/metric.h"

namespace hone {

/// What a metric and the guards beside it say of one model.
struct Score {
  double value = std::numeric_limits<double>::quiet_NaN();
  Interval interval;  ///< 95 % of value
  Tallies tallies;
  /// Samples on which an output holds NaN or infinite numbers where the model taken as right has none.
  int64_t non_finite = 0;
  /// SQNR of the worst output that the metric does not judge itself, dB, and its name; "" when it judges all.
  double other_db = std::numeric_limits<double>::infinity();
  std::string other_output;

  int64_t samples() const { return static_cast<int64_t>(tallies.samples()); }
};

struct Verdict {
  bool is_allowed = false;
  bool is_certain = false;  ///< the whole 95 % interval lies on that side
  double drop = 0;          ///< against the reference, as Metric::drop
  Interval drop_interval;   ///< 95 %, paired by sample
  std::string reason;       ///< why it is not allowed
};

/// How much worse a model may be. The only place where scores are compared with what was asked for.
struct Budget {
  /// For metrics judged by what is lost against the reference: percentage points, or the unit of a command's score.
  double max_drop = 1;
  /// What the metric must reach, in its own unit; NaN: the row's bound, where it has one.
  double bound = std::numeric_limits<double>::quiet_NaN();

  /// The bound that holds for `metric`; NaN when what is lost against the reference counts.
  double bound_of(const Metric& metric) const;
  /// By the estimate; `is_certain` says whether the interval agrees. Outputs beside the metric's own must keep the SQNR
  /// bound, and a number that is not finite is never allowed.
  Verdict allows(const Metric& metric, const Score& score, const Score& reference) const;
  /// The same for a value alone, as it is found on part of the samples.
  bool allows_value(const Metric& metric, double value, double reference) const;
  /// Why `metric` cannot hold a model to this budget on this data; "" when it can.
  std::string undefined(const Metric& metric, const Score& reference) const;
  /// "at most 1.00 points lost", "20.0 dB at least".
  std::string text(const Metric& metric) const;
};

}  // namespace hone

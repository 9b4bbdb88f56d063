#include "measure/budget.h"

#include <cmath>

#include "base/text.h"
#include "measure/metric_rows.h"

namespace hone {

namespace {
constexpr double kRounding = 1e-9;  // shares are quotients: equal ones may differ in the last bit
}

double Budget::bound_of(const Metric& metric) const { return std::isnan(bound) ? metric.row->bound : bound; }

bool Budget::allows_value(const Metric& metric, double value, double reference) const {
  const double least = bound_of(metric);
  if (std::isnan(value)) return false;
  if (!std::isnan(least)) return metric.row->is_higher_better ? value >= least - kRounding : value <= least + kRounding;
  return metric.drop(reference, value) <= max_drop + kRounding;
}

Verdict Budget::allows(const Metric& metric, const Score& score, const Score& reference) const {
  Verdict v;
  v.drop = metric.drop(reference.value, score.value);
  v.drop_interval = metric.drop_interval(reference.tallies, score.tallies);
  v.is_allowed = allows_value(metric, score.value, reference.value);
  const double least = bound_of(metric);
  if (std::isnan(least)) {
    v.is_certain = v.is_allowed ? v.drop_interval.high <= max_drop : v.drop_interval.low > max_drop;
    if (!v.is_allowed)
      v.reason = cat("loses ", metric.drop_text(v.drop), ", the budget is ", metric.drop_text(max_drop));
  } else {
    const bool is_inside = metric.row->is_higher_better ? score.interval.low >= least : score.interval.high <= least;
    const bool is_outside = metric.row->is_higher_better ? score.interval.high < least : score.interval.low > least;
    v.is_certain = v.is_allowed ? is_inside : is_outside;
    if (!v.is_allowed) v.reason = cat("reaches ", metric.text(score.value), ", the bound is ", metric.text(least));
  }
  if (score.other_db < kSqnrMetric.bound) {
    v.is_allowed = false;
    v.reason = cat("output '", score.other_output, "' reaches ", to_text(std::round(10 * score.other_db) / 10),
                   " dB, the bound is ", to_text(kSqnrMetric.bound), " dB");
  }
  if (score.non_finite > 0) {
    v.is_allowed = false;
    v.is_certain = true;
    v.reason = cat("gives NaN or infinite numbers on ", score.non_finite, " of ", score.samples(), " samples");
  }
  return v;
}

std::string Budget::undefined(const Metric& metric, const Score& reference) const {
  const double least = bound_of(metric);
  const double value = metric.value(reference.tallies);
  if (!metric.row->needs_truth() && reference.non_finite > 0)
    return cat("the model itself gives NaN on ", reference.non_finite, " of ", reference.samples(), " samples");
  const double scale = metric.row->unit == Unit::kShare ? 100 : 1;
  const bool is_share = metric.row->unit == Unit::kShare;
  return metric.row->undefined(metric, reference.tallies,
                               std::isnan(least) ? (is_share ? max_drop / scale : least)
                               : is_share        ? value - least
                                                 : least);
}

std::string Budget::text(const Metric& metric) const {
  const double least = bound_of(metric);
  if (std::isnan(least)) return cat("at most ", metric.drop_text(max_drop), " lost");
  return cat(metric.text(least), metric.row->is_higher_better ? " at least" : " at most");
}

}  // namespace hone

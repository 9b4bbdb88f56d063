#pragma once

#include <cstdint>
#include <functional>
#include <span>

namespace hone {

/// A confidence interval, both ends in the unit of what it bounds.
struct Interval {
  double low = 0;
  double high = 0;
  friend bool operator==(const Interval&, const Interval&) = default;
};

/// Wilson's score interval for a proportion (Wilson 1927), 95 % by default; [0, 1] for no samples.
Interval wilson_interval(double hits, double total, double z = 1.959964);

/// 95 % interval of the mean of `b − a`, numbers in 0 … 1 on the same samples: the paired difference of proportions
/// (Agresti and Min 2005: one half added to what was gained and to what was lost), so that a few samples without any
/// difference do not pass for certainty. [−1, 1] for no samples.
Interval paired_interval(std::span<const double> a, std::span<const double> b);

/// The two-sided 95 % quantile of Student's t.
double student_t(int64_t degrees_of_freedom);

/// 95 % interval of an estimate over `samples` samples by the jackknife (Tukey 1958) over at most 50 groups, with
/// Student's t. `estimate(left_out)` is taken over the samples i for which !left_out(i). Unbounded for one sample.
Interval jackknife_interval(int64_t samples,
                            const std::function<double(const std::function<bool(int64_t)>&)>& estimate);

}  // namespace hone

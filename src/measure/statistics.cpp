#include "measure/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace hone {

Interval wilson_interval(double hits, double total, double z) {
  if (total <= 0) return {0, 1};
  const double p = hits / total, zz = z * z;
  const double centre = (p + zz / (2 * total)) / (1 + zz / total);
  const double half = z / (1 + zz / total) * std::sqrt(std::max(0.0, p * (1 - p)) / total + zz / (4 * total * total));
  return {hits <= 0 ? 0 : std::max(0.0, centre - half), hits >= total ? 1 : std::min(1.0, centre + half)};
}

Interval paired_interval(std::span<const double> a, std::span<const double> b) {
  if (a.empty()) return {-1, 1};
  double gained = 0.5, lost = 0.5;
  for (size_t i = 0; i < a.size(); ++i) (b[i] > a[i] ? gained : lost) += std::abs(b[i] - a[i]);
  const double m = static_cast<double>(a.size()) + 2, centre = (gained - lost) / m;
  const double half = 1.959964 / m * std::sqrt(gained + lost - (gained - lost) * (gained - lost) / m);
  return {std::max(-1.0, centre - half), std::min(1.0, centre + half)};
}

double student_t(int64_t degrees_of_freedom) {
  static constexpr double kFew[] = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228};
  if (degrees_of_freedom < 1) return std::numeric_limits<double>::infinity();
  if (degrees_of_freedom <= 10) return kFew[degrees_of_freedom - 1];
  // The first terms of Fisher's expansion around the normal quantile.
  const double z = 1.959964, n = static_cast<double>(degrees_of_freedom);
  return z + (z * z * z + z) / (4 * n) + (5 * std::pow(z, 5) + 16 * z * z * z + 3 * z) / (96 * n * n);
}

Interval jackknife_interval(int64_t samples,
                            const std::function<double(const std::function<bool(int64_t)>&)>& estimate) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  constexpr int64_t kGroups = 50;
  if (samples < 2) return {-kInfinity, kInfinity};
  const int64_t groups = std::min(samples, kGroups);
  const double all = estimate([](int64_t) { return false; });
  std::vector<double> without;
  double mean = 0;
  for (int64_t g = 0; g < groups; ++g) {
    without.push_back(estimate([&](int64_t i) { return i % groups == g; }));
    mean += without.back() / static_cast<double>(groups);
  }
  double squares = 0;
  for (const double value : without) squares += (value - mean) * (value - mean);
  const double n = static_cast<double>(groups);
  const double half = student_t(groups - 1) * std::sqrt((n - 1) / n * squares);
  if (!std::isfinite(all) || !std::isfinite(half)) return {-kInfinity, kInfinity};
  return {all - half, all + half};
}

}  // namespace hone

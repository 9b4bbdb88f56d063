#include "compress/calibrator.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "base/text.h"

namespace hone {

namespace {

constexpr int kLevels = 256;

Range with_zero(float low, float high) { return {std::min(low, 0.0f), std::max(high, 0.0f)}; }

Range min_max(const Histogram& h) { return with_zero(h.min(), h.max()); }

Range percentile(const Histogram& h) { return with_zero(h.quantile(5e-5), h.quantile(1 - 5e-5)); }

/// KL(P ‖ Q): P is the histogram cut at the range with the outliers on its border bins; Q is the part inside the range
/// rounded to kLevels groups, each group's mass spread over its non-empty bins.
double divergence(const Histogram& h, const Range& range) {
  const auto bins = h.bins();
  const double width = h.bin_width();
  const int first = std::clamp(static_cast<int>((range.min + h.radius()) / width), 0, Histogram::kBins - 1);
  const int last =
      std::clamp(static_cast<int>(std::ceil((range.max + h.radius()) / width)) - 1, first, Histogram::kBins - 1);
  const int count = last - first + 1;
  if (count < kLevels) return INFINITY;
  std::vector<double> p(static_cast<size_t>(count)), q(static_cast<size_t>(count), 0);
  for (int i = 0; i < Histogram::kBins; ++i)
    p[static_cast<size_t>(std::clamp(i, first, last) - first)] += static_cast<double>(bins[static_cast<size_t>(i)]);
  for (int level = 0; level < kLevels; ++level) {
    const int begin = static_cast<int>(int64_t{count} * level / kLevels);
    const int end = static_cast<int>(int64_t{count} * (level + 1) / kLevels);
    double mass = 0;
    int filled = 0;
    for (int i = begin; i < end; ++i) {
      mass += static_cast<double>(bins[static_cast<size_t>(first + i)]);
      filled += p[static_cast<size_t>(i)] > 0;
    }
    for (int i = begin; i < end; ++i)
      if (p[static_cast<size_t>(i)] > 0) q[static_cast<size_t>(i)] = mass / filled;
  }
  const double total = static_cast<double>(h.total());
  double q_total = 0, sum = 0;
  for (const double v : q) q_total += v;
  if (q_total <= 0) return INFINITY;
  for (size_t i = 0; i < p.size(); ++i) {
    if (p[i] <= 0) continue;
    const double a = p[i] / total, b = std::max(q[i] / q_total, 1e-12);
    sum += a * std::log(a / b);
  }
  return sum;
}

Range entropy(const Histogram& h) {
  const Range full = min_max(h);
  if (h.radius() == 0) return full;
  Range best = full;
  double least = INFINITY;
  for (int step = 100; step >= 10; --step) {
    const float part = static_cast<float>(step) / 100;
    const Range range{full.min * part, full.max * part};
    const double d = divergence(h, range);
    if (d < least) {
      least = d;
      best = range;
    }
  }
  return best;
}

Range least_squares(const Histogram& h) {
  Range best = min_max(h);
  if (h.radius() == 0) return best;
  double least = quantization_error(h, best, kLevels);
  for (int round = 0; round < 2; ++round)
    for (const bool is_upper : {true, false}) {
      const Range start = best;
      for (int step = 99; step >= 20; --step) {
        Range range = start;
        (is_upper ? range.max : range.min) *= static_cast<float>(step) / 100;
        const double error = quantization_error(h, range, kLevels);
        if (error >= least) continue;
        least = error;
        best = range;
      }
    }
  return best;
}

constexpr Calibrator kCalibrators[] = {
    {"minmax", "all that was seen", min_max},
    {"percentile", "without the outermost 0.005 % on each side", percentile},
    {"entropy", "least divergence of the quantized distribution", entropy},
    {"mse", "least mean squared error", least_squares},
};

}  // namespace

double quantization_error(const Histogram& h, const Range& range, int levels) {
  const double step = (static_cast<double>(range.max) - range.min) / (levels - 1);
  double sum = 0;
  for (int i = 0; i < Histogram::kBins; ++i) {
    const uint64_t count = h.bins()[static_cast<size_t>(i)];
    if (count == 0) continue;
    const double x = std::clamp(h.bin_center(i), static_cast<double>(h.min()), static_cast<double>(h.max()));
    double rounded = std::clamp(x, static_cast<double>(range.min), static_cast<double>(range.max));
    if (step > 0) rounded = std::nearbyint(rounded / step) * step;
    sum += static_cast<double>(count) * (x - rounded) * (x - rounded);
  }
  return h.total() ? sum / static_cast<double>(h.total()) : 0;
}

std::span<const Calibrator> all_calibrators() { return kCalibrators; }

const Calibrator& find_calibrator(std::string_view name) {
  std::vector<std::string> names;
  for (const Calibrator& c : kCalibrators) {
    if (c.name == name) return c;
    names.emplace_back(c.name);
  }
  throw invalid_argument(cat("unknown calibrator '", name, "', expected one of ", join(names, ", ")));
}

}  // namespace hone

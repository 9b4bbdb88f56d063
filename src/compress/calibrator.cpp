#include "compress/calibrator.h"

#include <algorithm>
#include <array>
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

/// How much of a histogram lies below a number, bins taken as evenly filled. Zero stands for itself exactly at every
/// scale, so its bin, which ReLU fills, counts no more than the fuller of its neighbours.
class Cumulative {
 public:
  explicit Cumulative(const Histogram& h) : radius_(h.radius()), width_(h.bin_width()) {
    const auto bins = h.bins();
    constexpr size_t kZero = Histogram::kBins / 2;
    below_[0] = 0;
    for (size_t i = 0; i < Histogram::kBins; ++i) {
      const uint64_t count = i == kZero ? std::min(bins[i], std::max(bins[i - 1], bins[i + 1])) : bins[i];
      below_[i + 1] = below_[i] + static_cast<double>(count);
    }
  }
  double below(double x) const {
    const double at = std::clamp((x + radius_) / width_, 0.0, static_cast<double>(Histogram::kBins));
    const size_t bin = std::min(static_cast<size_t>(at), size_t{Histogram::kBins - 1});
    return below_[bin] + (at - static_cast<double>(bin)) * (below_[bin + 1] - below_[bin]);
  }
  double total() const { return below_[Histogram::kBins]; }

 private:
  double radius_, width_;
  std::array<double, Histogram::kBins + 1> below_;
};

/// KL(P ‖ Q): P is the distribution cut at the range with the outliers in its outermost cells; Q is the part inside the
/// range with each level's mass spread over its cells that are not empty. A level has two cells whatever the range, cut
/// out of the histogram at their true borders: ranges that are no whole number of bins compare as all others do.
double divergence(const Cumulative& seen, const Range& range) {
  constexpr int kCells = 2 * kLevels;
  const double width = (static_cast<double>(range.max) - range.min) / kCells, total = seen.total();
  std::array<double, kCells> p;
  double low = seen.below(range.min), inside = 0;
  const double under = low;
  for (int i = 0; i < kCells; ++i) {
    const double high = seen.below(range.min + (i + 1) * width);
    p[static_cast<size_t>(i)] = high - low;
    inside += high - low;
    low = high;
  }
  if (inside <= 0) return INFINITY;
  double sum = 0;
  for (int level = 0; level < kLevels; ++level) {
    const size_t at = 2 * static_cast<size_t>(level);
    const double mass = p[at] + p[at + 1];
    const double filled = (p[at] > 0) + (p[at + 1] > 0);
    const double q = std::max(filled > 0 ? mass / filled / inside : 0, 1e-12);
    for (size_t i = at; i < at + 2; ++i) {
      const double cell = (p[i] + (i == 0 ? under : 0) + (i == kCells - 1 ? total - under - inside : 0)) / total;
      if (cell > 0) sum += cell * std::log(cell / q);
    }
  }
  return sum;
}

/// Both sides shrink together, as far as a level still is two bins wide.
Range entropy(const Histogram& h) {
  const Range full = min_max(h);
  if (h.radius() == 0) return full;
  const Cumulative seen(h);
  if (seen.total() <= 0) return full;
  Range best = full;
  double least = INFINITY;
  for (int step = 100; step >= 10; --step) {
    const float part = static_cast<float>(step) / 100;
    const Range range{full.min * part, full.max * part};
    if (step < 100 && (range.max - range.min) < 2 * kLevels * h.bin_width()) break;
    const double d = divergence(seen, range);
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

double clipped_share(const Histogram& h, const Range& range) {
  uint64_t beyond = 0;
  for (int i = 0; i < Histogram::kBins && h.total() > 0; ++i)
    if (h.bin_center(i) < range.min || h.bin_center(i) > range.max) beyond += h.bins()[static_cast<size_t>(i)];
  return h.total() ? static_cast<double>(beyond) / static_cast<double>(h.total()) : 0;
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

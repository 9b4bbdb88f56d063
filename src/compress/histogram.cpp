#include "compress/histogram.h"

#include <algorithm>
#include <cmath>

namespace hone {

void Histogram::grow_to(float radius) {
  if (radius <= radius_) return;
  if (bins_.empty()) bins_.assign(kBins, 0);
  if (radius_ == 0) {  // only zeros so far: they sit in the bin right of the centre, whatever R is
    radius_ = radius;
    return;
  }
  while (radius_ < radius) {
    std::vector<uint64_t> wider(kBins, 0);
    for (int i = 0; i < kBins; ++i) wider[static_cast<size_t>(kBins / 4 + i / 2)] += bins_[static_cast<size_t>(i)];
    bins_ = std::move(wider);
    radius_ *= 2;
  }
}

void Histogram::add(std::span<const float> values) {
  float low = 0, high = 0;
  uint64_t bad = 0;
  bool first = true;
  for (const float v : values) {
    if (!std::isfinite(v)) {
      ++bad;
      continue;
    }
    low = first ? v : std::min(low, v);
    high = first ? v : std::max(high, v);
    first = false;
  }
  not_finite_ += bad;
  if (first) return;
  min_ = total_ ? std::min(min_, low) : low;
  max_ = total_ ? std::max(max_, high) : high;
  total_ += values.size() - bad;
  if (bins_.empty()) bins_.assign(kBins, 0);
  const float magnitude = std::max(std::fabs(low), std::fabs(high));
  if (magnitude > 0) {
    int exponent = 0;
    std::frexp(magnitude, &exponent);  // magnitude < 2^exponent
    grow_to(std::ldexp(1.0f, std::clamp(exponent, -100, 127)));
  }
  const double to_bin = radius_ > 0 ? kBins / (2.0 * radius_) : 0;
  for (const float v : values) {
    if (!std::isfinite(v)) continue;
    const int bin = static_cast<int>(std::floor(v * to_bin)) + kBins / 2;
    ++bins_[static_cast<size_t>(std::clamp(bin, 0, kBins - 1))];
  }
}

void Histogram::merge(const Histogram& other) {
  not_finite_ += other.not_finite_;
  if (other.total_ == 0) return;
  min_ = total_ ? std::min(min_, other.min_) : other.min_;
  max_ = total_ ? std::max(max_, other.max_) : other.max_;
  total_ += other.total_;
  if (bins_.empty()) bins_.assign(kBins, 0);
  Histogram wide = other;
  grow_to(other.radius_);
  wide.grow_to(radius_);
  for (size_t i = 0; i < bins_.size(); ++i) bins_[i] += wide.bins_[i];
}

float Histogram::quantile(double p) const {
  if (total_ == 0) return 0;
  const double wanted = p * static_cast<double>(total_);
  double below = 0;
  for (int i = 0; i < kBins; ++i) {
    const double count = static_cast<double>(bins_[static_cast<size_t>(i)]);
    if (count > 0 && below + count >= wanted) {
      const double edge = i * bin_width() - radius_;
      const double value = edge + bin_width() * std::clamp((wanted - below) / count, 0.0, 1.0);
      return std::clamp(static_cast<float>(value), min_, max_);
    }
    below += count;
  }
  return max_;
}

}  // namespace hone

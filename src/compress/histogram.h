#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace hone {

/// Counts of real numbers in equal bins over [−R, R), R a power of two that doubles as larger numbers arrive. Bins of
/// one R nest in those of 2R, so the counts do not depend on the order of the numbers, and two histograms merge into
/// what one would have counted. 32 kB each, however much data passes.
class Histogram {
 public:
  static constexpr int kBins = 4096;

  /// Numbers that are not finite are counted apart.
  void add(std::span<const float> values);
  void merge(const Histogram& other);

  bool is_empty() const { return total_ == 0; }
  uint64_t total() const { return total_; }  ///< finite numbers seen
  uint64_t not_finite() const { return not_finite_; }
  float min() const { return min_; }  ///< exact; 0 when empty
  float max() const { return max_; }
  float radius() const { return radius_; }  ///< R; 0 when only zeros were seen
  std::span<const uint64_t> bins() const { return bins_; }
  double bin_width() const { return 2.0 * radius_ / kBins; }
  double bin_center(int i) const { return (i + 0.5) * bin_width() - radius_; }
  /// The number below which a fraction p (0…1) of all numbers lies, to within a bin and inside [min, max].
  float quantile(double p) const;

 private:
  void grow_to(float radius);

  std::vector<uint64_t> bins_;
  uint64_t total_ = 0, not_finite_ = 0;
  float radius_ = 0, min_ = 0, max_ = 0;
};

}  // namespace hone

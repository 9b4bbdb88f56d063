#pragma once

#include <cstdint>
#include <span>

#include "ops/fixed_point.h"

namespace hone {

/// SOFTMAX of TFLite's 16-bit kernel: exponential and reciprocal by interpolation in tables of 513 entries.
class SoftmaxI16 {
 public:
  /// `scale` of x times beta; result in steps of 2⁻¹⁵.
  explicit SoftmaxI16(double scale);
  /// One row; x and y have one length.
  void run(std::span<const int16_t> x, std::span<int16_t> y) const;

 private:
  static constexpr int kEntries = 513;
  FixedMultiplier to_table_;   ///< differences of x in steps of 10 / 65535
  int16_t exp_[kEntries];      ///< e^v for v in −10 … 0
  int16_t inverse_[kEntries];  ///< 1 / (1 + v) for v in 0 … 1
};

}  // namespace hone

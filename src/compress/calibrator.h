#pragma once

#include <span>
#include <string>
#include <string_view>

#include "compress/histogram.h"

namespace hone {

/// Real numbers that the integers of a quantized tensor should cover; always contains 0.
struct Range {
  float min = 0;
  float max = 0;
  friend bool operator==(const Range&, const Range&) = default;
};

/// Turns what was seen of a tensor into the range to quantize over, for 256 levels.
struct Calibrator {
  std::string_view name;
  std::string_view description;
  Range (*range)(const Histogram&);
};

/// minmax      all that was seen
/// percentile  without the outermost 0.005 % on each side
/// entropy     least Kullback–Leibler divergence of the quantized distribution (Migacz, "8-bit Inference with
///             TensorRT", GTC 2017), both sides shrunk together; zero, which is always exact, does not count
/// mse         least mean squared error, each side by itself
std::span<const Calibrator> all_calibrators();

/// Throws Error(invalid_argument) naming those that exist.
const Calibrator& find_calibrator(std::string_view name);

/// Share of the numbers of `histogram` that lie beyond `range`, to within a bin.
double clipped_share(const Histogram& histogram, const Range& range);

/// Expected squared error of rounding the numbers of `histogram` to `levels` steps over `range`.
double quantization_error(const Histogram& histogram, const Range& range, int levels = 256);

}  // namespace hone

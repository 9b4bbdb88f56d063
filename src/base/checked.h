#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>

namespace hone {

/// a × b and a + b of sizes and counts; throws Error(resource) when a result does not fit or an operand is negative.
int64_t checked_mul(int64_t a, int64_t b);
int64_t checked_add(int64_t a, int64_t b);

/// Product of all dims (1 for none), each ≥ 0; throws Error(resource) on overflow, Error(invalid_argument) on a
/// negative dim.
int64_t checked_product(std::span<const int64_t> dims);

/// A real number as an integer, as casts mean it everywhere in hone: truncated, saturated at the limits of T; NaN is 0.
template <class T>
T saturated(double value) {
  static_assert(std::is_integral_v<T>);
  if (std::isnan(value)) return 0;
  if (value <= static_cast<double>(std::numeric_limits<T>::min())) return std::numeric_limits<T>::min();
  if (value >= static_cast<double>(std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
  return static_cast<T>(value);
}

}  // namespace hone

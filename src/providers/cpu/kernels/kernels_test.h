#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "providers/cpu/kernels/pack.h"
#include "providers/cpu/kernels/variants.h"

/// What the tests of kernels share.
namespace hone::cpu {

inline constexpr float kInf = std::numeric_limits<float>::infinity();

/// The tables of all levels that run here.
inline std::vector<const KernelTable*> tables() {
  std::vector<const KernelTable*> found;
  for (Isa isa : all_levels()) {
    if (is_supported(isa)) found.push_back(&kernels_for(isa));
  }
  return found;
}

/// Numbers that are the same in every run.
class Random {
 public:
  int64_t integer(int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(engine_); }
  std::vector<float> floats(int64_t n, float low = -1, float high = 1) {
    std::uniform_real_distribution<float> d(low, high);
    std::vector<float> x(static_cast<size_t>(n));
    for (float& v : x) v = d(engine_);
    return x;
  }
  template <class T>
  std::vector<T> bytes(int64_t n) {
    std::vector<T> x(static_cast<size_t>(n));
    for (T& v : x) v = static_cast<T>(integer(std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
    return x;
  }

 private:
  std::mt19937 engine_{7};
};

/// Guards catch writes past the end.
template <class T>
std::vector<T> guarded(int64_t n, T guard) {
  return std::vector<T>(static_cast<size_t>(n) + 64, guard);
}
template <class T>
bool is_intact(const std::vector<T>& x, int64_t n, T guard) {
  return std::all_of(x.begin() + n, x.end(), [&](T v) { return v == guard; });
}

/// What EpilogueS8 says, one number at a time.
inline int32_t naive_requantize(int32_t acc, float scale, const EpilogueS8& e) {
  const float y = std::min(e.hi, std::max(e.lo, static_cast<float>(acc) * scale));
  return static_cast<int32_t>(std::nearbyint(y)) + e.zero_point;
}

}  // namespace hone::cpu

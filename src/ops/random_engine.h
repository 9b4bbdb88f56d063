#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace hone {

/// A small random engine with the same numbers on every machine: splitmix64 (Steele, Lea, Flood 2014).
class RandomEngine {
 public:
  explicit RandomEngine(uint64_t seed) : state_(seed) {}

  uint64_t bits() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  /// In [0, 1).
  double uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }
  /// Mean 0, variance 1 (Box and Muller 1958).
  double normal() {
    const double radius = std::sqrt(-2 * std::log(1 - uniform()));
    return radius * std::cos(2 * std::numbers::pi * uniform());
  }

 private:
  uint64_t state_;
};

/// Seed of an operator: its own when it has one, else drawn from the session's.
inline uint64_t random_seed(bool has_seed, float own, uint64_t session) {
  return has_seed ? std::bit_cast<uint32_t>(own) : session ^ 0x5851f42d4c957f2du;
}

}  // namespace hone

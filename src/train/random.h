#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace hone {

/// A small generator that gives the same numbers everywhere (Steele, Lea and Flood, Fast Splittable Pseudorandom Number
/// Generators, 2014: SplitMix64).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    uint64_t z = state_ += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  /// 0 … n − 1.
  int64_t below(int64_t n) { return static_cast<int64_t>(next() % static_cast<uint64_t>(n)); }
  /// −n … n.
  int64_t around(int64_t n) { return below(2 * n + 1) - n; }
  /// 0 … 1, without 1.
  double share() { return static_cast<double>(next() >> 11) * 0x1p-53; }

  /// One whose numbers do not depend on how many this one gave.
  static Random of(uint64_t seed, uint64_t a, uint64_t b) {
    Random r(seed);
    r.state_ = r.next() ^ (a * 0xD1342543DE82EF95u);
    r.state_ = r.next() ^ (b * 0xA0761D6478BD642Fu);
    return r;
  }

 private:
  uint64_t state_;
};

/// 0 … n − 1 in an order of its own (Durstenfeld's shuffle).
inline std::vector<size_t> shuffled(size_t n, Random random) {
  std::vector<size_t> order(n);
  for (size_t i = 0; i < n; ++i) order[i] = i;
  for (size_t i = n; i > 1; --i)
    std::swap(order[i - 1], order[static_cast<size_t>(random.below(static_cast<int64_t>(i)))]);
  return order;
}

}  // namespace hone

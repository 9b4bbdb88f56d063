#include <algorithm>
#include <cstring>
#include <vector>

#include "providers/cpu/kernels/levels.h"

// Weights for vpmaddubsw, which multiplies unsigned bytes (0 … 255) with signed ones and adds neighbours in 16 bits
// with saturation. A lane is safe while its positive weights sum to at most 128 and its negative ones to at least −128:
// 255 · 128 fits 16 bits.
//
// The buffer: int64 offset of each panel; then panels of `width` columns:
//   [bias int32 × width][scale float × width][number of extra groups int32, padded to 64 bytes]
//   [run / 8 double groups of each run: columns × 4 bytes of the first word, then of the second]
//   [extra groups: columns × 4 bytes][int32 offset in the row of each extra group's word]
// A double group's lanes add two pairs each, one of either word; an extra group's lanes one pair. Double groups hold
// what fits, first come first served; extra groups the rest, and the last word of a run where run / 4 is odd.

namespace hone::cpu {
namespace {

constexpr int kSafe = 128;
constexpr int64_t kHeader = 64;

// How much more a 16-bit lane may hold of either sign.
struct Room {
  int positive = kSafe, negative = kSafe;

  // Takes as much of `weight` as fits; returns what it took.
  int8_t take(int16_t& weight) {
    int& room = weight > 0 ? positive : negative;
    const int taken = std::min<int>(room, std::abs(weight)) * (weight > 0 ? 1 : -1);
    room -= std::abs(taken);
    weight = static_cast<int16_t>(weight - taken);
    return static_cast<int8_t>(taken);
  }
};

// One panel under way: `dst` null only counts.
class Panel {
 public:
  Panel(const WeightsS8& weights, int64_t n0, int64_t columns, int64_t width, std::byte* dst)
      : b_(weights.b),
        run_(weights.run == 0 ? weights.b.k : weights.run),
        run_stride_(weights.run_stride),
        n0_(n0),
        columns_(columns),
        width_(width),
        dst_(dst),
        doubles_(run_ == 0 ? 0 : weights.b.k / run_ * (run_ / 8)) {
    if (dst_ == nullptr) return;
    std::memcpy(dst_, weights.bias + n0, static_cast<size_t>(columns) * 4);
    std::memcpy(dst_ + width * 4, weights.scale + n0, static_cast<size_t>(columns) * 4);
  }

  int64_t pack() {
    int64_t doubles = 0;
    for (int64_t k0 = 0; k0 < b_.k; k0 += run_) {
      for (int64_t k = k0; k + 8 <= k0 + run_; k += 8) {
        load(k, 8);
        Group group(width_ * 8);
        for (int64_t j = 0; j < columns_; ++j) {
          Room rooms[2];
          for (int64_t e = 0; e < 8; ++e) group.at(e / 4 * width_ + j, e % 4) = rooms[e % 4 / 2].take(left(j, e));
        }
        put(group, kHeader + width_ * 8 * ++doubles);
        rest(k, 2);
      }
      if (run_ % 8 != 0) {
        load(k0 + run_ / 8 * 8, run_ % 8);
        rest(k0 + run_ / 8 * 8, 2);
      }
    }
    if (dst_ != nullptr) {
      const auto extras = static_cast<int32_t>(offsets_.size());
      std::memcpy(dst_ + width_ * 8, &extras, 4);
      if (extras > 0) std::memcpy(dst_ + extras_at(offsets_.size()), offsets_.data(), offsets_.size() * 4);
    }
    return (extras_at(offsets_.size()) + static_cast<int64_t>(offsets_.size()) * 4 + 63) / 64 * 64;
  }

 private:
  struct Group {
    explicit Group(int64_t bytes) : weights(static_cast<size_t>(bytes)) {}
    int8_t& at(int64_t word, int64_t e) { return weights[static_cast<size_t>(word * 4 + e)]; }
    std::vector<int8_t> weights;
  };

  int64_t extras_at(size_t i) const {
    return kHeader + width_ * 8 * (doubles_ + 1) + static_cast<int64_t>(i) * width_ * 4;
  }
  int16_t& left(int64_t column, int64_t e) { return left_[static_cast<size_t>(column * 8 + e)]; }

  void load(int64_t k0, int64_t n) {
    left_.assign(static_cast<size_t>(columns_ * 8), 0);
    for (int64_t j = 0; j < columns_; ++j) {
      for (int64_t e = 0; e < n; ++e) left(j, e) = b_.data[(k0 + e) * b_.k_stride + (n0_ + j) * b_.n_stride];
    }
  }

  void put(const Group& group, int64_t at) {
    if (dst_ != nullptr) std::memcpy(dst_ + at, group.weights.data(), group.weights.size());
  }

  // What is left of `words` words from element k0 on, as extra groups.
  void rest(int64_t k0, int64_t words) {
    for (int64_t word = 0; word < words; ++word) {
      const auto is_left = [&] {
        for (int64_t j = 0; j < columns_; ++j) {
          for (int64_t e = 0; e < 4; ++e) {
            if (left(j, word * 4 + e) != 0) return true;
          }
        }
        return false;
      };
      while (is_left()) {
        Group group(width_ * 4);
        for (int64_t j = 0; j < columns_; ++j) {
          Room rooms[2];
          for (int64_t e = 0; e < 4; ++e) group.at(j, e) = rooms[e / 2].take(left(j, word * 4 + e));
        }
        put(group, extras_at(offsets_.size()));
        const int64_t k = k0 + word * 4;
        offsets_.push_back(static_cast<int32_t>(k / run_ * run_stride_ + k % run_));
      }
    }
  }

  const MatrixView<int8_t>& b_;
  int64_t run_;
  ptrdiff_t run_stride_;
  int64_t n0_, columns_, width_;
  std::byte* dst_;
  int64_t doubles_;
  std::vector<int16_t> left_;  // [columns, 8]: what no group holds yet
  std::vector<int32_t> offsets_;
};

}  // namespace

int64_t pack_split_s8(const GemmS8Variant& gemm, const WeightsS8& weights, std::byte* dst) {
  const int64_t n = weights.b.n;
  const int64_t nr = gemm.nr;
  int64_t at = ((n + nr - 1) / nr * 8 + 63) / 64 * 64;
  for (int64_t n0 = 0; n0 < n; n0 += nr) {
    if (dst != nullptr) std::memcpy(dst + n0 / nr * 8, &at, 8);
    const int64_t columns = std::min(nr, n - n0);
    at += Panel(weights, n0, columns, columns <= nr / 2 ? nr / 2 : nr, dst == nullptr ? nullptr : dst + at).pack();
  }
  return at;
}

}  // namespace hone::cpu

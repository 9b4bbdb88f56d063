#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "providers/cpu/kernels/kernel_table.h"

namespace hone::cpu {

/// A depthwise convolution on bytes of so few channels that kernels would leave most of their lanes idle: `pixels`
/// neighbouring outputs are taken for one of `pixels` · C channels. Lines of the input are copied with their padding,
/// one phase of the stride after the other, so that what tap (ky, kx) of those outputs reads lies in one piece.
class DepthwiseFold {
 public:
  /// `block`: channels that the kernel takes together.
  DepthwiseFold(const ConvShape& shape, int64_t block);

  int64_t pixels() const { return pixels_; }  ///< 1: nothing is folded
  int64_t scratch_bytes() const;
  /// `x` ([rows, channels]) with every row repeated pixels() times.
  template <class T>
  std::vector<T> repeated(const std::vector<T>& x) const {
    const auto channels = static_cast<ptrdiff_t>(shape_.out_c);
    std::vector<T> y;
    for (auto row = x.begin(); row != x.end(); row += channels) {
      for (int64_t i = 0; i < pixels_; ++i) y.insert(y.end(), row, row + channels);
    }
    return y;
  }

  /// The lines that output row `oy` of the image `x` reads, and the pointers to them. `is_next`: `scratch` holds those
  /// of row oy − 1 of the same image. `outside` is the byte around the image.
  void fill(const uint8_t* x, int64_t oy, bool is_next, uint8_t outside, std::byte* scratch) const;
  /// The output row of `run` after fill(): its taps and counts are replaced.
  void run(const DepthwiseS8Variant& kernel, DepthwiseRun run, std::byte* scratch) const;

 private:
  int64_t groups() const { return (shape_.out_w + pixels_ - 1) / pixels_; }
  void copy_line(const uint8_t* x, int64_t y, uint8_t outside, uint8_t* line) const;

  ConvShape shape_;
  int64_t pixels_ = 1;
  int64_t columns_;            // pixels of one phase of a line
  int64_t line_bytes_;         // all phases
  int64_t height_;             // lines that an output row spans
  std::vector<int64_t> taps_;  // [groups, kernel_w]: where in a line
};

}  // namespace hone::cpu

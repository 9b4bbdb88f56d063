#pragma once

#include <cstdint>

namespace hone::cpu {

/// A two-dimensional convolution over x: [batch, in_h, in_w, in_c]; one-dimensional ones have in_h = kernel_h = 1.
/// A matrix product is one with a 1 × 1 kernel and its rows as pixels.
struct ConvShape {
  int64_t batch = 1, in_h = 1, in_w = 1, in_c = 1, out_h = 1, out_w = 1, out_c = 1;
  int64_t kernel_h = 1, kernel_w = 1, stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1;
  int64_t pad_top = 0, pad_left = 0;
  int64_t groups = 1;

  int64_t taps() const { return kernel_h * kernel_w; }
  int64_t pixels() const { return out_h * out_w; }          ///< output pixels of one image
  int64_t depth() const { return taps() * in_c / groups; }  ///< length of one output's sum
  bool is_depthwise() const { return groups > 1 && groups == in_c && out_c % in_c == 0; }
  /// Every output pixel reads exactly the input pixel of the same place.
  bool is_pointwise() const;
};

/// What kernels gather rows from: one image of `shape`, of whose pixels `channels` elements are read from `image` on.
struct RowGather {
  const void* image;
  const ConvShape& shape;
  int64_t channels;
};

}  // namespace hone::cpu

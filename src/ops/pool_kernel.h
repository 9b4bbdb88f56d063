#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "ops/conv_kernel.h"
#include "ops/window.h"

namespace hone {

/// What the pooling operators share. Op has kernel, strides, dilations, pads, auto_pad and ceil_mode.

template <class Op>
WindowSpec pool_spec(const Op& op) {
  return {.kernel = op.kernel,
          .strides = op.strides,
          .dilations = op.dilations,
          .pads = op.pads,
          .auto_pad = op.auto_pad,
          .ceil_mode = op.ceil_mode};
}

/// Shape of y for x: [N, s…, C]; unranked stays unranked. Throws for ranks other than 3 to 5.
Shape pool_shape(std::string_view what, const WindowSpec& spec, const Shape& x);

/// Sizes of a pool over x: [N, s…, C]: channels in in_channels and out_channels.
ConvSizes pool_sizes(std::string_view what, const WindowSpec& spec, const Dims& x);

/// Calls f(first element of the input image, first element of the output pixel, pixel, d, h, w) for each output pixel
/// of each image.
template <class F>
void for_pooled(const ConvSizes& s, F&& f) {
  if (s.in_channels == 0) return;
  for (int64_t n = 0; n < s.batch; ++n)
    for_pixels(s.axes, [&](int64_t pixel, int64_t d, int64_t h, int64_t w) {
      f(n * s.in_pixels() * s.in_channels, (n * s.out_pixels() + pixel) * s.in_channels, d, h, w);
    });
}

/// Taps of the window at output (d, h, w) that lie inside the input, or inside the input and its explicit padding.
int64_t count_taps(const std::vector<WindowAxis>& axes, int64_t d, int64_t h, int64_t w, bool include_pad);

/// min(max(value, low), high).
template <class T>
T clamp_to(T value, double low, double high) {
  const double v = static_cast<double>(value);
  return v < low ? static_cast<T>(low) : v > high ? static_cast<T>(high) : value;
}

}  // namespace hone

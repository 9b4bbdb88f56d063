#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/checked.h"
#include "base/error.h"
#include "ops/window.h"

namespace hone {

/// Sizes of one convolution: x: [N, D, H, W, I], w: [O, k…, I/groups] → [N, D', H', W', O].
struct ConvSizes {
  int64_t batch = 1;
  int64_t in_channels = 1;
  int64_t out_channels = 1;
  int64_t groups = 1;
  std::vector<WindowAxis> axes;  ///< three_axes()
  int64_t group_in() const { return in_channels / groups; }
  int64_t group_out() const { return out_channels / groups; }
  int64_t taps() const { return axes[0].kernel * axes[1].kernel * axes[2].kernel; }
  int64_t in_pixels() const { return axes[0].in * axes[1].in * axes[2].in; }
  int64_t out_pixels() const { return axes[0].out * axes[1].out * axes[2].out; }
};

/// Elements of a result. Throws Error(resource) when they cannot be held.
template <class... D>
size_t result_size(D... dims) {
  const int64_t list[] = {dims...};
  const int64_t size = checked_product(list);
  if (size > int64_t(1) << 36) throw resource_error("a result of more than 2^36 elements");
  return static_cast<size_t>(size);
}

/// w: [O, taps, I/groups] reordered to [taps, I/groups, O], so that the innermost loop runs over output channels.
template <class T>
std::vector<T> output_channels_last(const ConvSizes& s, const std::vector<T>& w) {
  std::vector<T> packed(w.size());
  const int64_t rows = s.taps() * s.group_in();
  for (int64_t o = 0; o < s.out_channels; ++o)
    for (int64_t r = 0; r < rows; ++r)
      packed[static_cast<size_t>(r * s.out_channels + o)] = w[static_cast<size_t>(o * rows + r)];
  return packed;
}

/// acc[o] += Σ_i x[i]·w[i, o] for one tap: x: [I], w: [I/groups, O].
template <class T>
void accumulate_tap(const ConvSizes& s, const T* x, const T* w, T* acc) {
  const int64_t outs = s.group_out(), ins = s.group_in();
  if (ins == 1 && outs == 1) {
    for (int64_t o = 0; o < s.out_channels; ++o) acc[o] += x[o] * w[o];
    return;
  }
  for (int64_t g = 0; g < s.groups; ++g) {
    T* a = acc + g * outs;
    for (int64_t i = 0; i < ins; ++i) {
      const T v = x[g * ins + i];
      const T* row = w + i * s.out_channels + g * outs;
      for (int64_t o = 0; o < outs; ++o) a[o] += v * row[o];
    }
  }
}

/// Calls f(tap, input pixel) for every tap of the window at output (d, h, w) that lies inside the input.
template <class F>
void for_taps(const std::vector<WindowAxis>& axes, int64_t d, int64_t h, int64_t w, F&& f) {
  const WindowAxis &ad = axes[0], &ah = axes[1], &aw = axes[2];
  const TapRange rd = ad.taps_inside(d), rh = ah.taps_inside(h), rw = aw.taps_inside(w);
  for (int64_t kd = rd.begin; kd < rd.end; ++kd)
    for (int64_t kh = rh.begin; kh < rh.end; ++kh)
      for (int64_t kw = rw.begin; kw < rw.end; ++kw)
        f((kd * ah.kernel + kh) * aw.kernel + kw,
          (ad.input_of(d, kd) * ah.in + ah.input_of(h, kh)) * aw.in + aw.input_of(w, kw));
}

/// Calls f(output pixel, d, h, w) in row-major order.
template <class F>
void for_pixels(const std::vector<WindowAxis>& axes, F&& f) {
  int64_t pixel = 0;
  for (int64_t d = 0; d < axes[0].out; ++d)
    for (int64_t h = 0; h < axes[1].out; ++h)
      for (int64_t w = 0; w < axes[2].out; ++w) f(pixel++, d, h, w);
}

/// Plain sums without bias: out: [N, D', H', W', O]. T is float, double or an unsigned integer (sums wrap).
template <class T>
std::vector<T> convolve(const ConvSizes& s, const std::vector<T>& x, const std::vector<T>& w) {
  const std::vector<T> packed = output_channels_last(s, w);
  std::vector<T> out(result_size(s.batch, s.axes[0].out, s.axes[1].out, s.axes[2].out, s.out_channels));
  for (int64_t n = 0; n < s.batch; ++n) {
    const T* image = x.data() + n * s.in_pixels() * s.in_channels;
    T* result = out.data() + n * s.out_pixels() * s.out_channels;
    for_pixels(s.axes, [&](int64_t pixel, int64_t d, int64_t h, int64_t w0) {
      for_taps(s.axes, d, h, w0, [&](int64_t tap, int64_t in) {
        accumulate_tap(s, image + in * s.in_channels, packed.data() + tap * s.group_in() * s.out_channels,
                       result + pixel * s.out_channels);
      });
    });
  }
  return out;
}

/// Transposed: x: [N, in…, I], w: [I, taps, O/groups]; axes describe the convolution this one reverses, that is, its
/// `out` is the size of x and its `in` the size of the result: [N, D', H', W', O].
template <class T>
std::vector<T> convolve_transposed(const ConvSizes& s, const std::vector<T>& x, const std::vector<T>& w) {
  std::vector<T> out(result_size(s.batch, s.axes[0].in, s.axes[1].in, s.axes[2].in, s.out_channels));
  const int64_t ins = s.group_in(), outs = s.group_out(), taps = s.taps();
  for (int64_t n = 0; n < s.batch; ++n) {
    const T* image = x.data() + n * s.out_pixels() * s.in_channels;
    T* result = out.data() + n * s.in_pixels() * s.out_channels;
    for_pixels(s.axes, [&](int64_t pixel, int64_t d, int64_t h, int64_t w0) {
      for_taps(s.axes, d, h, w0, [&](int64_t tap, int64_t to) {
        for (int64_t i = 0; i < s.in_channels; ++i) {
          const T v = image[pixel * s.in_channels + i];
          const T* row = w.data() + (i * taps + tap) * outs;
          T* acc = result + to * s.out_channels + i / ins * outs;
          for (int64_t o = 0; o < outs; ++o) acc[o] += v * row[o];
        }
      });
    });
  }
  return out;
}

}  // namespace hone

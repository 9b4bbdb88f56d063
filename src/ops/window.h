#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "ops/conv.h"

namespace hone {

/// The arithmetic of sliding windows that convolutions and pools share (ONNX Conv and MaxPool, TFLite SAME and VALID).

/// Taps begin … end − 1 of a window.
struct TapRange {
  int64_t begin = 0;
  int64_t end = 0;
};

/// One spatial axis with its padding resolved. Output o looks at inputs o·stride − pad_begin + t·dilation, t < kernel.
struct WindowAxis {
  int64_t in = 1;
  int64_t kernel = 1;
  int64_t stride = 1;
  int64_t dilation = 1;
  int64_t pad_begin = 0;
  int64_t pad_end = 0;
  int64_t out = 1;
  /// Inputs from the first to the last tap.
  int64_t extent() const { return (kernel - 1) * dilation + 1; }
  /// Where tap t of output o looks; may lie outside.
  int64_t input_of(int64_t o, int64_t t) const { return o * stride - pad_begin + t * dilation; }
  /// Taps of output o that look at inputs low … high − 1.
  TapRange taps_between(int64_t o, int64_t low, int64_t high) const;
  TapRange taps_inside(int64_t o) const { return taps_between(o, 0, in); }
};

/// What the attributes say; views into the attribute struct, not to be stored. Empty strides, dilations and pads mean
/// ones, ones and zeros.
struct WindowSpec {
  std::span<const int64_t> kernel = {};
  std::span<const int64_t> strides = {};
  std::span<const int64_t> dilations = {};
  std::span<const int64_t> pads = {};
  AutoPad auto_pad = AutoPad::explicit_pads;
  bool ceil_mode = false;  ///< a last window that starts inside the input or its left padding counts, even when cut off
};

/// Lengths and signs of the attributes for `spatial` axes. Throws Error(invalid_model) beginning with `what`.
void check_window(std::string_view what, const WindowSpec& spec, int64_t spatial);

/// Padding and output size of every axis; checks the attributes. Throws Error(invalid_model) beginning with `what`,
/// e.g. when the window does not fit into the padded input.
std::vector<WindowAxis> resolve_window(std::string_view what, const WindowSpec& spec, std::span<const int64_t> in);

/// Output shape [N, s'…, channels] for x: [N, s…, C]; keeps a symbol where the output is as large as the input.
Shape window_shape(std::string_view what, const WindowSpec& spec, const Shape& x, const Dim& channels);

/// Exactly three axes: `axes` (one to three) with trivial ones in front, so that kernels loop over depth, height,
/// width.
std::vector<WindowAxis> three_axes(std::vector<WindowAxis> axes);

/// The middle dims of x: [N, s…, C].
Dims spatial_dims(const Dims& x);

}  // namespace hone

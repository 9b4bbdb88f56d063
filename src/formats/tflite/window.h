#pragma once

#include <cstdint>
#include <vector>

#include "formats/tflite/read_node.h"
#include "formats/tflite/write_node.h"
#include "ops/conv.h"

namespace hone::tflite {

/// Canonical padding of a file's. Throws Error(invalid_model) for values outside the enumeration.
AutoPad auto_pad_of(fb::Padding padding);
/// Returns `value`; throws Error(invalid_model) naming `what` unless it is positive.
int64_t positive(int64_t value, const char* what);

/// A sliding window over the spatial axes of [N, s…, C], as canonical operators state it.
struct Window {
  Dims input;  ///< spatial dims; empty when not all are known
  std::vector<int64_t> kernel, strides, dilations, pads;
  AutoPad auto_pad = AutoPad::explicit_pads;
  bool ceil_mode = false;
};

/// The same window as TFLite can say it: SAME or VALID, the latter after explicit padding where that is not zero.
struct FilePadding {
  fb::Padding padding = fb::Padding::VALID;
  std::vector<int64_t> before, after;  ///< zeros to add before a VALID window; empty: none
  bool is_padded() const { return !before.empty(); }
};
/// Fills in defaults of strides, dilations and pads for `spatial` axes.
void complete(Window& window, size_t spatial);
/// Throws Error(unsupported) when pads are stated but the input's size is unknown.
FilePadding file_padding(const Window& window);

/// Spatial dims of input 0 of `n`, or none when one is unknown.
Dims spatial_dims(const WriteNode& n);
/// x: [N, s…, C] padded as `padding` says, by PAD with zeros (`lowest`: PADV2 with the smallest value).
TensorIndex padded(WriteNode& n, TensorIndex x, const FilePadding& padding, bool lowest = false);

}  // namespace hone::tflite

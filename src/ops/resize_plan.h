#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "ops/resize.h"
#include "tensor/tensor.h"

namespace hone {

/// One axis of a resize.
struct ResizeAxis {
  int64_t in = 1;
  int64_t out = 1;
  double scale = 1;      ///< output size / input size as asked for; out = ⌊in · scale⌋ when scales were given
  double roi_begin = 0;  ///< region of tf_crop_and_resize, in units of the axis
  double roi_end = 1;
  /// The axis is copied: same size and coordinates that map every index to itself.
  bool is_identity(ResizeCoordinates coordinates) const {
    return in == out && scale == 1 && coordinates != ResizeCoordinates::tf_crop_and_resize;
  }
};

/// Input coordinate of output index i (ONNX Resize, coordinate_transformation_mode).
double resize_coordinate(const ResizeAxis& axis, ResizeCoordinates coordinates, int64_t i);

/// The index that rounding `coordinate` gives, inside 0 … in−1.
int64_t resize_nearest(const ResizeAxis& axis, NearestMode mode, double coordinate);

/// What an output index is made of: Σ weight[k] · input[index[k]]; empty: outside, the extrapolation value.
struct ResizeTaps {
  std::vector<int64_t> index;
  std::vector<double> weight;
};
ResizeTaps resize_taps(const Resize& op, const ResizeAxis& axis, int64_t i);

/// Every axis of x: dims, from the scales or the sizes (one of which exists, with an entry for each of `op.axes`, or of
/// all axes) and the region. Throws Error(invalid_model) for wrong counts and impossible values.
std::vector<ResizeAxis> resize_axes(const Resize& op, const Dims& x, const Tensor& roi, const Tensor& scales,
                                    const Tensor& sizes);

/// The axes that entries of scales, sizes and regions belong to.
std::vector<int64_t> resize_axis_list(const Resize& op, int64_t rank);

/// ⌊in · scale⌋ in float, as ONNX computes it. Throws unless scale is finite and positive.
int64_t scaled_size(int64_t in, float scale);

}  // namespace hone

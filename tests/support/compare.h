#pragma once

#include <string>

#include "tensor/tensor.h"

namespace hone {

/// How far two tensors may differ. Floats: |a − b| ≤ absolute + relative · |b|. Stored integers: at most `steps`.
struct Tolerance {
  double relative = 1e-5;
  double absolute = 1e-6;
  int64_t steps = 0;
};

/// Empty when dtype, dims, quantization and values agree; else one line that names the first difference.
/// NaN equals NaN; infinities must be equal.
std::string difference(const Tensor& found, const Tensor& expected, const Tolerance& tolerance = {});

}  // namespace hone

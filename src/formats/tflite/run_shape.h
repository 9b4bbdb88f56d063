#pragma once

#include <vector>

#include "formats/tflite/write_node.h"

namespace hone::tflite {

/// One size of a shape that is put together when the model runs: that of an axis of a tensor, or a number; −1 is what
/// the others leave.
struct RunSize {
  int64_t number = -1;
  int64_t axis = -1;
};

/// i32[n]: the sizes, with those of axes of x.
TensorIndex run_shape(WriteNode& n, TensorIndex x, const std::vector<RunSize>& sizes);

/// The sizes of `to` by numbers and by axes of `from` that have the same symbol, and at most one that is left. Throws
/// Error(unsupported) when more are.
std::vector<RunSize> run_sizes(const Shape& from, const Shape& to);

}  // namespace hone::tflite

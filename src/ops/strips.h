#pragma once

#include <cstdint>

#include "tensor/shape.h"

namespace hone {

/// A tensor seen along one axis: [outer, size, inner], row-major.
struct Strips {
  int64_t outer = 1;
  int64_t size = 1;
  int64_t inner = 1;

  Strips(const Dims& dims, int64_t axis) {
    for (int64_t i = 0; i < static_cast<int64_t>(dims.size()); ++i)
      (i < axis ? outer : i > axis ? inner : size) *= dims[static_cast<size_t>(i)];
  }

  /// Calls f(offset of the first element) for each strip; its elements are `inner` apart.
  template <class F>
  void for_each(F&& f) const {
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t i = 0; i < inner; ++i) f(o * size * inner + i);
  }
};

}  // namespace hone

#pragma once

#include <cstdint>

#include "tensor/shape.h"

namespace hone {

/// A tensor seen as lanes along one axis: lane l of `count` starts at element start and steps by `step`.
struct Lanes {
  int64_t axis = 0, length = 1, step = 1, count = 1;

  Lanes(const Dims& dims, int64_t along) : axis(along), length(dims[static_cast<size_t>(along)]) {
    for (size_t i = 0; i < dims.size(); ++i) {
      if (static_cast<int64_t>(i) != along) count *= dims[i];
      if (static_cast<int64_t>(i) > along) step *= dims[i];
    }
  }

  /// body(start, lane) for each lane in row-major order of the other axes.
  template <class Body>
  void for_each(Body&& body) const {
    for (int64_t lane = 0; lane < count; ++lane) body(lane / step * step * length + lane % step, lane);
  }
};

/// a < b as a strict weak order: NaN comes after everything.
template <class T>
bool orders_before(T a, T b) {
  if (a != a) return false;
  return b != b || a < b;
}

}  // namespace hone

#pragma once

#include "tensor/shape.h"

namespace hone {

/// Whether a tensor of `dims` may be of that shape. Asked in every run: allocates nothing.
inline bool fits(const Shape& shape, const Dims& dims) {
  if (!shape.has_rank()) return true;
  if (shape.rank() != static_cast<int64_t>(dims.size())) return false;
  for (size_t i = 0; i < dims.size(); ++i) {
    const Dim& d = shape.list()[i];
    if (d.is_known() && d.value() != dims[i]) return false;
  }
  return true;
}

}  // namespace hone

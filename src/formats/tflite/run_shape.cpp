#include "formats/tflite/run_shape.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"

namespace hone::tflite {

using B = fb::BuiltinOperator;

TensorIndex run_shape(WriteNode& n, TensorIndex x, const std::vector<RunSize>& sizes) {
  const int64_t rank = n.type_of(x).shape.rank();
  const TensorIndex dims = n.temp({DType::kI32, Shape{Dim(rank)}, nullptr}, "dims");
  fb::ShapeOptionsT options;
  options.out_type = fb::TensorType::INT32;
  n.emit(B::SHAPE, 1, options, {x}, {dims});
  std::vector<TensorIndex> parts;
  for (const RunSize& size : sizes) {
    if (size.axis < 0) {
      parts.push_back(n.add_ints({size.number}, "size"));
      continue;
    }
    parts.push_back(n.temp({DType::kI32, Shape{Dim(1)}, nullptr}, "size"));
    n.emit(B::STRIDED_SLICE, 1, fb::StridedSliceOptionsT(),
           {dims, n.add_ints({size.axis}, "begin"), n.add_ints({size.axis + 1}, "end"), n.add_ints({1}, "step")},
           {parts.back()});
  }
  const TensorIndex joined = n.temp({DType::kI32, Shape{Dim(static_cast<int64_t>(sizes.size()))}, nullptr}, "shape");
  n.emit(B::CONCATENATION, 1, fb::ConcatenationOptionsT(), std::move(parts), {joined});
  return joined;
}

std::vector<RunSize> run_sizes(const Shape& from, const Shape& to) {
  std::vector<RunSize> sizes;
  int64_t left = 0;
  for (int64_t k = 0; k < to.rank(); ++k) {
    RunSize size;
    if (to[k].is_known()) size.number = to[k].value();
    const auto has_symbol = [&](int64_t axis) {
      return from.has_rank() && axis < from.rank() && !to[k].symbol().empty() && from[axis] == to[k];
    };
    if (!to[k].is_known() && has_symbol(k)) size.axis = k;
    for (int64_t axis = 0; from.has_rank() && axis < from.rank() && !to[k].is_known() && size.axis < 0; ++axis)
      if (has_symbol(axis)) size.axis = axis;
    left += !to[k].is_known() && size.axis < 0;
    sizes.push_back(size);
  }
  if (left > 1) throw unsupported(cat("reshape to ", to, ", expected at most one unknown size"));
  return sizes;
}

}  // namespace hone::tflite

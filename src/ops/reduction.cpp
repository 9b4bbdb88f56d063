#include "ops/reduction.h"

#include <algorithm>

namespace hone {

std::vector<int64_t> reduced_axes(std::string_view op, std::span<const int64_t> axes, int64_t rank, bool noop) {
  std::vector<int64_t> out;
  if (axes.empty()) {
    for (int64_t i = 0; i < rank && !noop; ++i) out.push_back(i);
    return out;
  }
  for (int64_t axis : axes) out.push_back(axis_of(op, axis, rank));
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

Dims kept_dims(const Dims& x, std::span<const int64_t> axes) {
  Dims out = x;
  for (int64_t axis : axes) out[static_cast<size_t>(axis)] = 1;
  return out;
}

Shape reduced_shape(const Shape& x, std::span<const int64_t> axes, bool keepdims) {
  std::vector<Dim> out;
  for (int64_t i = 0; i < x.rank(); ++i) {
    if (std::find(axes.begin(), axes.end(), i) == axes.end())
      out.push_back(x[i]);
    else if (keepdims)
      out.emplace_back(1);
  }
  return Shape(std::move(out));
}

void infer_reduction(std::string_view op, InferContext& c, bool keepdims, bool noop) {
  const Shape& x = c.shape(0);
  const auto axes = c.has_input(1) ? constant_ints(op, c, 1) : std::vector<int64_t>{};
  if (!x.has_rank()) return c.output(0, c.dtype(0), Shape::unranked());
  if (axes) return c.output(0, c.dtype(0), reduced_shape(x, reduced_axes(op, *axes, x.rank(), noop), keepdims));
  const auto length = known_length(op, c, 1);
  if (keepdims) return c.output(0, c.dtype(0), Shape::unknown_of_rank(x.rank()));
  const bool fits = length && *length > 0 && *length <= x.rank();
  c.output(0, c.dtype(0), fits ? Shape::unknown_of_rank(x.rank() - *length) : Shape::unranked());
}

}  // namespace hone

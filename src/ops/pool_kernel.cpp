#include "ops/pool_kernel.h"

#include "base/error.h"
#include "base/text.h"

namespace hone {
namespace {

int64_t count_axis(const WindowAxis& axis, int64_t out, bool include_pad) {
  const TapRange taps =
      include_pad ? axis.taps_between(out, -axis.pad_begin, axis.in + axis.pad_end) : axis.taps_inside(out);
  return taps.end - taps.begin;
}

}  // namespace

Shape pool_shape(std::string_view what, const WindowSpec& spec, const Shape& x) {
  if (!x.has_rank()) return Shape::unranked();
  if (x.rank() < 3 || x.rank() > 5)
    throw invalid_model(
        cat(what, ": x ", to_text(x), ", expected rank 3 to 5 (batch, one to three spatial axes, channels)"));
  return window_shape(what, spec, x, x[x.rank() - 1]);
}

ConvSizes pool_sizes(std::string_view what, const WindowSpec& spec, const Dims& x) {
  return {.batch = x.front(),
          .in_channels = x.back(),
          .out_channels = x.back(),
          .groups = 1,
          .axes = three_axes(resolve_window(what, spec, spatial_dims(x)))};
}

int64_t count_taps(const std::vector<WindowAxis>& axes, int64_t d, int64_t h, int64_t w, bool include_pad) {
  return count_axis(axes[0], d, include_pad) * count_axis(axes[1], h, include_pad) *
         count_axis(axes[2], w, include_pad);
}

}  // namespace hone

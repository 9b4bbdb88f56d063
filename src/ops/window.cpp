#include "ops/window.h"

#include <algorithm>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"

namespace hone {
namespace {

/// Attributes beyond this make no sense and could overflow sums.
constexpr int64_t kLimit = int64_t(1) << 31;

int64_t at(std::span<const int64_t> values, size_t i, int64_t fallback) {
  return values.empty() ? fallback : values[i];
}

void check_list(std::string_view what, std::string_view name, std::span<const int64_t> values, int64_t expected,
                int64_t least) {
  if (values.empty()) return;
  if (static_cast<int64_t>(values.size()) != expected)
    throw invalid_model(cat(what, ": ", name, " ", values, " has ", values.size(), " entries, expected ", expected));
  for (int64_t v : values)
    if (v < least || v > kLimit)
      throw invalid_model(cat(what, ": ", name, " ", values, " contains ", v, ", expected ", least, " or more"));
}

/// SAME padding: output ⌈in / stride⌉; the odd element goes to the end for same_upper.
void pad_same(WindowAxis& axis, AutoPad mode) {
  axis.out = axis.in / axis.stride + (axis.in % axis.stride != 0);
  const int64_t total = std::max<int64_t>((axis.out - 1) * axis.stride + axis.extent() - axis.in, 0);
  axis.pad_begin = mode == AutoPad::same_upper ? total / 2 : total - total / 2;
  axis.pad_end = total - axis.pad_begin;
}

WindowAxis resolve_axis(std::string_view what, const WindowSpec& spec, size_t i, size_t spatial, int64_t in) {
  WindowAxis axis{
      .in = in, .kernel = spec.kernel[i], .stride = at(spec.strides, i, 1), .dilation = at(spec.dilations, i, 1)};
  if (in > int64_t(1) << 40) throw resource_error(cat(what, ": input of size ", in, " along one axis"));
  if (spec.auto_pad == AutoPad::same_upper || spec.auto_pad == AutoPad::same_lower) {
    pad_same(axis, spec.auto_pad);
    return axis;
  }
  if (spec.auto_pad == AutoPad::explicit_pads) {
    axis.pad_begin = at(spec.pads, i, 0);
    axis.pad_end = at(spec.pads, i + spatial, 0);
  }
  const int64_t room = in + axis.pad_begin + axis.pad_end - axis.extent();
  if (room < 0)
    throw invalid_model(cat(what, ": window of size ", axis.extent(), " does not fit into input of size ", in,
                            " with padding ", axis.pad_begin, " + ", axis.pad_end));
  axis.out = room / axis.stride + 1;
  if (spec.ceil_mode && room % axis.stride != 0 && axis.out * axis.stride < in + axis.pad_begin) ++axis.out;
  return axis;
}

/// Output dim for an input whose size is not known yet: the same symbol when the window keeps sizes, else unknown.
Dim symbolic_out(const WindowSpec& spec, size_t i, size_t spatial, const Dim& in) {
  if (at(spec.strides, i, 1) != 1) return {};
  if (spec.auto_pad == AutoPad::same_upper || spec.auto_pad == AutoPad::same_lower) return in;
  int64_t padding = 0;
  if (spec.auto_pad == AutoPad::explicit_pads) padding = at(spec.pads, i, 0) + at(spec.pads, i + spatial, 0);
  return padding == (spec.kernel[i] - 1) * at(spec.dilations, i, 1) ? in : Dim();
}

}  // namespace

TapRange WindowAxis::taps_between(int64_t o, int64_t low, int64_t high) const {
  const int64_t start = input_of(o, 0);
  auto first_from = [&](int64_t bound) {
    return bound <= start ? 0 : std::min((bound - start + dilation - 1) / dilation, kernel);
  };
  const TapRange range{first_from(low), first_from(high)};
  return range.begin < range.end ? range : TapRange{};
}

void check_window(std::string_view what, const WindowSpec& spec, int64_t spatial) {
  if (static_cast<int64_t>(spec.kernel.size()) != spatial)
    throw invalid_model(cat(what, ": kernel ", spec.kernel, " has ", spec.kernel.size(), " entries, input has ",
                            spatial, " spatial dimensions"));
  check_list(what, "kernel", spec.kernel, spatial, 1);
  check_list(what, "strides", spec.strides, spatial, 1);
  check_list(what, "dilations", spec.dilations, spatial, 1);
  if (spec.auto_pad == AutoPad::explicit_pads) check_list(what, "pads", spec.pads, 2 * spatial, 0);
}

std::vector<WindowAxis> resolve_window(std::string_view what, const WindowSpec& spec, std::span<const int64_t> in) {
  check_window(what, spec, static_cast<int64_t>(in.size()));
  std::vector<WindowAxis> axes;
  for (size_t i = 0; i < in.size(); ++i) axes.push_back(resolve_axis(what, spec, i, in.size(), in[i]));
  return axes;
}

Shape window_shape(std::string_view what, const WindowSpec& spec, const Shape& x, const Dim& channels) {
  const int64_t spatial = x.rank() - 2;
  check_window(what, spec, spatial);
  Shape out = Shape::unknown_of_rank(x.rank());
  out[0] = x[0];
  out[x.rank() - 1] = channels;
  for (int64_t i = 0; i < spatial; ++i) {
    const size_t axis = static_cast<size_t>(i), count = static_cast<size_t>(spatial);
    const Dim& in = x[i + 1];
    out[i + 1] = in.is_known() ? Dim(resolve_axis(what, spec, axis, count, in.value()).out)
                               : symbolic_out(spec, axis, count, in);
  }
  return out;
}

std::vector<WindowAxis> three_axes(std::vector<WindowAxis> axes) {
  if (axes.size() > 3) throw unsupported(cat("windows over ", axes.size(), " spatial dimensions, at most 3 are known"));
  axes.insert(axes.begin(), 3 - axes.size(), WindowAxis{});
  return axes;
}

Dims spatial_dims(const Dims& x) { return Dims(x.begin() + 1, x.end() - 1); }

}  // namespace hone

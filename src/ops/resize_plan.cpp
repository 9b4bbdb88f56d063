#include "ops/resize_plan.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "ops/kernel.h"

namespace hone {
namespace {

constexpr std::string_view kName = "resize";

/// Keys' cubic convolution kernel at distance x.
double cubic(double x, double a) {
  x = std::abs(x);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return 0;
}

double triangle(double x) { return std::max(1 - std::abs(x), 0.0); }

void check_count(std::string_view what, int64_t found, int64_t expected) {
  if (found != expected) throw op_error(kName, cat(what, " has ", found, " entries, expected ", expected));
}

/// Sizes of the axes listed when the aspect ratio is kept: the same scale for all.
Dims keep_aspect(const Resize& op, const Dims& x, const std::vector<int64_t>& axes, const Dims& wanted, double& scale) {
  const bool is_upper_bound = op.aspect == AspectPolicy::not_larger;
  bool first = true;
  for (size_t k = 0; k < axes.size(); ++k) {
    const double s = static_cast<double>(wanted[k]) / static_cast<double>(x[static_cast<size_t>(axes[k])]);
    if (first || (is_upper_bound ? s < scale : s > scale)) scale = s;
    first = false;
  }
  Dims out;
  for (int64_t a : axes)
    out.push_back(static_cast<int64_t>(std::floor(scale * static_cast<double>(x[static_cast<size_t>(a)]) + 0.5)));
  return out;
}

void apply_sizes(const Resize& op, const Dims& x, const std::vector<int64_t>& axes, const Dims& wanted,
                 std::vector<ResizeAxis>& out) {
  for (size_t k = 0; k < axes.size(); ++k) {
    if (wanted[k] < 0 || wanted[k] > int64_t(1) << 40) throw op_error(kName, cat("sizes ", wanted));
    if (x[static_cast<size_t>(axes[k])] == 0 && wanted[k] > 0)
      throw op_error(kName, cat("cannot resize an empty axis to ", wanted[k]));
  }
  double scale = 1;
  const Dims sizes = op.aspect == AspectPolicy::stretch ? wanted : keep_aspect(op, x, axes, wanted, scale);
  for (size_t k = 0; k < axes.size(); ++k) {
    ResizeAxis& axis = out[static_cast<size_t>(axes[k])];
    axis.out = sizes[k];
    if (op.aspect != AspectPolicy::stretch)
      axis.scale = scale;
    else
      axis.scale = axis.in == 0 ? 1 : static_cast<double>(axis.out) / static_cast<double>(axis.in);
  }
}

}  // namespace

std::vector<int64_t> resize_axis_list(const Resize& op, int64_t rank) {
  std::vector<int64_t> axes;
  for (int64_t axis : op.axes) axes.push_back(axis_of(kName, axis, rank));
  axes_of(kName, op.axes, rank);
  if (!axes.empty()) return axes;
  axes.resize(static_cast<size_t>(rank));
  std::iota(axes.begin(), axes.end(), 0);
  return axes;
}

int64_t scaled_size(int64_t in, float scale) {
  if (!(scale > 0) || !std::isfinite(scale))
    throw op_error(kName, cat("scale is ", scale, ", expected a positive number"));
  const float size = std::floor(static_cast<float>(in) * scale);
  if (size > 1e12f) throw resource_error(cat("resize: scale ", scale, " makes an axis of ", size, " elements"));
  return static_cast<int64_t>(size);
}

std::vector<ResizeAxis> resize_axes(const Resize& op, const Dims& x, const Tensor& roi, const Tensor& scales,
                                    const Tensor& sizes) {
  const std::vector<int64_t> axes = resize_axis_list(op, static_cast<int64_t>(x.size()));
  const int64_t count = static_cast<int64_t>(axes.size());
  std::vector<ResizeAxis> out;
  for (int64_t d : x) out.push_back({.in = d, .out = d});
  if (sizes.exists() && sizes.elements() > 0) {
    check_count("sizes", sizes.elements(), count);
    apply_sizes(op, x, axes, to_ints(sizes), out);
  } else if (scales.exists() && scales.elements() > 0) {
    check_count("scales", scales.elements(), count);
    const std::vector<double> values = to_doubles(scales);
    for (size_t k = 0; k < axes.size(); ++k) {
      ResizeAxis& axis = out[static_cast<size_t>(axes[k])];
      axis.scale = values[k];
      axis.out = scaled_size(axis.in, static_cast<float>(values[k]));
    }
  } else if (count > 0) {
    throw op_error(kName, "neither scales nor sizes are given");
  }
  if (op.coordinates == ResizeCoordinates::tf_crop_and_resize) {
    if (!roi.exists()) throw op_error(kName, "tf_crop_and_resize needs a region");
    check_count("region", roi.elements(), 2 * count);
    const std::vector<double> values = to_doubles(roi);
    for (size_t k = 0; k < axes.size(); ++k) {
      out[static_cast<size_t>(axes[k])].roi_begin = values[k];
      out[static_cast<size_t>(axes[k])].roi_end = values[k + axes.size()];
    }
  }
  return out;
}

double resize_coordinate(const ResizeAxis& axis, ResizeCoordinates coordinates, int64_t i) {
  const double x = static_cast<double>(i), in = static_cast<double>(axis.in);
  const double out = static_cast<double>(axis.out);  // not the fraction that scales may lead to: as the runtimes do
  switch (coordinates) {
    case ResizeCoordinates::half_pixel:
      return (x + 0.5) / axis.scale - 0.5;
    case ResizeCoordinates::half_pixel_symmetric:
      return in / 2 * (1 - out / (in * axis.scale)) + (x + 0.5) / axis.scale - 0.5;
    case ResizeCoordinates::pytorch_half_pixel:
      return axis.out > 1 ? (x + 0.5) / axis.scale - 0.5 : 0;
    case ResizeCoordinates::align_corners:
      return axis.out == 1 ? 0 : x * (in - 1) / (out - 1);
    case ResizeCoordinates::asymmetric:
      return x / axis.scale;
    case ResizeCoordinates::tf_half_pixel_for_nn:
      return (x + 0.5) / axis.scale;
    case ResizeCoordinates::tf_crop_and_resize:
      break;
  }
  const double span = (axis.roi_end - axis.roi_begin) * (in - 1);
  return axis.roi_begin * (in - 1) + (axis.out > 1 ? x * span / (out - 1) : span / 2);
}

int64_t resize_nearest(const ResizeAxis& axis, NearestMode mode, double coordinate) {
  double index = 0;
  switch (mode) {
    case NearestMode::round_prefer_floor:
      index = std::ceil(coordinate - 0.5);
      break;
    case NearestMode::round_prefer_ceil:
      index = std::floor(coordinate + 0.5);
      break;
    case NearestMode::floor:
      index = std::floor(coordinate);
      break;
    case NearestMode::ceil:
      index = std::ceil(coordinate);
      break;
  }
  const double last = static_cast<double>(axis.in - 1);
  return static_cast<int64_t>(index > 0 ? std::min(index, last) : 0.0);
}

ResizeTaps resize_taps(const Resize& op, const ResizeAxis& axis, int64_t i) {
  const double last = static_cast<double>(axis.in - 1);
  const double x = resize_coordinate(axis, op.coordinates, i);
  if (op.coordinates == ResizeCoordinates::tf_crop_and_resize && !(x >= 0 && x <= last)) return {};
  if (op.mode == ResizeMode::nearest) return {{resize_nearest(axis, op.nearest_mode, x)}, {1}};
  // A reach of `radius` inputs to both sides; shrinking with antialias widens the kernel by 1 / scale.
  const double squeeze = op.antialias ? std::min(axis.scale, 1.0) : 1.0;
  const double radius = (op.mode == ResizeMode::linear ? 1 : 2) / squeeze;
  if (radius > 1e6) throw resource_error(cat("resize: antialiasing by a scale of ", axis.scale));
  const double base = std::floor(std::clamp(x, -radius - 1, last + radius + 1));
  ResizeTaps taps;
  double sum = 0;
  for (double k = base - std::floor(radius); k <= base + std::floor(radius) + 1; ++k) {
    const double distance = (k - x) * squeeze;
    double w = op.mode == ResizeMode::linear ? triangle(distance) : cubic(distance, static_cast<double>(op.cubic_a));
    if (op.exclude_outside && (k < 0 || k > last)) w = 0;
    if (w == 0) continue;
    taps.index.push_back(static_cast<int64_t>(std::clamp(k, 0.0, last)));
    taps.weight.push_back(w);
    sum += w;
  }
  if (taps.index.empty()) return {{static_cast<int64_t>(std::clamp(base, 0.0, last))}, {1}};
  if (op.antialias || op.exclude_outside)
    for (double& w : taps.weight) w /= sum;
  return taps;
}

}  // namespace hone

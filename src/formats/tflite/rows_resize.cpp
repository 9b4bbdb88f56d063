#include <algorithm>

#include "base/error.h"
#include "formats/tflite/rows.h"
#include "ops/resize.h"
#include "passes/planar_resize.h"

namespace hone::tflite {

namespace {

using B = fb::BuiltinOperator;

ResizeCoordinates coordinates(bool align_corners, bool half_pixel, ResizeCoordinates centred) {
  return align_corners ? ResizeCoordinates::align_corners : half_pixel ? centred : ResizeCoordinates::asymmetric;
}

void read_bilinear(ReadNode& n) {
  const auto o = n.options<fb::ResizeBilinearOptionsT>();
  Resize op{.mode = ResizeMode::linear,
            .coordinates = coordinates(o.align_corners, o.half_pixel_centers, ResizeCoordinates::half_pixel),
            .axes = {1, 2}};
  n.emit(std::move(op), {n.in(0), ValueId{}, ValueId{}, n.list_i64(1)});
}

void read_nearest(ReadNode& n) {
  const auto o = n.options<fb::ResizeNearestNeighborOptionsT>();
  Resize op{.mode = ResizeMode::nearest,
            .coordinates = coordinates(o.align_corners, o.half_pixel_centers, ResizeCoordinates::tf_half_pixel_for_nn),
            .nearest_mode = o.align_corners ? NearestMode::round_prefer_ceil : NearestMode::floor,
            .axes = {1, 2}};
  n.emit(std::move(op), {n.in(0), ValueId{}, ValueId{}, n.list_i64(1)});
}

/// The middle axes of four by one of the three rules TFLite knows; others are said otherwise before.
bool write_resize(WriteNode& n) {
  const Resize& op = n.as<Resize>();
  const auto axes = constant_axes(n.graph(), n.node());
  if (!axes) throw unsupported("resize of a size known only at run time", "fix it: --shape INPUT=1x3x224x224");
  const auto how = planar_resize(op, *axes);
  const bool is_planar =
      axes->size() == 4 && (*axes)[0].is_identity(op.coordinates) && (*axes)[3].is_identity(op.coordinates);
  if (!how || !is_planar) throw unsupported("resize by other rules, or of other axes, than tflite's");
  const TensorIndex size = n.add_ints({n.out_dim(0, 1), n.out_dim(0, 2)}, "size");
  const bool is_old = !how->align_corners && !how->half_pixel;
  const auto write = [&](B code, auto options) {
    options.align_corners = how->align_corners;
    options.half_pixel_centers = how->half_pixel;
    const bool needs_third = how->half_pixel || (code == B::RESIZE_NEAREST_NEIGHBOR && !is_old);
    n.emit(code, std::max(needs_third ? 3 : 1, Versions{1, 2, 4}.of(n.type(0))), options, {n.in(0), size}, {n.out()});
    return true;
  };
  if (op.mode == ResizeMode::linear) return write(B::RESIZE_BILINEAR, fb::ResizeBilinearOptionsT());
  return write(B::RESIZE_NEAREST_NEIGHBOR, fb::ResizeNearestNeighborOptionsT());
}

constexpr Row kRows[] = {
    {B::RESIZE_BILINEAR, 4, read_bilinear, &Resize::def, write_resize},
    {B::RESIZE_NEAREST_NEIGHBOR, 4, read_nearest, nullptr, nullptr},
};

}  // namespace

std::span<const Row> resize_rows() { return kRows; }

}  // namespace hone::tflite

#include "base/error.h"
#include "base/text.h"
#include "formats/tflite/rows.h"
#include "ops/resize.h"

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

/// Only height and width of an image change.
bool is_planar(const WriteNode& n) {
  const Shape &from = n.type(0).shape, &to = n.out_type().shape;
  return from.has_rank() && to.has_rank() && from.rank() == 4 && from[0] == to[0] && from[3] == to[3];
}

/// Whole-number enlargement by floor: there half-pixel centres and plain scaling choose the same source.
bool is_whole_enlargement(const WriteNode& n) {
  for (const int64_t axis : {1, 2})
    if (n.dim(0, axis) <= 0 || n.out_dim(0, axis) % n.dim(0, axis) != 0) return false;
  return true;
}

bool write_resize(WriteNode& n) {
  const Resize& op = n.as<Resize>();
  if (!is_planar(n)) throw unsupported("resize of other axes than height and width");
  if (op.antialias || op.exclude_outside) throw unsupported("resize with antialiasing");
  const bool aligned = op.coordinates == ResizeCoordinates::align_corners;
  const bool plain = op.coordinates == ResizeCoordinates::asymmetric;
  const bool centred = op.coordinates == ResizeCoordinates::half_pixel ||
                       op.coordinates == ResizeCoordinates::pytorch_half_pixel ||
                       op.coordinates == ResizeCoordinates::half_pixel_symmetric;
  const TensorIndex size = n.add_ints({n.out_dim(0, 1), n.out_dim(0, 2)}, "size");
  if (op.mode == ResizeMode::linear && (aligned || plain || centred)) {
    fb::ResizeBilinearOptionsT o;
    o.align_corners = aligned;
    o.half_pixel_centers = centred;
    n.emit(B::RESIZE_BILINEAR, centred ? 3 : Versions{1, 2, 4}.of(n.type(0)), o, {n.in(0), size}, {n.out()});
    return true;
  }
  if (op.mode != ResizeMode::nearest) throw unsupported("cubic resize");
  fb::ResizeNearestNeighborOptionsT o;
  const bool floors = op.nearest_mode == NearestMode::floor;
  o.align_corners = aligned && op.nearest_mode == NearestMode::round_prefer_ceil;
  o.half_pixel_centers = op.coordinates == ResizeCoordinates::tf_half_pixel_for_nn && floors;
  const bool same_as_floor = is_whole_enlargement(n) && ((plain && floors) || centred);
  if (!o.align_corners && !o.half_pixel_centers && !(plain && floors) && !same_as_floor)
    throw unsupported("nearest resize with this rounding");
  n.emit(B::RESIZE_NEAREST_NEIGHBOR, o.align_corners || o.half_pixel_centers ? 3 : Versions{1, 2, 4}.of(n.type(0)), o,
         {n.in(0), size}, {n.out()});
  return true;
}

constexpr Row kRows[] = {
    {B::RESIZE_BILINEAR, 4, read_bilinear, &Resize::def, write_resize},
    {B::RESIZE_NEAREST_NEIGHBOR, 4, read_nearest, nullptr, nullptr},
};

}  // namespace

std::span<const Row> resize_rows() { return kRows; }

}  // namespace hone::tflite

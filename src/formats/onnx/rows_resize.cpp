#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "formats/onnx/kernels.h"
#include "formats/onnx/rows.h"
#include "ops/resize.h"

namespace hone::onnx {

namespace {

template <class Enum>
Enum named(const std::string& name, const char* attribute) {
  const auto names = enum_names(Enum{});
  for (size_t i = 0; i < names.size(); ++i)
    if (names[i] == name) return static_cast<Enum>(i);
  throw unsupported(cat("onnx: resize: ", attribute, " '", name, "'"));
}

/// An empty constant stands for an absent input.
ValueId unless_empty(NodeReader& r, size_t i) {
  if (!r.has(i)) return {};
  const Shape& shape = r.type(r.in(i)).shape;
  return shape == Shape{0} ? ValueId{} : r.in(i);
}

void read_resize(NodeReader& r) {
  Resize op;
  op.mode = named<ResizeMode>(r.attr_string("mode", "nearest"), "mode");
  if (r.opset() < 11) {
    op.coordinates = ResizeCoordinates::asymmetric;
    op.nearest_mode = NearestMode::floor;
    return r.output(0, r.emit(op, {r.in(0), ValueId{}, r.in(1)}));
  }
  op.coordinates = named<ResizeCoordinates>(r.attr_string("coordinate_transformation_mode", "half_pixel"),
                                            "coordinate_transformation_mode");
  op.nearest_mode = named<NearestMode>(r.attr_string("nearest_mode", "round_prefer_floor"), "nearest_mode");
  op.aspect = named<AspectPolicy>(r.attr_string("keep_aspect_ratio_policy", "stretch"), "keep_aspect_ratio_policy");
  op.axes = r.attr_ints("axes");
  op.cubic_a = r.attr_float("cubic_coeff_a", op.cubic_a);
  op.extrapolation_value = r.attr_float("extrapolation_value", 0);
  op.exclude_outside = r.attr_bool("exclude_outside", false);
  op.antialias = r.attr_bool("antialias", false);
  r.output(0, r.emit(op, {r.in(0), unless_empty(r, 1), unless_empty(r, 2), unless_empty(r, 3)}));
}

void read_upsample(NodeReader& r) {
  std::string mode = r.attr_string("mode", "nearest");
  if (mode == "bilinear" || mode == "trilinear") mode = "linear";
  const Resize op{.mode = named<ResizeMode>(mode, "mode"),
                  .coordinates = ResizeCoordinates::asymmetric,
                  .nearest_mode = NearestMode::floor};
  ValueId scales;
  if (r.opset() >= 9) {
    scales = r.in(1);
  } else {
    std::vector<float> values = r.attr_floats("scales");
    if (values.empty()) values = {1, 1, r.attr_float("height_scale", 1), r.attr_float("width_scale", 1)};
    scales = r.constant(Tensor::of<float>({static_cast<int64_t>(values.size())}, values));
  }
  r.output(0, r.emit(op, {r.in(0), ValueId{}, scales}));
}

/// A constant per-axis input spread over all axes in the layout in force; `rest` fills axes that are not resized.
template <class T>
std::vector<T> spread(NodeWriter& w, const std::vector<int64_t>& axes, const std::vector<T>& values,
                      std::vector<T> rest) {
  const auto rank = static_cast<int64_t>(rest.size());
  for (size_t i = 0; i < axes.size() && i < values.size(); ++i)
    rest[static_cast<size_t>(w.map_axis(axes[i], rank))] = values[i];
  return rest;
}

/// Sizes on some axes of a shape that is not known as a whole: the scales that lead to them.
std::string scales_for(NodeWriter& w, const std::vector<int64_t>& axes, const std::vector<int64_t>& sizes) {
  const Shape& shape = w.type(0).shape;
  std::vector<float> scales;
  for (size_t i = 0; i < axes.size(); ++i) {
    const Dim& dim = shape[normalize_axis(axes[i], shape.rank(), "axis")];
    if (!dim.is_known()) throw unsupported("onnx: resize of an axis whose size is not known");
    float scale = static_cast<float>(sizes[i]) / static_cast<float>(dim.value());
    while (std::floor(static_cast<float>(dim.value()) * scale) < static_cast<float>(sizes[i]))
      scale = std::nextafter(scale, INFINITY);
    scales.push_back(scale);
  }
  const auto all = spread(w, axes, scales, std::vector<float>(static_cast<size_t>(shape.rank()), 1.0f));
  return w.constant(Tensor::of<float>({shape.rank()}, all), "scales");
}

std::string sizes_for(NodeWriter& w, const std::vector<int64_t>& axes, const std::vector<int64_t>& sizes) {
  const int64_t rank = w.rank(0);
  std::vector<int64_t> rest(static_cast<size_t>(rank));
  for (int64_t axis = 0; axis < rank; ++axis)
    rest[static_cast<size_t>(w.map_axis(axis, rank))] = w.type(0).shape[axis].value();
  return w.ints(spread(w, axes, sizes, std::move(rest)), "sizes");
}

/// The runtime has cubic weights for floats of two axes or four only.
void require_resizable(NodeWriter& w) {
  const DType dtype = w.type(0).logical_dtype();
  if (w.op<Resize>().mode != ResizeMode::cubic) return;
  if (w.rank(0) != 2 && w.rank(0) != 4)
    throw unsupported(cat("onnx: ", kRuntime, " has no cubic Resize of ", w.rank(0), " axes, it takes 2 or 4"));
  if (!is_float(dtype))
    throw unsupported(cat("onnx: ", kRuntime, " has no cubic Resize of ", to_string(dtype), ", it takes f32"));
}

AttributeList resize_attributes(const Resize& op) {
  AttributeList attributes;
  attributes.add("mode", kResizeModeNames[static_cast<int>(op.mode)]);
  attributes.add("coordinate_transformation_mode", kResizeCoordinatesNames[static_cast<int>(op.coordinates)]);
  if (op.mode == ResizeMode::nearest)
    attributes.add("nearest_mode", kNearestModeNames[static_cast<int>(op.nearest_mode)]);
  if (op.mode == ResizeMode::cubic) attributes.add("cubic_coeff_a", op.cubic_a);
  if (op.antialias) attributes.add("antialias", true);
  if (op.aspect != AspectPolicy::stretch)
    attributes.add("keep_aspect_ratio_policy", kAspectPolicyNames[static_cast<int>(op.aspect)]);
  if (op.exclude_outside) attributes.add("exclude_outside", true);
  if (op.extrapolation_value != 0) attributes.add("extrapolation_value", op.extrapolation_value);
  return attributes;
}

/// Emits the Resize. Antialiased i8 goes by way of reals: the runtime has u8's table of bytes for it.
void emit_resize(NodeWriter& w, std::vector<std::string> inputs, const std::string& out,
                 const AttributeList& attributes) {
  const DType dtype = w.type(0).logical_dtype();
  if (!w.op<Resize>().antialias || dtype != DType::kI8) return w.emit("Resize", std::move(inputs), {out}, attributes);
  const std::string real = w.temp("real"), resized = w.temp("resized"), rounded = w.temp("rounded");
  w.emit("Cast", {inputs[0]}, {real}, AttributeList().add("to", DType::kF32));
  inputs[0] = real;
  w.emit("Resize", std::move(inputs), {resized}, attributes);
  w.emit("Round", {resized}, {rounded});
  w.emit("Cast", {rounded}, {out}, AttributeList().add("to", dtype));
}

/// Sizes that are bounds say something of their own axes only, which are named.
void write_keeping_aspect(NodeWriter& w) {
  const Resize& op = w.op<Resize>();
  AttributeList attributes = resize_attributes(op);
  std::vector<int64_t> axes;
  for (const int64_t axis : op.axes) axes.push_back(w.map_axis(axis, w.rank(0)));
  for (int64_t axis = 0; op.axes.empty() && axis < w.rank(0); ++axis) axes.push_back(w.map_axis(axis, w.rank(0)));
  attributes.add("axes", axes);
  emit_resize(w, {w.in(0), "", "", w.ints_in(3)}, w.out(), attributes);
}

void write_resize(NodeWriter& w) {
  const Resize& op = w.op<Resize>();
  require_resizable(w);
  if (op.antialias || op.aspect != AspectPolicy::stretch) w.needs(18);
  if (op.coordinates == ResizeCoordinates::half_pixel_symmetric) w.needs(19);
  const bool is_constant = !(w.has(1) && !w.constant(1).exists()) && !(w.has(2) && !w.constant(2).exists()) &&
                           !(w.has(3) && !w.constant(3).exists());
  if (!is_constant) {
    AttributeList attributes = resize_attributes(op);
    if (!op.axes.empty()) {
      w.needs(18);
      attributes.add("axes", op.axes);
    }
    std::vector<std::string> inputs{w.plain_in(0), w.plain_in(1), w.plain_in(2)};
    if (w.has(3)) inputs.push_back(w.ints_in(3));
    return emit_resize(w, std::move(inputs), w.plain_out(), attributes);
  }
  w.try_channels_first();
  if (op.aspect != AspectPolicy::stretch && w.has(3)) return write_keeping_aspect(w);
  const int64_t rank = w.rank(0);
  std::vector<int64_t> axes = op.axes;
  for (int64_t axis = 0; op.axes.empty() && axis < rank; ++axis) axes.push_back(axis);
  std::vector<std::string> inputs{w.in(0), ""};
  if (w.has(1)) {
    const std::vector<double> roi = to_doubles(w.constant(1));
    std::vector<float> all(static_cast<size_t>(2 * rank), 0.0f);
    std::fill(all.begin() + rank, all.end(), 1.0f);
    for (size_t i = 0; i < axes.size(); ++i) {
      const auto axis = static_cast<size_t>(w.map_axis(axes[i], rank));
      all[axis] = static_cast<float>(roi.at(i));
      all[axis + static_cast<size_t>(rank)] = static_cast<float>(roi.at(i + axes.size()));
    }
    inputs[1] = w.constant(Tensor::of<float>({2 * rank}, all), "roi");
  }
  if (w.has(2)) {
    std::vector<float> scales;
    for (const double scale : to_doubles(w.constant(2))) scales.push_back(static_cast<float>(scale));
    const auto all = spread(w, axes, scales, std::vector<float>(static_cast<size_t>(rank), 1.0f));
    inputs.push_back(w.constant(Tensor::of<float>({rank}, all), "scales"));
  } else if (static_cast<int64_t>(axes.size()) == rank || w.type(0).shape.is_static()) {
    inputs.push_back("");
    inputs.push_back(
        static_cast<int64_t>(axes.size()) == rank && !w.type(0).shape.is_static()
            ? w.ints(spread(w, axes, w.constant_ints(3), std::vector<int64_t>(static_cast<size_t>(rank))), "sizes")
            : sizes_for(w, axes, w.constant_ints(3)));
  } else {
    inputs.push_back(scales_for(w, axes, w.constant_ints(3)));
  }
  emit_resize(w, std::move(inputs), w.out(), resize_attributes(op));
}

constexpr Row kRows[] = {
    {"Resize", 1, kNewestOpset, read_resize, &Resize::def, write_resize},
    {"Upsample", 1, kNewestOpset, read_upsample},
};

}  // namespace

std::span<const Row> resize_rows() { return kRows; }

}  // namespace hone::onnx

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "formats/onnx/integer_product.h"
#include "formats/onnx/rows.h"
#include "ops/binary.h"
#include "ops/conv.h"
#include "ops/movement.h"
#include "ops/pool.h"
#include "ops/resize.h"
#include "ops/unary.h"
#include "ops/window.h"

namespace hone::onnx {

namespace {

AutoPad auto_pad_of(NodeReader& r) {
  const std::string name = r.attr_string("auto_pad", "NOTSET");
  if (name == "NOTSET" || name.empty()) return AutoPad::explicit_pads;
  if (name == "SAME_UPPER") return AutoPad::same_upper;
  if (name == "SAME_LOWER") return AutoPad::same_lower;
  if (name == "VALID") return AutoPad::valid;
  throw invalid_model(cat("onnx: auto_pad '", name, "', expected NOTSET, SAME_UPPER, SAME_LOWER or VALID"));
}

/// What convolutions and pools have in common.
template <class Op>
void read_window(NodeReader& r, Op& op) {
  op.strides = r.attr_ints("strides");
  if constexpr (requires { op.dilations; }) op.dilations = r.attr_ints("dilations");
  op.pads = r.attr_ints("pads");
  if constexpr (requires { op.auto_pad; }) {
    op.auto_pad = auto_pad_of(r);
    if (op.auto_pad != AutoPad::explicit_pads) op.pads.clear();
  }
  if constexpr (requires { op.kernel; }) op.kernel = r.attr_ints("kernel_shape");
}

void add_auto_pad(AttributeList& attributes, AutoPad pad) {
  constexpr std::string_view kNames[] = {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"};
  if (pad != AutoPad::explicit_pads) attributes.add("auto_pad", kNames[static_cast<int>(pad)]);
}

bool is_all_ones(const std::vector<int64_t>& values) {
  return std::all_of(values.begin(), values.end(), [](int64_t v) { return v == 1; });
}

/// Strides, dilations and kernel.
template <class Op>
AttributeList step_attributes(const Op& op) {
  AttributeList attributes;
  if (!op.strides.empty()) attributes.add("strides", op.strides);
  if constexpr (requires { op.dilations; })
    if (!is_all_ones(op.dilations)) attributes.add("dilations", op.dilations);
  if constexpr (requires { op.kernel; }) attributes.add("kernel_shape", op.kernel);
  return attributes;
}

template <class Op>
AttributeList window_attributes(const Op& op) {
  AttributeList attributes = step_attributes(op);
  if constexpr (requires { op.auto_pad; }) {
    add_auto_pad(attributes, op.auto_pad);
    if (op.auto_pad != AutoPad::explicit_pads) return attributes;
  }
  if (!op.pads.empty()) attributes.add("pads", op.pads);
  return attributes;
}

/// The size of an axis whose SAME padding does not depend on it: with steps of one any will do.
int64_t size_or_any(const Dim& dim, const WindowSpec& spec, size_t axis) {
  if (dim.is_known()) return dim.value();
  const bool is_step = !spec.strides.empty() && spec.strides[axis] != 1;
  if (is_step) return 0;
  return spec.kernel[axis] * (spec.dilations.empty() ? 1 : spec.dilations[axis]);
}

/// SAME padding is written out wherever it is known: ONNX Runtime takes auto_pad without dilations only, and what SAME
/// means was read differently over the years. x: [N, s…, C].
template <class Op>
AttributeList padded_attributes(const Op& op, std::span<const int64_t> kernel, const Shape& x) {
  if (op.auto_pad != AutoPad::same_upper && op.auto_pad != AutoPad::same_lower) return window_attributes(op);
  WindowSpec spec{.kernel = kernel, .strides = op.strides, .auto_pad = op.auto_pad};
  if constexpr (requires { op.dilations; }) spec.dilations = op.dilations;
  std::vector<int64_t> sizes;
  for (size_t i = 0; x.has_rank() && i < kernel.size(); ++i)
    sizes.push_back(size_or_any(x[static_cast<int64_t>(i) + 1], spec, i));
  if (sizes.size() != kernel.size() || std::find(sizes.begin(), sizes.end(), 0) != sizes.end()) {
    if (is_all_ones({spec.dilations.begin(), spec.dilations.end()})) return window_attributes(op);
    throw unsupported("onnx: SAME padding of a dilated window with steps over an unknown size",
                      "state the input's size: --shape");
  }
  std::vector<int64_t> pads(2 * kernel.size());
  const std::vector<WindowAxis> axes = resolve_window("onnx", spec, sizes);
  for (size_t i = 0; i < axes.size(); ++i) {
    pads[i] = axes[i].pad_begin;
    pads[i + axes.size()] = axes[i].pad_end;
  }
  return step_attributes(op).add("pads", pads);
}

void read_conv(NodeReader& r) {
  Conv op{.groups = r.attr_int("group", 1)};
  read_window(r, op);
  // The weight's rank is known when the activation's is not, and tells it.
  const int64_t rank = r.rank(r.in(1));
  const ValueId x = r.transposed(r.in(0), to_channels_last_perm(rank));
  const ValueId w = r.transposed(r.in(1), to_channels_last_perm(rank));
  const ValueId y = r.emit(op, {x, w, r.maybe(2)});
  r.output(0, r.transposed(y, to_channels_first_perm(rank)));
}

/// kernel_shape from a weight [O, k…, I] of hone's.
void add_kernel_shape(NodeWriter& w, AttributeList& attributes) {
  const Shape& shape = w.type(1).shape;
  if (!shape.is_static() || shape.rank() < 3) return;
  const Dims dims = shape.dims();
  attributes.add("kernel_shape", std::vector<int64_t>(dims.begin() + 1, dims.end() - 1));
}

/// A bias has the type of the other operands in ONNX.
std::vector<std::string> conv_inputs(NodeWriter& w) {
  w.use_channels_first();
  std::vector<std::string> inputs{w.in(0), w.in(1)};
  if (w.has(2)) inputs.push_back(w.plain_in_as(2, w.type(0).logical_dtype()));
  return inputs;
}

/// Sizes of the window of a weight [O, k…, I] of hone's.
std::vector<int64_t> kernel_of(NodeWriter& w) {
  const Shape& shape = w.type(1).shape;
  if (!shape.is_static() || shape.rank() < 3) throw unsupported("onnx: convolution with a weight of unknown shape");
  const Dims dims = shape.dims();
  return {dims.begin() + 1, dims.end() - 1};
}

void write_conv(NodeWriter& w) {
  const Conv& op = w.op<Conv>();
  AttributeList attributes = padded_attributes(op, kernel_of(w), w.type(0).shape);
  attributes.add("group", op.groups);
  add_kernel_shape(w, attributes);
  if (is_integer(w.output_type().logical_dtype())) {
    w.use_channels_first();
    return write_integer_product(w, "ConvInteger", "Conv", attributes);
  }
  w.emit_clamped("Conv", conv_inputs(w), attributes, op.act_min, op.act_max);
}

void read_conv_transpose(NodeReader& r) {
  ConvTranspose op{.output_padding = r.attr_ints("output_padding"), .groups = r.attr_int("group", 1)};
  read_window(r, op);
  op.output_shape = r.attr_ints("output_shape");
  const int64_t rank = r.rank(r.in(1));
  if (rank > 2 && static_cast<int64_t>(op.output_shape.size()) == rank)
    op.output_shape.erase(op.output_shape.begin(), op.output_shape.begin() + 2);
  const ValueId x = r.transposed(r.in(0), to_channels_last_perm(rank));
  const ValueId w = r.transposed(r.in(1), to_channels_last_perm(rank));
  r.output(0, r.transposed(r.emit(op, {x, w, r.maybe(2)}), to_channels_first_perm(rank)));
}

void write_conv_transpose(NodeWriter& w) {
  const ConvTranspose& op = w.op<ConvTranspose>();
  AttributeList attributes = window_attributes(op);
  attributes.add("group", op.groups);
  if (!op.output_padding.empty()) attributes.add("output_padding", op.output_padding);
  if (!op.output_shape.empty()) attributes.add("output_shape", op.output_shape);
  add_kernel_shape(w, attributes);
  w.emit_clamped("ConvTranspose", conv_inputs(w), attributes, op.act_min, op.act_max);
}

/// x − zero point as i32; per-channel zero points are laid along axis 0.
ValueId centered(NodeReader& r, size_t x, size_t zero_point) {
  const ValueId wide = r.emit(Cast{.to = DType::kI32}, {r.in(x)});
  if (!r.has(zero_point)) return wide;
  ValueId offset = r.emit(Cast{.to = DType::kI32}, {r.in(zero_point)});
  if (r.rank(offset) == 1 && r.rank(wide) > 1 && r.type(offset).shape != Shape{1}) {
    std::vector<int64_t> axes;
    for (int64_t axis = 1; axis < r.rank(wide); ++axis) axes.push_back(axis);
    offset = r.emit(Unsqueeze{}, {offset, r.ints(std::move(axes))});
  }
  return r.emit(Sub{}, {wide, offset});
}

void read_conv_integer(NodeReader& r) {
  Conv op{.groups = r.attr_int("group", 1)};
  read_window(r, op);
  const int64_t rank = r.rank(r.in(1));
  const ValueId x = r.transposed(centered(r, 0, 2), to_channels_last_perm(rank));
  const ValueId w = r.transposed(centered(r, 1, 3), to_channels_last_perm(rank));
  r.output(0, r.transposed(r.emit(op, {x, w}), to_channels_first_perm(rank)));
}

/// Input 0 channels last and all outputs back.
template <class Op>
void emit_spatial(NodeReader& r, Op op, std::vector<ValueId> more = {}) {
  std::vector<ValueId> inputs{r.channels_last(r.in(0))};
  inputs.insert(inputs.end(), more.begin(), more.end());
  const auto outputs = r.emit_many(std::move(op), std::move(inputs), r.output_count());
  for (size_t i = 0; i < outputs.size(); ++i) r.output(i, r.channels_first(outputs[i]));
}

void read_max_pool(NodeReader& r) {
  MaxPool op{.ceil_mode = r.attr_bool("ceil_mode", false), .column_major = r.attr_bool("storage_order", false)};
  read_window(r, op);
  emit_spatial(r, std::move(op));
}

void write_max_pool(NodeWriter& w) {
  const MaxPool& op = w.op<MaxPool>();
  w.use_channels_first();
  AttributeList attributes = padded_attributes(op, op.kernel, w.type(0).shape);
  if (op.ceil_mode) attributes.add("ceil_mode", true);
  if (w.output_count() == 1) return w.emit_clamped("MaxPool", {w.in(0)}, attributes, op.act_min, op.act_max);
  if (op.column_major) attributes.add("storage_order", true);
  w.emit("MaxPool", {w.in(0)}, w.all_out(), attributes);
}

void read_average_pool(NodeReader& r) { emit_spatial(r, average_pool_of(r)); }

void write_average_pool(NodeWriter& w) {
  const AveragePool& op = w.op<AveragePool>();
  if (!is_all_ones(op.dilations)) w.needs(19);
  w.use_channels_first();
  AttributeList attributes = padded_attributes(op, op.kernel, w.type(0).shape);
  if (op.ceil_mode) attributes.add("ceil_mode", true);
  if (op.count_include_pad) attributes.add("count_include_pad", true);
  w.emit_clamped("AveragePool", {w.in(0)}, attributes, op.act_min, op.act_max);
}

void read_lp_pool(NodeReader& r) {
  LpPool op{.ceil_mode = r.attr_bool("ceil_mode", false), .p = r.attr_int("p", 2)};
  read_window(r, op);
  emit_spatial(r, std::move(op));
}

/// The mean form is √ of the average of squares.
void write_lp_pool(NodeWriter& w) {
  const LpPool& op = w.op<LpPool>();
  if (!is_all_ones(op.dilations)) w.needs(op.mean ? 19 : 18);
  if (op.ceil_mode && !op.mean) w.needs(18);
  w.use_channels_first();
  AttributeList attributes = padded_attributes(op, op.kernel, w.type(0).shape);
  if (op.ceil_mode) attributes.add("ceil_mode", true);
  if (!op.mean) {
    attributes.add("p", op.p);
    return w.emit_clamped("LpPool", {w.in(0)}, attributes, op.act_min, op.act_max);
  }
  if (op.p != 2) throw unsupported("onnx: mean lp pool of another norm than 2");
  const std::string square = w.temp("square"), mean = w.temp("mean");
  w.emit("Mul", {w.in(0), w.in(0)}, {square});
  w.emit("AveragePool", {square}, {mean}, attributes);
  w.emit_clamped("Sqrt", {mean}, {}, op.act_min, op.act_max);
}

void read_max_unpool(NodeReader& r) {
  MaxUnpool op;
  read_window(r, op);
  std::vector<ValueId> more{r.channels_last(r.in(1))};
  if (r.has(2)) {
    const std::vector<int64_t> perm = to_channels_last_perm(r.rank(r.in(0)));
    more.push_back(r.emit(Gather{}, {r.in(2), r.ints(perm)}));
  }
  emit_spatial(r, std::move(op), std::move(more));
}

void write_max_unpool(NodeWriter& w) {
  w.use_channels_first();
  std::vector<std::string> inputs{w.in(0), w.in(1)};
  if (w.has(2)) {
    inputs.push_back(w.temp("shape"));
    w.emit("Gather", {w.ints_in(2), w.ints(to_channels_first_perm(w.rank(0)), "perm")}, {inputs.back()});
  }
  w.emit("MaxUnpool", std::move(inputs), {w.out()}, window_attributes(w.op<MaxUnpool>()));
}

void read_max_roi_pool(NodeReader& r) {
  emit_spatial(
      r, MaxRoiPool{.pooled_shape = r.attr_ints("pooled_shape"), .spatial_scale = r.attr_float("spatial_scale", 1)},
      {r.in(1)});
}

void write_max_roi_pool(NodeWriter& w) {
  w.use_channels_first();
  w.emit("MaxRoiPool", {w.in(0), w.plain_in(1)}, {w.out()}, same_attributes(w.node()));
}

void read_roi_align(NodeReader& r) {
  RoiAlign op;
  read_fields(r, attr_type<RoiAlign>(), &op);
  const bool is_half = r.attr_string("coordinate_transformation_mode",
                                     r.opset() < 16 ? "output_half_pixel" : "half_pixel") == "half_pixel";
  op.coordinates = is_half ? RoiCoordinates::half_pixel : RoiCoordinates::output_half_pixel;
  emit_spatial(r, op, {r.in(1), r.in(2)});
}

void write_roi_align(NodeWriter& w) {
  const RoiAlign& op = w.op<RoiAlign>();
  w.use_channels_first();
  AttributeList attributes;
  attributes.add("mode", kRoiModeNames[static_cast<int>(op.mode)]).add("output_height", op.output_height);
  attributes.add("output_width", op.output_width).add("sampling_ratio", op.sampling_ratio);
  attributes.add("spatial_scale", op.spatial_scale);
  attributes.add("coordinate_transformation_mode", kRoiCoordinatesNames[static_cast<int>(op.coordinates)]);
  w.emit("RoiAlign", {w.in(0), w.plain_in(1), w.plain_in(2)}, {w.out()}, attributes);
}

void read_grid_sample(NodeReader& r) {
  const std::string mode = r.attr_string("mode", "bilinear");
  GridSample op{.align_corners = r.attr_bool("align_corners", false)};
  const int64_t rank = r.rank(r.in(0));
  if (rank != 4 && rank != 5) throw unsupported(cat("onnx: GridSample of rank ", rank, ", hone has 4 and 5"));
  if (mode == "nearest") op.mode = GridMode::nearest;
  if (mode == "bicubic" || mode == "cubic") op.mode = GridMode::bicubic;
  const std::string padding = r.attr_string("padding_mode", "zeros");
  if (padding == "border") op.padding = GridPadding::border;
  if (padding == "reflection") op.padding = GridPadding::reflection;
  emit_spatial(r, op, {r.in(1)});
}

void write_grid_sample(NodeWriter& w) {
  const GridSample& op = w.op<GridSample>();
  w.use_channels_first();
  if (w.rank(0) != 4) w.needs(20);
  constexpr std::string_view kSince20[] = {"linear", "nearest", "cubic"};
  AttributeList attributes;
  attributes.add("mode",
                 w.opset() < 20 ? kGridModeNames[static_cast<int>(op.mode)] : kSince20[static_cast<int>(op.mode)]);
  attributes.add("padding_mode", kGridPaddingNames[static_cast<int>(op.padding)]);
  attributes.add("align_corners", op.align_corners);
  w.emit("GridSample", {w.in(0), w.plain_in(1)}, {w.out()}, attributes);
}

void read_affine_grid(NodeReader& r) {
  r.output(0, r.emit(AffineGrid{.align_corners = r.attr_bool("align_corners", false)}, {r.in(0), r.in(1)}));
}

void write_affine_grid(NodeWriter& w) {
  w.needs(20);
  w.emit("AffineGrid", {w.plain_in(0), w.ints_in(1)}, {w.plain_out()},
         AttributeList().add("align_corners", w.op<AffineGrid>().align_corners));
}

void read_deform_conv(NodeReader& r) {
  DeformConv op{.groups = r.attr_int("group", 1), .offset_groups = r.attr_int("offset_group", 1)};
  read_window(r, op);
  if (r.rank(r.in(1)) != 4) throw unsupported("onnx: DeformConv of other than two spatial axes");
  const std::vector<int64_t> last = to_channels_last_perm(4);
  std::vector<ValueId> inputs{r.transposed(r.in(0), last), r.transposed(r.in(1), last), r.transposed(r.in(2), last),
                              r.maybe(3)};
  if (r.has(4)) inputs.push_back(r.transposed(r.in(4), last));
  r.output(0, r.transposed(r.emit(op, std::move(inputs)), to_channels_first_perm(4)));
}

void write_deform_conv(NodeWriter& w) {
  const DeformConv& op = w.op<DeformConv>();
  w.needs(19);
  w.use_channels_first();
  AttributeList attributes = window_attributes(op);
  attributes.add("group", op.groups).add("offset_group", op.offset_groups);
  add_kernel_shape(w, attributes);
  w.emit("DeformConv", {w.in(0), w.in(1), w.in(2), w.plain_in(3), w.in(4)}, {w.out()}, attributes);
}

/// Columns are the last axis in ONNX, the one before in hone.
void read_col2im(NodeReader& r) {
  Col2Im op{.strides = r.attr_ints("strides"), .dilations = r.attr_ints("dilations"), .pads = r.attr_ints("pads")};
  const ValueId y = r.emit(std::move(op), {r.transposed(r.in(0), {0, 2, 1}), r.in(1), r.in(2)});
  r.output(0, r.channels_first(y));
}

void write_col2im(NodeWriter& w) {
  w.needs(18);
  const std::string columns = w.transposed_in(0, {0, 2, 1});
  w.use_channels_first();
  w.emit("Col2Im", {columns, w.ints_in(1), w.ints_in(2)}, {w.out()}, window_attributes(w.op<Col2Im>()));
}

constexpr Row kRows[] = {
    {"Conv", 1, kNewestOpset, read_conv, &Conv::def, write_conv},
    {"ConvInteger", 1, kNewestOpset, read_conv_integer},
    {"ConvTranspose", 1, kNewestOpset, read_conv_transpose, &ConvTranspose::def, write_conv_transpose},
    {"DeformConv", 19, kNewestOpset, read_deform_conv, &DeformConv::def, write_deform_conv},
    {"Col2Im", 18, kNewestOpset, read_col2im, &Col2Im::def, write_col2im},
    {"AffineGrid", 20, kNewestOpset, read_affine_grid, &AffineGrid::def, write_affine_grid},
    {"MaxPool", 1, kNewestOpset, read_max_pool, &MaxPool::def, write_max_pool},
    {"AveragePool", 1, kNewestOpset, read_average_pool, &AveragePool::def, write_average_pool},
    {"LpPool", 1, kNewestOpset, read_lp_pool, &LpPool::def, write_lp_pool},
    {"MaxUnpool", 1, kNewestOpset, read_max_unpool, &MaxUnpool::def, write_max_unpool},
    {"MaxRoiPool", 1, kNewestOpset, read_max_roi_pool, &MaxRoiPool::def, write_max_roi_pool},
    {"RoiAlign", 1, kNewestOpset, read_roi_align, &RoiAlign::def, write_roi_align},
    {"GridSample", 1, kNewestOpset, read_grid_sample, &GridSample::def, write_grid_sample},
};

}  // namespace

std::span<const Row> spatial_rows() { return kRows; }

AveragePool average_pool_of(NodeReader& r) {
  AveragePool op{.ceil_mode = r.attr_bool("ceil_mode", false),
                 .count_include_pad = r.attr_bool("count_include_pad", false)};
  read_window(r, op);
  return op;
}

}  // namespace hone::onnx

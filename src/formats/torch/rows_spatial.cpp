#include <algorithm>
#include <cmath>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"
#include "formats/torch/call.h"
#include "formats/torch/spatial.h"
#include "ops/binary.h"
#include "ops/conv.h"
#include "ops/matmul.h"
#include "ops/movement.h"
#include "ops/pool.h"
#include "ops/reduce.h"
#include "ops/resize.h"

namespace hone::torch {

/// begins, then ends.
std::vector<int64_t> both_ends(std::vector<int64_t> pads) {
  pads.insert(pads.end(), pads.begin(), pads.end());
  return pads;
}

namespace {

/// Runs `body` on x with a batch axis, which is taken off again where x had none.
template <class Body>
void with_batch(Call& n, int64_t spatial, Body&& body) {
  const ValueId x = n.x();
  const bool is_single = n.rank(x) == spatial + 1;
  if (!is_single && n.rank(x) != spatial + 2)
    throw invalid_model(cat("the input has rank ", n.rank(x), ", expected ", spatial + 2));
  const ValueId y = body(is_single ? n.add(Unsqueeze{}, {x, n.ints_value({0})}) : x);
  n.emit(is_single ? n.add(Squeeze{}, {y, n.ints_value({0})}) : y);
}

ValueId conv(Call& n, ValueId x, ValueId weight, Conv op) {
  std::vector<ValueId> inputs{n.to_channels_last(x), n.to_channels_last(weight)};
  if (n.has("bias")) inputs.push_back(n.x("bias"));
  return n.from_channels_last(n.add(std::move(op), inputs));
}

/// The weight [I, O/groups, k…] → [I, k…, O/groups].
ValueId conv_transpose(Call& n, ValueId x, ValueId weight, size_t spatial) {
  ConvTranspose op{.strides = n.ints("stride", spatial),
                   .dilations = n.ints("dilation", spatial),
                   .pads = both_ends(n.ints("padding", spatial)),
                   .output_padding = n.ints("output_padding", spatial),
                   .groups = n.integer("groups")};
  std::vector<ValueId> inputs{n.to_channels_last(x), n.to_channels_last(weight)};
  if (n.has("bias")) inputs.push_back(n.x("bias"));
  return n.from_channels_last(n.add(std::move(op), inputs));
}

void read_conv(Call& n) {
  const ValueId weight = n.x("weight");
  const int64_t spatial = n.rank(weight) - 2;
  if (spatial < 1 || spatial > 3) throw unsupported(cat("a convolution over ", spatial, " axes"));
  const auto axes = static_cast<size_t>(spatial);
  Conv op{.strides = n.ints("stride", axes), .dilations = n.ints("dilation", axes), .groups = n.integer("groups")};
  if (is<Text>(n.arg("padding")))
    op.auto_pad = to_text_value(n.arg("padding")) == "same" ? AutoPad::same_upper : AutoPad::valid;
  else
    op.pads = both_ends(n.ints("padding", axes));
  with_batch(n, spatial, [&](ValueId x) { return conv(n, x, weight, std::move(op)); });
}

void read_conv_transpose(Call& n) {
  const ValueId weight = n.x("weight");
  const int64_t spatial = n.rank(weight) - 2;
  with_batch(n, spatial, [&](ValueId x) { return conv_transpose(n, x, weight, static_cast<size_t>(spatial)); });
}

void read_convolution(Call& n) { n.flag("transposed") ? read_conv_transpose(n) : read_conv(n); }

template <class Op>
Op window(Call& n, size_t spatial) {
  Op op;
  op.kernel = n.ints("kernel_size", spatial);
  op.strides = n.ints("stride").empty() ? op.kernel : n.ints("stride", spatial);
  op.pads = both_ends(n.ints("padding", spatial));
  op.ceil_mode = n.flag("ceil_mode");
  return op;
}

template <size_t kAxes>
void read_max_pool(Call& n) {
  auto op = window<MaxPool>(n, kAxes);
  op.dilations = n.ints("dilation", kAxes);
  with_batch(n, kAxes, [&](ValueId x) { return n.from_channels_last(n.add_many(op, {n.to_channels_last(x)}, 1)[0]); });
}

/// Places count through the whole tensor, torch's through one plane of it.
void emit_with_places(Call& n, ValueId values, ValueId places) {
  const ValueId x = n.x();
  int64_t plane = 1;
  for (int64_t i = 2; i < n.rank(x); ++i) plane = checked_mul(plane, n.dim(x, i));
  const ValueId inner = n.add(Mod{}, {places, n.add_constant(Tensor::scalar(plane))});
  n.emit_all({n.from_channels_last(values), n.from_channels_last(inner)});
}

void read_max_pool_indices(Call& n) {
  auto op = window<MaxPool>(n, 2);
  op.dilations = n.ints("dilation", 2);
  const auto made = n.add_many(op, {n.to_channels_last(n.x())}, 2);
  emit_with_places(n, made[0], made[1]);
}

template <size_t kAxes>
void read_avg_pool(Call& n) {
  auto op = window<AveragePool>(n, kAxes);
  op.count_include_pad = n.flag("count_include_pad");
  if (kAxes > 1 && n.has("divisor_override")) throw unsupported("a divisor of its own");
  with_batch(n, kAxes, [&](ValueId x) { return n.from_channels_last(n.add(op, {n.to_channels_last(x)})); });
}

/// [out, in]: row o averages over ⌊o·in/out⌋ … ⌈(o+1)·in/out⌉ − 1. Source: torch.nn.AdaptiveAvgPool2d.
Tensor averaging(int64_t in, int64_t out) {
  Tensor matrix = Tensor::zeros(DType::kF32, {out, in});
  for (int64_t o = 0; o < out; ++o) {
    const int64_t begin = o * in / out, end = ((o + 1) * in + out - 1) / out;
    for (int64_t i = begin; i < end; ++i)
      matrix.mutable_data<float>()[static_cast<size_t>(o * in + i)] = 1.0f / static_cast<float>(end - begin);
  }
  return matrix;
}

/// Along one axis where windows differ in size: a product with a constant matrix.
ValueId averaged(Call& n, ValueId x, int64_t axis, int64_t out) {
  const int64_t rank = n.rank(x), in = n.dim(x, axis);
  if (in == out) return x;
  std::vector<int64_t> perm;
  for (int64_t i = 0; i < rank; ++i) perm.push_back(i);
  std::swap(perm[static_cast<size_t>(axis)], perm[static_cast<size_t>(rank - 1)]);
  const ValueId moved = n.transpose(x, perm);
  return n.transpose(n.add(FullyConnected{}, {moved, n.add_constant(averaging(in, out))}), perm);
}

/// None keeps the input's size.
std::vector<int64_t> output_sizes(Call& n, ValueId x, size_t spatial) {
  std::vector<int64_t> out;
  if (!is<List*>(n.arg("output_size"))) return n.ints("output_size", spatial);
  for (const Value& size : to_list(n.arg("output_size")).items)
    out.push_back(is_none(size) ? n.dim(x, 2 + static_cast<int64_t>(out.size())) : to_int(size));
  if (out.size() == 1) out.assign(spatial, out[0]);
  if (out.size() != spatial) throw invalid_model(cat(out.size(), " output sizes for ", spatial, " axes"));
  for (const int64_t size : out)
    if (size < 1 || size > 65536) throw unsupported(cat("an output of size ", size));
  return out;
}

bool is_divided(Call& n, ValueId x, const std::vector<int64_t>& out) {
  for (size_t i = 0; i < out.size(); ++i)
    if (n.dim(x, 2 + static_cast<int64_t>(i)) % out[i] != 0) return false;
  return true;
}
template <class Op>
Op dividing(Call& n, ValueId x, const std::vector<int64_t>& out) {
  Op op;
  for (size_t i = 0; i < out.size(); ++i) op.kernel.push_back(n.dim(x, 2 + static_cast<int64_t>(i)) / out[i]);
  op.strides = op.kernel;
  return op;
}

template <size_t kAxes>
void read_adaptive_avg(Call& n) {
  with_batch(n, kAxes, [&](ValueId x) -> ValueId {
    const std::vector<int64_t> out = output_sizes(n, x, kAxes);
    if (std::all_of(out.begin(), out.end(), [](int64_t size) { return size == 1; })) {
      std::vector<int64_t> axes;
      for (size_t i = 0; i < kAxes; ++i) axes.push_back(2 + static_cast<int64_t>(i));
      return n.add(ReduceMean{}, {x, n.ints_value(axes)});
    }
    if (is_divided(n, x, out))
      return n.from_channels_last(n.add(dividing<AveragePool>(n, x, out), {n.to_channels_last(x)}));
    ValueId y = x;
    for (size_t i = 0; i < kAxes; ++i) y = averaged(n, y, 2 + static_cast<int64_t>(i), out[i]);
    return y;
  });
}

template <size_t kAxes>
void read_adaptive_max(Call& n) {
  const ValueId x = n.x();
  const std::vector<int64_t> out = output_sizes(n, x, kAxes);
  if (!is_divided(n, x, out)) throw unsupported("an adaptive maximum over windows of different sizes");
  const auto made = n.add_many(dividing<MaxPool>(n, x, out), {n.to_channels_last(x)}, 2);
  emit_with_places(n, made[0], made[1]);
}

/// Factors of the last axes, in a list or one by one; none where the call gives sizes alone.
std::vector<float> factors(Call& n, int64_t spatial) {
  std::vector<float> out;
  if (is<List*>(n.arg("scale"))) {
    for (const Value& factor : to_list(n.arg("scale")).items) out.push_back(static_cast<float>(to_real(factor)));
  } else {
    for (const std::string_view key : {"scale", "scale_w", "scale_d"})
      if (n.has(key)) out.push_back(static_cast<float>(n.real(key)));
  }
  if (out.size() == 1) out.assign(static_cast<size_t>(spatial), out[0]);
  if (!out.empty() && static_cast<int64_t>(out.size()) != spatial)
    throw invalid_model(cat(out.size(), " factors for ", spatial, " axes"));
  return out;
}

/// To sizes, or by factors, which then say where pixels lie, also where they do not divide the size.
void resize(Call& n, ResizeMode mode, bool is_exact = false) {
  const ValueId x = n.x();
  const int64_t spatial = n.rank(x) - 2;
  std::vector<int64_t> sizes;
  std::vector<float> scales = factors(n, spatial);
  if (n.has("output_size")) {
    sizes = n.ints("output_size", static_cast<size_t>(spatial));
  } else {
    if (scales.empty()) throw invalid_model("neither sizes nor factors");
    for (int64_t i = 0; i < spatial; ++i)
      sizes.push_back(static_cast<int64_t>(
          std::floor(static_cast<double>(n.dim(x, 2 + i)) * static_cast<double>(scales[static_cast<size_t>(i)]))));
  }
  for (size_t i = 0; i < scales.size(); ++i)
    if (std::floor(static_cast<double>(n.dim(x, 2 + static_cast<int64_t>(i))) * static_cast<double>(scales[i])) !=
        static_cast<double>(sizes[i]))
      scales.clear();  // made from the sizes, and rounded
  const bool is_aligned = mode != ResizeMode::nearest && n.flag("align_corners");
  const Resize op{.mode = mode,
                  .coordinates = is_aligned                                 ? ResizeCoordinates::align_corners
                                 : mode == ResizeMode::nearest && !is_exact ? ResizeCoordinates::asymmetric
                                                                            : ResizeCoordinates::half_pixel,
                  .nearest_mode = is_exact ? NearestMode::round_prefer_ceil : NearestMode::floor,
                  .axes = resized_axes(spatial)};
  const ValueId moved = n.to_channels_last(x);
  if (scales.empty() || is_aligned)
    return n.emit(n.from_channels_last(n.add(op, {moved, {}, {}, n.ints_value(sizes)})));
  const ValueId by = n.add_constant(Tensor::of<float>({spatial}, scales));
  n.emit(n.from_channels_last(n.add(op, {moved, {}, by})));
}
void read_nearest(Call& n) { resize(n, ResizeMode::nearest); }
void read_nearest_exact(Call& n) { resize(n, ResizeMode::nearest, true); }
void read_linear(Call& n) { resize(n, ResizeMode::linear); }
void read_cubic(Call& n) { resize(n, ResizeMode::cubic); }

void read_grid_sampler(Call& n) {
  constexpr GridMode kModes[] = {GridMode::bilinear, GridMode::nearest, GridMode::bicubic};
  constexpr GridPadding kPaddings[] = {GridPadding::zeros, GridPadding::border, GridPadding::reflection};
  const int64_t mode = n.integer("mode"), padding = n.integer("padding");
  if (mode < 0 || mode > 2 || padding < 0 || padding > 2) throw invalid_model("a mode that does not exist");
  const GridSample op{.mode = kModes[mode], .padding = kPaddings[padding], .align_corners = n.flag("align_corners")};
  n.emit(n.from_channels_last(n.add(op, {n.to_channels_last(n.x()), n.x("grid")})));
}
void read_affine_grid(Call& n) {
  n.emit(n.add(AffineGrid{.align_corners = n.flag("align_corners")},
               {n.x("theta"), n.dims_value(to_list(n.arg("size")).items)}));
}

void read_pixel_shuffle(Call& n) {
  const DepthToSpace op{.block = n.integer("upscale_factor"), .column_row_depth = true};
  n.emit(n.from_channels_last(n.add(op, {n.to_channels_last(n.x())})));
}
/// [N, C, H·r, W·r] → [N, C·r², H, W]: rows and columns of the block are the inner axes of the channels.
void read_pixel_unshuffle(Call& n) {
  const ValueId x = n.x();
  const int64_t r = n.integer("downscale_factor"), channels = n.dim(x, 1), height = n.dim(x, 2), width = n.dim(x, 3);
  if (r < 1 || height % r != 0 || width % r != 0) throw invalid_model(cat("blocks of ", r, " do not fit"));
  const ValueId parts = n.reshape(x, {n.dim(x, 0), channels, height / r, r, width / r, r});
  n.emit(n.reshape(n.transpose(parts, {0, 1, 3, 5, 2, 4}), {n.dim(x, 0), channels * r * r, height / r, width / r}));
}
void read_channel_shuffle(Call& n) {
  const ValueId x = n.x();
  const int64_t groups = n.integer("groups"), channels = n.dim(x, 1);
  if (groups < 1 || channels % groups != 0) throw invalid_model(cat(channels, " channels in ", groups, " groups"));
  std::vector<int64_t> dims{n.dim(x, 0), groups, channels / groups}, perm{0, 2, 1};
  Dims all{n.dim(x, 0), channels};
  for (int64_t i = 2; i < n.rank(x); ++i)
    dims.push_back(n.dim(x, i)), all.push_back(n.dim(x, i)), perm.push_back(i + 1);
  n.emit(n.reshape(n.transpose(n.reshape(x, dims), perm), all));
}

/// Pads from the last axis to the first, (begin, end) each.
void pad(Call& n, PadMode mode, double value) {
  const ValueId x = n.x();
  const std::vector<int64_t> given = n.ints("pad");
  const int64_t rank = n.rank(x);
  if (given.size() % 2 != 0 || static_cast<int64_t>(given.size()) > 2 * rank)
    throw invalid_model(cat(given.size(), " pads of a tensor of rank ", rank));
  std::vector<int64_t> pads(static_cast<size_t>(2 * rank), 0);
  for (size_t i = 0; i < given.size() / 2; ++i) {
    pads[static_cast<size_t>(rank) - 1 - i] = given[2 * i];
    pads[static_cast<size_t>(2 * rank) - 1 - i] = given[2 * i + 1];
  }
  std::vector<ValueId> inputs{x, n.ints_value(pads)};
  if (mode == PadMode::constant) inputs.push_back(n.scalar(value, n.dtype(x)));
  n.emit(n.add(Pad{.mode = mode}, inputs));
}
void read_constant_pad(Call& n) { pad(n, PadMode::constant, n.has("value") ? n.real("value") : 0); }
void read_reflection_pad(Call& n) { pad(n, PadMode::reflect, 0); }
void read_replication_pad(Call& n) { pad(n, PadMode::edge, 0); }
void read_pad(Call& n) {
  const std::string& mode = to_text_value(n.arg("mode"));
  pad(n,
      mode == "reflect"     ? PadMode::reflect
      : mode == "replicate" ? PadMode::edge
      : mode == "circular"  ? PadMode::wrap
                            : PadMode::constant,
      n.has("value") ? n.real("value") : 0);
}

constexpr std::string_view kConv = "self weight bias=None stride=1 padding=0 dilation=1 groups=1";
constexpr std::string_view kTransposed =
    "self weight bias=None stride=1 padding=0 output_padding=0 groups=1 dilation=1";
constexpr std::string_view kMax = "self kernel_size stride=[] padding=0 dilation=1 ceil_mode=False";
constexpr std::string_view kAverage =
    "self kernel_size stride=[] padding=0 ceil_mode=False count_include_pad=True divisor_override=None";
constexpr std::string_view kSized = "self output_size";
constexpr std::string_view kNearest = "self output_size scale=None scale_w=None scale_d=None";
constexpr std::string_view kSmooth = "self output_size align_corners scale=None scale_w=None scale_d=None";

constexpr OpRow kRows[] = {
    {"conv1d", kConv, read_conv},
    {"conv2d", kConv, read_conv},
    {"conv3d", kConv, read_conv},
    {"conv_transpose1d", kTransposed, read_conv_transpose},
    {"conv_transpose2d", kTransposed, read_conv_transpose},
    {"conv_transpose3d", kTransposed, read_conv_transpose},
    {"convolution", "self weight bias stride padding dilation transposed output_padding groups", read_convolution},
    {"_convolution",
     "self weight bias stride padding dilation transposed output_padding groups benchmark=False deterministic=False "
     "cudnn_enabled=True allow_tf32=True",
     read_convolution},
    {"_convolution_mode", "self weight bias stride padding dilation groups", read_conv},
    {"max_pool1d", kMax, read_max_pool<1>},
    {"max_pool2d", kMax, read_max_pool<2>},
    {"max_pool3d", kMax, read_max_pool<3>},
    {"max_pool2d_with_indices", kMax, read_max_pool_indices},
    {"avg_pool1d", kAverage, read_avg_pool<1>},
    {"avg_pool2d", kAverage, read_avg_pool<2>},
    {"avg_pool3d", kAverage, read_avg_pool<3>},
    {"adaptive_avg_pool1d", kSized, read_adaptive_avg<1>},
    {"adaptive_avg_pool2d", kSized, read_adaptive_avg<2>},
    {"_adaptive_avg_pool2d", kSized, read_adaptive_avg<2>},
    {"adaptive_avg_pool3d", kSized, read_adaptive_avg<3>},
    {"adaptive_max_pool1d", kSized, read_adaptive_max<1>},
    {"adaptive_max_pool2d", kSized, read_adaptive_max<2>},
    {"upsample_nearest1d", kNearest, read_nearest},
    {"upsample_nearest2d", kNearest, read_nearest},
    {"upsample_nearest3d", kNearest, read_nearest},
    {"_upsample_nearest_exact1d", kNearest, read_nearest_exact},
    {"_upsample_nearest_exact2d", kNearest, read_nearest_exact},
    {"upsample_linear1d", kSmooth, read_linear},
    {"upsample_bilinear2d", kSmooth, read_linear},
    {"upsample_trilinear3d", kSmooth, read_linear},
    {"upsample_bicubic2d", kSmooth, read_cubic},
    {"grid_sampler", "self grid mode padding align_corners", read_grid_sampler},
    {"grid_sampler_2d", "self grid mode padding align_corners", read_grid_sampler},
    {"affine_grid_generator", "theta size align_corners", read_affine_grid},
    {"pixel_shuffle", "self upscale_factor", read_pixel_shuffle},
    {"pixel_unshuffle", "self downscale_factor", read_pixel_unshuffle},
    {"channel_shuffle", "self groups", read_channel_shuffle},
    {"native_channel_shuffle", "self groups", read_channel_shuffle},
    {"constant_pad_nd", "self pad value=0", read_constant_pad},
    {"reflection_pad1d", "self pad", read_reflection_pad},
    {"reflection_pad2d", "self pad", read_reflection_pad},
    {"replication_pad1d", "self pad", read_replication_pad},
    {"replication_pad2d", "self pad", read_replication_pad},
    {"replication_pad3d", "self pad", read_replication_pad},
    {"pad", "self pad mode=constant value=None", read_pad},
};

}  // namespace

std::span<const OpRow> spatial_rows() { return kRows; }

}  // namespace hone::torch

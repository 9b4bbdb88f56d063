#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"
#include "formats/tensorflow/node.h"
#include "ops/conv.h"
#include "ops/norm.h"
#include "ops/permute.h"
#include "ops/pool.h"
#include "ops/resize.h"

namespace hone::tensorflow {

namespace {

/// SAME, VALID, or EXPLICIT with begins and ends of all four axes.
template <class Op>
void set_padding(const OpNode& n, Op& op) {
  const std::string padding = n.text("padding", "VALID");
  if (padding == "SAME" || padding == "VALID") {
    op.auto_pad = padding == "SAME" ? AutoPad::same_upper : AutoPad::valid;
    return;
  }
  const std::vector<int64_t> all = n.integers("explicit_paddings");
  if (padding != "EXPLICIT" || all.size() != 8) throw unsupported(cat("padding '", padding, "'"));
  const size_t first = n.is_channels_first() ? 4 : 2;
  op.pads = {all[first], all[first + 2], all[first + 1], all[first + 3]};
}

int64_t known_dim(const OpNode& n, size_t input, int64_t axis) {
  if (n.rank(input) != 4) throw invalid_model(cat("input ", input, " has rank ", n.rank(input), ", expected 4"));
  const Dim& dim = n.type(input).shape[axis];
  if (!dim.is_known() || dim.value() < 1) throw unsupported(cat("axis ", axis, " of input ", input, " is open"));
  return dim.value();
}

Conv convolution(const OpNode& n) {
  Conv op{.strides = n.spatial("strides"), .dilations = n.spatial("dilations")};
  set_padding(n, op);
  return op;
}

void read_conv(OpNode& n) {
  Conv op = convolution(n);
  const int64_t channels = known_dim(n, 0, n.is_channels_first() ? 1 : 3), per_group = known_dim(n, 1, 2);
  if (channels % per_group != 0) throw invalid_model(cat(channels, " channels, expected a multiple of ", per_group));
  op.groups = channels / per_group;
  n.emit(n.from_channels_last(n.add(op, {n.to_channels_last(n.x(0)), n.permuted_input(1, {3, 0, 1, 2})})));
}

/// [kh, kw, C, M] → [C·M, kh, kw, 1].
void read_depthwise(OpNode& n) {
  Conv op = convolution(n);
  op.groups = known_dim(n, 1, 2);
  const int64_t all = checked_mul(op.groups, known_dim(n, 1, 3));
  const Tensor w = permuted(n.constant(1), {2, 3, 0, 1}).reshaped({all, known_dim(n, 1, 0), known_dim(n, 1, 1), 1});
  n.emit(n.from_channels_last(n.add(op, {n.to_channels_last(n.x(0)), n.add_constant(w, "permuted")})));
}

/// (sizes: [4], w: [kh, kw, O, I], x).
void read_transposed(OpNode& n) {
  const std::vector<int64_t> sizes = n.constant_ints(0);
  if (sizes.size() != 4) throw invalid_model(cat("the output has ", sizes.size(), " axes, expected 4"));
  ConvTranspose op{.strides = n.spatial("strides"), .dilations = n.spatial("dilations")};
  set_padding(n, op);
  const size_t first = n.is_channels_first() ? 2 : 1;
  op.output_shape = {sizes[first], sizes[first + 1]};
  n.emit(n.from_channels_last(n.add(op, {n.to_channels_last(n.x(2)), n.permuted_input(1, {3, 0, 1, 2})})));
}

template <class Op>
void read_pool(OpNode& n) {
  Op op;
  op.kernel = n.spatial("ksize");
  op.strides = n.spatial("strides");
  set_padding(n, op);
  n.emit(n.from_channels_last(n.add_many(op, {n.to_channels_last(n.x())}, 1)[0]));
}

void read_batch_norm(OpNode& n) {
  const auto training = n.def.attributes.find("is_training");
  if (training == n.def.attributes.end() || training->second.boolean())
    throw unsupported("batch normalization in training", "export the model for inference");
  const ValueId y = n.add(BatchNorm{.epsilon = n.real("epsilon", 1e-4f)},
                          {n.to_channels_last(n.x(0)), n.x(1), n.x(2), n.x(3), n.x(4)});
  n.emit(n.from_channels_last(y));
}

void read_resize(OpNode& n) {
  const bool is_linear = n.def.op == "ResizeBilinear";
  const ResizeCoordinates centers = is_linear ? ResizeCoordinates::half_pixel : ResizeCoordinates::tf_half_pixel_for_nn;
  const Resize op{.mode = is_linear ? ResizeMode::linear : ResizeMode::nearest,
                  .coordinates = n.flag("align_corners")        ? ResizeCoordinates::align_corners
                                 : n.flag("half_pixel_centers") ? centers
                                                                : ResizeCoordinates::asymmetric,
                  .nearest_mode = n.flag("align_corners") ? NearestMode::round_prefer_ceil : NearestMode::floor,
                  .axes = {1, 2}};
  n.emit(n.add(op, {n.x(0), {}, {}, n.ints(n.constant_ints(1), "sizes")}));
}

constexpr OpRow kRows[] = {
    {"Conv2D", read_conv},
    {"DepthwiseConv2dNative", read_depthwise},
    {"Conv2DBackpropInput", read_transposed},
    {"MaxPool", read_pool<MaxPool>},
    {"AvgPool", read_pool<AveragePool>},
    {"FusedBatchNorm", read_batch_norm, "y batch_mean batch_variance reserve_space_1 reserve_space_2"},
    {"FusedBatchNormV2", read_batch_norm, "y batch_mean batch_variance reserve_space_1 reserve_space_2"},
    {"FusedBatchNormV3", read_batch_norm,
     "y batch_mean batch_variance reserve_space_1 reserve_space_2 reserve_space_3"},
    {"ResizeBilinear", read_resize},
    {"ResizeNearestNeighbor", read_resize},
};

}  // namespace

std::span<const OpRow> spatial_rows() { return kRows; }

}  // namespace hone::tensorflow

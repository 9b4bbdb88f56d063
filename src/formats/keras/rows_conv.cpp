#include <algorithm>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"
#include "formats/keras/layer.h"
#include "ops/conv.h"
#include "ops/matmul.h"

namespace hone::keras {

namespace {

/// Spatial axes of "Conv2D", "DepthwiseConv1D".
size_t axes_of(const Layer& l) {
  const size_t at = l.type.find_first_of("123");
  return at == std::string::npos ? 2 : static_cast<size_t>(l.type[at] - '0');
}

/// The kernel's dims, spatial ones first, then the others.
Dims kernel_dims(const std::vector<int64_t>& kernel, std::initializer_list<int64_t> others) {
  Dims dims(kernel.begin(), kernel.end());
  dims.insert(dims.end(), others);
  return dims;
}

/// [k…, A, B] → [B, k…, A], which is how all of hone's convolutions store their weights.
Tensor last_first(const Tensor& kernel) {
  std::vector<int64_t> perm{kernel.rank() - 1};
  for (int64_t i = 0; i + 1 < kernel.rank(); ++i) perm.push_back(i);
  return permuted(kernel, perm);
}

/// [k…, C, M] → [C·M, k…, 1].
Tensor depthwise(const Tensor& kernel) {
  const int64_t r = kernel.rank(), channels = kernel.dim(r - 2), multiplier = kernel.dim(r - 1);
  std::vector<int64_t> perm{r - 2, r - 1};
  Dims dims{checked_mul(channels, multiplier)};
  for (int64_t i = 0; i + 2 < r; ++i) {
    perm.push_back(i);
    dims.push_back(kernel.dim(i));
  }
  dims.push_back(1);
  return permuted(kernel, perm).reshaped(dims);
}

Conv window(const Layer& l, size_t axes, const std::vector<int64_t>& kernel) {
  Conv op{.strides = l.ints("strides", axes, 1), .dilations = l.ints("dilation_rate", axes, 1)};
  const std::string padding = lower(l.text("padding", "valid"));
  if (padding == "same") {
    op.auto_pad = AutoPad::same_upper;
  } else if (padding == "valid") {
    op.auto_pad = AutoPad::valid;
  } else if (padding == "causal" && axes == 1) {
    op.pads = {checked_mul(kernel[0] - 1, op.dilations[0]), 0};
  } else {
    throw unsupported(cat("padding '", padding, "'"));
  }
  return op;
}

ValueId bias(Layer& l, int64_t index, int64_t channels) {
  return l.flag("use_bias", true) ? l.constant(l.weight("bias", index, {channels}), "bias") : ValueId{};
}

void finish(Layer& l, ValueId y) { l.emit(l.from_channels_last(l.activated(y))); }

void read_conv(Layer& l) {
  const size_t axes = axes_of(l);
  const auto kernel = l.ints("kernel_size", axes, 1);
  const ValueId x = l.to_channels_last(l.x());
  Conv op = window(l, axes, kernel);
  op.groups = l.integer("groups", 1);
  const int64_t channels = l.dim(x, -1), filters = l.integer("filters", 1);
  if (op.groups < 1 || channels % op.groups != 0)
    throw invalid_model(cat(channels, " channels in ", op.groups, " groups"));
  const Tensor w = l.weight("kernel", 0, kernel_dims(kernel, {channels / op.groups, filters}));
  finish(l, l.add(op, {x, l.constant(last_first(w), "kernel"), bias(l, 1, filters)}));
}

ValueId add_depthwise(Layer& l, size_t axes, const std::vector<int64_t>& kernel, ValueId x, ValueId bias) {
  Conv op = window(l, axes, kernel);
  op.groups = l.dim(x, -1);
  const Tensor w =
      l.weight("depthwise_kernel|kernel", 0, kernel_dims(kernel, {op.groups, l.integer("depth_multiplier", 1)}));
  return l.add(op, {x, l.constant(depthwise(w), "depthwise_kernel"), bias});
}

/// Keras 3 calls the only kernel of a depthwise layer "kernel".
void read_depthwise(Layer& l) {
  const size_t axes = axes_of(l);
  const auto kernel = l.ints("kernel_size", axes, 1);
  const ValueId x = l.to_channels_last(l.x());
  const int64_t out = checked_mul(l.dim(x, -1), l.integer("depth_multiplier", 1));
  finish(l, add_depthwise(l, axes, kernel, x, bias(l, 1, out)));
}

void read_separable(Layer& l) {
  const size_t axes = axes_of(l);
  const auto kernel = l.ints("kernel_size", axes, 1);
  const int64_t filters = l.integer("filters", 1);
  const ValueId middle = add_depthwise(l, axes, kernel, l.to_channels_last(l.x()), {});
  const std::vector<int64_t> point(axes, 1);
  const Tensor w = l.weight("pointwise_kernel", 1, kernel_dims(point, {l.dim(middle, -1), filters}));
  finish(l, l.add(Conv{.auto_pad = AutoPad::valid},
                  {middle, l.constant(last_first(w), "pointwise_kernel"), bias(l, 2, filters)}));
}

/// Sizes that Keras gives a transposed convolution (its deconv_output_length).
int64_t transposed_size(int64_t in, int64_t kernel, int64_t stride, bool is_same, int64_t extra) {
  if (extra >= 0) return (in - 1) * stride + kernel + extra - (is_same ? kernel / 2 * 2 : 0);
  return in * stride + (is_same ? 0 : std::max<int64_t>(kernel - stride, 0));
}

void read_transposed(Layer& l) {
  const size_t axes = axes_of(l);
  const auto kernel = l.ints("kernel_size", axes, 1), extra = l.ints("output_padding", axes, -1);
  const ValueId x = l.to_channels_last(l.x());
  const Conv shape = window(l, axes, kernel);
  ConvTranspose op{.strides = shape.strides, .dilations = shape.dilations, .auto_pad = shape.auto_pad};
  for (size_t i = 0; i < axes; ++i) {
    const int64_t extent = (kernel[i] - 1) * shape.dilations[i] + 1;
    op.output_shape.push_back(transposed_size(l.dim(x, static_cast<int64_t>(i) + 1), extent, shape.strides[i],
                                              shape.auto_pad == AutoPad::same_upper, extra[i]));
  }
  const int64_t filters = l.integer("filters", 1);
  const Tensor w = l.weight("kernel", 0, kernel_dims(kernel, {filters, l.dim(x, -1)}));
  finish(l, l.add(op, {x, l.constant(last_first(w), "kernel"), bias(l, 1, filters)}));
}

void read_dense(Layer& l) {
  const ValueId x = l.x();
  const int64_t units = l.integer("units", 1);
  const Tensor w = l.weight("kernel", 0, {l.dim(x, -1), units});
  l.emit(l.activated(l.add(FullyConnected{}, {x, l.constant(permuted(w, {1, 0}), "kernel"), bias(l, 1, units)})));
}

constexpr LayerRow kRows[] = {
    {"Conv1D", read_conv},
    {"Conv2D", read_conv},
    {"Conv3D", read_conv},
    {"DepthwiseConv1D", read_depthwise},
    {"DepthwiseConv2D", read_depthwise},
    {"SeparableConv1D", read_separable},
    {"SeparableConv2D", read_separable},
    {"Conv1DTranspose", read_transposed},
    {"Conv2DTranspose", read_transposed},
    {"Conv3DTranspose", read_transposed},
    {"Dense", read_dense},
};

}  // namespace

std::span<const LayerRow> conv_rows() { return kRows; }

}  // namespace hone::keras

#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "formats/tflite/bias.h"
#include "formats/tflite/rows.h"
#include "formats/tflite/types.h"
#include "formats/tflite/window.h"
#include "ops/conv.h"

namespace hone::tflite {

namespace {

using B = fb::BuiltinOperator;

/// The bias of a quantized convolution is scaled by input and weight even where the file does not say so.
ValueId read_bias(ReadNode& n, size_t i, size_t x, size_t w) {
  if (!n.has(i)) return {};
  const QuantPtr qx = n.type(x).quant, qw = n.type(w).quant;
  if (!qx || !qw || n.type(i).quant || !n.is_constant(i) || is_float(n.type(i).dtype)) return n.in(i);
  std::vector<float> scales;
  for (const float s : qw->scales) scales.push_back(s * qx->scale());
  const int64_t axis = scales.size() > 1 ? 0 : -1;
  std::vector<int32_t> zeros(scales.size(), 0);
  return n.add_constant(n.constant(i).with_quant(QuantParams::per_channel(std::move(scales), std::move(zeros), axis)),
                        "bias");
}

/// Size of axis i of a weight. Throws Error(unsupported) when unknown.
int64_t known_dim(ReadNode& n, size_t input, int64_t axis, int64_t rank) {
  const Shape& shape = n.type(input).shape;
  if (!shape.has_rank() || shape.rank() != rank)
    throw invalid_model(cat("input ", input, " has shape ", shape, ", expected rank ", rank));
  if (!shape[axis].is_known()) throw unsupported(cat("axis ", axis, " of input ", input, " is unknown"));
  return positive(shape[axis].value(), "a weight or channel dimension");
}

int64_t groups_of(ReadNode& n, int64_t weight_axis, int64_t rank) {
  const int64_t channels = known_dim(n, 0, rank - 1, rank), per_group = known_dim(n, 1, weight_axis, rank);
  if (channels % per_group != 0)
    throw invalid_model(cat("input has ", channels, " channels, expected a multiple of the weight's ", per_group));
  return channels / per_group;
}

void read_conv2d(ReadNode& n) {
  const auto o = n.options<fb::Conv2DOptionsT>();
  Conv op{.strides = {positive(o.stride_h, "stride_h"), positive(o.stride_w, "stride_w")},
          .dilations = {positive(o.dilation_h_factor, "dilation_h"), positive(o.dilation_w_factor, "dilation_w")},
          .auto_pad = auto_pad_of(o.padding),
          .groups = groups_of(n, 3, 4)};
  n.emit_activated(std::move(op), o.fused_activation_function, {n.in(0), n.in(1), read_bias(n, 2, 0, 1)});
}

void read_depthwise(ReadNode& n) {
  const auto o = n.options<fb::DepthwiseConv2DOptionsT>();
  if (known_dim(n, 1, 0, 4) != 1) throw invalid_model("depthwise weight must have shape [1, h, w, channels]");
  Conv op{.strides = {positive(o.stride_h, "stride_h"), positive(o.stride_w, "stride_w")},
          .dilations = {positive(o.dilation_h_factor, "dilation_h"), positive(o.dilation_w_factor, "dilation_w")},
          .auto_pad = auto_pad_of(o.padding),
          .groups = known_dim(n, 0, 3, 4)};
  const ValueId bias = read_bias(n, 2, 0, 1);
  n.emit_activated(std::move(op), o.fused_activation_function, {n.in(0), n.permuted(1, {3, 1, 2, 0}), bias});
}

void read_conv3d(ReadNode& n) {
  const auto o = n.options<fb::Conv3DOptionsT>();
  Conv op{
      .strides = {positive(o.stride_d, "stride_d"), positive(o.stride_h, "stride_h"), positive(o.stride_w, "stride_w")},
      .dilations = {positive(o.dilation_d_factor, "dilation_d"), positive(o.dilation_h_factor, "dilation_h"),
                    positive(o.dilation_w_factor, "dilation_w")},
      .auto_pad = auto_pad_of(o.padding),
      .groups = groups_of(n, 3, 5)};
  n.emit_activated(std::move(op), o.fused_activation_function,
                   {n.in(0), n.permuted(1, {4, 0, 1, 2, 3}), n.optional(2)});
}

/// Whether a convolution of `padding` takes `out` elements to `in`, as its transpose must undo.
bool is_undone(fb::Padding padding, int64_t in, int64_t out, int64_t kernel, int64_t stride) {
  if (padding == fb::Padding::SAME) return in == (out + stride - 1) / stride;
  return out >= kernel && in == (out - kernel) / stride + 1;
}

/// Spatial dims asked for by input 0, a shape [N, s…, C]. An open batch makes that a value of run time, put together
/// from the batch and numbers; the numbers are those of the declared output, if they are sizes this operator can have.
std::vector<int64_t> output_shape(ReadNode& n, fb::Padding padding, const std::vector<int64_t>& strides) {
  const auto rank = static_cast<int64_t>(strides.size()) + 2;
  if (n.is_constant(0)) {
    const std::vector<int64_t> shape = n.ints(0);
    if (shape.size() != static_cast<size_t>(rank))
      throw invalid_model(cat("output shape has ", shape.size(), " entries, expected ", rank));
    return {shape.begin() + 1, shape.end() - 1};
  }
  const Shape& declared = n.out_type(0).shape;
  std::vector<int64_t> sizes;
  for (int64_t axis = 1; axis + 1 < rank; ++axis) {
    if (declared.rank() != rank || !declared[axis].is_known()) throw unsupported("output of unknown size");
    sizes.push_back(declared[axis].value());
    const int64_t kernel = known_dim(n, 1, rank == 5 ? axis - 1 : axis, rank);
    if (!is_undone(padding, known_dim(n, 2, axis, rank), sizes.back(), kernel, strides[static_cast<size_t>(axis) - 1]))
      throw unsupported("output of unknown size");
  }
  return sizes;
}

void read_transpose_conv(ReadNode& n) {
  const auto o = n.options<fb::TransposeConvOptionsT>();
  ConvTranspose op{.strides = {positive(o.stride_h, "stride_h"), positive(o.stride_w, "stride_w")},
                   .auto_pad = auto_pad_of(o.padding)};
  op.output_shape = output_shape(n, o.padding, op.strides);
  const ValueId bias = read_bias(n, 3, 2, 1);
  n.emit_activated(std::move(op), o.fused_activation_function, {n.in(2), n.permuted(1, {3, 1, 2, 0}), bias});
}

void read_conv3d_transpose(ReadNode& n) {
  const auto o = n.options<fb::Conv3DOptionsT>();
  ConvTranspose op{
      .strides = {positive(o.stride_d, "stride_d"), positive(o.stride_h, "stride_h"), positive(o.stride_w, "stride_w")},
      .dilations = {o.dilation_d_factor, o.dilation_h_factor, o.dilation_w_factor},
      .auto_pad = auto_pad_of(o.padding)};
  op.output_shape = output_shape(n, o.padding, op.strides);
  n.emit_activated(std::move(op), o.fused_activation_function,
                   {n.in(2), n.permuted(1, {4, 0, 1, 2, 3}), n.optional(3)});
}

/// [N, W, C] → [N, 1, W, C].
TensorType with_height(TensorType type) {
  type.shape.list().insert(type.shape.list().begin() + 1, Dim(1));
  return type;
}

bool is_hybrid(const WriteNode& n, size_t x, size_t w) { return !n.type(x).quant && n.type(w).quant; }

int32_t conv_version(const WriteNode& n, bool is_grouped) {
  const TensorType& w = n.type(1);
  if (w.dtype == DType::kI4) return 7;
  if (is_grouped) return 6;
  if (is_hybrid(n, 0, 1)) return w.quant->is_per_tensor() ? 2 : 5;
  return Versions{.f32 = 1, .i8 = 3, .i16 = 4}.of(n.type(0));
}

int32_t depthwise_version(const WriteNode& n, bool is_dilated) {
  const TensorType& w = n.type(1);
  if (w.dtype == DType::kI4) return 7;
  if (is_hybrid(n, 0, 1)) return w.quant->is_per_tensor() ? 4 : 6;
  return Versions{.f32 = is_dilated ? 2 : 1, .i8 = 3, .i16 = 5}.of(n.type(0));
}

/// Input, weight and output of a convolution over two spatial axes; those of one axis are seen as images of height 1.
struct PlanarConv {
  TensorIndex x, y;
  std::vector<int64_t> strides, dilations;
};

PlanarConv planar(WriteNode& n, TensorIndex x, TensorIndex y, const Window& window) {
  if (window.kernel.size() == 2) return {x, y, window.strides, window.dilations};
  PlanarConv p{n.temp(with_height(n.type_of(x)), "planar"),
               n.temp(with_height(n.type_of(y)), "planar_out"),
               {1, window.strides[0]},
               {1, window.dilations[0]}};
  n.reshape(x, p.x);
  return p;
}

TensorIndex planar_weight(WriteNode& n, bool is_depthwise, bool is_1d) {
  if (!is_1d) return is_depthwise ? n.permuted(1, {3, 1, 2, 0}) : n.in(1);
  const Tensor& w = n.constant(1);
  if (w.quant() && w.quant()->axis > 0) throw unsupported("weight quantized along an axis that is not its first");
  const Tensor tall = w.reshaped({w.dim(0), 1, w.dim(1), w.dim(2)});
  return n.add_constant(is_depthwise ? transposed(tall, {3, 1, 2, 0}) : tall, "weight");
}

bool write_planar_conv(WriteNode& n, const Conv& op, const Window& window, bool is_depthwise) {
  const FilePadding padding = file_padding(window);
  const TensorIndex from = padded(n, n.in(0), padding);
  const bool is_1d = window.kernel.size() == 1;
  const PlanarConv p = planar(n, from, n.out(), window);
  const TensorIndex w = planar_weight(n, is_depthwise, is_1d);
  auto fill = [&](auto o) {
    o.padding = padding.padding;
    o.stride_h = static_cast<int32_t>(p.strides[0]);
    o.stride_w = static_cast<int32_t>(p.strides[1]);
    o.dilation_h_factor = static_cast<int32_t>(p.dilations[0]);
    o.dilation_w_factor = static_cast<int32_t>(p.dilations[1]);
    return o;
  };
  std::vector<TensorIndex> inputs{p.x, w};
  inputs.push_back(bias(n, 2, n.type(0), n.type(1), n.dims(1)[0]));
  if (is_depthwise) {
    auto o = fill(fb::DepthwiseConv2DOptionsT());
    o.depth_multiplier = static_cast<int32_t>(n.dims(1)[0] / op.groups);
    const bool is_dilated = p.dilations[0] != 1 || p.dilations[1] != 1;
    n.emit_activated(B::DEPTHWISE_CONV_2D, depthwise_version(n, is_dilated), o, op.act_min, op.act_max, inputs, p.y);
  } else {
    n.emit_activated(B::CONV_2D, conv_version(n, op.groups > 1), fill(fb::Conv2DOptionsT()), op.act_min, op.act_max,
                     inputs, p.y);
  }
  if (is_1d) n.reshape(p.y, n.out());
  return true;
}

bool write_conv3d(WriteNode& n, const Conv& op, const Window& window) {
  if (n.type(0).quant || n.type(1).quant) throw unsupported("quantized convolution over three axes");
  const FilePadding padding = file_padding(window);
  fb::Conv3DOptionsT o;
  o.padding = padding.padding;
  o.stride_d = static_cast<int32_t>(window.strides[0]);
  o.stride_h = static_cast<int32_t>(window.strides[1]);
  o.stride_w = static_cast<int32_t>(window.strides[2]);
  o.dilation_d_factor = static_cast<int32_t>(window.dilations[0]);
  o.dilation_h_factor = static_cast<int32_t>(window.dilations[1]);
  o.dilation_w_factor = static_cast<int32_t>(window.dilations[2]);
  std::vector<TensorIndex> inputs{padded(n, n.in(0), padding), n.permuted(1, {1, 2, 3, 4, 0})};
  if (n.has(2)) inputs.push_back(n.in(2));
  n.emit_activated(B::CONV_3D, 1, o, op.act_min, op.act_max, inputs, n.out());
  return true;
}

bool write_conv(WriteNode& n) {
  const Conv& op = n.as<Conv>();
  const Dims w = n.dims(1);
  const size_t spatial = w.size() - 2;
  Window window{.input = spatial_dims(n),
                .kernel = {w.begin() + 1, w.end() - 1},
                .strides = op.strides,
                .dilations = op.dilations,
                .pads = op.pads,
                .auto_pad = op.auto_pad};
  complete(window, spatial);
  if (spatial == 3) return op.groups == 1 && write_conv3d(n, op, window);
  if (spatial > 3) return false;
  return write_planar_conv(n, op, window, op.groups > 1 && w.back() == 1);
}

/// TFLite derives the padding of a transposed convolution from its output's size; only pads that agree can be said.
fb::Padding transposed_padding(const ConvTranspose& op, const Dims& in, const Dims& out, const Dims& kernel) {
  const size_t spatial = kernel.size();
  if (op.auto_pad == AutoPad::same_upper) return fb::Padding::SAME;
  if (op.auto_pad == AutoPad::valid) return fb::Padding::VALID;
  bool is_same = true, is_valid = true;
  for (size_t i = 0; i < spatial; ++i) {
    const int64_t stride = op.strides.empty() ? 1 : op.strides[i];
    const int64_t before = op.auto_pad == AutoPad::explicit_pads && !op.pads.empty() ? op.pads[i] : 0;
    const int64_t total = std::max<int64_t>((in[i] - 1) * stride + kernel[i] - out[i], 0);
    is_valid = is_valid && before == 0 && out[i] >= (in[i] - 1) * stride + kernel[i];
    is_same = is_same && in[i] == (out[i] + stride - 1) / stride && before == total / 2;
  }
  if (op.auto_pad == AutoPad::same_lower || (!is_same && !is_valid))
    throw unsupported("transposed convolution whose padding is neither SAME nor VALID");
  return is_valid ? fb::Padding::VALID : fb::Padding::SAME;
}

bool write_conv_transpose(WriteNode& n) {
  const ConvTranspose& op = n.as<ConvTranspose>();
  const Dims w = n.dims(1);
  Dims in, out;
  for (int64_t axis = 1; axis + 1 < static_cast<int64_t>(w.size()); ++axis) {
    in.push_back(n.dim(0, axis));
    out.push_back(n.out_dim(0, axis));
  }
  for (const int64_t d : op.dilations)
    if (d != 1) throw unsupported("dilated transposed convolution");
  if (op.groups != 1) throw unsupported(cat("transposed convolution with ", op.groups, " groups"));
  const Dims kernel(w.begin() + 1, w.end() - 1);
  const fb::Padding padding = transposed_padding(op, in, out, kernel);
  const std::vector<int64_t> strides = op.strides.empty() ? std::vector<int64_t>(kernel.size(), 1) : op.strides;
  const TensorIndex shape = n.out_shape_from(0, 1);
  if (kernel.size() == 3) {
    fb::Conv3DOptionsT o;
    o.padding = padding;
    o.stride_d = static_cast<int32_t>(strides[0]);
    o.stride_h = static_cast<int32_t>(strides[1]);
    o.stride_w = static_cast<int32_t>(strides[2]);
    std::vector<TensorIndex> inputs{shape, n.permuted(1, {1, 2, 3, 4, 0}), n.in(0)};
    if (n.has(2)) inputs.push_back(n.in(2));
    n.emit_activated(B::CONV_3D_TRANSPOSE, 1, o, op.act_min, op.act_max, inputs, n.out());
    return true;
  }
  if (kernel.size() != 2) return false;
  fb::TransposeConvOptionsT o;
  o.padding = padding;
  o.stride_h = static_cast<int32_t>(strides[0]);
  o.stride_w = static_cast<int32_t>(strides[1]);
  std::vector<TensorIndex> inputs{shape, n.permuted(1, {3, 1, 2, 0}), n.in(0)};
  int32_t version = Versions{.f32 = 1, .i8 = 2, .i16 = 2}.of(n.type(0));
  if (n.has(2)) {
    inputs.push_back(bias(n, 2, n.type(0), n.type(1), n.out_dim(0, 3)));
    version = 3;
  }
  // Version 4 brought fused activations; older runtimes get the clamp behind the operator.
  const bool is_clamped = !std::isinf(op.act_min) || !std::isinf(op.act_max);
  const TensorIndex to = is_clamped ? n.temp(n.out_type(), "unclamped") : n.out();
  n.emit(B::TRANSPOSE_CONV, version, o, inputs, {to});
  if (is_clamped) n.clamp(to, n.out(), op.act_min, op.act_max);
  return true;
}

constexpr Row kRows[] = {
    {B::CONV_2D, 8, read_conv2d, &Conv::def, write_conv},
    {B::DEPTHWISE_CONV_2D, 7, read_depthwise, nullptr, nullptr},
    {B::CONV_3D, 1, read_conv3d, nullptr, nullptr},
    {B::TRANSPOSE_CONV, 5, read_transpose_conv, &ConvTranspose::def, write_conv_transpose},
    {B::CONV_3D_TRANSPOSE, 1, read_conv3d_transpose, nullptr, nullptr},
};

}  // namespace

std::span<const Row> conv_rows() { return kRows; }

}  // namespace hone::tflite

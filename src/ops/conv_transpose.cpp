#include <algorithm>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"
#include "ops/compute.h"
#include "ops/conv.h"
#include "ops/conv_kernel.h"
#include "ops/requantize.h"

namespace hone {
namespace {

/// A list attribute has one entry per spatial axis, or none at all.
void check_length(std::string_view name, std::span<const int64_t> values, size_t spatial) {
  if (!values.empty() && values.size() != spatial)
    throw invalid_model(
        cat("convtranspose: ", name, " ", values, " has ", values.size(), " entries, expected ", spatial));
  for (int64_t v : values)
    if (v < 0 || v > int64_t(1) << 31) throw invalid_model(cat("convtranspose: ", name, " ", values, " contains ", v));
}

/// Padding and size of one axis. The result describes the convolution that this one reverses: `in` is the size of the
/// result, `out` the size of x. ONNX ConvTranspose (opset 11): explicit pads give the size; a given size, or SAME,
/// gives the pads, the odd element at the end for same_upper and at the beginning otherwise.
WindowAxis resolve_axis(const ConvTranspose& op, size_t i, size_t spatial, int64_t kernel, int64_t x) {
  WindowAxis axis{.kernel = kernel,
                  .stride = op.strides.empty() ? 1 : op.strides[i],
                  .dilation = op.dilations.empty() ? 1 : op.dilations[i],
                  .out = x};
  const int64_t extra = op.output_padding.empty() ? 0 : op.output_padding[i];
  const int64_t reach = x == 0 ? 0 : checked_add(checked_add(checked_mul(axis.stride, x - 1), axis.extent()), extra);
  const bool same = op.auto_pad == AutoPad::same_upper || op.auto_pad == AutoPad::same_lower;
  if (op.output_shape.empty() && !same) {
    if (op.auto_pad == AutoPad::explicit_pads && !op.pads.empty()) {
      axis.pad_begin = op.pads[i];
      axis.pad_end = op.pads[i + spatial];
    }
    axis.in = reach - axis.pad_begin - axis.pad_end;
    if (axis.in < 0 || (axis.in == 0 && x > 0))
      throw invalid_model(cat("convtranspose: padding ", axis.pad_begin, " + ", axis.pad_end,
                              " leaves nothing of an output of size ", reach));
    return axis;
  }
  axis.in = op.output_shape.empty() ? checked_mul(x, axis.stride) : op.output_shape[i];
  const int64_t total = std::max<int64_t>(reach - axis.in, 0);
  if (op.auto_pad == AutoPad::valid) return axis;
  axis.pad_begin = op.auto_pad == AutoPad::same_upper ? total / 2 : total - total / 2;
  axis.pad_end = total - axis.pad_begin;
  return axis;
}

void check_attributes(const ConvTranspose& op, std::span<const int64_t> kernel) {
  check_window(
      "convtranspose",
      {.kernel = kernel, .strides = op.strides, .dilations = op.dilations, .pads = op.pads, .auto_pad = op.auto_pad},
      static_cast<int64_t>(kernel.size()));
  check_length("output_padding", op.output_padding, kernel.size());
  check_length("output_shape", op.output_shape, kernel.size());
}

std::vector<WindowAxis> resolve(const ConvTranspose& op, const Dims& kernel, const Dims& x) {
  check_attributes(op, kernel);
  std::vector<WindowAxis> axes;
  for (size_t i = 0; i < kernel.size(); ++i) axes.push_back(resolve_axis(op, i, kernel.size(), kernel[i], x[i]));
  return axes;
}

Dim out_channels(const ConvTranspose& op, const Shape& w) {
  const Dim& per_group = w[w.rank() - 1];
  return per_group.is_known() ? Dim(checked_mul(per_group.value(), op.groups)) : op.groups == 1 ? per_group : Dim();
}

void check_channels(const ConvTranspose& op, const Shape& x, const Shape& w) {
  if (op.groups < 1) throw invalid_model(cat("convtranspose: groups is ", op.groups, ", expected 1 or more"));
  const Dim &in = x[x.rank() - 1], &w_in = w[0];
  if (in.is_known() && w_in.is_known() && in.value() != w_in.value())
    throw invalid_model(cat("convtranspose: weight has ", w_in.value(), " input channels, input x has ", in.value()));
  if (w_in.is_known() && w_in.value() % op.groups != 0)
    throw invalid_model(
        cat("convtranspose: ", w_in.value(), " input channels do not divide into ", op.groups, " groups"));
}

void infer(InferContext& ctx) {
  const ConvTranspose& op = ctx.attrs<ConvTranspose>();
  const Shape &x = ctx.shape(0), &w = ctx.shape(1);
  const DType dtype = sum_dtype("convtranspose", ctx.dtype(0), ctx.dtype(1));
  if (!x.has_rank() || !w.has_rank()) {
    ctx.output(0, dtype, x.has_rank() ? Shape::unknown_of_rank(x.rank()) : Shape::unranked());
    return;
  }
  if (x.rank() < 3 || x.rank() > 5 || w.rank() != x.rank())
    throw invalid_model(cat("convtranspose: x ", to_text(x), " and weight ", to_text(w),
                            ", expected equal ranks of 3 to 5 (batch, one to three spatial axes, channels)"));
  check_channels(op, x, w);
  const Dim channels = out_channels(op, w);
  if (ctx.has_input(2)) check_channel_vector("convtranspose", "bias", ctx.shape(2), channels);
  Shape out = Shape::unknown_of_rank(x.rank());
  out[0] = x[0];
  out[x.rank() - 1] = channels;
  const size_t spatial = static_cast<size_t>(x.rank() - 2);
  Dims kernel;
  for (size_t i = 0; i < spatial; ++i)
    kernel.push_back(w[static_cast<int64_t>(i) + 1].is_known() ? w[static_cast<int64_t>(i) + 1].value() : 1);
  check_attributes(op, kernel);
  for (size_t i = 0; i < spatial; ++i) {
    const int64_t axis = static_cast<int64_t>(i) + 1;
    if (!op.output_shape.empty())
      out[axis] = op.output_shape[i];
    else if (x[axis].is_known() && w[axis].is_known())
      out[axis] = resolve_axis(op, i, spatial, kernel[i], x[axis].value()).in;
  }
  ctx.output(0, dtype, out);
}

ConvSizes sizes_of(const ConvTranspose& op, const Tensor& x, const Tensor& w) {
  return {.batch = x.dim(0),
          .in_channels = x.dim(x.rank() - 1),
          .out_channels = w.dim(w.rank() - 1) * op.groups,
          .groups = op.groups,
          .axes = three_axes(resolve(op, spatial_dims(w.dims()), spatial_dims(x.dims())))};
}

void eval(EvalContext& ctx) {
  const ConvTranspose& op = ctx.op<ConvTranspose>();
  const Tensor &x = ctx.in(0), &w = ctx.in(1);
  const ConvSizes sizes = sizes_of(op, x, w);
  Tensor& y = ctx.make_output(0);
  dispatch_sum("convtranspose", y.dtype(), [&]<class T>(std::type_identity<T>) {
    const auto sums = convolve_transposed<T>(sizes, elements_as<T>(x), elements_as<T>(w));
    const auto bias = ctx.has(2) ? elements_as<T>(ctx.in(2)) : std::vector<T>();
    store_sums<T>(sums, bias, op.act_min, op.act_max, y);
  });
}

void eval_quantized(EvalContext& ctx) {
  const ConvTranspose& op = ctx.op<ConvTranspose>();
  const Tensor &x = ctx.in(0), &w = ctx.in(1);
  const Requantization r{.x = x,
                         .w = w,
                         .bias = ctx.has(2) ? ctx.in(2) : Tensor(),
                         .out = ctx.output_types[0],
                         .act_min = op.act_min,
                         .act_max = op.act_max,
                         .channels = w.dim(w.rank() - 1) * op.groups,
                         .weight_axis = w.rank() - 1,
                         .product_in_float = x.dtype() == DType::kU8};
  if (!can_requantize(r)) return eval_in_float(ctx, widened<eval>);
  // 32-bit multipliers for 16-bit x too: unlike its other 16-bit kernels, TFLite's TRANSPOSE_CONV has them.
  const auto sums =
      convolve_transposed<uint32_t>(sizes_of(op, x, w), centered_as<uint32_t>(x), centered_as<uint32_t>(w));
  ctx.outputs[0] = requantize(r, sums, ctx.output_types[0].shape.dims());
}

int64_t macs(const Attrs&, std::span<const TensorType* const> in, std::span<const TensorType* const>) {
  const Dims w = in[1]->shape.dims();
  return checked_mul(in[0]->shape.elements(), checked_product(std::span(w).subspan(1)));
}

constexpr InputRule kInputs[] = {{.name = "x", .min_rank = 3, .max_rank = 5},
                                 {.name = "weight", .min_rank = 3, .max_rank = 5},
                                 {.name = "bias", .min_rank = 1, .max_rank = 1}};

}  // namespace

constinit const OpDef ConvTranspose::def{
    .name = ConvTranspose::kName,
    .attrs = &attr_type<ConvTranspose>(),
    .min_inputs = 2,
    .max_inputs = 3,
    .infer = infer,
    .eval = widened<eval>,
    .eval_quantized = eval_quantized,
    .macs = macs,
    .quant = {.kind = QuantRule::kOwnRange, .weight = 1, .bias = 2, .weight_axis = -1},
    .inputs = kInputs};

}  // namespace hone

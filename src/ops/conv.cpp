#include "ops/conv.h"

#include <algorithm>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"
#include "ops/compute.h"
#include "ops/conv_kernel.h"
#include "ops/hybrid.h"
#include "ops/requantize.h"

namespace hone {
namespace {

WindowSpec spec_of(const Conv& op, std::span<const int64_t> kernel) {
  return {.kernel = kernel, .strides = op.strides, .dilations = op.dilations, .pads = op.pads, .auto_pad = op.auto_pad};
}

void check_channels(const Conv& op, const Shape& x, const Shape& w) {
  if (op.groups < 1) throw invalid_model(cat("conv: groups is ", op.groups, ", expected 1 or more"));
  const Dim &in = x[x.rank() - 1], &w_in = w[w.rank() - 1], &out = w[0];
  if (in.is_known() && w_in.is_known() && in.value() != checked_mul(w_in.value(), op.groups))
    throw invalid_model(cat("conv: weight has ", w_in.value(), " input channels",
                            op.groups > 1 ? cat(" in each of ", op.groups, " groups") : std::string(), ", input x has ",
                            in.value()));
  if (out.is_known() && out.value() % op.groups != 0)
    throw invalid_model(cat("conv: ", out.value(), " output channels do not divide into ", op.groups, " groups"));
}

void infer(InferContext& ctx) {
  const Conv& op = ctx.attrs<Conv>();
  const Shape &x = ctx.shape(0), &w = ctx.shape(1);
  const DType dtype = sum_dtype("conv", ctx.dtype(0), ctx.dtype(1));
  if (!x.has_rank() || !w.has_rank()) {
    ctx.output(0, dtype, x.has_rank() ? Shape::unknown_of_rank(x.rank()) : Shape::unranked());
    return;
  }
  if (x.rank() < 3 || x.rank() > 5 || w.rank() != x.rank())
    throw invalid_model(cat("conv: x ", to_text(x), " and weight ", to_text(w),
                            ", expected equal ranks of 3 to 5 (batch, one to three spatial axes, channels)"));
  check_channels(op, x, w);
  if (ctx.has_input(2)) check_channel_vector("conv", "bias", ctx.shape(2), w[0]);
  Dims kernel;
  for (int64_t i = 1; i + 1 < w.rank(); ++i)
    if (w[i].is_known()) kernel.push_back(w[i].value());
  if (static_cast<int64_t>(kernel.size()) == w.rank() - 2) {
    ctx.output(0, dtype, window_shape("conv", spec_of(op, kernel), x, w[0]));
    return;
  }
  Shape out = Shape::unknown_of_rank(x.rank());
  out[0] = x[0];
  out[x.rank() - 1] = w[0];
  ctx.output(0, dtype, out);
}

ConvSizes sizes_of(const Conv& op, const Tensor& x, const Tensor& w) {
  const Dims kernel = spatial_dims(w.dims());
  return {.batch = x.dim(0),
          .in_channels = x.dim(x.rank() - 1),
          .out_channels = w.dim(0),
          .groups = op.groups,
          .axes = three_axes(resolve_window("conv", spec_of(op, kernel), spatial_dims(x.dims())))};
}

void eval(EvalContext& ctx) {
  const Conv& op = ctx.op<Conv>();
  const Tensor &x = ctx.in(0), &w = ctx.in(1);
  const ConvSizes sizes = sizes_of(op, x, w);
  Tensor& y = ctx.make_output(0);
  dispatch_sum("conv", y.dtype(), [&]<class T>(std::type_identity<T>) {
    const auto sums = convolve<T>(sizes, elements_as<T>(x), elements_as<T>(w));
    const auto bias = ctx.has(2) ? elements_as<T>(ctx.in(2)) : std::vector<T>();
    store_sums<T>(sums, bias, op.act_min, op.act_max, y);
  });
}

/// Per-channel weights go with asymmetric activations, per-tensor weights with symmetric ones.
void eval_hybrid(EvalContext& ctx) {
  const Conv& op = ctx.op<Conv>();
  const Tensor &x = ctx.in(0), &w = ctx.in(1);
  const QuantizedRows rows = quantize_rows(x.data<float>(), x.dim(0), !w.quant()->is_per_tensor());
  const std::vector<uint32_t> sums = convolve<uint32_t>(sizes_of(op, x, w), rows.centered, elements_as<uint32_t>(w));
  store_hybrid({w, ctx.has(2) ? ctx.in(2) : Tensor(), op.act_min, op.act_max}, sums, rows, ctx.make_output(0));
}

void eval_quantized(EvalContext& ctx) {
  const Conv& op = ctx.op<Conv>();
  const Tensor &x = ctx.in(0), &w = ctx.in(1);
  if (is_hybrid(x, w, ctx.output_types[0], 0)) return eval_hybrid(ctx);
  const Requantization r{.x = x,
                         .w = w,
                         .bias = ctx.has(2) ? ctx.in(2) : Tensor(),
                         .out = ctx.output_types[0],
                         .act_min = op.act_min,
                         .act_max = op.act_max,
                         .channels = w.dim(0),
                         .weight_axis = 0,
                         .product_in_float = x.dtype() == DType::kU8,
                         .halves_up = op.groups == 1};
  if (!can_requantize(r)) return eval_in_float(ctx, widened<eval>);
  ctx.outputs[0] = requantize_sums(r, ctx.output_types[0].shape.dims(), [&]<class U>(std::type_identity<U>) {
    return convolve<U>(sizes_of(op, x, w), centered_as<U>(x), centered_as<U>(w));
  });
}

int64_t macs(const Attrs&, std::span<const TensorType* const> in, std::span<const TensorType* const> out) {
  const Dims w = in[1]->shape.dims();
  return checked_mul(out[0]->shape.elements(), checked_product(std::span(w).subspan(1)));
}

constexpr InputRule kInputs[] = {{.name = "x", .min_rank = 3, .max_rank = 5},
                                 {.name = "weight", .min_rank = 3, .max_rank = 5},
                                 {.name = "bias", .min_rank = 1, .max_rank = 1}};

}  // namespace

constinit const OpDef Conv::def{.name = Conv::kName,
                                .attrs = &attr_type<Conv>(),
                                .min_inputs = 2,
                                .max_inputs = 3,
                                .infer = infer,
                                .eval = widened<eval>,
                                .eval_quantized = eval_quantized,
                                .macs = macs,
                                .quant = {.kind = QuantRule::kOwnRange, .weight = 1, .bias = 2, .weight_axis = 0},
                                .inputs = kInputs};

}  // namespace hone

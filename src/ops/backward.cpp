#include "ops/backward.h"

#include <algorithm>
#include <cmath>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"
#include "ops/compute.h"
#include "ops/conv_kernel.h"
#include "ops/elementwise.h"

namespace hone {
namespace {

WindowSpec spec_of(const ConvWeightGradient& op) {
  return {.kernel = op.kernel, .strides = op.strides, .dilations = op.dilations, .pads = op.pads};
}

void infer(InferContext& ctx) {
  const auto& op = ctx.attrs<ConvWeightGradient>();
  const Shape &x = ctx.shape(0), &dy = ctx.shape(1);
  const auto rank = static_cast<int64_t>(op.kernel.size()) + 2;
  if ((x.has_rank() && x.rank() != rank) || (dy.has_rank() && dy.rank() != rank))
    throw invalid_model(cat("convweightgradient: x ", to_text(x), " and dy ", to_text(dy), ", expected ranks ", rank,
                            " for a kernel of ", op.kernel.size(), " axes"));
  Shape out = Shape::unknown_of_rank(rank);
  for (size_t i = 0; i < op.kernel.size(); ++i) out[static_cast<int64_t>(i) + 1] = Dim(op.kernel[i]);
  if (dy.has_rank()) out[0] = dy[rank - 1];
  if (x.has_rank() && x[rank - 1].is_known()) {
    const int64_t in = x[rank - 1].value();
    if (op.groups < 1 || in % op.groups != 0)
      throw invalid_model(cat("convweightgradient: ", in, " input channels do not divide into ", op.groups, " groups"));
    out[rank - 1] = Dim(in / op.groups);
  }
  if (out[0].is_known() && out[0].value() % std::max<int64_t>(op.groups, 1) != 0)
    throw invalid_model(
        cat("convweightgradient: ", out[0].value(), " output channels do not divide into ", op.groups, " groups"));
  if (x.has_rank() && dy.has_rank()) {
    const Shape expected = window_shape("convweightgradient", spec_of(op), x, dy[rank - 1]);
    if (!compatible(expected, dy))
      throw invalid_model(cat("convweightgradient: dy is ", to_text(dy), ", expected ", to_text(expected)));
  }
  ctx.output(0, ctx.dtype(0), out);
}

/// dw[o, t, i] += dy[pixel, o] · x[input pixel of tap t, i] over all pixels and images.
template <class T>
std::vector<T> sum_products(const ConvSizes& s, const std::vector<T>& x, const std::vector<T>& dy) {
  const int64_t ins = s.group_in(), outs = s.group_out(), taps = s.taps();
  std::vector<T> dw(result_size(s.out_channels, taps, ins));
  for (int64_t n = 0; n < s.batch; ++n) {
    const T* image = x.data() + n * s.in_pixels() * s.in_channels;
    const T* slope = dy.data() + n * s.out_pixels() * s.out_channels;
    for_pixels(s.axes, [&](int64_t pixel, int64_t d, int64_t h, int64_t w) {
      for_taps(s.axes, d, h, w, [&](int64_t tap, int64_t in) {
        for (int64_t o = 0; o < s.out_channels; ++o) {
          const T v = slope[pixel * s.out_channels + o];
          const T* from = image + in * s.in_channels + o / outs * ins;
          T* to = dw.data() + (o * taps + tap) * ins;
          for (int64_t i = 0; i < ins; ++i) to[i] += v * from[i];
        }
      });
    });
  }
  return dw;
}

void eval(EvalContext& ctx) {
  const auto& op = ctx.op<ConvWeightGradient>();
  const Tensor &x = ctx.in(0), &dy = ctx.in(1);
  const ConvSizes sizes{.batch = x.dim(0),
                        .in_channels = x.dim(x.rank() - 1),
                        .out_channels = dy.dim(dy.rank() - 1),
                        .groups = op.groups,
                        .axes = three_axes(resolve_window("convweightgradient", spec_of(op), spatial_dims(x.dims())))};
  Tensor& dw = ctx.make_output(0);
  dispatch_real("convweightgradient", dw.dtype(), [&]<class T>(std::type_identity<T>) {
    const auto sums = sum_products<T>(sizes, elements_as<T>(x), elements_as<T>(dy));
    std::copy(sums.begin(), sums.end(), dw.mutable_data<T>().begin());
  });
}

int64_t macs(const Attrs&, std::span<const TensorType* const> in, std::span<const TensorType* const> out) {
  const Shape& dy = in[1]->shape;
  const int64_t per_pixel = out[0]->shape.elements();
  const int64_t channels = std::max<int64_t>(dy[dy.rank() - 1].value(), 1);
  return checked_mul(dy.elements() / channels, per_pixel);
}

constexpr InputRule kInputs[] = {
    {.name = "x", .dtypes = {DType::kF16, DType::kBF16, DType::kF32, DType::kF64}, .min_rank = 3, .max_rank = 5},
    {.name = "dy", .same_dtype_as = 0, .min_rank = 3, .max_rank = 5}};

}  // namespace

constinit const OpDef ClampGradient::def = binary<ClampGradient, Floats>(
    [](const ClampGradient& op, auto dy, auto y) { return y > op.min && y < op.max ? dy : decltype(dy)(0); });

constinit const OpDef FakeQuantize::def = binary<FakeQuantize, Floats>([](const FakeQuantize& op, auto x, auto scale) {
  using T = decltype(x);
  const T q = std::nearbyint(x / scale);
  return std::min(std::max(q, static_cast<T>(op.low)), static_cast<T>(op.high)) * scale;
});

constinit const OpDef ConvWeightGradient::def{.name = ConvWeightGradient::kName,
                                              .attrs = &attr_type<ConvWeightGradient>(),
                                              .min_inputs = 2,
                                              .max_inputs = 2,
                                              .infer = infer,
                                              .eval = widened<eval>,
                                              .macs = macs,
                                              .inputs = kInputs};

}  // namespace hone

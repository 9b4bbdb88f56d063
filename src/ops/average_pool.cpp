#include <cmath>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"
#include "ops/compute.h"
#include "ops/fixed_point.h"
#include "ops/pool.h"
#include "ops/pool_kernel.h"

namespace hone {
namespace {

void infer_average(InferContext& ctx) {
  ctx.output(0, ctx.dtype(0), pool_shape("averagepool", pool_spec(ctx.attrs<AveragePool>()), ctx.shape(0)));
}

void infer_lp(InferContext& ctx) {
  const LpPool& op = ctx.attrs<LpPool>();
  if (op.p < 1) throw invalid_model(cat("lppool: p is ", op.p, ", expected 1 or more"));
  ctx.output(0, ctx.dtype(0), pool_shape("lppool", pool_spec(op), ctx.shape(0)));
}

/// sums[c] = Σ f(x[c]) over the window's taps inside the input.
template <class T, class S, class F>
void sum_window(const ConvSizes& s, const T* image, int64_t d, int64_t h, int64_t w, std::vector<S>& sums, F f) {
  std::fill(sums.begin(), sums.end(), S(0));
  for_taps(s.axes, d, h, w, [&](int64_t, int64_t pixel) {
    const T* in = image + pixel * s.in_channels;
    for (int64_t c = 0; c < s.in_channels; ++c) sums[static_cast<size_t>(c)] += f(in[c]);
  });
}

void eval_average(EvalContext& ctx) {
  const AveragePool& op = ctx.op<AveragePool>();
  const Tensor& x = ctx.in(0);
  const ConvSizes sizes = pool_sizes("averagepool", pool_spec(op), x.dims());
  Tensor& y = ctx.make_output(0);
  dispatch_real("averagepool", x.dtype(), [&]<class T>(std::type_identity<T>) {
    const T* in = x.data<T>().data();
    T* out = y.mutable_data<T>().data();
    std::vector<T> sums(static_cast<size_t>(sizes.in_channels));
    for_pooled(sizes, [&](int64_t image, int64_t result, int64_t d, int64_t h, int64_t w) {
      sum_window(sizes, in + image, d, h, w, sums, [](T v) { return v; });
      const T count = static_cast<T>(count_taps(sizes.axes, d, h, w, op.count_include_pad));
      for (size_t c = 0; c < sums.size(); ++c)
        out[result + static_cast<int64_t>(c)] =
            clamp_to(count == 0 ? T(0) : sums[c] / count, bound_as<T>(op.act_min), bound_as<T>(op.act_max));
    });
  });
}

/// Mean of stored integers, halves away from zero: TFLite AVERAGE_POOL_2D, whose input and output share their scale.
void eval_average_quantized(EvalContext& ctx) {
  const AveragePool& op = ctx.op<AveragePool>();
  const Tensor& x = ctx.in(0);
  const TensorType& type = ctx.output_types[0];
  if (x.dtype() != type.dtype || !same_quant(x.quant(), type.quant) || !type.quant->is_per_tensor() ||
      op.count_include_pad)
    return eval_in_float(ctx, widened<eval_average>);
  const ConvSizes sizes = pool_sizes("averagepool", pool_spec(op), x.dims());
  const QuantizedRange range = activation_range(op.act_min, op.act_max, type.dtype, type.quant);
  Tensor& y = ctx.make_output(0);
  dispatch(x.dtype(), [&]<class T>(std::type_identity<T>) {
    const T* in = x.data<T>().data();
    T* out = y.mutable_data<T>().data();
    std::vector<int64_t> sums(static_cast<size_t>(sizes.in_channels));
    for_pooled(sizes, [&](int64_t image, int64_t result, int64_t d, int64_t h, int64_t w) {
      sum_window(sizes, in + image, d, h, w, sums, [](T v) { return static_cast<int64_t>(v); });
      const int64_t count = std::max<int64_t>(count_taps(sizes.axes, d, h, w, false), 1);
      for (size_t c = 0; c < sums.size(); ++c) {
        const int64_t half = sums[c] > 0 ? count / 2 : -(count / 2);
        const int64_t mean = (sums[c] + half) / count;
        out[result + static_cast<int64_t>(c)] = static_cast<T>(range.clamp(static_cast<int32_t>(mean)));
      }
    });
  });
}

void eval_lp(EvalContext& ctx) {
  const LpPool& op = ctx.op<LpPool>();
  const Tensor& x = ctx.in(0);
  const ConvSizes sizes = pool_sizes("lppool", pool_spec(op), x.dims());
  Tensor& y = ctx.make_output(0);
  dispatch_real("lppool", x.dtype(), [&]<class T>(std::type_identity<T>) {
    const T* in = x.data<T>().data();
    T* out = y.mutable_data<T>().data();
    const T p = static_cast<T>(op.p);
    auto power = [&](T v) { return op.p == 2 ? v * v : op.p == 1 ? std::abs(v) : std::pow(std::abs(v), p); };
    std::vector<T> sums(static_cast<size_t>(sizes.in_channels));
    for_pooled(sizes, [&](int64_t image, int64_t result, int64_t d, int64_t h, int64_t w) {
      sum_window(sizes, in + image, d, h, w, sums, power);
      const T count = op.mean ? static_cast<T>(std::max<int64_t>(count_taps(sizes.axes, d, h, w, false), 1)) : T(1);
      for (size_t c = 0; c < sums.size(); ++c) {
        const T mean = sums[c] / count;
        const T root = op.p == 2 ? std::sqrt(mean) : op.p == 1 ? mean : std::pow(mean, T(1) / p);
        out[result + static_cast<int64_t>(c)] = clamp_to(root, bound_as<T>(op.act_min), bound_as<T>(op.act_max));
      }
    });
  });
}

int64_t macs_average(const Attrs& attrs, std::span<const TensorType* const>, std::span<const TensorType* const> out) {
  return checked_mul(out[0]->shape.elements(), checked_product(attrs.as<AveragePool>().kernel));
}

int64_t macs_lp(const Attrs& attrs, std::span<const TensorType* const>, std::span<const TensorType* const> out) {
  return checked_mul(out[0]->shape.elements(), checked_product(attrs.as<LpPool>().kernel));
}

constexpr InputRule kInputs[] = {{.name = "x", .min_rank = 3, .max_rank = 5}};

}  // namespace

constinit const OpDef AveragePool::def{.name = AveragePool::kName,
                                       .attrs = &attr_type<AveragePool>(),
                                       .infer = infer_average,
                                       .eval = widened<eval_average>,
                                       .eval_quantized = eval_average_quantized,
                                       .macs = macs_average,
                                       .quant = {.kind = QuantRule::kSameScale},
                                       .inputs = kInputs};

constinit const OpDef LpPool::def{.name = LpPool::kName,
                                  .attrs = &attr_type<LpPool>(),
                                  .infer = infer_lp,
                                  .eval = widened<eval_lp>,
                                  .macs = macs_lp,
                                  .inputs = kInputs};

}  // namespace hone

#include <limits>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"
#include "ops/compute.h"
#include "ops/fixed_point.h"
#include "ops/pool.h"
#include "ops/pool_kernel.h"

namespace hone {
namespace {

void infer(InferContext& ctx) {
  const MaxPool& op = ctx.attrs<MaxPool>();
  const Shape out = pool_shape("maxpool", pool_spec(op), ctx.shape(0));
  ctx.output(0, ctx.dtype(0), out);
  if (ctx.output_count() > 1) ctx.output(1, DType::kI64, out);
}

/// Index of an input pixel and channel in the [N, C, s…] tensor of ONNX, spatial axes reversed for column_major.
int64_t onnx_index(const ConvSizes& s, int64_t n, int64_t pixel, int64_t channel, bool column_major) {
  const int64_t base = (n * s.in_channels + channel) * s.in_pixels();
  if (!column_major) return base + pixel;
  const int64_t height = s.axes[1].in, width = s.axes[2].in, depth = s.axes[0].in;
  const int64_t w = pixel % width, h = pixel / width % height, d = pixel / width / height;
  return base + (w * height + h) * depth + d;
}

template <class T>
T lowest() {
  return std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::lowest();
}

/// y and, when `indices` is not null, where each maximum came from; the first of equals wins.
template <class T>
void max_pool(const ConvSizes& s, const T* x, T* y, int64_t* indices, bool column_major) {
  std::vector<int64_t> pixels(indices ? static_cast<size_t>(s.in_channels) : 0);
  for_pooled(s, [&](int64_t image, int64_t result, int64_t d, int64_t h, int64_t w) {
    for (int64_t c = 0; c < s.in_channels; ++c) y[result + c] = lowest<T>();
    bool first = true;
    for_taps(s.axes, d, h, w, [&](int64_t, int64_t pixel) {
      const T* in = x + image + pixel * s.in_channels;
      for (int64_t c = 0; c < s.in_channels; ++c) {
        if (!first && !(in[c] > y[result + c])) continue;
        y[result + c] = in[c];
        if (indices) pixels[static_cast<size_t>(c)] = pixel;
      }
      first = false;
    });
    if (!indices) return;
    const int64_t n = s.in_pixels() == 0 ? 0 : image / (s.in_pixels() * s.in_channels);
    for (int64_t c = 0; c < s.in_channels; ++c)
      indices[result + c] = onnx_index(s, n, pixels[static_cast<size_t>(c)], c, column_major);
  });
}

/// Pools stored values of any dtype, then clamps them to low … high.
void pool_stored(EvalContext& ctx, double low, double high) {
  const MaxPool& op = ctx.op<MaxPool>();
  const Tensor& x = ctx.in(0);
  const ConvSizes sizes = pool_sizes("maxpool", pool_spec(op), x.dims());
  ctx.make_output(0);
  int64_t* indices = nullptr;
  if (ctx.outputs.size() > 1) indices = ctx.make_output(1).mutable_data<int64_t>().data();
  dispatch(x.dtype(), [&]<class T>(std::type_identity<T>) {
    if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
      throw_no_kernel("maxpool", x.dtype());
    } else {
      auto out = ctx.outputs[0].mutable_data<T>();
      max_pool<T>(sizes, x.data<T>().data(), out.data(), indices, op.column_major);
      for (T& v : out) v = clamp_to(v, low, high);
    }
  });
}

void eval(EvalContext& ctx) {
  const MaxPool& op = ctx.op<MaxPool>();
  dispatch(ctx.in(0).dtype(),
           [&]<class T>(std::type_identity<T>) { pool_stored(ctx, bound_as<T>(op.act_min), bound_as<T>(op.act_max)); });
}

void eval_quantized(EvalContext& ctx) {
  const MaxPool& op = ctx.op<MaxPool>();
  const TensorType& out = ctx.output_types[0];
  if (ctx.in(0).dtype() != out.dtype || !same_quant(ctx.in(0).quant(), out.quant) || !out.quant->is_per_tensor() ||
      ctx.outputs.size() > 1)
    return eval_in_float(ctx, widened<eval>);
  const QuantizedRange range = activation_range(op.act_min, op.act_max, out.dtype, out.quant);
  pool_stored(ctx, range.min, range.max);
}

int64_t macs(const Attrs& attrs, std::span<const TensorType* const>, std::span<const TensorType* const> out) {
  return checked_mul(out[0]->shape.elements(), checked_product(attrs.as<MaxPool>().kernel));
}

constexpr InputRule kInputs[] = {{.name = "x", .min_rank = 3, .max_rank = 5}};

}  // namespace

constinit const OpDef MaxPool::def{.name = MaxPool::kName,
                                   .attrs = &attr_type<MaxPool>(),
                                   .max_outputs = 2,
                                   .infer = infer,
                                   .eval = widened<eval>,
                                   .eval_quantized = eval_quantized,
                                   .macs = macs,
                                   .quant = {.kind = QuantRule::kSameScale},
                                   .inputs = kInputs};

}  // namespace hone

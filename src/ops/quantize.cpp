#include "ops/quantize.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/fixed_point.h"
#include "ops/kernel.h"

namespace hone {
namespace {

void infer(InferContext& ctx) { ctx.output(0, DType::kF32, ctx.shape(0)); }

/// The real numbers; the interpreter quantizes them for Quantize.
void eval_real(EvalContext& ctx) { ctx.outputs[0] = cast(ctx.in(0), DType::kF32); }

/// TFLite QUANTIZE from one quantized type to another: the centered integers times the ratio of scales.
void rescale(const Tensor& x, const TensorType& to, Tensor& y) {
  const FixedMultiplier ratio =
      quantize_multiplier(static_cast<double>(x.quant()->scale()) / static_cast<double>(to.quant->scale()));
  const int64_t from_zero = x.quant()->zero_point();
  const int64_t to_zero = to.quant->zero_point(), low = min_of(to.dtype), high = max_of(to.dtype);
  constexpr int64_t kLimit = std::numeric_limits<int32_t>::max();
  const std::vector<int64_t> in = elements_as<int64_t>(x);
  Integers::dispatch("quantize", to.dtype, [&]<class T>(std::type_identity<T>) {
    auto out = y.mutable_data<T>();
    for (size_t i = 0; i < out.size(); ++i)
      out[i] = static_cast<T>(std::clamp<int64_t>(
          multiply_by_quantized_multiplier(
              static_cast<int32_t>(std::clamp<int64_t>(in[i] - from_zero, -kLimit, kLimit)), ratio) +
              to_zero,
          low, high));
  });
}

/// TFLite QUANTIZE of reals: x / scale in double, rounded with halves away from zero.
void round_away(const Tensor& x, const TensorType& to, Tensor& y) {
  const double scale = static_cast<double>(to.quant->scale()), zero = to.quant->zero_point();
  const double low = static_cast<double>(min_of(to.dtype)), high = static_cast<double>(max_of(to.dtype));
  const std::vector<float> in = elements_as<float>(x);
  Integers::dispatch("quantize", to.dtype, [&]<class T>(std::type_identity<T>) {
    auto out = y.mutable_data<T>();
    for (size_t i = 0; i < out.size(); ++i) {
      const double v = std::round(static_cast<double>(in[i]) / scale) + zero;
      out[i] = std::isnan(v) ? T(0) : static_cast<T>(std::clamp(v, low, high));
    }
  });
}

/// 8 or 16 bits.
bool is_small(DType dtype) { return Types<int8_t, uint8_t, int16_t, uint16_t>::contains(dtype); }

void eval_quantize_fixed(EvalContext& ctx) {
  const Tensor& x = ctx.in(0);
  const TensorType& to = ctx.output_types[0];
  const bool to_small = to.quant && to.quant->is_per_tensor() && is_small(to.dtype);
  if (!to_small || (x.quant() && !(is_per_tensor(x) && is_small(x.dtype())))) return eval_in_float(ctx, eval_real);
  if (x.quant() && same_quant(x.quant(), to.quant) && x.dtype() == to.dtype) {
    ctx.outputs[0] = x;
    return;
  }
  Tensor& y = make_stored(ctx, 0, x.dims());
  if (x.quant())
    rescale(x, to, y);
  else
    round_away(x, to, y);
}

}  // namespace

constinit const OpDef Quantize::def{.name = Quantize::kName,
                                    .attrs = &attr_type<Quantize>(),
                                    .infer = infer,
                                    .eval = eval_real,
                                    .eval_quantized = eval_quantize_fixed,
                                    .elementwise = true};

constinit const OpDef Dequantize::def{.name = Dequantize::kName,
                                      .attrs = &attr_type<Dequantize>(),
                                      .infer = infer,
                                      .eval = eval_real,
                                      .elementwise = true};

}  // namespace hone

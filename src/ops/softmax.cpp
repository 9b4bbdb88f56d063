#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/checked.h"
#include "ops/kernel.h"
#include "ops/norm.h"
#include "ops/softmax_i16.h"
#include "ops/strips.h"

namespace hone {
namespace {

template <class Op>
void infer(InferContext& ctx) {
  const Shape& x = ctx.shape(0);
  if (x.has_rank()) axis_of(Op::kName, ctx.attrs<Op>().axis, x.rank());
  ctx.output(0, ctx.dtype(0), x);
}

template <class Op>
Strips strips_of(const EvalContext& ctx) {
  const Tensor& x = ctx.in(0);
  return Strips(x.dims(), axis_of(Op::kName, ctx.op<Op>().axis, x.rank()));
}

template <class T>
T largest(const Strips& s, const T* x) {
  T best = x[0];
  for (int64_t i = 1; i < s.size; ++i) best = std::max(best, x[i * s.inner]);
  return best;
}

void eval_softmax(EvalContext& ctx) {
  const Strips s = strips_of<Softmax>(ctx);
  Tensor& y = ctx.make_output(0);
  dispatch_real("softmax", y.dtype(), [&]<class T>(std::type_identity<T>) {
    const T* in = ctx.in(0).data<T>().data();
    T* out = y.mutable_data<T>().data();
    const T beta = static_cast<T>(ctx.op<Softmax>().beta);
    if (s.size == 0) return;
    s.for_each([&](int64_t at) {
      const T top = largest(s, in + at);
      T sum = 0;
      for (int64_t i = 0; i < s.size; ++i) sum += out[at + i * s.inner] = std::exp(beta * (in[at + i * s.inner] - top));
      for (int64_t i = 0; i < s.size; ++i) out[at + i * s.inner] /= sum;
    });
  });
}

void eval_log_softmax(EvalContext& ctx) {
  const Strips s = strips_of<LogSoftmax>(ctx);
  Tensor& y = ctx.make_output(0);
  dispatch_real("logsoftmax", y.dtype(), [&]<class T>(std::type_identity<T>) {
    const T* in = ctx.in(0).data<T>().data();
    T* out = y.mutable_data<T>().data();
    if (s.size == 0) return;
    s.for_each([&](int64_t at) {
      const T top = largest(s, in + at);
      T sum = 0;
      for (int64_t i = 0; i < s.size; ++i) sum += std::exp(in[at + i * s.inner] - top);
      const T log_sum = std::log(sum);
      for (int64_t i = 0; i < s.size; ++i) out[at + i * s.inner] = in[at + i * s.inner] - top - log_sum;
    });
  });
}

void eval_hardmax(EvalContext& ctx) {
  const Strips s = strips_of<Hardmax>(ctx);
  Tensor& y = ctx.make_output(0);
  dispatch_real("hardmax", y.dtype(), [&]<class T>(std::type_identity<T>) {
    const T* in = ctx.in(0).data<T>().data();
    T* out = y.mutable_data<T>().data();
    if (s.size == 0) return;
    s.for_each([&](int64_t at) {
      int64_t best = 0;
      for (int64_t i = 1; i < s.size; ++i)
        if (in[at + i * s.inner] > in[at + best * s.inner]) best = i;
      for (int64_t i = 0; i < s.size; ++i) out[at + i * s.inner] = i == best ? T(1) : T(0);
    });
  });
}

/// What TFLite's table-driven 8-bit kernels need: last axis, 8 bits in and out, one scale each.
template <class Op>
bool has_table_form(const EvalContext& ctx) {
  const Tensor& x = ctx.in(0);
  const TensorType& out = ctx.output_types[0];
  // The unsigned softmax counts from zero.
  const bool is_lifted =
      std::is_same_v<Op, Softmax> && out.dtype == DType::kU8 && out.quant && out.quant->zero_point() != 0;
  return out.quant && is_per_tensor(x) && out.quant->is_per_tensor() && x.dtype() == out.dtype && !is_lifted &&
         (out.dtype == DType::kI8 || out.dtype == DType::kU8) && strips_of<Op>(ctx).inner == 1;
}

/// e^(−scale·d) for the distances d = 0 … 255 from the largest value, in float.
std::array<float, 256> exponentials(float scale) {
  std::array<float, 256> table;
  for (int d = 0; d < 256; ++d) table[static_cast<size_t>(d)] = std::exp(-scale * static_cast<float>(d));
  return table;
}

/// Σ of the table over one row whose largest value is `top`.
template <class T>
float table_sum(const std::array<float, 256>& table, const T* row, int64_t size, int top) {
  float sum = 0;
  for (int64_t i = 0; i < size; ++i) sum += table[static_cast<size_t>(top - row[i])];
  return sum;
}

/// 16 bits in and out, symmetric, results in steps of 2⁻¹⁵.
bool has_i16_form(const EvalContext& ctx) {
  const Tensor& x = ctx.in(0);
  const TensorType& out = ctx.output_types[0];
  return out.quant && is_per_tensor(x) && out.quant->is_per_tensor() && x.dtype() == DType::kI16 &&
         out.dtype == DType::kI16 && x.quant()->zero_point() == 0 && out.quant->zero_point() == 0 &&
         out.quant->scale() == 1.0f / 32768 && strips_of<Softmax>(ctx).inner == 1;
}

void eval_softmax_i16(EvalContext& ctx) {
  const Strips s = strips_of<Softmax>(ctx);
  const SoftmaxI16 softmax(static_cast<double>(ctx.in(0).quant()->scale() * ctx.op<Softmax>().beta));
  const auto x = ctx.in(0).data<int16_t>();
  const auto y = make_stored(ctx, 0, ctx.in(0).dims()).mutable_data<int16_t>();
  if (s.size == 0) return;
  const size_t size = static_cast<size_t>(s.size);
  s.for_each([&](int64_t at) {
    softmax.run(x.subspan(static_cast<size_t>(at), size), y.subspan(static_cast<size_t>(at), size));
  });
}

/// SOFTMAX of TFLite 2.9's optimized 8-bit kernel: float exponentials from a table, probabilities rounded to the
/// nearest step (u8: halves up, its zero point not added).
void eval_softmax_quantized(EvalContext& ctx) {
  if (has_i16_form(ctx)) return eval_softmax_i16(ctx);
  if (!has_table_form<Softmax>(ctx)) return eval_in_float(ctx, widened<eval_softmax>);
  const Strips s = strips_of<Softmax>(ctx);
  const QuantParams& to = *ctx.output_types[0].quant;
  const auto table = exponentials(ctx.in(0).quant()->scale() * ctx.op<Softmax>().beta);
  Tensor& y = make_stored(ctx, 0, ctx.in(0).dims());
  Types<int8_t, uint8_t>::dispatch("softmax", y.dtype(), [&]<class T>(std::type_identity<T>) {
    const T* in = ctx.in(0).data<T>().data();
    T* out = y.mutable_data<T>().data();
    if (s.size == 0) return;
    s.for_each([&](int64_t at) {
      const int top = static_cast<int>(largest(s, in + at));
      const float inverse = 1.0f / (table_sum(table, in + at, s.size, top) * to.scale());
      for (int64_t i = at; i < at + s.size; ++i) {
        const float scaled = table[static_cast<size_t>(top - static_cast<int>(in[i]))] * inverse;
        const float rounded = std::is_same_v<T, uint8_t> ? std::floor(scaled + 0.5f)
                                                         : std::round(scaled) + static_cast<float>(to.zero_point());
        out[i] = saturated<T>(rounded);
      }
    });
  });
}

/// LOG_SOFTMAX of TFLite 2.9's optimized 8-bit kernel, by the same table.
void eval_log_softmax_quantized(EvalContext& ctx) {
  if (!has_table_form<LogSoftmax>(ctx)) return eval_in_float(ctx, widened<eval_log_softmax>);
  const Strips s = strips_of<LogSoftmax>(ctx);
  const QuantParams& to = *ctx.output_types[0].quant;
  const float x_scale = ctx.in(0).quant()->scale(), scale = x_scale / to.scale();
  const auto table = exponentials(x_scale);
  Tensor& y = make_stored(ctx, 0, ctx.in(0).dims());
  Types<int8_t, uint8_t>::dispatch("logsoftmax", y.dtype(), [&]<class T>(std::type_identity<T>) {
    const T* in = ctx.in(0).data<T>().data();
    T* out = y.mutable_data<T>().data();
    if (s.size == 0) return;
    s.for_each([&](int64_t at) {
      const int top = static_cast<int>(largest(s, in + at));
      const float log_sum = std::log(table_sum(table, in + at, s.size, top));
      const float shift = (x_scale * static_cast<float>(top) + log_sum) / to.scale();
      for (int64_t i = at; i < at + s.size; ++i) {
        const float steps =
            std::nearbyint(scale * static_cast<float>(in[i]) - shift) + static_cast<float>(to.zero_point());
        out[i] = saturated<T>(steps);
      }
    });
  });
}

constexpr InputRule kInputs[] = {{.name = "x", .dtypes = Floats::kSet}};

}  // namespace

constinit const OpDef Softmax::def{
    .name = Softmax::kName,
    .attrs = &attr_type<Softmax>(),
    .infer = infer<Softmax>,
    .eval = widened<eval_softmax>,
    .eval_quantized = eval_softmax_quantized,
    .quant = {.kind = QuantRule::kFixedRange, .out_scale = 1.0f / 256, .out_zero_point = -128},
    .inputs = kInputs};

constinit const OpDef LogSoftmax::def{
    .name = LogSoftmax::kName,
    .attrs = &attr_type<LogSoftmax>(),
    .infer = infer<LogSoftmax>,
    .eval = widened<eval_log_softmax>,
    .eval_quantized = eval_log_softmax_quantized,
    .quant = {.kind = QuantRule::kFixedRange, .out_scale = 16.0f / 256, .out_zero_point = 127},
    .inputs = kInputs};

constinit const OpDef Hardmax::def{.name = Hardmax::kName,
                                   .attrs = &attr_type<Hardmax>(),
                                   .infer = infer<Hardmax>,
                                   .eval = widened<eval_hardmax>,
                                   .inputs = kInputs};

}  // namespace hone

#include <algorithm>
#include <cmath>

#include "ops/inverse_sqrt.h"
#include "ops/kernel.h"
#include "ops/norm.h"
#include "ops/strips.h"

namespace hone {
namespace {

template <class Op>
void infer_along_axis(InferContext& ctx) {
  if (ctx.shape(0).has_rank()) axis_of(Op::kName, ctx.attrs<Op>().axis, ctx.shape(0).rank());
  ctx.output(0, ctx.dtype(0), ctx.shape(0));
}

void infer_lp(InferContext& ctx) {
  const int64_t p = ctx.attrs<LpNormalize>().p;
  if (p != 1 && p != 2) throw op_error(LpNormalize::kName, cat("p is ", p, ", expected 1 or 2"));
  infer_along_axis<LpNormalize>(ctx);
}

template <class Op>
Strips strips_of(const EvalContext& ctx) {
  const Tensor& x = ctx.in(0);
  return Strips(x.dims(), axis_of(Op::kName, ctx.op<Op>().axis, x.rank()));
}

/// y = x / norm(Σ term(x)) along the strips.
template <class T, class Term, class Norm>
void divide_by_norm(const Strips& s, const T* x, T* y, Term term, Norm norm) {
  s.for_each([&](int64_t at) {
    T sum = 0;
    for (int64_t i = 0; i < s.size; ++i) sum += term(x[at + i * s.inner]);
    const T divisor = norm(sum);
    for (int64_t i = 0; i < s.size; ++i) y[at + i * s.inner] = x[at + i * s.inner] / divisor;
  });
}

void eval_l2(EvalContext& ctx) {
  const Strips s = strips_of<L2Normalize>(ctx);
  Tensor& y = ctx.make_output(0);
  dispatch_real("l2normalize", y.dtype(), [&]<class T>(std::type_identity<T>) {
    const T least = static_cast<T>(ctx.op<L2Normalize>().epsilon);
    divide_by_norm(
        s, ctx.in(0).data<T>().data(), y.mutable_data<T>().data(), [](T v) { return v * v; },
        [&](T sum) { return std::max(std::sqrt(sum), least); });
  });
}

/// A zero vector stays zero.
void eval_lp(EvalContext& ctx) {
  const Strips s = strips_of<LpNormalize>(ctx);
  const bool is_l1 = ctx.op<LpNormalize>().p == 1;
  Tensor& y = ctx.make_output(0);
  dispatch_real("lpnormalize", y.dtype(), [&]<class T>(std::type_identity<T>) {
    divide_by_norm(
        s, ctx.in(0).data<T>().data(), y.mutable_data<T>().data(), [&](T v) { return is_l1 ? std::abs(v) : v * v; },
        [&](T sum) { return sum == 0 ? T(1)
                            : is_l1  ? sum
                                     : std::sqrt(sum); });
  });
}

/// TFLite L2_NORMALIZATION: results in steps of 1/128 around the dtype's middle.
void eval_l2_quantized(EvalContext& ctx) {
  const Tensor& x = ctx.in(0);
  const TensorType& to = ctx.output_types[0];
  const Strips s = strips_of<L2Normalize>(ctx);
  const int32_t middle = x.dtype() == DType::kU8 ? 128 : 0;
  const int64_t zero = is_per_tensor(x) ? x.quant()->zero_point() : 0;
  const bool has_zero_in_range = zero >= min_of(x.dtype()) && zero <= max_of(x.dtype());
  const bool has_integer_form = has_zero_in_range && to.quant && is_per_tensor(x) && x.dtype() == to.dtype &&
                                s.inner == 1 && (to.dtype == DType::kI8 || to.dtype == DType::kU8) &&
                                to.quant->is_per_tensor() && to.quant->scale() == 1.0f / 128 &&
                                to.quant->zero_point() == middle && s.size <= 1 << 14;
  if (!has_integer_form) return eval_in_float(ctx, widened<eval_l2>);
  const std::vector<int32_t> values = [&] {
    std::vector<int32_t> out = elements_as<int32_t>(x);
    for (int32_t& v : out) v -= x.quant()->zero_point();
    return out;
  }();
  Tensor& y = make_stored(ctx, 0, x.dims());
  Types<int8_t, uint8_t>::dispatch("l2normalize", y.dtype(), [&]<class T>(std::type_identity<T>) {
    auto out = y.mutable_data<T>();
    s.for_each([&](int64_t at) {
      int32_t sum = 0;
      for (int64_t i = at; i < at + s.size; ++i) sum += values[static_cast<size_t>(i)] * values[static_cast<size_t>(i)];
      FixedMultiplier inverse = inverse_sqrt(sum);
      const bool is_signed_form = middle == 0;
      if (is_signed_form) inverse.shift += 7;
      for (int64_t i = at; i < at + s.size; ++i) {
        const int32_t v = values[static_cast<size_t>(i)];
        const int32_t scaled = multiply_by_quantized_multiplier(is_signed_form ? v : 128 * v, inverse) + middle;
        out[static_cast<size_t>(i)] =
            static_cast<T>(std::clamp<int32_t>(scaled, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
      }
    });
  });
}

void infer_lrn(InferContext& ctx) {
  const int64_t size = ctx.attrs<Lrn>().size;
  if (size < 1) throw op_error(Lrn::kName, cat("size is ", size, ", expected 1 or more"));
  if (ctx.shape(0).has_rank() && ctx.shape(0).rank() < 1) throw op_error(Lrn::kName, "x is a scalar");
  ctx.output(0, ctx.dtype(0), ctx.shape(0));
}

void eval_lrn(EvalContext& ctx) {
  const Lrn& op = ctx.op<Lrn>();
  const Tensor& x = ctx.in(0);
  const Strips s(x.dims(), x.rank() - 1);
  Tensor& y = ctx.make_output(0);
  dispatch_real("lrn", y.dtype(), [&]<class T>(std::type_identity<T>) {
    const T* in = x.data<T>().data();
    T* out = y.mutable_data<T>().data();
    const T alpha = static_cast<T>(op.alpha) / static_cast<T>(op.size);
    s.for_each([&](int64_t at) {
      for (int64_t c = 0; c < s.size; ++c) {
        T sum = 0;
        const int64_t begin = std::max<int64_t>(0, c - (op.size - 1) / 2), end = std::min(s.size - 1, c + op.size / 2);
        for (int64_t k = begin; k <= end; ++k) sum += in[at + k] * in[at + k];
        out[at + c] = in[at + c] / std::pow(static_cast<T>(op.bias) + alpha * sum, static_cast<T>(op.beta));
      }
    });
  });
}

constexpr InputRule kInputs[] = {{.name = "x", .dtypes = Floats::kSet}};

}  // namespace

constinit const OpDef L2Normalize::def{
    .name = L2Normalize::kName,
    .attrs = &attr_type<L2Normalize>(),
    .infer = infer_along_axis<L2Normalize>,
    .eval = widened<eval_l2>,
    .eval_quantized = eval_l2_quantized,
    .quant = {.kind = QuantRule::kFixedRange, .out_scale = 1.0f / 128, .out_zero_point = 0},
    .inputs = kInputs};

constinit const OpDef LpNormalize::def{.name = LpNormalize::kName,
                                       .attrs = &attr_type<LpNormalize>(),
                                       .infer = infer_lp,
                                       .eval = widened<eval_lp>,
                                       .inputs = kInputs};

constinit const OpDef Lrn::def{
    .name = Lrn::kName, .attrs = &attr_type<Lrn>(), .infer = infer_lrn, .eval = widened<eval_lrn>, .inputs = kInputs};

}  // namespace hone

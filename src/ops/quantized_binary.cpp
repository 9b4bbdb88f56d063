#include "ops/quantized_binary.h"

#include <algorithm>
#include <functional>

#include "ops/binary.h"
#include "ops/fixed_point.h"
#include "ops/loops.h"

namespace hone {

namespace {

using Stored = Types<int8_t, uint8_t, int16_t>;

/// Scale and zero point of both inputs and the output.
struct Three {
  float a_scale, b_scale, out_scale;
  int32_t a_zero, b_zero, out_zero;
};

bool has_stored_inputs(const EvalContext& c) {
  const Tensor &a = c.in(0), &b = c.in(1);
  if (!is_integer_type(a) || !is_integer_type(b) || a.dtype() != b.dtype() || !Stored::contains(a.dtype()))
    return false;
  // 16-bit kernels are symmetric; anything else could overflow their accumulators.
  return a.dtype() != DType::kI16 || (a.quant()->zero_point() == 0 && b.quant()->zero_point() == 0);
}

bool is_integer_case(const EvalContext& c) {
  const TensorType& to = c.output_types[0];
  return has_stored_inputs(c) && is_integer_type(to) && to.dtype == c.in(0).dtype();
}

Three three_of(const EvalContext& c) {
  const QuantParams &a = *c.in(0).quant(), &b = *c.in(1).quant(), &y = *c.output_types[0].quant;
  return {a.scale(), b.scale(), y.scale(), a.zero_point(), b.zero_point(), y.zero_point()};
}

/// y = clamp(f(a − a_zero, b − b_zero) + out_zero) on stored integers.
template <class F>
void map_stored(EvalContext& c, const QuantizedRange& range, F&& f) {
  const Three q = three_of(c);
  const Tensor &a = c.in(0), &b = c.in(1);
  const Dims dims = broadcast(a.dims(), b.dims());
  Tensor& y = make_stored(c, 0, dims);
  Stored::dispatch("quantized", a.dtype(), [&]<class T>(std::type_identity<T>) {
    broadcast_apply(
        dims, y.mutable_data<T>().data(), a.dims(), a.data<T>().data(), b.dims(), b.data<T>().data(),
        [&](int32_t x, int32_t z) { return range.clamp(int64_t(f(x - q.a_zero, z - q.b_zero)) + q.out_zero); });
  });
}

QuantizedRange full_range(const EvalContext& c) {
  const TensorType& to = c.output_types[0];
  return {static_cast<int32_t>(min_of(to.dtype)), static_cast<int32_t>(max_of(to.dtype))};
}

template <class Op>
QuantizedRange range_of(const EvalContext& c) {
  const TensorType& to = c.output_types[0];
  return activation_range(c.op<Op>().act_min, c.op<Op>().act_max, to.dtype, to.quant);
}

/// Both inputs brought to twice the larger input scale with `left_shift` extra bits, added, and scaled to the output.
template <class Op>
void add_or_sub(EvalContext& c, int sign) {
  if (!is_integer_case(c)) return eval_in_float(c, Op::def.eval);
  const Three q = three_of(c);
  const int left_shift = c.in(0).dtype() == DType::kI16 ? 15 : 20;
  const double twice_max = static_cast<double>(2 * std::max(q.a_scale, q.b_scale));
  const FixedMultiplier ma = quantize_multiplier(q.a_scale / twice_max);
  const FixedMultiplier mb = quantize_multiplier(q.b_scale / twice_max);
  const FixedMultiplier mo = quantize_multiplier(twice_max / ((1 << left_shift) * static_cast<double>(q.out_scale)));
  const auto shifted = [&](int32_t v) { return static_cast<int32_t>(static_cast<uint32_t>(v) << left_shift); };
  map_stored(c, range_of<Op>(c), [&](int32_t a, int32_t b) {
    const int32_t sum =
        multiply_by_quantized_multiplier(shifted(a), ma) + sign * multiply_by_quantized_multiplier(shifted(b), mb);
    return multiply_by_quantized_multiplier(sum, mo);
  });
}

/// Stored integers compared directly: right when all three sides have one quantization.
template <class F>
void extremum(EvalContext& c, void (*eval)(EvalContext&), F&& f) {
  const QuantPtr& quant = c.output_types[0].quant;
  const bool same = is_integer_case(c) && same_quant(c.in(0).quant(), quant) && same_quant(c.in(1).quant(), quant);
  if (!same) return eval_in_float(c, eval);
  map_stored(c, full_range(c), f);
}

template <class F>
void compare(EvalContext& c, void (*eval)(EvalContext&), F&& f) {
  if (!has_stored_inputs(c) || c.in(0).quant()->scale() >= 1 || c.in(1).quant()->scale() >= 1)
    return eval_in_float(c, eval);
  constexpr int kLeftShift = 8;
  const Tensor &a = c.in(0), &b = c.in(1);
  const FixedMultiplier ma = quantize_multiplier(a.quant()->scale()), mb = quantize_multiplier(b.quant()->scale());
  const int32_t a_zero = a.quant()->zero_point(), b_zero = b.quant()->zero_point();
  const Dims dims = broadcast(a.dims(), b.dims());
  Tensor& y = c.make_output(0, DType::kBool, dims);
  Stored::dispatch("quantized", a.dtype(), [&]<class T>(std::type_identity<T>) {
    broadcast_apply(dims, y.mutable_data<bool>().data(), a.dims(), a.data<T>().data(), b.dims(), b.data<T>().data(),
                    [&](int32_t x, int32_t z) {
                      return f(multiply_by_quantized_multiplier((x - a_zero) * (1 << kLeftShift), ma),
                               multiply_by_quantized_multiplier((z - b_zero) * (1 << kLeftShift), mb));
                    });
  });
}

}  // namespace

void eval_quantized_add(EvalContext& c) { add_or_sub<Add>(c, 1); }
void eval_quantized_sub(EvalContext& c) { add_or_sub<Sub>(c, -1); }

void eval_quantized_mul(EvalContext& c) {
  if (!is_integer_case(c)) return eval_in_float(c, Mul::def.eval);
  const Three q = three_of(c);
  const FixedMultiplier m = quantize_multiplier(static_cast<double>(q.a_scale * q.b_scale / q.out_scale));
  map_stored(c, range_of<Mul>(c), [&](int32_t a, int32_t b) { return multiply_by_quantized_multiplier(a * b, m); });
}

void eval_quantized_maximum(EvalContext& c) {
  extremum(c, Maximum::def.eval, [](int32_t a, int32_t b) { return std::max(a, b); });
}

void eval_quantized_minimum(EvalContext& c) {
  extremum(c, Minimum::def.eval, [](int32_t a, int32_t b) { return std::min(a, b); });
}

void eval_quantized_squared_difference(EvalContext& c) {
  if (!is_integer_case(c) || c.in(0).dtype() != DType::kI8) return eval_in_float(c, SquaredDifference::def.eval);
  const Three q = three_of(c);
  constexpr int kLeftShift = 7;
  const double twice_max = 2.0 * static_cast<double>(std::max(q.a_scale, q.b_scale));
  const FixedMultiplier ma = quantize_multiplier(static_cast<double>(q.a_scale) / twice_max);
  const FixedMultiplier mb = quantize_multiplier(static_cast<double>(q.b_scale) / twice_max);
  const FixedMultiplier mo = quantize_multiplier(twice_max * twice_max / ((1 << kLeftShift * 2) * q.out_scale));
  map_stored(c, full_range(c), [&](int32_t a, int32_t b) {
    const int32_t difference = multiply_by_quantized_multiplier(a * (1 << kLeftShift), ma) -
                               multiply_by_quantized_multiplier(b * (1 << kLeftShift), mb);
    return multiply_by_quantized_multiplier(difference * difference, mo);
  });
}

void eval_quantized_prelu(EvalContext& c) {
  if (!is_integer_case(c)) return eval_in_float(c, PRelu::def.eval);
  const Three q = three_of(c);
  const FixedMultiplier identity = quantize_multiplier(static_cast<double>(q.a_scale / q.out_scale));
  const FixedMultiplier sloped = quantize_multiplier(static_cast<double>(q.a_scale * q.b_scale / q.out_scale));
  map_stored(c, full_range(c), [&](int32_t x, int32_t slope) {
    return x >= 0 ? multiply_by_quantized_multiplier(x, identity) : multiply_by_quantized_multiplier(x * slope, sloped);
  });
}

void eval_quantized_equal(EvalContext& c) { compare(c, Equal::def.eval, std::equal_to<>()); }
void eval_quantized_not_equal(EvalContext& c) { compare(c, NotEqual::def.eval, std::not_equal_to<>()); }
void eval_quantized_less(EvalContext& c) { compare(c, Less::def.eval, std::less<>()); }
void eval_quantized_less_or_equal(EvalContext& c) { compare(c, LessOrEqual::def.eval, std::less_equal<>()); }
void eval_quantized_greater(EvalContext& c) { compare(c, Greater::def.eval, std::greater<>()); }
void eval_quantized_greater_or_equal(EvalContext& c) { compare(c, GreaterOrEqual::def.eval, std::greater_equal<>()); }

}  // namespace hone

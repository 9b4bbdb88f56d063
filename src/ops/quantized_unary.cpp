#include "ops/quantized_unary.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/elementwise.h"
#include "ops/fixed_point.h"
#include "ops/unary.h"

namespace hone {

namespace {

using Stored = Types<int8_t, uint8_t, int16_t>;

/// Scales and zero points of both sides, and the stored range of the output.
struct Sides {
  float in_scale, out_scale;
  int32_t in_zero, out_zero;
  QuantizedRange range;
};

bool is_integer_case(const EvalContext& c) {
  const TensorType& to = c.output_types[0];
  return is_integer_type(c.in(0)) && is_integer_type(to) && Stored::contains(to.dtype) && to.dtype == c.in(0).dtype();
}

Sides sides_of(const EvalContext& c, float min = -std::numeric_limits<float>::infinity(),
               float max = std::numeric_limits<float>::infinity()) {
  const TensorType& to = c.output_types[0];
  return {c.in(0).quant()->scale(), to.quant->scale(), c.in(0).quant()->zero_point(), to.quant->zero_point(),
          activation_range(min, max, to.dtype, to.quant)};
}

/// y = clamp(f(x − in_zero) + out_zero) on stored integers.
template <class F>
void map_stored(EvalContext& c, const Sides& sides, F&& f) {
  const Tensor& x = c.in(0);
  Tensor& y = make_stored(c, 0, x.dims());
  Stored::dispatch("quantized", x.dtype(), [&]<class T>(std::type_identity<T>) {
    const auto in = x.data<T>();
    auto out = y.mutable_data<T>();
    for (size_t i = 0; i < in.size(); ++i)
      out[i] =
          static_cast<T>(sides.range.clamp(int64_t(f(static_cast<int32_t>(in[i]) - sides.in_zero)) + sides.out_zero));
  });
}

void rescale_within(EvalContext& c, float min, float max) {
  const Sides sides = sides_of(c, min, max);
  const FixedMultiplier m = quantize_multiplier(static_cast<double>(sides.in_scale / sides.out_scale));
  map_stored(c, sides, [&](int32_t v) { return multiply_by_quantized_multiplier(v, m); });
}

/// A 32-bit multiplier cut to 16 bits, rounding.
int16_t to_16_bits(int32_t multiplier) {
  constexpr int32_t kOffset = 1 << 15;
  if (multiplier >= std::numeric_limits<int32_t>::max() - kOffset) return std::numeric_limits<int16_t>::max();
  return static_cast<int16_t>((multiplier + kOffset) >> 16);
}

int16_t rounding_shift_right(int16_t x, int exponent) {
  return static_cast<int16_t>(rounding_divide_by_pot(x, exponent));
}

}  // namespace

void eval_quantized_abs(EvalContext& c) {
  if (!is_integer_case(c)) return eval_in_float(c, Abs::def.eval);
  const Sides sides = sides_of(c);
  if (sides.in_scale == sides.out_scale) return map_stored(c, sides, [](int32_t v) { return std::abs(v); });
  const FixedMultiplier m = quantize_multiplier(static_cast<double>(sides.in_scale / sides.out_scale));
  map_stored(c, sides, [&](int32_t v) { return multiply_by_quantized_multiplier(std::abs(v), m); });
}

void eval_quantized_relu(EvalContext& c) {
  if (!is_integer_case(c)) return eval_in_float(c, Relu::def.eval);
  rescale_within(c, 0, std::numeric_limits<float>::infinity());
}

void eval_quantized_clamp(EvalContext& c) {
  if (!is_integer_case(c)) return eval_in_float(c, Clamp::def.eval);
  rescale_within(c, c.op<Clamp>().min, c.op<Clamp>().max);
}

void eval_quantized_leaky_relu(EvalContext& c) {
  const float alpha = c.op<LeakyRelu>().alpha;
  if (!is_integer_case(c) || alpha < 0) return eval_in_float(c, LeakyRelu::def.eval);
  const Sides sides = sides_of(c);
  const FixedMultiplier identity = quantize_multiplier(static_cast<double>(sides.in_scale / sides.out_scale));
  const FixedMultiplier scaled = quantize_multiplier(static_cast<double>(sides.in_scale * alpha / sides.out_scale));
  map_stored(c, sides, [&](int32_t v) { return multiply_by_quantized_multiplier(v, v >= 0 ? identity : scaled); });
}

/// x · clamp(x + 3, 0, 6) / 6 in 16-bit fixed point: "reluish" is clamp(x/3, −1, 1) in 15 bits.
void eval_quantized_hard_swish(EvalContext& c) {
  const bool is_8_bit = is_integer_case(c) && size_of(c.in(0).dtype()) == 1;
  if (!is_8_bit) return eval_in_float(c, HardSwish::def.eval);
  const Sides sides = sides_of(c);
  const float hires_scale = (1.0f / 128.0f) * sides.in_scale;
  const FixedMultiplier out = quantize_multiplier(static_cast<double>(hires_scale / sides.out_scale));
  const FixedMultiplier reluish = quantize_multiplier(static_cast<double>(hires_scale / (3.0f / 32768.0f)));
  if (out.shift > 0 || reluish.shift > 15) return eval_in_float(c, HardSwish::def.eval);
  const int16_t out_multiplier = to_16_bits(out.value), reluish_multiplier = to_16_bits(reluish.value);
  map_stored(c, sides, [&](int32_t v) -> int32_t {
    const int16_t hires = static_cast<int16_t>(v * (1 << 7));
    const int16_t preshift = saturating_rounding_doubling_high_mul(hires, out_multiplier);
    int16_t gate = hires;
    if (reluish.shift > 0) gate = saturating_left_shift(gate, reluish.shift - 1);
    gate = saturating_rounding_doubling_high_mul(gate, reluish_multiplier);
    if (reluish.shift > 0) gate = saturating_left_shift(gate, 1);
    if (reluish.shift < 0) gate = rounding_shift_right(gate, -reluish.shift);
    gate = static_cast<int16_t>((gate + (1 << 15)) >> 1);
    const int16_t product = static_cast<int16_t>(std::min((int32_t(gate) * preshift) / (1 << 15), 32767));
    return rounding_shift_right(product, -out.shift);
  });
}

void eval_quantized_sigmoid(EvalContext& c) {
  eval_lookup(c, Sigmoid::def.eval, [](float x) { return 1.0f / (1.0f + std::exp(-x)); });
}

void eval_quantized_tanh(EvalContext& c) {
  eval_lookup(c, Tanh::def.eval, [](float x) { return std::tanh(x); });
}

}  // namespace hone

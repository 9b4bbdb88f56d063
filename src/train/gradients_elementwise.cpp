#include <cmath>
#include <numbers>

#include "ops/backward.h"
#include "ops/norm.h"
#include "train/composition.h"
#include "train/gradient_rows.h"

namespace hone {
namespace {

/// Input 0 gets dy · slope.
void give_product(Backward& b, ValueId slope) { b.give(0, b.mul(b.dy(), slope)); }

void add(Backward& b) {
  const ValueId dy = b.unclamped(b.op<Add>().act_min, b.op<Add>().act_max);
  b.give_summed(0, dy);
  b.give_summed(1, dy);
}

void sub(Backward& b) {
  const ValueId dy = b.unclamped(b.op<Sub>().act_min, b.op<Sub>().act_max);
  b.give_summed(0, dy);
  if (b.wants(1)) b.give_summed(1, b.neg(dy));
}

void mul(Backward& b) {
  const ValueId dy = b.unclamped(b.op<Mul>().act_min, b.op<Mul>().act_max);
  if (b.wants(0)) b.give_summed(0, b.mul(dy, b.x(1)));
  if (b.wants(1)) b.give_summed(1, b.mul(dy, b.x(0)));
}

void div(Backward& b) {
  const ValueId dy = b.unclamped(b.op<Div>().act_min, b.op<Div>().act_max);
  const ValueId part = b.div(dy, b.x(1));
  b.give_summed(0, part);
  if (b.wants(1)) b.give_summed(1, b.neg(b.mul(part, b.div(b.x(0), b.x(1)))));
}

/// The larger one passes; b where both are equal.
void maximum(Backward& b) {
  const ValueId first = b.where_positive(b.dy(), b.sub(b.x(0), b.x(1)));
  b.give_summed(0, first);
  if (b.wants(1)) b.give_summed(1, b.sub(b.dy(), first));
}

void minimum(Backward& b) {
  const ValueId first = b.where_negative(b.dy(), b.sub(b.x(0), b.x(1)));
  b.give_summed(0, first);
  if (b.wants(1)) b.give_summed(1, b.sub(b.dy(), first));
}

void squared_difference(Backward& b) {
  const ValueId slope = b.times(b.mul(b.dy(), b.sub(b.x(0), b.x(1))), 2);
  b.give_summed(0, slope);
  if (b.wants(1)) b.give_summed(1, b.neg(slope));
}

/// d aᵇ = b·aᵇ⁻¹ da + aᵇ·ln a db.
void pow(Backward& b) {
  if (b.graph().type(b.x(0)).dtype != b.graph().type(b.x(1)).dtype && b.wants(1)) b.refuse("of mixed dtypes");
  if (b.wants(0)) {
    const ValueId exponent = b.apply(Cast{.to = b.graph().type(b.x(0)).dtype}, {b.x(1)});
    const ValueId slope = b.mul(exponent, b.apply(Pow{}, {b.x(0), b.plus(exponent, -1)}));
    b.give_summed(0, b.mul(b.dy(), slope));
  }
  if (b.wants(1)) b.give_summed(1, b.mul(b.dy(), b.mul(b.y(), b.apply(Log{}, {b.x(0)}))));
}

void atan2(Backward& b) {
  const ValueId part = b.div(b.dy(), b.add(b.square(b.x(0)), b.square(b.x(1))));
  if (b.wants(0)) b.give_summed(0, b.mul(part, b.x(1)));
  if (b.wants(1)) b.give_summed(1, b.neg(b.mul(part, b.x(0))));
}

void prelu(Backward& b) {
  const ValueId below = b.where_negative(b.dy(), b.x());
  if (b.wants(0)) b.give(0, b.add(b.where_positive(b.dy(), b.x()), b.mul(below, b.x(1))));
  if (b.wants(1)) b.give_summed(1, b.mul(below, b.x()));
}

void where(Backward& b) {
  const ValueId zero = b.number(b.dy(), 0);
  if (b.wants(1)) b.give_summed(1, b.apply(Where{}, {b.x(0), b.dy(), zero}));
  if (b.wants(2)) b.give_summed(2, b.apply(Where{}, {b.x(0), zero, b.dy()}));
}

void relu(Backward& b) { b.give(0, b.where_positive(b.dy(), b.y())); }
void clamp(Backward& b) { b.give(0, b.where_between(b.dy(), b.x(), b.op<Clamp>().min, b.op<Clamp>().max)); }
/// min(max(x, low), high), where they are given.
void clip(Backward& b) {
  give_by_composition(b, [&](std::span<const ValueId> in) -> std::vector<ValueId> {
    ValueId v = in[0];
    if (in.size() > 1 && in[1].exists()) v = b.apply(Maximum{}, {v, in[1]});
    if (in.size() > 2 && in[2].exists()) v = b.apply(Minimum{}, {v, in[2]});
    return {v};
  });
}
void identity(Backward& b) { b.give(0, b.dy()); }
void negate(Backward& b) { b.give(0, b.neg(b.dy())); }
void cast(Backward& b) { b.give(0, b.apply(Cast{.to = b.graph().type(b.x()).dtype}, {b.dy()})); }
void flat(Backward& b) { b.give(0, b.zeros(b.dims(b.x()))); }

/// As if nothing had been rounded: the derivative is zero almost everywhere and trains nothing.
/// Source: Bengio, Léonard and Courville, Estimating or Propagating Gradients Through Stochastic Neurons, 2013.
void straight_through(Backward& b) { b.give(0, b.dy()); }

void abs(Backward& b) { give_product(b, b.apply(Sign{}, {b.x()})); }
void square_root(Backward& b) { b.give(0, b.div(b.times(b.dy(), 0.5), b.y())); }
void rsqrt(Backward& b) { give_product(b, b.times(b.mul(b.y(), b.square(b.y())), -0.5)); }
void reciprocal(Backward& b) { give_product(b, b.neg(b.square(b.y()))); }
void exp(Backward& b) { give_product(b, b.y()); }
void log(Backward& b) { b.give(0, b.div(b.dy(), b.x())); }
void erf(Backward& b) {
  give_product(b, b.times(b.apply(Exp{}, {b.neg(b.square(b.x()))}), 2 * std::numbers::inv_sqrtpi));
}

void sin(Backward& b) { give_product(b, b.apply(Cos{}, {b.x()})); }
void cos(Backward& b) { give_product(b, b.neg(b.apply(Sin{}, {b.x()}))); }
void tan(Backward& b) { give_product(b, b.plus(b.square(b.y()), 1)); }
void sinh(Backward& b) { give_product(b, b.apply(Cosh{}, {b.x()})); }
void cosh(Backward& b) { give_product(b, b.apply(Sinh{}, {b.x()})); }
/// 1/√(k·x² + c) times `sign`.
ValueId inverse_root(Backward& b, double k, double c, double sign = 1) {
  return b.times(b.apply(Rsqrt{}, {b.plus(b.times(b.square(b.x()), k), c)}), sign);
}
void asin(Backward& b) { give_product(b, inverse_root(b, -1, 1)); }
void acos(Backward& b) { give_product(b, inverse_root(b, -1, 1, -1)); }
void atan(Backward& b) { b.give(0, b.div(b.dy(), b.plus(b.square(b.x()), 1))); }
void asinh(Backward& b) { give_product(b, inverse_root(b, 1, 1)); }
void acosh(Backward& b) { give_product(b, inverse_root(b, 1, -1)); }
void atanh(Backward& b) { b.give(0, b.div(b.dy(), b.plus(b.neg(b.square(b.x())), 1))); }

void sigmoid(Backward& b) { give_product(b, b.mul(b.y(), b.plus(b.neg(b.y()), 1))); }
void tanh(Backward& b) { give_product(b, b.plus(b.neg(b.square(b.y())), 1)); }
void softplus(Backward& b) { give_product(b, b.apply(Sigmoid{}, {b.x()})); }
/// 1/(1+|x|)² = (1 − |y|)².
void softsign(Backward& b) { give_product(b, b.square(b.plus(b.neg(b.apply(Abs{}, {b.y()})), 1))); }

/// clamp(x/6 + 1/2, 0, 1) + x/6 where −3 < x < 3.
void hard_swish(Backward& b) {
  const ValueId gate = b.apply(HardSigmoid{.alpha = 1.0f / 6, .beta = 0.5f}, {b.x()});
  const ValueId inside = b.where_between(b.times(b.dy(), 1.0 / 6), b.x(), -3, 3);
  b.give(0, b.add(b.mul(b.dy(), gate), b.mul(inside, b.x())));
}

void hard_sigmoid(Backward& b) { b.give(0, b.where_between(b.times(b.dy(), b.op<HardSigmoid>().alpha), b.y(), 0, 1)); }

void leaky_relu(Backward& b) {
  const double alpha = b.op<LeakyRelu>().alpha;
  b.give(0, b.add(b.where_positive(b.times(b.dy(), 1 - alpha), b.x()), b.times(b.dy(), alpha)));
}

/// Above zero dy · high, below zero dy · low · exp(x · rate).
void exponential_below(Backward& b, double high, double low, double rate) {
  const ValueId below = b.where_negative(b.times(b.dy(), low), b.x());
  const ValueId at_most_zero = b.apply(Clamp{.max = 0}, {b.times(b.x(), rate)});
  b.give(0, b.add(b.where_positive(b.times(b.dy(), high), b.x()), b.mul(below, b.apply(Exp{}, {at_most_zero}))));
}

void elu(Backward& b) { exponential_below(b, 1, b.op<Elu>().alpha, 1); }
void celu(Backward& b) { exponential_below(b, 1, 1, 1 / double(b.op<Celu>().alpha)); }
void selu(Backward& b) {
  const auto& op = b.op<Selu>();
  exponential_below(b, op.gamma, double(op.gamma) * op.alpha, 1);
}

void thresholded_relu(Backward& b) {
  b.give(0, b.where_between(b.dy(), b.x(), b.op<ThresholdedRelu>().alpha, Backward::kInfinity));
}

void shrink(Backward& b) {
  const float edge = b.op<Shrink>().lambd;
  b.give(0, b.add(b.where_between(b.dy(), b.x(), edge, Backward::kInfinity),
                  b.where_between(b.dy(), b.x(), -Backward::kInfinity, -edge)));
}

/// x·tanh(s) with s = softplus(x): tanh s + x·(1 − tanh² s)·sigmoid x.
void mish(Backward& b) {
  const ValueId t = b.apply(Tanh{}, {b.apply(Softplus{}, {b.x()})});
  const ValueId slope = b.mul(b.plus(b.neg(b.square(t)), 1), b.apply(Sigmoid{}, {b.x()}));
  give_product(b, b.add(t, b.mul(b.x(), slope)));
}

/// Φ(x) + x·φ(x); the tanh form: (1 + t)/2 + x·(1 − t²)·u′/2 with t = tanh(u), u = √(2/π)·(x + 0.044715·x³).
void gelu(Backward& b) {
  const ValueId x = b.x();
  if (!b.op<Gelu>().approximate) {
    const ValueId phi = b.times(b.plus(b.apply(Erf{}, {b.times(x, std::numbers::sqrt2 / 2)}), 1), 0.5);
    const ValueId bell =
        b.times(b.apply(Exp{}, {b.times(b.square(x), -0.5)}), std::numbers::inv_sqrtpi * std::numbers::sqrt2 / 2);
    return give_product(b, b.add(phi, b.mul(x, bell)));
  }
  const double k = std::sqrt(2 * std::numbers::inv_pi);
  const ValueId x2 = b.square(x);
  const ValueId t = b.apply(Tanh{}, {b.times(b.mul(x, b.plus(b.times(x2, 0.044715), 1)), k)});
  const ValueId inner = b.times(b.plus(b.times(x2, 3 * 0.044715), 1), k / 2);
  const ValueId slope = b.mul(x, b.mul(b.plus(b.neg(b.square(t)), 1), inner));
  give_product(b, b.add(b.times(b.plus(t, 1), 0.5), slope));
}

void clamp_gradient(Backward& b) {
  const auto& op = b.op<ClampGradient>();
  if (b.wants(1)) b.give(1, b.zeros(b.dims(b.x(1))));
  if (b.wants(0)) b.give_summed(0, b.where_between(b.dy(), b.x(1), op.min, op.max));
}

/// Straight through where x lies between the bounds; the scale learns by LSQ: ŷ/s outside, (ŷ − x)/s inside.
/// Source: Esser et al., Learned Step Size Quantization, 2020, section 2.
void fake_quantize(Backward& b) {
  const auto& op = b.op<FakeQuantize>();
  const ValueId inside =
      b.where_between(b.dy(), b.div(b.x(), b.x(1)), static_cast<float>(op.low), static_cast<float>(op.high));
  b.give_summed(0, inside);
  if (b.wants(1)) b.give_summed(1, b.div(b.sub(b.mul(b.dy(), b.y()), b.mul(inside, b.x())), b.x(1)));
}

constexpr GradientRow kRows[] = {
    {&Abs::def, abs},
    {&Acos::def, acos},
    {&Acosh::def, acosh},
    {&Add::def, add},
    {&Asin::def, asin},
    {&Asinh::def, asinh},
    {&Atan::def, atan},
    {&Atan2::def, atan2},
    {&Atanh::def, atanh},
    {&Cast::def, cast},
    {&Ceil::def, flat},
    {&Celu::def, celu},
    {&Clamp::def, clamp},
    {&ClampGradient::def, clamp_gradient},
    {&Clip::def, clip},
    {&Cos::def, cos},
    {&Cosh::def, cosh},
    {&Div::def, div},
    {&Elu::def, elu},
    {&Erf::def, erf},
    {&Exp::def, exp},
    {&FakeQuantize::def, fake_quantize, weights({1}), {}, true},
    {&Floor::def, flat},
    {&Gelu::def, gelu},
    {&HardSigmoid::def, hard_sigmoid},
    {&HardSwish::def, hard_swish},
    {&Identity::def, identity},
    {&LeakyRelu::def, leaky_relu},
    {&Log::def, log},
    {&Maximum::def, maximum},
    {&Minimum::def, minimum},
    {&Mish::def, mish},
    {&Mul::def, mul},
    {&Neg::def, negate},
    {&PRelu::def, prelu, weights({1})},
    {&Pow::def, pow},
    {&Reciprocal::def, reciprocal},
    {&Relu::def, relu},
    {&Round::def, straight_through, 0, {}, true},
    {&Rsqrt::def, rsqrt},
    {&Selu::def, selu},
    {&Shrink::def, shrink},
    {&Sigmoid::def, sigmoid},
    {&Sign::def, flat},
    {&Sin::def, sin},
    {&Sinh::def, sinh},
    {&Softplus::def, softplus},
    {&Softsign::def, softsign},
    {&Sqrt::def, square_root},
    {&SquaredDifference::def, squared_difference},
    {&Sub::def, sub},
    {&Tan::def, tan},
    {&Tanh::def, tanh},
    {&ThresholdedRelu::def, thresholded_relu},
    {&Where::def, where},
};

}  // namespace

std::span<const GradientRow> elementwise_gradients() { return kRows; }

}  // namespace hone

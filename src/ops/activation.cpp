#include <algorithm>
#include <cmath>
#include <numbers>

#include "ops/elementwise.h"
#include "ops/quantized_unary.h"
#include "ops/unary.h"

namespace hone {

namespace {

constexpr QuantRule kOwnRange{.kind = QuantRule::kOwnRange};
/// TFLite's fixed int8 outputs: 0 … 1 in steps of 1/256, −1 … 1 in steps of 1/128.
constexpr QuantRule kUnitRange{.kind = QuantRule::kFixedRange, .out_scale = 1.0f / 256, .out_zero_point = -128};
constexpr QuantRule kSymmetricRange{.kind = QuantRule::kFixedRange, .out_scale = 1.0f / 128, .out_zero_point = 0};

/// ln(1 + eˣ) without overflow.
template <class T>
T softplus(T x) {
  return std::max(x, T(0)) + std::log1p(std::exp(-std::abs(x)));
}

template <class T>
T gelu(T x, bool approximate) {
  if (!approximate) return T(0.5) * x * (1 + std::erf(x / std::numbers::sqrt2_v<T>));
  const T inner = std::sqrt(2 * std::numbers::inv_pi_v<T>) * (x + T(0.044715) * x * x * x);
  return T(0.5) * x * (1 + std::tanh(inner));
}

}  // namespace

constinit const OpDef Sigmoid::def =
    unary<Sigmoid, Floats>([](auto x) { return 1 / (1 + std::exp(-x)); }, kUnitRange, eval_quantized_sigmoid);
constinit const OpDef Tanh::def =
    unary<Tanh, Floats>([](auto x) { return std::tanh(x); }, kSymmetricRange, eval_quantized_tanh);
constinit const OpDef Relu::def =
    unary<Relu, Numbers>([](auto x) { return x < 0 ? decltype(x)(0) : x; }, kOwnRange, eval_quantized_relu);
constinit const OpDef Clamp::def = unary<Clamp, Numbers>(
    [](const Clamp& op, auto x) { return clamp_between(x, op.min, op.max); }, kOwnRange, eval_quantized_clamp);
constinit const OpDef LeakyRelu::def = unary<LeakyRelu, Floats>(
    [](const LeakyRelu& op, auto x) { return x < 0 ? op.alpha * x : x; }, kOwnRange, eval_quantized_leaky_relu);
constinit const OpDef HardSwish::def = unary<HardSwish, Floats>(
    [](auto x) {
      using T = decltype(x);
      return x * std::min(std::max(x + 3, T(0)), T(6)) / 6;
    },
    kOwnRange, eval_quantized_hard_swish);

constinit const OpDef Elu::def =
    unary<Elu, Floats>([](const Elu& op, auto x) { return x < 0 ? op.alpha * (std::exp(x) - 1) : x; }, kOwnRange);
constinit const OpDef Celu::def = unary<Celu, Floats>([](const Celu& op, auto x) {
  using T = decltype(x);
  return std::max(x, T(0)) + std::min(T(0), op.alpha * (std::exp(x / op.alpha) - 1));
});
constinit const OpDef Selu::def =
    unary<Selu, Floats>([](const Selu& op, auto x) { return op.gamma * (x > 0 ? x : op.alpha * (std::exp(x) - 1)); });
constinit const OpDef HardSigmoid::def = unary<HardSigmoid, Floats>([](const HardSigmoid& op, auto x) {
  using T = decltype(x);
  return std::max(T(0), std::min(T(1), op.alpha * x + op.beta));
});
constinit const OpDef ThresholdedRelu::def =
    unary<ThresholdedRelu, Floats>([](const ThresholdedRelu& op, auto x) { return x > op.alpha ? x : decltype(x)(0); });
constinit const OpDef Shrink::def = unary<Shrink, Numbers>([](const Shrink& op, auto x) {
  const auto real = [&] {
    if constexpr (std::is_integral_v<decltype(x)>)
      return static_cast<double>(x);
    else
      return x;
  }();
  using T = decltype(real + op.bias);
  return real < -op.lambd ? T(real + op.bias) : real > op.lambd ? T(real - op.bias) : T(0);
});
constinit const OpDef Gelu::def =
    unary<Gelu, Floats>([](const Gelu& op, auto x) { return gelu(x, op.approximate); }, kOwnRange);
constinit const OpDef Mish::def = unary<Mish, Floats>([](auto x) { return x * std::tanh(softplus(x)); });
constinit const OpDef Softplus::def = unary<Softplus, Floats>([](auto x) { return softplus(x); });
constinit const OpDef Softsign::def = unary<Softsign, Floats>([](auto x) { return x / (1 + std::abs(x)); });

}  // namespace hone

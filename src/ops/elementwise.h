#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "ops/fixed_point.h"
#include "ops/loops.h"

namespace hone {

/// Definitions of elementwise operators from one function: adding one is one line.

/// min(max(x, min), max). Integers compare with the bounds as reals and saturate.
template <class T>
T clamp_between(T x, float min, float max) {
  if constexpr (std::is_integral_v<T>) {
    constexpr T kLow = std::numeric_limits<T>::min(), kHigh = std::numeric_limits<T>::max();
    const auto to_integer = [](double bound) {
      return bound <= double(kLow) ? kLow : bound >= double(kHigh) ? kHigh : static_cast<T>(bound);
    };
    if (double(x) < double(min)) x = to_integer(std::ceil(double(min)));
    return double(x) > double(max) ? to_integer(std::floor(double(max))) : x;
  } else {
    const T at_least = x < T(min) ? T(min) : x;
    return at_least > T(max) ? T(max) : at_least;
  }
}

namespace detail {

/// f(op, x) or f(x), whichever the function takes.
template <class Op, class F, class T>
auto apply_unary(const Op& op, F f, T x) {
  if constexpr (std::is_invocable_v<F, const Op&, T>)
    return f(op, x);
  else
    return f(x);
}

template <class List>
inline constexpr InputRule kUnaryInputs[] = {{.name = "x", .dtypes = List::kSet}};
template <class List>
inline constexpr InputRule kBinaryInputs[] = {{.name = "a", .dtypes = List::kSet}, {.name = "b", .same_dtype_as = 0}};

inline void infer_unary(InferContext& c) { c.output(0, c.dtype(0), c.shape(0)); }

template <class Op, class List, class F>
void eval_unary(EvalContext& c) {
  const Tensor& x = c.in(0);
  Tensor& y = c.make_output(0, x.dtype(), x.dims());
  const Op& op = c.op<Op>();
  List::dispatch(Op::kName, x.dtype(), [&]<class T>(std::type_identity<T>) {
    const auto in = x.data<T>();
    auto out = y.mutable_data<T>();
    for (size_t i = 0; i < in.size(); ++i)
      out[i] = static_cast<T>(apply_unary(op, F{}, static_cast<Compute<T>>(in[i])));
  });
}

}  // namespace detail

/// y[i] = table[x[i] − min of the dtype] for 8-bit tensors, as TFLite fills its lookup tables: real = scale · (q −
/// zero), f in float, round halves away from zero after multiplying by the inverse of the output scale. Other widths go
/// through `eval` on real numbers.
template <class F>
void eval_lookup(EvalContext& c, void (*eval)(EvalContext&), F&& f) {
  const Tensor& x = c.in(0);
  const TensorType& to = c.output_types[0];
  if (size_of(x.dtype()) != 1 || !is_integer_type(x) || !is_integer_type(to) || to.dtype != x.dtype())
    return eval_in_float(c, eval);
  const int32_t low = static_cast<int32_t>(min_of(x.dtype())), high = static_cast<int32_t>(max_of(x.dtype()));
  const float inverse = 1.0f / to.quant->scale();
  std::array<uint8_t, 256> table{};
  for (int32_t q = low; q <= high; ++q) {
    const float real = x.quant()->scale() * static_cast<float>(q - x.quant()->zero_point());
    const float scaled = std::round(f(real) * inverse) + static_cast<float>(to.quant->zero_point());
    const float stored = std::isnan(scaled) ? 0.0f : std::clamp(scaled, float(low), float(high));
    table[static_cast<uint8_t>(q)] = static_cast<uint8_t>(static_cast<int32_t>(stored));
  }
  Tensor& y = make_stored(c, 0, x.dims());
  const auto* in = static_cast<const uint8_t*>(x.raw());
  auto* out = static_cast<uint8_t*>(y.mutable_raw());
  for (int64_t i = 0; i < x.elements(); ++i) out[i] = table[in[i]];
}

namespace detail {
template <class Op, class List, class F>
void eval_unary_lookup(EvalContext& c) {
  const Op& op = c.op<Op>();
  eval_lookup(c, eval_unary<Op, List, F>, [&](float x) -> float { return apply_unary(op, F{}, x); });
}
}  // namespace detail

/// y = f(x), f generic over the compute types of List, optionally taking the attributes first.
/// Quantized in fixed point: by lookup table.
template <class Op, class List, class F>
constexpr OpDef unary(F, QuantRule quant = {}) {
  OpDef def{.name = Op::kName, .attrs = &attr_type<Op>()};
  def.inputs = detail::kUnaryInputs<List>;
  def.infer = detail::infer_unary;
  def.eval = detail::eval_unary<Op, List, F>;
  if constexpr (List::contains(DType::kF32)) def.eval_quantized = detail::eval_unary_lookup<Op, List, F>;
  def.quant = quant;
  def.elementwise = true;
  return def;
}

/// The same with integer arithmetic of its own for quantized tensors.
template <class Op, class List, class F>
constexpr OpDef unary(F f, QuantRule quant, void (*eval_quantized)(EvalContext&)) {
  OpDef def = unary<Op, List>(f, quant);
  def.eval_quantized = eval_quantized;
  return def;
}

/// x → bool.
template <class Op, class List, class F>
constexpr OpDef unary_predicate(F) {
  OpDef def{.name = Op::kName, .attrs = &attr_type<Op>()};
  def.inputs = detail::kUnaryInputs<List>;
  def.infer = [](InferContext& c) { c.output(0, DType::kBool, c.shape(0)); };
  def.eval = [](EvalContext& c) {
    const Tensor& x = c.in(0);
    Tensor& y = c.make_output(0, DType::kBool, x.dims());
    auto out = y.mutable_data<bool>();
    List::dispatch(Op::kName, x.dtype(), [&]<class T>(std::type_identity<T>) {
      const auto in = x.data<T>();
      for (size_t i = 0; i < in.size(); ++i)
        out[i] = detail::apply_unary(c.op<Op>(), F{}, static_cast<Compute<T>>(in[i]));
    });
  };
  def.elementwise = true;
  return def;
}

namespace detail {

template <class Op, class F, class A, class B>
auto apply_binary(const Op& op, F f, A a, B b) {
  if constexpr (std::is_invocable_v<F, const Op&, A, B>)
    return f(op, a, b);
  else
    return f(a, b);
}

template <class Op>
void infer_binary(InferContext& c) {
  c.output(0, c.dtype(0), broadcast_of(Op::kName, c.shape(0), c.shape(1)));
}

template <class Op>
void infer_comparison(InferContext& c) {
  c.output(0, DType::kBool, broadcast_of(Op::kName, c.shape(0), c.shape(1)));
}

/// Out<T> is the result's element type for inputs of T.
template <class Op, class List, class F, bool kToBool>
void eval_binary(EvalContext& c) {
  const Tensor &a = c.in(0), &b = c.in(1);
  const Dims dims = broadcast(a.dims(), b.dims());
  Tensor& y = c.make_output(0, kToBool ? DType::kBool : a.dtype(), dims);
  const Op& op = c.op<Op>();
  List::dispatch(Op::kName, a.dtype(), [&]<class T>(std::type_identity<T>) {
    using Out = std::conditional_t<kToBool, bool, T>;
    broadcast_apply(
        dims, y.mutable_data<Out>().data(), a.dims(), a.data<T>().data(), b.dims(), b.data<T>().data(),
        [&](T x, T z) { return apply_binary(op, F{}, static_cast<Compute<T>>(x), static_cast<Compute<T>>(z)); });
  });
}

}  // namespace detail

struct BinaryTraits {
  bool commutative = false;
  QuantRule quant = {};
  void (*eval_quantized)(EvalContext&) = nullptr;
  int8_t tied = 1;
};

/// y = f(a, b) with broadcasting, all of one dtype.
template <class Op, class List, class F>
constexpr OpDef binary(F, BinaryTraits traits = {}) {
  OpDef def{.name = Op::kName, .attrs = &attr_type<Op>(), .min_inputs = 2, .max_inputs = 2};
  def.inputs = detail::kBinaryInputs<List>;
  def.infer = detail::infer_binary<Op>;
  def.eval = detail::eval_binary<Op, List, F, false>;
  def.eval_quantized = traits.eval_quantized;
  def.quant = traits.quant;
  def.elementwise = true;
  def.commutative = traits.commutative;
  def.tied = traits.tied;
  return def;
}

/// y: bool = f(a, b) with broadcasting.
template <class Op, class List, class F>
constexpr OpDef comparison(F, BinaryTraits traits = {}) {
  OpDef def = binary<Op, List>(F{}, traits);
  def.infer = detail::infer_comparison<Op>;
  def.eval = detail::eval_binary<Op, List, F, true>;
  return def;
}

}  // namespace hone

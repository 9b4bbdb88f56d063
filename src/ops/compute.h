#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "base/checked.h"
#include "ir/op_def.h"
#include "tensor/tensor.h"

namespace hone {

/// Adapters between the types operators store and the few types their reference kernels compute in.

/// Runs `eval` with f16 and bf16 inputs as f32, and rounds its floating outputs back to the dtypes promised.
void eval_widened(EvalContext& ctx, void (*eval)(EvalContext&));

/// The same as a function pointer for OpDef::eval.
template <void (*Eval)(EvalContext&)>
void widened(EvalContext& ctx) {
  eval_widened(ctx, Eval);
}

/// Runs `eval` on the real numbers of quantized inputs and quantizes its results as output_types say: what
/// eval_quantized does with combinations of types that have no integer kernel.
void eval_in_float(EvalContext& ctx, void (*eval)(EvalContext&));

/// Calls f(std::type_identity<float or double>{}); throws Error(unsupported) beginning with `what` for other dtypes.
template <class F>
void dispatch_real(std::string_view what, DType dtype, F&& f);

/// Elements of x as T: integers wrap, reals are cut and saturate.
template <class T>
std::vector<T> elements_as(const Tensor& x) {
  std::vector<T> out(static_cast<size_t>(x.elements()));
  dispatch(x.dtype(), [&]<class S>(std::type_identity<S>) {
    const auto in = x.data<S>();
    for (size_t i = 0; i < out.size(); ++i) {
      if constexpr (std::is_integral_v<T> && !std::is_integral_v<S>)
        out[i] = saturated<T>(static_cast<double>(in[i]));
      else
        out[i] = static_cast<T>(in[i]);
    }
  });
  return out;
}

/// Stored integers of a quantized tensor minus their zero points, as T (an unsigned T wraps, as sums then may).
/// Throws Error(unsupported) for blocked quantization.
template <class T>
std::vector<T> centered_as(const Tensor& x);

/// The dtype in which a sum of products a·b is returned: the float dtype of both; i32 for 8-bit integers, their own
/// dtype for 32 and 64 bits. Throws Error(invalid_model) beginning with `what` for different or other dtypes.
DType sum_dtype(std::string_view what, DType a, DType b);

/// Calls f(std::type_identity<T>{}) with the type that computes sums of dtype `dtype` (as sum_dtype and
/// widening give it): float, double, uint32_t for 32-bit and uint64_t for 64-bit integers (two's complement, wraps).
template <class F>
void dispatch_sum(std::string_view what, DType dtype, F&& f);

/// y[i] = clamp(sums[i] + bias[i % channels], act_min, act_max); bias may be empty. Integers: the clamp applies when
/// finite. y: f32, f64 or 32/64-bit integers.
template <class T>
void store_sums(const std::vector<T>& sums, const std::vector<T>& bias, float act_min, float act_max, Tensor& y);

/// Throws Error(invalid_model) unless `shape` may be [channels].
void check_channel_vector(std::string_view what, std::string_view name, const Shape& shape, const Dim& channels);

/// Throws Error(unsupported) "conv: no kernel for dtype bool".
[[noreturn]] void throw_no_kernel(std::string_view what, DType dtype);

template <class F>
void dispatch_real(std::string_view what, DType dtype, F&& f) {
  if (dtype == DType::kF32) return f(std::type_identity<float>{});
  if (dtype == DType::kF64) return f(std::type_identity<double>{});
  throw_no_kernel(what, dtype);
}

template <class F>
void dispatch_sum(std::string_view what, DType dtype, F&& f) {
  if (dtype == DType::kF32) return f(std::type_identity<float>{});
  if (dtype == DType::kF64) return f(std::type_identity<double>{});
  if (is_integer(dtype) && size_of(dtype) == 4) return f(std::type_identity<uint32_t>{});
  if (is_integer(dtype) && size_of(dtype) == 8) return f(std::type_identity<uint64_t>{});
  throw_no_kernel(what, dtype);
}

/// An activation bound that a cast to O can take: a double in the range of O.
template <class O>
double bound_as(float bound) {
  const double value = static_cast<double>(bound);
  if constexpr (!std::is_integral_v<O>) {
    return value;
  } else {
    const double low = static_cast<double>(std::numeric_limits<O>::min());
    const double high = std::nexttoward(static_cast<double>(std::numeric_limits<O>::max()) + 1, 0);
    return value < low ? low : value > high ? high : value;
  }
}

template <class T>
void store_sums(const std::vector<T>& sums, const std::vector<T>& bias, float act_min, float act_max, Tensor& y) {
  dispatch(y.dtype(), [&]<class O>(std::type_identity<O>) {
    auto out = y.mutable_data<O>();
    const double low = bound_as<O>(act_min), high = bound_as<O>(act_max);
    size_t c = 0;
    for (size_t i = 0; i < out.size(); ++i) {
      T sum = sums[i];
      if (!bias.empty()) {
        sum += bias[c];
        if (++c == bias.size()) c = 0;
      }
      const O value = static_cast<O>(sum);
      const double real = static_cast<double>(value);
      out[i] = real < low ? static_cast<O>(low) : real > high ? static_cast<O>(high) : value;
    }
  });
}

template <class T>
std::vector<T> centered_as(const Tensor& x) {
  std::vector<T> out = elements_as<T>(x);
  if (!x.quant()) return out;
  const QuantParams& q = *x.quant();
  if (q.block_size > 0) throw_no_kernel("blocked quantization", x.dtype());
  if (q.is_per_tensor()) {
    const T zero = static_cast<T>(q.zero_point());
    for (T& v : out) v -= zero;
    return out;
  }
  int64_t inner = 1;
  for (int64_t i = q.axis + 1; i < x.rank(); ++i) inner *= x.dim(i);
  const int64_t channels = static_cast<int64_t>(q.zero_points.size());
  for (size_t i = 0; i < out.size(); ++i)
    out[i] -= static_cast<T>(q.zero_point(static_cast<int64_t>(i) / inner % channels));
  return out;
}

}  // namespace hone

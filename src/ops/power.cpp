#include <cmath>

#include "ops/binary.h"
#include "ops/elementwise.h"
#include "ops/wrapping.h"

namespace hone {

namespace {

/// Integer power by squaring, wrapping; negative exponents truncate toward zero as 1/aⁿ does.
template <class T>
T integer_power(T base, int64_t exponent) {
  if (exponent < 0) {
    if (base == 1) return 1;
    if (std::is_signed_v<T> && base == static_cast<T>(-1)) return exponent % 2 ? base : T(1);
    return 0;
  }
  T result = 1;
  for (uint64_t left = static_cast<uint64_t>(exponent); left; left >>= 1) {
    if (left & 1) result = wrapping_mul(result, base);
    base = wrapping_mul(base, base);
  }
  return result;
}

template <class T, class E>
T power(T base, E exponent) {
  if constexpr (std::is_integral_v<T> && std::is_integral_v<E>) {
    return integer_power(base, static_cast<int64_t>(exponent));
  } else if constexpr (std::is_integral_v<T>) {
    const double real = std::pow(static_cast<double>(base), static_cast<double>(exponent));
    if (!(real > -0x1p63 && real < 0x1p63)) return 0;
    return static_cast<T>(static_cast<int64_t>(real));
  } else if constexpr (std::is_same_v<T, float> && std::is_same_v<E, float>) {
    return std::pow(base, exponent);
  } else {
    return static_cast<T>(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  }
}

void infer_pow(InferContext& c) { c.output(0, c.dtype(0), broadcast_of(Pow::kName, c.shape(0), c.shape(1))); }

void eval_pow(EvalContext& c) {
  const Tensor& a = c.in(0);
  // Exponents of few kinds: reals as double where they are not plain f32, integers as i64.
  const DType wide = a.dtype() == DType::kF32 && c.in(1).dtype() == DType::kF32 ? DType::kF32
                     : is_float(c.in(1).dtype())                                ? DType::kF64
                                                                                : DType::kI64;
  const Tensor b = cast(c.in(1), wide);
  const Dims dims = broadcast(a.dims(), b.dims());
  Tensor& y = c.make_output(0, a.dtype(), dims);
  Numbers::dispatch(Pow::kName, a.dtype(), [&]<class T>(std::type_identity<T>) {
    Types<float, double, int64_t>::dispatch(Pow::kName, wide, [&]<class E>(std::type_identity<E>) {
      broadcast_apply(dims, y.mutable_data<T>().data(), a.dims(), a.data<T>().data(), b.dims(), b.data<E>().data(),
                      [](T x, E e) { return power(static_cast<Compute<T>>(x), e); });
    });
  });
}

constexpr InputRule kPowInputs[] = {{.name = "a", .dtypes = Numbers::kSet}, {.name = "b", .dtypes = Numbers::kSet}};

}  // namespace

constinit const OpDef Pow::def{.name = Pow::kName,
                               .attrs = &attr_type<Pow>(),
                               .min_inputs = 2,
                               .max_inputs = 2,
                               .infer = infer_pow,
                               .eval = eval_pow,
                               .elementwise = true,
                               .inputs = kPowInputs};

}  // namespace hone

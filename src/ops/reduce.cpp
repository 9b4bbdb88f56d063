#include "ops/reduce.h"

#include <cmath>
#include <limits>

#include "base/checked.h"
#include "ops/loops.h"
#include "ops/quantized_reduce.h"
#include "ops/reduction.h"
#include "ops/wrapping.h"

namespace hone {

namespace {

/// Sums of floats run in double, of integers in 64 bits that wrap.
template <class T>
using Sum = std::conditional_t<std::is_integral_v<T>, int64_t, double>;

/// A real result as T. That of integers may be NaN, infinite or too large: it wraps from 64 bits as their sums do.
template <class T>
T from_real(double real) {
  if constexpr (std::is_integral_v<T>)
    return static_cast<T>(saturated<int64_t>(real));
  else
    return static_cast<T>(real);
}

template <class T>
struct SumRule {
  Sum<T> acc = 0;
  void add(T x) { acc = wrapping_add<Sum<T>>(acc, static_cast<Sum<T>>(x)); }
  T result(int64_t) const { return static_cast<T>(acc); }
};

template <class T>
struct MeanRule : SumRule<T> {
  T result(int64_t n) const {
    if constexpr (std::is_integral_v<T>)
      return n == 0 ? T(0) : static_cast<T>(this->acc / n);
    else
      return static_cast<T>(this->acc / static_cast<double>(n));
  }
};

template <class T>
struct ProductRule {
  Sum<T> acc = 1;
  void add(T x) { acc = wrapping_mul<Sum<T>>(acc, static_cast<Sum<T>>(x)); }
  T result(int64_t) const { return static_cast<T>(acc); }
};

template <class T>
struct AbsoluteSumRule {
  Sum<T> acc = 0;
  void add(T x) {
    const auto v = static_cast<Sum<T>>(x);
    acc = wrapping_add<Sum<T>>(acc, v < 0 ? wrapping_neg(v) : v);
  }
  T result(int64_t) const { return static_cast<T>(acc); }
};

template <class T>
struct SquareSumRule {
  Sum<T> acc = 0;
  void add(T x) {
    const auto v = static_cast<Sum<T>>(x);
    acc = wrapping_add<Sum<T>>(acc, wrapping_mul<Sum<T>>(v, v));
  }
  T result(int64_t) const { return static_cast<T>(acc); }
};

template <class T>
struct NormRule : SquareSumRule<T> {
  T result(int64_t) const { return from_real<T>(std::sqrt(static_cast<double>(this->acc))); }
};

template <class T>
struct LogSumRule : SumRule<T> {
  T result(int64_t) const { return from_real<T>(std::log(static_cast<double>(this->acc))); }
};

/// ln Σeˣ = m + ln Σe^(x−m), m the largest x so far.
template <class T>
struct LogSumExpRule {
  double max = -std::numeric_limits<double>::infinity(), sum = 0;
  void add(T value) {
    const double x = static_cast<double>(value);
    if (x <= max) {
      sum += x == max ? 1 : std::exp(x - max);
    } else if (x > max) {
      sum = sum * std::exp(max - x) + 1;
      max = x;
    } else {
      max = sum = x;
    }
  }
  T result(int64_t) const { return from_real<T>(max + std::log(sum)); }
};

template <class T>
struct MaxRule {
  T acc = std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::lowest();
  void add(T x) {
    if (x > acc || x != x) acc = x;
  }
  T result(int64_t) const { return acc; }
};

template <class T>
struct MinRule {
  T acc = std::numeric_limits<T>::has_infinity ? std::numeric_limits<T>::infinity() : std::numeric_limits<T>::max();
  void add(T x) {
    if (x < acc || x != x) acc = x;
  }
  T result(int64_t) const { return acc; }
};

template <class T>
struct AnyRule {
  bool acc = false;
  void add(T x) { acc |= x; }
  T result(int64_t) const { return acc; }
};

template <class T>
struct AllRule {
  bool acc = true;
  void add(T x) { acc &= x; }
  T result(int64_t) const { return acc; }
};

constexpr QuantRule kOwnRange{.kind = QuantRule::kOwnRange};
constexpr QuantRule kSameScale{.kind = QuantRule::kSameScale};

/// The extreme element is one of the elements: found among stored integers as well.
template <class Op, template <class> class Rule>
constexpr OpDef extremum() {
  OpDef def = reduction<Op, Anything, Rule>(kSameScale, nullptr);
  def.moves_data = true;
  return def;
}

}  // namespace

constinit const OpDef ReduceSum::def = reduction<ReduceSum, Numbers, SumRule>(kOwnRange, eval_quantized_reduce_sum);
constinit const OpDef ReduceMean::def = reduction<ReduceMean, Numbers, MeanRule>(kOwnRange, eval_quantized_reduce_mean);
constinit const OpDef ReduceMax::def = extremum<ReduceMax, MaxRule>();
constinit const OpDef ReduceMin::def = extremum<ReduceMin, MinRule>();
constinit const OpDef ReduceProd::def = reduction<ReduceProd, Numbers, ProductRule>({}, nullptr);
constinit const OpDef ReduceL1::def = reduction<ReduceL1, Numbers, AbsoluteSumRule>({}, nullptr);
constinit const OpDef ReduceL2::def = reduction<ReduceL2, Numbers, NormRule>({}, nullptr);
constinit const OpDef ReduceLogSum::def = reduction<ReduceLogSum, Numbers, LogSumRule>({}, nullptr);
constinit const OpDef ReduceLogSumExp::def = reduction<ReduceLogSumExp, Numbers, LogSumExpRule>({}, nullptr);
constinit const OpDef ReduceSumSquare::def = reduction<ReduceSumSquare, Numbers, SquareSumRule>({}, nullptr);
constinit const OpDef ReduceAny::def = reduction<ReduceAny, Bools, AnyRule>({}, nullptr);
constinit const OpDef ReduceAll::def = reduction<ReduceAll, Bools, AllRule>({}, nullptr);

}  // namespace hone

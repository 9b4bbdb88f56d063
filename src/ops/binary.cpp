#include "ops/binary.h"

#include <cmath>

#include "ops/elementwise.h"
#include "ops/quantized_binary.h"
#include "ops/unary.h"
#include "ops/wrapping.h"

namespace hone {

namespace {

constexpr QuantRule kOwnRange{.kind = QuantRule::kOwnRange};
constexpr QuantRule kSameScale{.kind = QuantRule::kSameScale};

/// A fused activation on the real result; none costs nothing for integers.
template <class Op, class T>
T activate(const Op& op, T x) {
  return clamp_between(x, op.act_min, op.act_max);
}

template <class T>
void check_divisor(std::string_view op, T b) {
  if (std::is_integral_v<T> && b == 0) throw invalid_argument(cat(lower(op), ": integer division by zero"));
}

/// Toward zero; the one overflow, min / −1, wraps.
template <class T>
T divide(std::string_view op, T a, T b) {
  check_divisor(op, b);
  if constexpr (std::is_integral_v<T> && std::is_signed_v<T>)
    if (b == -1) return wrapping_neg(a);
  return static_cast<T>(a / b);
}

/// Of the quotient in f64, as TFLite computes it: −0.3 / 0.1 in f32 is a little below −3, and rounds to it.
template <class T>
T floor_divide(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    const T q = divide(FloorDiv::kName, a, b);
    return (std::is_signed_v<T> && b != static_cast<T>(-1) && a % b != 0 && (a < 0) != (b < 0)) ? static_cast<T>(q - 1)
                                                                                                : q;
  } else {
    return static_cast<T>(std::floor(static_cast<double>(a) / static_cast<double>(b)));
  }
}

template <class T>
T modulo(bool like_c, T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    check_divisor(Mod::kName, b);
    if (std::is_signed_v<T> && b == static_cast<T>(-1)) return 0;
    const T r = static_cast<T>(a % b);
    return !like_c && r != 0 && (r < 0) != (b < 0) ? static_cast<T>(r + b) : r;
  } else {
    const T r = std::fmod(a, b);
    return !like_c && r != 0 && (r < 0) != (b < 0) ? r + b : r;
  }
}

/// x shifted by n bits; shifts by the width or more push everything out.
template <class T>
T shift(bool right, T x, T n) {
  const bool all = n < 0 || static_cast<uint64_t>(n) >= sizeof(T) * 8;
  if (right) return all ? (x < 0 ? static_cast<T>(-1) : T(0)) : static_cast<T>(x >> n);
  return all ? T(0) : static_cast<T>(static_cast<uint64_t>(x) << n);
}

}  // namespace

constinit const OpDef Add::def =
    binary<Add, Numbers>([](const Add& op, auto a, auto b) { return activate(op, wrapping_add(a, b)); },
                         {.commutative = true, .quant = kOwnRange, .eval_quantized = eval_quantized_add});
constinit const OpDef Sub::def =
    binary<Sub, Numbers>([](const Sub& op, auto a, auto b) { return activate(op, wrapping_sub(a, b)); },
                         {.quant = kOwnRange, .eval_quantized = eval_quantized_sub});
constinit const OpDef Mul::def =
    binary<Mul, Numbers>([](const Mul& op, auto a, auto b) { return activate(op, wrapping_mul(a, b)); },
                         {.commutative = true, .quant = kOwnRange, .eval_quantized = eval_quantized_mul});
constinit const OpDef Div::def =
    binary<Div, Numbers>([](const Div& op, auto a, auto b) { return activate(op, divide(Div::kName, a, b)); });

constinit const OpDef FloorDiv::def = binary<FloorDiv, Numbers>([](auto a, auto b) { return floor_divide(a, b); });
constinit const OpDef Mod::def =
    binary<Mod, Numbers>([](const Mod& op, auto a, auto b) { return modulo(op.fmod, a, b); });
constinit const OpDef Maximum::def = binary<Maximum, Numbers>(
    [](auto a, auto b) { return a != a || a > b ? a : b; },
    {.commutative = true, .quant = kSameScale, .eval_quantized = eval_quantized_maximum, .tied = -1});
constinit const OpDef Minimum::def = binary<Minimum, Numbers>(
    [](auto a, auto b) { return a != a || a < b ? a : b; },
    {.commutative = true, .quant = kSameScale, .eval_quantized = eval_quantized_minimum, .tied = -1});
constinit const OpDef SquaredDifference::def = binary<SquaredDifference, Numbers>(
    [](auto a, auto b) { return wrapping_mul(wrapping_sub(a, b), wrapping_sub(a, b)); },
    {.commutative = true, .quant = kOwnRange, .eval_quantized = eval_quantized_squared_difference});
constinit const OpDef Atan2::def = binary<Atan2, Floats>([](auto a, auto b) { return std::atan2(a, b); });

constinit const OpDef PRelu::def = [] {
  OpDef def = binary<PRelu, Numbers>([](auto x, auto slope) { return x < 0 ? wrapping_mul(x, slope) : x; },
                                     {.quant = kOwnRange, .eval_quantized = eval_quantized_prelu});
  def.infer = [](InferContext& c) {
    const Shape wide = broadcast_of(PRelu::kName, c.shape(0), c.shape(1));
    if (!compatible(wide, c.shape(0)))
      throw op_error(PRelu::kName, cat("slope ", c.shape(1), " does not broadcast to x ", c.shape(0)));
    c.output(0, c.dtype(0), c.shape(0));
  };
  return def;
}();

constinit const OpDef BitShift::def =
    binary<BitShift, Integers>([](const BitShift& op, auto x, auto n) { return shift(op.right, x, n); });
constinit const OpDef And::def = binary<And, Bools>([](bool a, bool b) { return a && b; }, {.commutative = true});
constinit const OpDef Or::def = binary<Or, Bools>([](bool a, bool b) { return a || b; }, {.commutative = true});
constinit const OpDef Xor::def = binary<Xor, Bools>([](bool a, bool b) { return a != b; }, {.commutative = true});
constinit const OpDef BitwiseAnd::def =
    binary<BitwiseAnd, Integers>([](auto a, auto b) { return a & b; }, {.commutative = true});
constinit const OpDef BitwiseOr::def =
    binary<BitwiseOr, Integers>([](auto a, auto b) { return a | b; }, {.commutative = true});
constinit const OpDef BitwiseXor::def =
    binary<BitwiseXor, Integers>([](auto a, auto b) { return a ^ b; }, {.commutative = true});

}  // namespace hone

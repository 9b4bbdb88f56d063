#include "base/error.h"
#include "base/text.h"
#include "formats/torch/call.h"
#include "ops/binary.h"
#include "ops/matmul.h"
#include "ops/unary.h"

namespace hone::torch {

namespace {

template <class Op>
void binary(Call& n) {
  const auto [a, b] = n.promoted(n.arg("self"), n.arg("other"));
  n.emit(n.add(Op{}, {a, b}));
}

/// other · alpha.
Value scaled(Call& n) {
  const Value& other = n.arg("other");
  const double alpha = n.real("alpha");
  if (alpha == 1) return other;
  if (is<int64_t>(other) && !is<double>(n.arg("alpha"))) return to_int(other) * n.integer("alpha");
  if (is_number(other)) return to_real(other) * alpha;
  const auto [a, b] = n.promoted(other, n.arg("alpha"));
  return n.tensor_value(n.add(Mul{}, {a, b}));
}

void read_add(Call& n) {
  const auto [a, b] = n.promoted(n.arg("self"), scaled(n));
  n.emit(n.dtype(a) == DType::kBool ? n.add(Or{}, {a, b}) : n.add(Add{}, {a, b}));
}
void read_sub(Call& n) {
  const auto [a, b] = n.promoted(n.arg("self"), scaled(n));
  n.emit(n.add(Sub{}, {a, b}));
}
void read_rsub(Call& n) {
  const double alpha = n.real("alpha");
  const auto [a, b] = n.promoted(n.arg("self"), n.arg("other"));
  n.emit(n.add(Sub{}, {b, alpha == 1 ? a : n.add(Mul{}, {a, n.scalar(alpha, n.dtype(a))})}));
}
void read_mul(Call& n) {
  const auto [a, b] = n.promoted(n.arg("self"), n.arg("other"));
  n.emit(n.dtype(a) == DType::kBool ? n.add(And{}, {a, b}) : n.add(Mul{}, {a, b}));
}

/// Toward zero.
ValueId truncated(Call& n, ValueId x) {
  return n.add(Mul{}, {n.add(Sign{}, {x}), n.add(Floor{}, {n.add(Abs{}, {x})})});
}

void read_div(Call& n) {
  auto [a, b] = n.promoted(n.arg("self"), n.arg("other"));
  const std::string mode = n.has("rounding_mode") ? to_text_value(n.arg("rounding_mode")) : "";
  const bool is_real = is_float(n.dtype(a));
  if (mode == "floor") return n.emit(n.add(FloorDiv{}, {a, b}));
  if (mode.empty() && !is_real) a = n.cast(a, DType::kF32), b = n.cast(b, DType::kF32);
  const ValueId y = n.add(Div{}, {a, b});
  n.emit(mode == "trunc" && is_real ? truncated(n, y) : y);
}

void read_pow(Call& n) {
  const Value& exponent = n.arg("exponent");
  if (is_number(exponent) && n.is_tensor("self") && is_float(n.dtype(n.x()))) {
    if (to_real(exponent) == 2) return n.emit(n.add(Mul{}, {n.x(), n.x()}));
    if (to_real(exponent) == 0.5) return n.emit(n.add(Sqrt{}, {n.x()}));
    if (to_real(exponent) == -0.5) return n.emit(n.add(Rsqrt{}, {n.x()}));
  }
  const auto [a, b] = n.promoted(n.arg("self"), exponent);
  n.emit(n.add(Pow{}, {a, b}));
}

void read_fmod(Call& n) {
  const auto [a, b] = n.promoted(n.arg("self"), n.arg("other"));
  n.emit(n.add(Mod{.fmod = true}, {a, b}));
}

/// Of anything: what is not zero is true.
template <class Op>
void logical(Call& n) {
  n.emit(n.add(Op{}, {n.cast(n.x(), DType::kBool), n.cast(n.x("other"), DType::kBool)}));
}
template <class OfBits, class OfTruth>
void bitwise(Call& n) {
  const auto [a, b] = n.promoted(n.arg("self"), n.arg("other"));
  n.emit(n.dtype(a) == DType::kBool ? n.add(OfTruth{}, {a, b}) : n.add(OfBits{}, {a, b}));
}

void read_where(Call& n) {
  const auto [a, b] = n.promoted(n.arg("self"), n.arg("other"));
  n.emit(n.add(Where{}, {n.mask("condition"), a, b}));
}
void read_masked_fill(Call& n) {
  const ValueId x = n.x(), mask = n.mask("mask");
  const ValueId value = n.is_tensor("value") ? n.cast(n.x("value"), n.dtype(x)) : n.scalar(n.real("value"), n.dtype(x));
  n.emit(n.add(Where{}, {mask, value, x}));
}

ValueId clamped(Call& n, ValueId x, const Value& low, const Value& high) {
  const bool is_plain = n.dtype(x) == DType::kF32 && !is<Cell*>(low) && !is<Cell*>(high);
  if (is_plain) {
    Clamp op;
    if (!is_none(low)) op.min = static_cast<float>(to_real(low));
    if (!is_none(high)) op.max = static_cast<float>(to_real(high));
    return n.add(op, {x});
  }
  Value y = n.tensor_value(x);
  const auto bounded = [&](const Value& bound, bool is_low) {
    if (is_none(bound)) return;
    const auto [a, b] = n.promoted(y, bound);
    y = n.tensor_value(is_low ? n.add(Maximum{}, {a, b}) : n.add(Minimum{}, {a, b}));
  };
  bounded(low, true);
  bounded(high, false);
  return n.value(y);
}
void read_clamp(Call& n) { n.emit(clamped(n, n.x(), n.arg("min"), n.arg("max"))); }
void read_clamp_min(Call& n) { n.emit(clamped(n, n.x(), n.arg("min"), Value{})); }
void read_clamp_max(Call& n) { n.emit(clamped(n, n.x(), Value{}, n.arg("max"))); }
void read_hardtanh(Call& n) { n.emit(clamped(n, n.x(), n.arg("min_val"), n.arg("max_val"))); }

/// self + value · a · b, self + value · a / b.
template <class Op>
void add_combined(Call& n) {
  ValueId y = n.add(Op{}, {n.x("a"), n.x("b")});
  if (n.real("value") != 1) y = n.add(Mul{}, {y, n.scalar(n.real("value"), n.dtype(y))});
  n.emit(n.add(Add{}, {n.x(), y}));
}
/// self + weight · (end − self).
void read_lerp(Call& n) {
  const ValueId x = n.x(), way = n.add(Sub{}, {n.x("end"), x});
  const auto [a, b] = n.promoted(n.tensor_value(way), n.arg("weight"));
  n.emit(n.add(Add{}, {x, n.add(Mul{}, {a, b})}));
}

constexpr std::string_view kTwo = "self other", kScaled = "self other alpha=1";

constexpr OpRow kRows[] = {
    {"add", kScaled, read_add},
    {"sub", kScaled, read_sub},
    {"subtract", kScaled, read_sub},
    {"rsub", kScaled, read_rsub},
    {"mul", kTwo, read_mul},
    {"multiply", kTwo, read_mul},
    {"div", "self other rounding_mode=None", read_div},
    {"divide", "self other rounding_mode=None", read_div},
    {"true_divide", "self other rounding_mode=None", read_div},
    {"floor_divide", kTwo, binary<FloorDiv>},
    {"floordiv", kTwo, binary<FloorDiv>},
    {"remainder", kTwo, binary<Mod>},
    {"fmod", kTwo, read_fmod},
    {"pow", "self exponent", read_pow},
    {"maximum", kTwo, binary<Maximum>},
    {"minimum", kTwo, binary<Minimum>},
    {"fmax", kTwo, binary<Maximum>},
    {"fmin", kTwo, binary<Minimum>},
    {"atan2", kTwo, binary<Atan2>},
    {"eq", kTwo, binary<Equal>},
    {"ne", kTwo, binary<NotEqual>},
    {"not_equal", kTwo, binary<NotEqual>},
    {"lt", kTwo, binary<Less>},
    {"less", kTwo, binary<Less>},
    {"le", kTwo, binary<LessOrEqual>},
    {"less_equal", kTwo, binary<LessOrEqual>},
    {"gt", kTwo, binary<Greater>},
    {"greater", kTwo, binary<Greater>},
    {"ge", kTwo, binary<GreaterOrEqual>},
    {"greater_equal", kTwo, binary<GreaterOrEqual>},
    {"logical_and", kTwo, logical<And>},
    {"logical_or", kTwo, logical<Or>},
    {"logical_xor", kTwo, logical<Xor>},
    {"bitwise_and", kTwo, bitwise<BitwiseAnd, And>},
    {"bitwise_or", kTwo, bitwise<BitwiseOr, Or>},
    {"bitwise_xor", kTwo, bitwise<BitwiseXor, Xor>},
    {"__and__", kTwo, bitwise<BitwiseAnd, And>},
    {"__or__", kTwo, bitwise<BitwiseOr, Or>},
    {"__xor__", kTwo, bitwise<BitwiseXor, Xor>},
    {"where", "condition self other", read_where},
    {"masked_fill", "self mask value", read_masked_fill},
    {"clamp", "self min=None max=None", read_clamp},
    {"clip", "self min=None max=None", read_clamp},
    {"clamp_min", "self min", read_clamp_min},
    {"clamp_max", "self max", read_clamp_max},
    {"hardtanh", "self min_val=-1 max_val=1", read_hardtanh},
    {"addcmul", "self a b value=1", add_combined<Mul>},
    {"addcdiv", "self a b value=1", add_combined<Div>},
    {"lerp", "self end weight", read_lerp},
};

}  // namespace

std::span<const OpRow> binary_rows() { return kRows; }

}  // namespace hone::torch

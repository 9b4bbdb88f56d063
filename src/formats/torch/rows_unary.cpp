#include <cmath>
#include <numbers>

#include "base/error.h"
#include "base/text.h"
#include "formats/torch/call.h"
#include "formats/torch/storage.h"
#include "ops/binary.h"
#include "ops/movement.h"
#include "ops/unary.h"

namespace hone::torch {

namespace {

ValueId real(Call& n) {
  const ValueId x = n.x();
  return is_float(n.dtype(x)) ? x : n.cast(x, DType::kF32);
}
ValueId times(Call& n, ValueId x, double factor) { return n.add(Mul{}, {x, n.scalar(factor, n.dtype(x))}); }
ValueId plus(Call& n, ValueId x, double term) { return n.add(Add{}, {x, n.scalar(term, n.dtype(x))}); }

/// Integers become f32 first.
template <class Op>
void unary(Call& n) {
  n.emit(n.add(Op{}, {real(n)}));
}
template <class Op>
void same(Call& n) {
  n.emit(n.add(Op{}, {n.x()}));
}
/// Integers are what they are rounded to.
template <class Op>
void rounding(Call& n) {
  const ValueId x = n.x();
  n.emit(is_float(n.dtype(x)) ? n.add(Op{}, {x}) : x);
}
void pass(Call& n) { n.result = n.arg("self"); }

void read_clone(Call& n) { n.emit(n.x()); }
void read_square(Call& n) { n.emit(n.add(Mul{}, {n.x(), n.x()})); }
void read_log2(Call& n) { n.emit(times(n, n.add(Log{}, {real(n)}), std::numbers::log2e)); }
void read_log10(Call& n) { n.emit(times(n, n.add(Log{}, {real(n)}), std::numbers::log10e)); }
void read_log1p(Call& n) { n.emit(n.add(Log{}, {plus(n, real(n), 1)})); }
void read_expm1(Call& n) { n.emit(plus(n, n.add(Exp{}, {real(n)}), -1)); }
void read_exp2(Call& n) { n.emit(n.add(Exp{}, {times(n, real(n), std::numbers::ln2)})); }
void read_erfc(Call& n) { n.emit(plus(n, n.add(Neg{}, {n.add(Erf{}, {real(n)})}), 1)); }
void read_trunc(Call& n) {
  const ValueId x = n.x();
  n.emit(n.add(Mul{}, {n.add(Sign{}, {x}), n.add(Floor{}, {n.add(Abs{}, {x})})}));
}
void read_frac(Call& n) {
  read_trunc(n);
  n.emit(n.add(Sub{}, {n.x(), n.value(n.result)}));
}
void read_logit(Call& n) {
  ValueId x = n.x();
  if (n.has("eps")) {
    const auto eps = static_cast<float>(n.real("eps"));
    x = n.add(Clamp{.min = eps, .max = 1 - eps}, {x});
  }
  n.emit(n.add(Log{}, {n.add(Div{}, {x, n.add(Sub{}, {n.scalar(1, n.dtype(x)), x})})}));
}
void read_not(Call& n) { n.emit(n.add(Not{}, {n.cast(n.x(), DType::kBool)})); }
void read_bitwise_not(Call& n) {
  if (n.dtype(n.x()) == DType::kBool) return n.emit(n.add(Not{}, {n.x()}));
  n.emit(n.add(BitwiseNot{}, {n.indices(n.arg("self"))}));
}

void read_silu(Call& n) { n.emit(n.add(Mul{}, {n.x(), n.add(Sigmoid{}, {n.x()})})); }
void read_relu6(Call& n) { n.emit(n.add(Clamp{.min = 0, .max = 6}, {n.x()})); }
void read_hardsigmoid(Call& n) { n.emit(n.add(HardSigmoid{.alpha = 1.0f / 6, .beta = 0.5f}, {n.x()})); }
void read_leaky(Call& n) { n.emit(n.add(LeakyRelu{.alpha = static_cast<float>(n.real("negative_slope"))}, {n.x()})); }
/// Outside of training its slope is the mean of the bounds.
void read_rrelu(Call& n) {
  n.emit(n.add(LeakyRelu{.alpha = static_cast<float>((n.real("lower") + n.real("upper")) / 2)}, {n.x()}));
}
void read_elu(Call& n) {
  if (n.real("input_scale") != 1) throw unsupported("an input_scale other than 1");
  const double scale = n.real("scale"), alpha = n.real("alpha");
  n.emit(scale == 1 ? n.add(Elu{.alpha = static_cast<float>(alpha)}, {n.x()})
                    : n.add(Selu{.alpha = static_cast<float>(alpha), .gamma = static_cast<float>(scale)}, {n.x()}));
}
void read_celu(Call& n) { n.emit(n.add(Celu{.alpha = static_cast<float>(n.real("alpha"))}, {n.x()})); }
void read_gelu(Call& n) { n.emit(n.add(Gelu{.approximate = to_text_value(n.arg("approximate")) == "tanh"}, {n.x()})); }
/// ln(1 + e^(beta·x)) / beta.
void read_softplus(Call& n) {
  const double beta = n.real("beta");
  if (beta == 1) return n.emit(n.add(Softplus{}, {n.x()}));
  n.emit(times(n, n.add(Softplus{}, {times(n, n.x(), beta)}), 1 / beta));
}
void read_log_sigmoid(Call& n) { n.emit(n.add(Neg{}, {n.add(Softplus{}, {n.add(Neg{}, {n.x()})})})); }
void read_tanhshrink(Call& n) { n.emit(n.add(Sub{}, {n.x(), n.add(Tanh{}, {n.x()})})); }
void read_hardshrink(Call& n) {
  n.emit(n.add(Shrink{.lambd = static_cast<float>(n.real("lambd")), .bias = 0}, {n.x()}));
}
void read_softshrink(Call& n) {
  const auto lambd = static_cast<float>(n.real("lambd"));
  n.emit(n.add(Shrink{.lambd = lambd, .bias = lambd}, {n.x()}));
}
void read_threshold(Call& n) {
  const ValueId x = n.x();
  const ValueId is_above = n.add(Greater{}, {x, n.scalar(n.real("threshold"), n.dtype(x))});
  n.emit(n.add(Where{}, {is_above, x, n.scalar(n.real("value"), n.dtype(x))}));
}
/// A slope for each channel, which is axis 1.
void read_prelu(Call& n) {
  const ValueId x = n.x();
  ValueId slope = n.x("weight");
  std::vector<int64_t> dims(static_cast<size_t>(std::max<int64_t>(n.rank(x) - 1, 1)), 1);
  dims[0] = n.dim(slope, 0);
  if (n.rank(x) > 1) slope = n.reshape(slope, dims);
  n.emit(n.add(PRelu{}, {x, slope}));
}
void read_glu(Call& n) {
  const ValueId x = n.x();
  const int64_t axis = n.axis("dim", n.rank(x)), half = n.dim(x, axis) / 2;
  const auto parts = n.add_many(Split{.axis = axis}, {x, n.ints_value({half, half})}, 2);
  n.emit(n.add(Mul{}, {parts[0], n.add(Sigmoid{}, {parts[1]})}));
}
void read_nan_to_num(Call& n) {
  const ValueId x = n.x();
  const double nan = n.has("nan") ? n.real("nan") : 0;
  const ValueId y = n.add(Where{}, {n.add(IsNaN{}, {x}), n.scalar(nan, n.dtype(x)), x});
  Clamp op{.min = std::numeric_limits<float>::lowest(), .max = std::numeric_limits<float>::max()};
  if (n.has("neginf")) op.min = static_cast<float>(n.real("neginf"));
  if (n.has("posinf")) op.max = static_cast<float>(n.real("posinf"));
  n.emit(n.add(op, {y}));
}

/// to(dtype, …), to(device, dtype, …), to(other, …).
void read_to(Call& n) {
  for (const std::string_view key : {"dtype", "first", "second"}) {
    const Value& value = n.arg(key);
    if (is<int64_t>(value)) return n.emit(n.cast(n.x(), dtype_of(to_int(value))));
    if (is<Cell*>(value)) return n.emit(n.cast(n.x(), n.dtype(n.value(value))));
  }
  pass(n);
}
void read_type_as(Call& n) { n.emit(n.cast(n.x(), n.dtype(n.x("other")))); }
template <DType kTo>
void cast_to(Call& n) {
  n.emit(n.cast(n.x(), kTo));
}

void read_dropout(Call& n) {
  if (n.flag("train") && n.real("p") != 0) throw unsupported("dropout in training", "call model.eval() before saving");
  pass(n);
}
/// Takes the place of the values of self.
void read_copy(Call& n) {
  const ValueId x = n.x(), source = n.x("src");
  const ValueId typed = n.cast(source, n.dtype(x));
  if (n.type(x).shape == n.type(source).shape) return n.emit(typed);
  n.emit(n.add(Expand{}, {typed, n.ints_value(n.type(x).shape.dims())}));
}
void read_fill(Call& n) {
  const ValueId x = n.x();
  const ValueId value = n.cast(n.x("value"), n.dtype(x));
  n.emit(n.add(Expand{}, {value, n.ints_value(n.type(x).shape.dims())}));
}
void read_zero(Call& n) {
  const ValueId x = n.x();
  n.emit(n.add(Expand{}, {n.scalar(0, n.dtype(x)), n.ints_value(n.type(x).shape.dims())}));
}

constexpr std::string_view kOne = "self", kDrop = "self p train";

constexpr OpRow kRows[] = {
    {"abs", kOne, same<Abs>},
    {"neg", kOne, same<Neg>},
    {"negative", kOne, same<Neg>},
    {"sign", kOne, same<Sign>},
    {"sgn", kOne, same<Sign>},
    {"ceil", kOne, rounding<Ceil>},
    {"floor", kOne, rounding<Floor>},
    {"round", kOne, rounding<Round>},
    {"trunc", kOne, read_trunc},
    {"fix", kOne, read_trunc},
    {"frac", kOne, read_frac},
    {"sqrt", kOne, unary<Sqrt>},
    {"rsqrt", kOne, unary<Rsqrt>},
    {"reciprocal", kOne, unary<Reciprocal>},
    {"square", kOne, read_square},
    {"exp", kOne, unary<Exp>},
    {"exp2", kOne, read_exp2},
    {"expm1", kOne, read_expm1},
    {"log", kOne, unary<Log>},
    {"log2", kOne, read_log2},
    {"log10", kOne, read_log10},
    {"log1p", kOne, read_log1p},
    {"sin", kOne, unary<Sin>},
    {"cos", kOne, unary<Cos>},
    {"tan", kOne, unary<Tan>},
    {"asin", kOne, unary<Asin>},
    {"acos", kOne, unary<Acos>},
    {"atan", kOne, unary<Atan>},
    {"arctan", kOne, unary<Atan>},
    {"sinh", kOne, unary<Sinh>},
    {"cosh", kOne, unary<Cosh>},
    {"tanh", kOne, unary<Tanh>},
    {"asinh", kOne, unary<Asinh>},
    {"acosh", kOne, unary<Acosh>},
    {"atanh", kOne, unary<Atanh>},
    {"erf", kOne, unary<Erf>},
    {"erfc", kOne, read_erfc},
    {"sigmoid", kOne, unary<Sigmoid>},
    {"logit", "self eps=None", read_logit},
    {"relu", kOne, same<Relu>},
    {"relu6", kOne, read_relu6},
    {"silu", kOne, read_silu},
    {"mish", kOne, same<Mish>},
    {"hardswish", kOne, same<HardSwish>},
    {"hardsigmoid", kOne, read_hardsigmoid},
    {"leaky_relu", "self negative_slope=0.01", read_leaky},
    {"rrelu", "self lower=0.125 upper=0.3333333333333333 training=False", read_rrelu},
    {"elu", "self alpha=1 scale=1 input_scale=1", read_elu},
    {"celu", "self alpha=1", read_celu},
    {"selu", kOne, same<Selu>},
    {"gelu", "self approximate=none", read_gelu},
    {"softplus", "self beta=1 threshold=20", read_softplus},
    {"log_sigmoid", kOne, read_log_sigmoid},
    {"softsign", kOne, same<Softsign>},
    {"tanhshrink", kOne, read_tanhshrink},
    {"hardshrink", "self lambd=0.5", read_hardshrink},
    {"softshrink", "self lambd=0.5", read_softshrink},
    {"threshold", "self threshold value", read_threshold},
    {"prelu", "self weight", read_prelu},
    {"glu", "self dim=-1", read_glu},
    {"isnan", kOne, same<IsNaN>},
    {"isinf", kOne, same<IsInf>},
    {"nan_to_num", "self nan=None posinf=None neginf=None", read_nan_to_num},
    {"logical_not", kOne, read_not},
    {"__not__", kOne, read_not},
    {"bitwise_not", kOne, read_bitwise_not},
    {"to", "self first=None second=None third=None fourth=None fifth=None dtype=None", read_to},
    {"_to_copy", "self first=None second=None third=None fourth=None fifth=None dtype=None", read_to},
    {"type_as", "self other", read_type_as},
    {"_cast_Float", "self non_blocking=False", cast_to<DType::kF32>},
    {"_cast_Long", "self non_blocking=False", cast_to<DType::kI64>},
    {"float", kOne, cast_to<DType::kF32>},
    {"dropout", kDrop, read_dropout},
    {"feature_dropout", kDrop, read_dropout},
    {"alpha_dropout", kDrop, read_dropout},
    {"native_dropout", kDrop, read_dropout},
    {"contiguous", "self memory_format=0", pass},
    {"clone", "self memory_format=0", read_clone},
    {"detach", kOne, pass},
    {"alias", kOne, pass},
    {"cpu", kOne, pass},
    {"cuda", kOne, pass},
    {"positive", kOne, pass},
    {"resolve_conj", kOne, pass},
    {"requires_grad_", "self requires_grad=True", pass},
    {"copy", "self src non_blocking=False", read_copy},
    {"fill", "self value", read_fill},
    {"zero", kOne, read_zero},
};

}  // namespace

std::span<const OpRow> unary_rows() { return kRows; }

}  // namespace hone::torch

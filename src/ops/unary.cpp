#include "ops/unary.h"

#include <cmath>

#include "ops/elementwise.h"
#include "ops/quantized_unary.h"
#include "ops/strided.h"
#include "ops/wrapping.h"

namespace hone {

namespace {
constexpr QuantRule kOwnRange{.kind = QuantRule::kOwnRange};
}  // namespace

constinit const OpDef Abs::def = unary<Abs, Numbers>(
    [](auto x) { return x < 0    ? wrapping_neg(x)
                        : x == 0 ? decltype(x)(0)
                                 : x; }, kOwnRange, eval_quantized_abs);
constinit const OpDef Neg::def = unary<Neg, Signed>([](auto x) { return wrapping_neg(x); });
constinit const OpDef Sign::def = unary<Sign, Numbers>([](auto x) {
  using T = decltype(x);
  return x != x ? x : static_cast<T>(static_cast<T>(x > 0) - static_cast<T>(x < 0));
});

constinit const OpDef Ceil::def = unary<Ceil, Floats>([](auto x) { return std::ceil(x); });
constinit const OpDef Floor::def = unary<Floor, Floats>([](auto x) { return std::floor(x); });
constinit const OpDef Round::def = unary<Round, Floats>([](auto x) { return std::nearbyint(x); });
constinit const OpDef Sqrt::def = unary<Sqrt, Floats>([](auto x) { return std::sqrt(x); });
constinit const OpDef Rsqrt::def = unary<Rsqrt, Floats>([](auto x) { return 1 / std::sqrt(x); });
constinit const OpDef Reciprocal::def = unary<Reciprocal, Floats>([](auto x) { return 1 / x; });
constinit const OpDef Exp::def = unary<Exp, Floats>([](auto x) { return std::exp(x); });
constinit const OpDef Log::def = unary<Log, Floats>([](auto x) { return std::log(x); });

constinit const OpDef Sin::def = unary<Sin, Floats>([](auto x) { return std::sin(x); });
constinit const OpDef Cos::def = unary<Cos, Floats>([](auto x) { return std::cos(x); });
constinit const OpDef Tan::def = unary<Tan, Floats>([](auto x) { return std::tan(x); });
constinit const OpDef Asin::def = unary<Asin, Floats>([](auto x) { return std::asin(x); });
constinit const OpDef Acos::def = unary<Acos, Floats>([](auto x) { return std::acos(x); });
constinit const OpDef Atan::def = unary<Atan, Floats>([](auto x) { return std::atan(x); });
constinit const OpDef Sinh::def = unary<Sinh, Floats>([](auto x) { return std::sinh(x); });
constinit const OpDef Cosh::def = unary<Cosh, Floats>([](auto x) { return std::cosh(x); });
constinit const OpDef Asinh::def = unary<Asinh, Floats>([](auto x) { return std::asinh(x); });
constinit const OpDef Acosh::def = unary<Acosh, Floats>([](auto x) { return std::acosh(x); });
constinit const OpDef Atanh::def = unary<Atanh, Floats>([](auto x) { return std::atanh(x); });
constinit const OpDef Erf::def = unary<Erf, Numbers>([](auto x) { return std::erf(x); });

constinit const OpDef BitwiseNot::def =
    unary<BitwiseNot, Integers>([](auto x) { return static_cast<decltype(x)>(~x); });

constinit const OpDef Not::def = unary_predicate<Not, Bools>([](bool x) { return !x; });
constinit const OpDef IsNaN::def = unary_predicate<IsNaN, Floats>([](auto x) { return std::isnan(x); });
constinit const OpDef IsInf::def = unary_predicate<IsInf, Floats>(
    [](const IsInf& op, auto x) { return std::isinf(x) && (x < 0 ? op.detect_negative : op.detect_positive); });

constinit const OpDef Identity::def = [] {
  OpDef def = mover<Identity>([](InferContext& c) { c.output(0, c.dtype(0), c.shape(0)); },
                              [](EvalContext& c) { c.outputs[0] = c.in(0); }, 1, 1);
  def.elementwise = true;
  return def;
}();

constinit const OpDef Cast::def{.name = Cast::kName,
                                .attrs = &attr_type<Cast>(),
                                .infer = [](InferContext& c) { c.output(0, c.attrs<Cast>().to, c.shape(0)); },
                                .eval = [](EvalContext& c) { c.outputs[0] = cast(c.in(0), c.op<Cast>().to); },
                                .elementwise = true};

}  // namespace hone

#include <limits>
#include <numbers>

#include "ops/binary.h"
#include "ops/norm.h"
#include "ops/shaping.h"
#include "ops/unary.h"
#include "passes/expand.h"
#include "passes/steps.h"

namespace hone {
namespace {

/// Writes real functions as one expression each.
class Real {
 public:
  Real(Graph& graph, NodeId id) : steps_(graph, graph.node(id).outputs[0]) {}
  struct X {
    ValueId id;
  };
  X of(ValueId id) { return {id}; }
  X number(double x) { return {steps_.number(x)}; }
  template <class Op>
  X f(X a, Op op = {}) {
    return {steps_.add(std::move(op), {a.id})};
  }
  template <class Op>
  X f(X a, X b) {
    return {steps_.add(Op{}, {a.id, b.id})};
  }
  X add(X a, X b) { return f<Add>(a, b); }
  X sub(X a, X b) { return f<Sub>(a, b); }
  X mul(X a, X b) { return f<Mul>(a, b); }
  X div(X a, X b) { return f<Div>(a, b); }
  X where(X condition, X a, X b) { return {steps_.add(Where{}, {condition.id, a.id, b.id})}; }
  /// 1 and −1, 0 for 0 and for NaN.
  X sign(X x) {
    const auto as_number = [&](X flag) { return f(flag, Cast{.to = DType::kF32}); };
    return sub(as_number(f<Greater>(x, number(0))), as_number(f<Less>(x, number(0))));
  }
  /// c[0] + x · (c[1] + x · …)
  template <size_t N>
  X polynomial(X x, const double (&c)[N]) {
    X sum = number(c[N - 1]);
    for (size_t i = N - 1; i-- > 0;) sum = add(mul(sum, x), number(c[i]));
    return sum;
  }
  /// Halving the angle three times leaves less than π/16, where seven terms of the series are exact to float.
  X atan(X x) {
    for (int i = 0; i < 3; ++i) x = div(x, add(number(1), f<Sqrt>(add(number(1), mul(x, x)))));
    constexpr double kSeries[] = {1, -1.0 / 3, 1.0 / 5, -1.0 / 7, 1.0 / 9, -1.0 / 11, 1.0 / 13};
    return mul(mul(x, number(8)), polynomial(mul(x, x), kSeries));
  }
  X asin(X x) {
    const X half = div(x, add(number(1), f<Sqrt>(sub(number(1), mul(x, x)))));
    return mul(atan(half), number(2));
  }

 private:
  Steps steps_;
};
using X = Real::X;

X erf(Real& r, X x) {
  // Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26: exact to 1.5e-7.
  constexpr double kTerms[] = {0, 0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429};
  const X size = r.f<Abs>(x);
  const X t = r.div(r.number(1), r.add(r.number(1), r.mul(size, r.number(0.3275911))));
  const X tail = r.mul(r.polynomial(t, kTerms), r.f<Exp>(r.f<Neg>(r.mul(size, size))));
  return r.mul(r.sign(x), r.sub(r.number(1), tail));
}

X asinh(Real& r, X x) {
  const X size = r.f<Abs>(x);
  return r.mul(r.sign(x), r.f<Log>(r.add(size, r.f<Sqrt>(r.add(r.mul(size, size), r.number(1))))));
}

X acosh(Real& r, X x) { return r.f<Log>(r.add(x, r.f<Sqrt>(r.sub(r.mul(x, x), r.number(1))))); }

X atanh(Real& r, X x) { return r.mul(r.f<Log>(r.div(r.add(r.number(1), x), r.sub(r.number(1), x))), r.number(0.5)); }

X acos(Real& r, X x) { return r.sub(r.number(std::numbers::pi / 2), r.asin(x)); }
X asin(Real& r, X x) { return r.asin(x); }
X atan(Real& r, X x) { return r.atan(x); }
X sign(Real& r, X x) { return r.sign(x); }

bool is_real(const TensorType& type) { return type.dtype == DType::kF32 && !type.quant; }

/// f(x) of f32   ⇒   its expression
template <X (*Function)(Real&, X)>
bool expand_function(Graph& graph, NodeId id) {
  const ValueId x = graph.node(id).inputs[0], out = graph.node(id).outputs[0];
  if (!is_real(graph.type(x)) || !is_real(graph.type(out))) return false;
  Real r(graph, id);
  return supersede(graph, out, Function(r, r.of(x)).id);
}

/// |x| of integers   ⇒   max(x, −x)
bool expand_integer_abs(Graph& graph, NodeId id) {
  const ValueId x = graph.node(id).inputs[0], out = graph.node(id).outputs[0];
  const DType dtype = graph.type(x).dtype;
  if (graph.type(x).quant || (dtype != DType::kI32 && dtype != DType::kI64)) return false;
  Steps steps(graph, out);
  return replace_by(graph, out, Maximum{}, {x, steps.add(Neg{}, {x})});
}

/// IsInf   ⇒   comparisons with infinity
bool expand_is_inf(Graph& graph, NodeId id) {
  const ValueId x = graph.node(id).inputs[0], out = graph.node(id).outputs[0];
  const IsInf op = graph.node(id).as<IsInf>();
  if (!is_real(graph.type(x)) || (!op.detect_negative && !op.detect_positive)) return false;
  const double inf = std::numeric_limits<double>::infinity();
  Steps steps(graph, out);
  const bool both = op.detect_negative && op.detect_positive;
  const ValueId size = both ? steps.add(Abs{}, {x}) : x;
  return replace_by(graph, out, Equal{}, {size, steps.number(op.detect_positive ? inf : -inf)});
}

/// Shrink   ⇒   x + bias below, x − bias above, 0 between
bool expand_shrink(Graph& graph, NodeId id) {
  const ValueId x = graph.node(id).inputs[0], out = graph.node(id).outputs[0];
  const Shrink op = graph.node(id).as<Shrink>();
  if (!is_real(graph.type(x))) return false;
  Steps steps(graph, out);
  const ValueId bias = steps.number(static_cast<double>(op.bias)), bound = steps.number(static_cast<double>(op.lambd));
  const ValueId zero = steps.add(Mul{}, {x, steps.number(0)});
  const ValueId above = steps.add(Where{}, {steps.add(Greater{}, {x, bound}), steps.add(Sub{}, {x, bias}), zero});
  const ValueId low = steps.add(Less{}, {x, steps.number(-static_cast<double>(op.lambd))});
  return replace_by(graph, out, Where{}, {low, steps.add(Add{}, {x, bias}), above});
}

/// Mod with the sign of the dividend   ⇒   a − b · trunc(a / b)
bool expand_fmod(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const ValueId a = node.inputs[0], b = node.inputs[1], out = node.outputs[0];
  if (!node.as<Mod>().fmod || !is_real(graph.type(a)) || !is_real(graph.type(b))) return false;
  Steps steps(graph, out);
  const ValueId q = steps.add(Div{}, {a, b});
  const ValueId is_low = steps.add(Less{}, {q, steps.number(0)});
  const ValueId whole = steps.add(Where{}, {is_low, steps.add(Ceil{}, {q}), steps.add(Floor{}, {q})});
  return replace_by(graph, out, Sub{}, {a, steps.add(Mul{}, {b, whole})});
}

/// Hardmax   ⇒   OneHot(ArgMax)
bool expand_hardmax(Graph& graph, NodeId id, int64_t axis) {
  const ValueId x = graph.node(id).inputs[0], out = graph.node(id).outputs[0];
  const Shape& shape = graph.type(x).shape;
  if (!is_real(graph.type(x)) || !shape.has_rank()) return false;
  axis = normalize_axis(axis, shape.rank(), "hardmax: axis");
  if (!shape[axis].is_known()) return false;
  Steps steps(graph, out);
  const ValueId best = steps.add(ArgMax{.axis = axis, .keepdims = false}, {x});
  const ValueId depth = steps.constant(Tensor::scalar(shape[axis].value()));
  const ValueId values = steps.constant(Tensor::of<float>({2}, {0.0f, 1.0f}));
  return replace_by(graph, out, OneHot{.axis = axis}, {best, depth, values});
}

}  // namespace

std::vector<Rule> function_expansions() {
  return {
      {"expand_erf", {&Erf::def}, expand_function<erf>},
      {"expand_asinh", {&Asinh::def}, expand_function<asinh>},
      {"expand_acosh", {&Acosh::def}, expand_function<acosh>},
      {"expand_atanh", {&Atanh::def}, expand_function<atanh>},
      {"expand_asin", {&Asin::def}, expand_function<asin>},
      {"expand_acos", {&Acos::def}, expand_function<acos>},
      {"expand_atan", {&Atan::def}, expand_function<atan>},
      {"expand_sign", {&Sign::def}, expand_function<sign>},
      {"expand_integer_abs", {&Abs::def}, expand_integer_abs},
      {"expand_is_inf", {&IsInf::def}, expand_is_inf},
      {"expand_shrink", {&Shrink::def}, expand_shrink},
      {"expand_fmod", {&Mod::def}, expand_fmod},
      {"expand_hardmax",
       {&Hardmax::def},
       [](Graph& graph, NodeId id) { return expand_hardmax(graph, id, graph.node(id).as<Hardmax>().axis); }},
  };
}

}  // namespace hone

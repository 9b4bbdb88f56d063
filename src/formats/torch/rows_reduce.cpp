#include <limits>

#include "base/error.h"
#include "base/text.h"
#include "formats/torch/call.h"
#include "formats/torch/storage.h"
#include "ops/binary.h"
#include "ops/movement.h"
#include "ops/reduce.h"
#include "ops/shaping.h"
#include "ops/unary.h"

namespace hone::torch {

namespace {

/// Axes of "dim", counted from the front; none or an empty list: all.
std::vector<int64_t> axes_of(Call& n, ValueId x) {
  std::vector<int64_t> axes = n.ints("dim");
  if (axes.empty())
    for (int64_t i = 0; i < n.rank(x); ++i) axes.push_back(i);
  for (int64_t& axis : axes) axis = normalize_axis(axis, std::max<int64_t>(n.rank(x), 1), "axis");
  return axes;
}
template <class Op>
ValueId reduced(Call& n, ValueId x, const std::vector<int64_t>& axes, bool keepdims) {
  if (n.rank(x) == 0) return x;
  return n.add(Op{.keepdims = keepdims}, {x, n.ints_value(axes)});
}

template <class Op>
void reduce(Call& n) {
  const ValueId x = n.x();
  n.emit(reduced<Op>(n, x, axes_of(n, x), n.flag("keepdim")));
}
/// Integers are summed up in 64 bits, averages are real.
template <class Op>
void accumulate(Call& n) {
  ValueId x = n.x();
  if (n.has("dtype")) x = n.cast(x, dtype_of(n.integer("dtype")));
  constexpr bool kIsMean = std::is_same_v<Op, ReduceMean>;
  if (!is_float(n.dtype(x))) x = n.cast(x, kIsMean ? DType::kF32 : DType::kI64);
  n.emit(reduced<Op>(n, x, axes_of(n, x), n.flag("keepdim")));
}

/// max(x), max(x, dim, keepdim) → (values, indices), max(x, other).
template <class OfAll, class OfTwo, class Arg>
void extreme(Call& n) {
  const ValueId x = n.x();
  if (!n.has("dim")) return n.emit(reduced<OfAll>(n, x, axes_of(n, x), false));
  if (n.is_tensor("dim")) {
    const auto [a, b] = n.promoted(n.arg("self"), n.arg("dim"));
    return n.emit(n.add(OfTwo{}, {a, b}));
  }
  const int64_t axis = n.axis("dim", n.rank(x));
  const bool keepdims = n.flag("keepdim");
  n.emit_all({reduced<OfAll>(n, x, {axis}, keepdims), n.add(Arg{.axis = axis, .keepdims = keepdims}, {x})});
}
template <class Arg>
void arg(Call& n) {
  const ValueId x = n.x();
  if (n.has("dim")) return n.emit(n.add(Arg{.axis = n.axis("dim", n.rank(x)), .keepdims = n.flag("keepdim")}, {x}));
  n.emit(n.add(Arg{.axis = 0, .keepdims = false}, {n.reshape(x, {-1})}));
}
template <class Op>
void truth(Call& n) {
  const ValueId x = n.cast(n.x(), DType::kBool);
  n.emit(reduced<Op>(n, x, axes_of(n, x), n.flag("keepdim")));
}

/// Σ(x − mean)² / (N − correction). std(x, unbiased), std(x, dim, unbiased, keepdim), std(x, dim, correction=,
/// keepdim=).
struct Spread {
  ValueId variance, mean;
};
Spread spread(Call& n) {
  const ValueId x = n.x();
  const bool is_short = is<bool>(n.arg("dim"));  // std(x, unbiased)
  double correction = (is_short ? n.flag("dim") : n.flag("unbiased")) ? 1 : 0;
  if (n.has("correction")) correction = n.real("correction");
  std::vector<int64_t> axes;
  if (is_short)
    for (int64_t i = 0; i < n.rank(x); ++i) axes.push_back(i);
  else
    axes = axes_of(n, x);
  double count = 1;
  for (const int64_t axis : axes) count *= static_cast<double>(n.dim(x, axis));
  const ValueId mean = reduced<ReduceMean>(n, x, axes, true);
  const ValueId off = n.add(Sub{}, {x, mean});
  const bool keepdims = n.flag("keepdim");
  const ValueId squares = reduced<ReduceMean>(n, n.add(Mul{}, {off, off}), axes, keepdims);
  const ValueId variance =
      correction == 0 ? squares : n.add(Mul{}, {squares, n.scalar(count / (count - correction), n.dtype(x))});
  return {variance, keepdims ? mean : reduced<ReduceMean>(n, x, axes, false)};
}
void read_var(Call& n) { n.emit(spread(n).variance); }
void read_std(Call& n) { n.emit(n.add(Sqrt{}, {spread(n).variance})); }
void read_var_mean(Call& n) {
  const Spread s = spread(n);
  n.emit_all({s.variance, s.mean});
}
void read_std_mean(Call& n) {
  const Spread s = spread(n);
  n.emit_all({n.add(Sqrt{}, {s.variance}), s.mean});
}

/// (Σ|x|ᵖ)^(1/p); ±inf: the largest or smallest |x|.
void read_norm(Call& n) {
  const ValueId x = n.x();
  const std::vector<int64_t> axes = axes_of(n, x);
  const bool keepdims = n.flag("keepdim");
  const bool is_euclidean = !n.has("p") || is<Text>(n.arg("p"));
  const double p = is_euclidean ? 2 : n.real("p");
  if (p == 2) return n.emit(reduced<ReduceL2>(n, x, axes, keepdims));
  if (p == 1) return n.emit(reduced<ReduceL1>(n, x, axes, keepdims));
  const ValueId size = n.add(Abs{}, {x});
  if (p == std::numeric_limits<double>::infinity()) return n.emit(reduced<ReduceMax>(n, size, axes, keepdims));
  if (p == -std::numeric_limits<double>::infinity()) return n.emit(reduced<ReduceMin>(n, size, axes, keepdims));
  if (p == 0) throw unsupported("a norm that counts");
  const ValueId sum = reduced<ReduceSum>(n, n.add(Pow{}, {size, n.scalar(p, n.dtype(x))}), axes, keepdims);
  n.emit(n.add(Pow{}, {sum, n.scalar(1 / p, n.dtype(x))}));
}

void read_cumsum(Call& n) {
  ValueId x = n.x();
  if (n.has("dtype")) x = n.cast(x, dtype_of(n.integer("dtype")));
  if (!is_float(n.dtype(x))) x = n.cast(x, DType::kI64);
  const int64_t axis = n.axis("dim", n.rank(x));
  n.emit(n.rank(x) == 0 ? x : n.add(CumSum{}, {x, n.add_constant(Tensor::scalar(axis))}));
}
void read_topk(Call& n) {
  const ValueId x = n.x();
  const TopK op{.axis = n.axis("dim", n.rank(x)), .largest = n.flag("largest"), .sorted = true};
  n.emit_all(n.add_many(op, {x, n.dims_value({n.arg("k")})}, 2));
}
std::vector<ValueId> sorted(Call& n) {
  const ValueId x = n.x();
  const int64_t axis = n.axis("dim", n.rank(x));
  return n.add_many(TopK{.axis = axis, .largest = n.flag("descending")}, {x, n.ints_value({n.dim(x, axis)})}, 2);
}
void read_sort(Call& n) { n.emit_all(sorted(n)); }
void read_argsort(Call& n) { n.emit(sorted(n)[1]); }

constexpr std::string_view kAccumulated = "self dim=None keepdim=False dtype=None",
                           kPlain = "self dim=None keepdim=False";
constexpr std::string_view kSpread = "self dim=None unbiased=True keepdim=False correction=None";

constexpr OpRow kRows[] = {
    {"mean", kAccumulated, accumulate<ReduceMean>},
    {"sum", kAccumulated, accumulate<ReduceSum>},
    {"prod", kAccumulated, accumulate<ReduceProd>},
    {"max", kPlain, extreme<ReduceMax, Maximum, ArgMax>},
    {"min", kPlain, extreme<ReduceMin, Minimum, ArgMin>},
    {"amax", kPlain, reduce<ReduceMax>},
    {"amin", kPlain, reduce<ReduceMin>},
    {"argmax", kPlain, arg<ArgMax>},
    {"argmin", kPlain, arg<ArgMin>},
    {"logsumexp", kPlain, reduce<ReduceLogSumExp>},
    {"any", kPlain, truth<ReduceAny>},
    {"all", kPlain, truth<ReduceAll>},
    {"var", kSpread, read_var},
    {"std", kSpread, read_std},
    {"var_mean", kSpread, read_var_mean},
    {"std_mean", kSpread, read_std_mean},
    {"norm", "self p=2 dim=None keepdim=False dtype=None", read_norm},
    {"frobenius_norm", "self dim=None keepdim=False p=2", read_norm},
    {"linalg_vector_norm", "self p=2 dim=None keepdim=False dtype=None", read_norm},
    {"linalg_norm", "self p=None dim=None keepdim=False dtype=None", read_norm},
    {"cumsum", "self dim dtype=None", read_cumsum},
    {"topk", "self k dim=-1 largest=True sorted=True", read_topk},
    {"sort", "self dim=-1 descending=False stable=False", read_sort},
    {"argsort", "self dim=-1 descending=False stable=False", read_argsort},
};

}  // namespace

std::span<const OpRow> reduce_rows() { return kRows; }

}  // namespace hone::torch

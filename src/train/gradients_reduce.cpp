#include "ops/reduce.h"
#include "ops/reduction.h"
#include "train/gradient_rows.h"

namespace hone {
namespace {

/// A reduction: y and dy with the reduced axes as 1, so that they broadcast to x.
struct Reduced {
  ValueId y, dy;
  double count = 1;  ///< elements that went into each
};

template <class Op>
Reduced reduced(Backward& b) {
  const Dims x = b.dims(b.x());
  const auto stated = b.has(1) ? b.ints(1) : std::vector<int64_t>{};
  const auto axes = reduced_axes(Op::kName, stated, static_cast<int64_t>(x.size()), b.op<Op>().noop_with_empty_axes);
  const Dims kept = kept_dims(x, axes);
  Reduced r{b.reshape(b.y(), kept), b.reshape(b.dy(), kept)};
  for (const int64_t axis : axes) r.count *= static_cast<double>(x[static_cast<size_t>(axis)]);
  return r;
}

void sum(Backward& b) { b.give(0, b.expand(reduced<ReduceSum>(b).dy, b.dims(b.x()))); }

void mean(Backward& b) {
  const Reduced r = reduced<ReduceMean>(b);
  b.give(0, b.expand(b.times(r.dy, 1 / r.count), b.dims(b.x())));
}

/// The elements equal to the result share its gradient.
template <class Op>
void extremum(Backward& b) {
  const Reduced r = reduced<Op>(b);
  const DType dtype = b.graph().type(b.x()).dtype;
  const ValueId is_best = b.apply(Cast{.to = dtype}, {b.apply(Equal{}, {b.x(), r.y})});
  b.give(0, b.mul(is_best, b.div(r.dy, b.sum_to(is_best, b.dims(r.dy)))));
}

void l1(Backward& b) { b.give(0, b.mul(b.apply(Sign{}, {b.x()}), reduced<ReduceL1>(b).dy)); }

void l2(Backward& b) {
  const Reduced r = reduced<ReduceL2>(b);
  b.give(0, b.mul(b.x(), b.div(r.dy, r.y)));
}

void sum_square(Backward& b) { b.give(0, b.mul(b.times(b.x(), 2), reduced<ReduceSumSquare>(b).dy)); }

void product(Backward& b) {
  const Reduced r = reduced<ReduceProd>(b);
  b.give(0, b.div(b.mul(r.dy, r.y), b.x()));
}

void log_sum(Backward& b) {
  const Reduced r = reduced<ReduceLogSum>(b);
  b.give(0, b.expand(b.mul(r.dy, b.apply(Exp{}, {b.neg(r.y)})), b.dims(b.x())));
}

void log_sum_exp(Backward& b) {
  const Reduced r = reduced<ReduceLogSumExp>(b);
  b.give(0, b.mul(r.dy, b.apply(Exp{}, {b.sub(b.x(), r.y)})));
}

constexpr GradientRow kRows[] = {
    {&ReduceL1::def, l1},
    {&ReduceL2::def, l2},
    {&ReduceLogSum::def, log_sum},
    {&ReduceLogSumExp::def, log_sum_exp},
    {&ReduceMax::def, extremum<ReduceMax>},
    {&ReduceMean::def, mean},
    {&ReduceMin::def, extremum<ReduceMin>},
    {&ReduceProd::def, product},
    {&ReduceSum::def, sum},
    {&ReduceSumSquare::def, sum_square},
};

}  // namespace

std::span<const GradientRow> reduce_gradients() { return kRows; }

}  // namespace hone

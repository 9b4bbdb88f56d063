#include <cmath>

#include "ops/kernel.h"
#include "ops/lanes.h"
#include "ops/shaping.h"
#include "ops/wrapping.h"

namespace hone {

namespace {

template <class Op>
void infer_arg(InferContext& c) {
  const Op& op = c.attrs<Op>();
  require_dtype<Indices>(Op::kName, "the result", op.dtype);
  Shape out = c.shape(0);
  if (!out.has_rank()) return c.output(0, op.dtype, Shape::unranked());
  const int64_t axis = axis_of(Op::kName, op.axis, out.rank());
  if (out[axis] == Dim(0)) throw op_error(Op::kName, cat("axis ", axis, " of ", out, " is empty"));
  if (op.keepdims)
    out[axis] = Dim(1);
  else
    out.list().erase(out.list().begin() + axis);
  c.output(0, op.dtype, std::move(out));
}

/// Position of the extreme element of each lane: the first, or the last with select_last_index. NaN is largest.
template <class Op, bool kMax>
void eval_arg(EvalContext& c) {
  const Op& op = c.op<Op>();
  const Tensor& x = c.in(0);
  const Lanes lanes(x.dims(), axis_of(Op::kName, op.axis, x.rank()));
  std::vector<int64_t> found(static_cast<size_t>(lanes.count), 0);
  Numbers::dispatch(Op::kName, x.dtype(), [&]<class T>(std::type_identity<T>) {
    const T* in = x.data<T>().data();
    lanes.for_each([&](int64_t start, int64_t lane) {
      int64_t best = 0;
      for (int64_t i = 1; i < lanes.length; ++i) {
        const T a = in[start + i * lanes.step], b = in[start + best * lanes.step];
        const bool is_better = kMax ? orders_before(b, a) : orders_before(a, b);
        const bool is_equal = !orders_before(a, b) && !orders_before(b, a);
        if (is_better || (is_equal && op.select_last_index)) best = i;
      }
      found[static_cast<size_t>(lane)] = best;
    });
  });
  const Dims dims = c.output_types[0].shape.dims();
  c.outputs[0] = cast(Tensor::of<int64_t>(dims, std::span<const int64_t>(found)), op.dtype);
}

constexpr InputRule kArgInputs[] = {{.name = "x", .dtypes = Numbers::kSet}};

template <class Op, bool kMax>
constexpr OpDef arg_reduce() {
  OpDef def{.name = Op::kName, .attrs = &attr_type<Op>()};
  def.inputs = kArgInputs;
  def.infer = infer_arg<Op>;
  def.eval = eval_arg<Op, kMax>;
  def.quant = {.kind = QuantRule::kOwnRange};
  return def;
}

void infer_cum_sum(InferContext& c) {
  if (const auto n = known_length(CumSum::kName, c, 1); n && *n != 1)
    throw op_error(CumSum::kName, cat("axis has ", *n, " elements, expected one"));
  if (const auto axis = constant_ints(CumSum::kName, c, 1); axis && c.shape(0).has_rank())
    axis_of(CumSum::kName, axis->at(0), c.shape(0).rank());
  c.output(0, c.dtype(0), c.shape(0));
}

void eval_cum_sum(EvalContext& c) {
  const CumSum& op = c.op<CumSum>();
  const Tensor& x = c.in(0);
  const Lanes lanes(x.dims(), axis_of(CumSum::kName, to_ints(c.in(1)).at(0), x.rank()));
  Tensor& y = c.make_output(0, x.dtype(), x.dims());
  Numbers::dispatch(CumSum::kName, x.dtype(), [&]<class T>(std::type_identity<T>) {
    const T* in = x.data<T>().data();
    T* out = y.mutable_data<T>().data();
    lanes.for_each([&](int64_t start, int64_t) {
      Compute<T> sum = 0;
      for (int64_t i = 0; i < lanes.length; ++i) {
        const int64_t at = start + (op.reverse ? lanes.length - 1 - i : i) * lanes.step;
        const Compute<T> next = wrapping_add<Compute<T>>(sum, static_cast<Compute<T>>(in[at]));
        out[at] = static_cast<T>(op.exclusive ? sum : next);
        sum = next;
      }
    });
  });
}

void infer_non_zero(InferContext& c) {
  const Shape& x = c.shape(0);
  c.output(0, DType::kI64, Shape{x.has_rank() ? Dim(x.rank()) : Dim(), Dim()});
}

void eval_non_zero(EvalContext& c) {
  const Tensor& x = c.in(0);
  std::vector<int64_t> found;
  Anything::dispatch(NonZero::kName, x.dtype(), [&]<class T>(std::type_identity<T>) {
    const auto in = x.data<T>();
    for (size_t i = 0; i < in.size(); ++i)
      if (static_cast<Compute<T>>(in[i]) != Compute<T>(0)) found.push_back(static_cast<int64_t>(i));
  });
  const Dims strides = strides_of(x.dims());
  const auto count = static_cast<int64_t>(found.size());
  Tensor& y = c.make_output(0, DType::kI64, {x.rank(), count});
  auto out = y.mutable_data<int64_t>();
  for (size_t axis = 0; axis < strides.size(); ++axis)
    for (size_t i = 0; i < found.size(); ++i) out[axis * found.size() + i] = found[i] / strides[axis] % x.dims()[axis];
}

void infer_one_hot(InferContext& c) {
  if (const auto n = known_length(OneHot::kName, c, 2); n && *n != 2)
    throw op_error(OneHot::kName, cat("values have ", *n, " elements, expected off and on"));
  const Shape& indices = c.shape(0);
  if (!indices.has_rank()) return c.output(0, c.dtype(2), Shape::unranked());
  Dim depth;
  if (const Tensor* value = c.constant(1)) {
    if (value->elements() != 1) throw op_error(OneHot::kName, "depth has not exactly one element");
    const double d = to_doubles(*value)[0];
    if (!(d >= 0 && d < 0x1p40)) throw op_error(OneHot::kName, cat("depth ", d, ", expected 0 or more"));
    depth = Dim(static_cast<int64_t>(d));
  }
  Shape out = indices;
  const int64_t axis = axis_of(OneHot::kName, c.attrs<OneHot>().axis, indices.rank() + 1);
  out.list().insert(out.list().begin() + axis, depth);
  c.output(0, c.dtype(2), std::move(out));
}

void eval_one_hot(EvalContext& c) {
  const Dims dims = c.output_types[0].shape.dims();
  const Tensor& values = c.in(2);
  const Lanes lanes(dims, axis_of(OneHot::kName, c.op<OneHot>().axis, c.in(0).rank() + 1));
  const std::vector<double> indices = to_doubles(c.in(0));
  Tensor& y = c.make_output(0, values.dtype(), dims);
  dispatch_size(values.dtype(), [&]<class U>(std::type_identity<U>) {
    const U* off_on = static_cast<const U*>(values.raw());
    U* out = static_cast<U*>(y.mutable_raw());
    std::fill(out, out + y.elements(), off_on[0]);
    lanes.for_each([&](int64_t start, int64_t lane) {
      double at = indices[static_cast<size_t>(lane)];
      if (at < 0) at += static_cast<double>(lanes.length);
      if (at >= 0 && at < static_cast<double>(lanes.length))
        out[start + static_cast<int64_t>(at) * lanes.step] = off_on[1];
    });
  });
}

constexpr InputRule kCumSumInputs[] = {{.name = "x", .dtypes = Numbers::kSet},
                                       {.name = "axis", .dtypes = Integers::kSet}};

constexpr InputRule kNonZeroInputs[] = {{.name = "x", .dtypes = Anything::kSet}};

constexpr InputRule kOneHotInputs[] = {
    {.name = "indices", .dtypes = Numbers::kSet}, {.name = "depth", .dtypes = Numbers::kSet}, {.name = "values"}};

}  // namespace

constinit const OpDef ArgMax::def = arg_reduce<ArgMax, true>();
constinit const OpDef ArgMin::def = arg_reduce<ArgMin, false>();

constinit const OpDef CumSum::def{.name = CumSum::kName,
                                  .attrs = &attr_type<CumSum>(),
                                  .min_inputs = 2,
                                  .max_inputs = 2,
                                  .infer = infer_cum_sum,
                                  .eval = eval_cum_sum,
                                  .inputs = kCumSumInputs};

constinit const OpDef NonZero::def{.name = NonZero::kName,
                                   .attrs = &attr_type<NonZero>(),
                                   .infer = infer_non_zero,
                                   .eval = eval_non_zero,
                                   .inputs = kNonZeroInputs};

constinit const OpDef OneHot::def{.name = OneHot::kName,
                                  .attrs = &attr_type<OneHot>(),
                                  .min_inputs = 3,
                                  .max_inputs = 3,
                                  .infer = infer_one_hot,
                                  .eval = eval_one_hot,
                                  .inputs = kOneHotInputs};

}  // namespace hone

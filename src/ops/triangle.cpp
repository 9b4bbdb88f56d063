#include <algorithm>
#include <cstring>

#include "ops/movement.h"
#include "ops/strided.h"

namespace hone {

namespace {

void infer_trilu(InferContext& c) {
  const Shape& x = c.shape(0);
  if (x.has_rank() && x.rank() < 2) throw op_error(Trilu::kName, cat("x has shape ", x, ", expected rank 2 or more"));
  if (c.has_input(1)) {
    if (const auto n = known_length(Trilu::kName, c, 1); n && *n != 1)
      throw op_error(Trilu::kName, cat("k has ", *n, " elements, expected one"));
  }
  c.output(0, c.dtype(0), x);
}

void eval_trilu(EvalContext& c) {
  const Tensor& x = c.in(0);
  const bool upper = c.op<Trilu>().upper;
  const int64_t k = c.has(1) && c.in(1).elements() == 1 ? to_ints(c.in(1))[0] : 0;
  const int64_t rows = x.dim(x.rank() - 2), columns = x.dim(x.rank() - 1);
  const int64_t diagonal = std::clamp(k, -rows - 1, columns + 1);
  Tensor& y = c.make_output(0, x.dtype(), x.dims());
  dispatch_size(x.dtype(), [&]<class U>(std::type_identity<U>) {
    const U* in = static_cast<const U*>(x.raw());
    U* out = static_cast<U*>(y.mutable_raw());
    const U zero = static_cast<U>(zero_element(x));
    for (int64_t i = 0; i < x.elements(); ++i) {
      const int64_t column = i % columns, row = i / columns % rows;
      const int64_t right_of_diagonal = column - row - diagonal;
      out[i] = (upper ? right_of_diagonal >= 0 : right_of_diagonal <= 0) ? in[i] : zero;
    }
  });
}

void infer_reverse_sequence(InferContext& c) {
  const ReverseSequence& op = c.attrs<ReverseSequence>();
  const Shape& x = c.shape(0);
  if (x.has_rank()) {
    const int64_t batch = axis_of(ReverseSequence::kName, op.batch_axis, x.rank());
    const int64_t time = axis_of(ReverseSequence::kName, op.time_axis, x.rank());
    if (batch == time) throw op_error(ReverseSequence::kName, "batch_axis and time_axis are the same");
    if (!compatible(c.shape(1), Shape{x[batch]}))
      throw op_error(ReverseSequence::kName, cat("lengths are ", c.shape(1), ", expected ", Shape{x[batch]}));
  }
  c.output(0, c.dtype(0), x);
}

void eval_reverse_sequence(EvalContext& c) {
  const Tensor& x = c.in(0);
  const ReverseSequence& op = c.op<ReverseSequence>();
  const auto batch = static_cast<size_t>(axis_of(ReverseSequence::kName, op.batch_axis, x.rank()));
  const auto time = static_cast<size_t>(axis_of(ReverseSequence::kName, op.time_axis, x.rank()));
  const std::vector<int64_t> lengths = to_ints(c.in(1));
  for (int64_t length : lengths)
    if (length < 0 || length > x.dims()[time])
      throw invalid_argument(cat("reversesequence: length ", length, " is outside 0 … ", x.dims()[time]));
  const Dims strides = strides_of(x.dims());
  Tensor& y = c.make_output(0, x.dtype(), x.dims());
  if (x.elements() == 0) return;
  dispatch_size(x.dtype(), [&]<class U>(std::type_identity<U>) {
    const U* in = static_cast<const U*>(x.raw());
    U* out = static_cast<U*>(y.mutable_raw());
    Dims at(x.dims().size(), 0);
    int64_t i = 0;
    do {
      const int64_t length = lengths[static_cast<size_t>(at[batch])];
      const int64_t mirrored = at[time] < length ? length - 1 - at[time] : at[time];
      out[i] = in[i + (mirrored - at[time]) * strides[time]];
      ++i;
    } while (next_index(at, x.dims()));
  });
}

constexpr InputRule kTriluInputs[] = {{.name = "x"}, {.name = "k", .dtypes = Indices::kSet}};

constexpr InputRule kReverseSequenceInputs[] = {
    {.name = "x"}, {.name = "lengths", .dtypes = Indices::kSet, .min_rank = 1, .max_rank = 1}};

}  // namespace

constinit const OpDef Trilu::def = mover<Trilu>(infer_trilu, eval_trilu, 1, 2, kTriluInputs);
constinit const OpDef ReverseSequence::def =
    mover<ReverseSequence>(infer_reverse_sequence, eval_reverse_sequence, 2, 2, kReverseSequenceInputs);

}  // namespace hone

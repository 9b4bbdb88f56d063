#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"
#include "ops/compute.h"
#include "ops/kernel.h"
#include "ops/pool.h"
#include "ops/window.h"

namespace hone {
namespace {

WindowSpec spec_of(const MaxUnpool& op) { return {.kernel = op.kernel, .strides = op.strides, .pads = op.pads}; }

/// Size that MaxPool had on this axis: (x − 1)·stride + kernel − pads.
int64_t unpooled(const MaxUnpool& op, size_t i, int64_t x) {
  const size_t spatial = op.kernel.size();
  const int64_t stride = op.strides.empty() ? 1 : op.strides[i];
  const int64_t padding = op.pads.empty() ? 0 : op.pads[i] + op.pads[i + spatial];
  const int64_t size = x == 0 ? 0 : checked_add(checked_mul(x - 1, stride), op.kernel[i]) - padding;
  if (size < 0) throw invalid_model(cat("maxunpool: padding ", padding, " exceeds the result"));
  return size;
}

Shape pooled_from(const MaxUnpool& op, const Shape& x) {
  Shape out = x;
  for (int64_t i = 1; i + 1 < x.rank(); ++i)
    out[i] = x[i].is_known() ? Dim(unpooled(op, static_cast<size_t>(i - 1), x[i].value())) : Dim();
  return out;
}

void infer(InferContext& ctx) {
  const MaxUnpool& op = ctx.attrs<MaxUnpool>();
  const Shape& x = ctx.shape(0);
  if (!x.has_rank()) return ctx.output(0, ctx.dtype(0), Shape::unranked());
  if (x.rank() < 3 || x.rank() > 5) throw invalid_model(cat("maxunpool: x ", to_text(x), ", expected rank 3 to 5"));
  check_window("maxunpool", spec_of(op), x.rank() - 2);
  if (!compatible(x, ctx.shape(1)))
    throw invalid_model(cat("maxunpool: indices ", to_text(ctx.shape(1)), " and x ", to_text(x), " differ in shape"));
  Shape out = pooled_from(op, x);
  if (ctx.has_input(2)) {
    const Tensor* wanted = ctx.constant(2);
    out = Shape::unknown_of_rank(x.rank());
    if (wanted) {
      const Dims dims = to_ints(*wanted);
      if (static_cast<int64_t>(dims.size()) != x.rank())
        throw invalid_model(cat("maxunpool: output shape ", dims, ", expected ", x.rank(), " numbers"));
      checked_product(dims);
      out = Shape(dims);
    }
  }
  ctx.output(0, ctx.dtype(0), out);
}

/// Position of an index into the [N, C, s…] tensor, as an index into [N, s…, C] of dims `to`; −1 when outside.
int64_t channels_last(int64_t index, const Dims& from, const Dims& to) {
  const size_t rank = from.size();
  Dims at(rank);
  for (size_t i = rank - 1; i-- > 1;) {
    at[i] = index % from[i];
    index /= from[i];
  }
  at[rank - 1] = index % from[rank - 1];
  at[0] = index / from[rank - 1];
  int64_t offset = 0;
  for (size_t i = 0; i < rank; ++i) {
    if (at[i] >= to[i]) return -1;
    offset = offset * to[i] + at[i];
  }
  return offset;
}

void eval(EvalContext& ctx) {
  const Tensor &x = ctx.in(0), &indices = ctx.in(1);
  const Dims from = pooled_from(ctx.op<MaxUnpool>(), Shape(x.dims())).dims();
  const int64_t size = checked_product(from);
  if (indices.elements() != x.elements()) throw invalid_model("maxunpool: indices and x differ in shape");
  const std::vector<int64_t> places = to_ints(indices);
  Tensor& y = ctx.outputs[0];
  y = Tensor::zeros(x.dtype(), ctx.output_types[0].shape.dims());
  dispatch(x.dtype(), [&]<class T>(std::type_identity<T>) {
    const auto in = x.data<T>();
    auto out = y.mutable_data<T>();
    for (size_t i = 0; i < in.size(); ++i) {
      const int64_t to = places[i] < 0 || places[i] >= size ? -1 : channels_last(places[i], from, y.dims());
      if (to < 0)
        throw invalid_model(cat("maxunpool: index ", places[i], " lies outside the result of shape ", y.dims()));
      out[static_cast<size_t>(to)] = in[i];
    }
  });
}

constexpr InputRule kMaxUnpoolInputs[] = {
    {.name = "x", .min_rank = 3, .max_rank = 5},
    {.name = "indices", .dtypes = Integers::kSet},
    {.name = "output shape", .dtypes = Integers::kSet, .min_rank = 1, .max_rank = 1}};

}  // namespace

constinit const OpDef MaxUnpool::def{.name = MaxUnpool::kName,
                                     .attrs = &attr_type<MaxUnpool>(),
                                     .min_inputs = 2,
                                     .max_inputs = 3,
                                     .infer = infer,
                                     .eval = eval,
                                     .inputs = kMaxUnpoolInputs};

}  // namespace hone

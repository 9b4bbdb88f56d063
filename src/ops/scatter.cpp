#include <algorithm>
#include <cstring>

#include "ops/movement.h"
#include "ops/strided.h"
#include "ops/wrapping.h"

namespace hone {

namespace {

template <class T>
T reduced(ScatterReduction reduction, T old, T update) {
  if constexpr (std::is_same_v<T, bool>) {
    const bool is_union = reduction == ScatterReduction::add || reduction == ScatterReduction::max;
    return is_union ? old || update : old && update;
  } else {
    const auto a = static_cast<Compute<T>>(old), b = static_cast<Compute<T>>(update);
    switch (reduction) {
      case ScatterReduction::add:
        return static_cast<T>(wrapping_add(a, b));
      case ScatterReduction::mul:
        return static_cast<T>(wrapping_mul(a, b));
      case ScatterReduction::max:
        return static_cast<T>(std::max(a, b));
      case ScatterReduction::min:
        return static_cast<T>(std::min(a, b));
      case ScatterReduction::none:
        break;
    }
    return update;
  }
}

/// y[at … at+n) meets updates[from … from+n).
void update_run(ScatterReduction reduction, const Tensor& updates, int64_t from, int64_t n, Tensor& y, int64_t at) {
  if (reduction == ScatterReduction::none) {
    const int64_t width = size_of(y.dtype());
    std::memcpy(static_cast<char*>(y.mutable_raw()) + at * width,
                static_cast<const char*>(updates.raw()) + from * width, static_cast<size_t>(n * width));
    return;
  }
  Anything::dispatch("scatter", y.dtype(), [&]<class T>(std::type_identity<T>) {
    const T* in = updates.data<T>().data() + from;
    T* out = y.mutable_data<T>().data() + at;
    for (int64_t i = 0; i < n; ++i) out[i] = reduced(reduction, out[i], in[i]);
  });
}

/// Output 0 as an own copy of x, which stays as it is.
Tensor& copy_of_input(EvalContext& c) {
  const Tensor& x = c.in(0);
  Tensor& y = c.make_output(0, x.dtype(), x.dims());
  std::memcpy(y.mutable_raw(), x.raw(), static_cast<size_t>(x.byte_size()));
  return y;
}

template <class Op>
void infer_scatter(InferContext& c) {
  c.output(0, c.dtype(0), c.shape(0));
}

void infer_scatter_elements(InferContext& c) {
  infer_scatter<ScatterElements>(c);
  const Shape &x = c.shape(0), &indices = c.shape(1), &updates = c.shape(2);
  if (!compatible(indices, updates))
    throw op_error(ScatterElements::kName, cat("indices ", indices, " and updates ", updates, " differ in shape"));
  if (x.has_rank() && indices.has_rank() && x.rank() != indices.rank())
    throw op_error(ScatterElements::kName, cat("x ", x, " and indices ", indices, " differ in rank"));
  if (x.has_rank()) axis_of(ScatterElements::kName, c.attrs<ScatterElements>().axis, x.rank());
}

void eval_scatter_elements(EvalContext& c) {
  const ScatterElements& op = c.op<ScatterElements>();
  const Tensor& x = c.in(0);
  if (x.quant() && op.reduction != ScatterReduction::none) return eval_in_float(c, eval_scatter_elements);
  const Tensor updates = requantized(c.in(2), x.type());
  const std::vector<int64_t> indices = to_ints(c.in(1));
  const auto axis = static_cast<size_t>(axis_of(ScatterElements::kName, op.axis, x.rank()));
  const Dims strides = strides_of(x.dims());
  const Dims& dims = c.in(1).dims();
  Tensor& y = copy_of_input(c);
  if (indices.empty()) return;
  for (size_t d = 0; d < dims.size(); ++d)
    if (d != axis && dims[d] > x.dims()[d])
      throw invalid_argument(cat("scatterelements: indices ", dims, " are larger than x ", x.dims()));
  Dims at(dims.size(), 0);
  int64_t i = 0;
  do {
    const int64_t target = checked_index(ScatterElements::kName, indices[static_cast<size_t>(i)], x.dims()[axis]);
    int64_t offset = target * strides[axis];
    for (size_t d = 0; d < dims.size(); ++d)
      if (d != axis) offset += at[d] * strides[d];
    update_run(op.reduction, updates, i++, 1, y, offset);
  } while (next_index(at, dims));
}

void infer_scatter_nd(InferContext& c) {
  infer_scatter<ScatterND>(c);
  const Shape &x = c.shape(0), &indices = c.shape(1), &updates = c.shape(2);
  if (!x.has_rank() || !indices.has_rank()) return;
  if (indices.rank() == 0) throw op_error(ScatterND::kName, "indices are a scalar, expected [..., k]");
  const Dim& depth = indices[indices.rank() - 1];
  if (!depth.is_known()) return;
  if (depth.value() > x.rank())
    throw op_error(ScatterND::kName, cat("indices ", indices, " name more axes than x ", x, " has"));
  std::vector<Dim> expected(indices.list().begin(), indices.list().end() - 1);
  expected.insert(expected.end(), x.list().begin() + depth.value(), x.list().end());
  if (!compatible(updates, Shape(expected)))
    throw op_error(ScatterND::kName, cat("updates are ", updates, ", expected ", Shape(expected)));
}

void eval_scatter_nd(EvalContext& c) {
  const ScatterND& op = c.op<ScatterND>();
  const Tensor& x = c.in(0);
  if (x.quant() && op.reduction != ScatterReduction::none) return eval_in_float(c, eval_scatter_nd);
  const Tensor updates = requantized(c.in(2), x.type());
  const std::vector<int64_t> indices = to_ints(c.in(1));
  const int64_t depth = c.in(1).dims().back();
  const Dims strides = strides_of(x.dims());
  int64_t run = 1, count = 1;
  for (int64_t d = depth; d < x.rank(); ++d) run *= x.dim(d);
  for (int64_t d = 0; d + 1 < c.in(1).rank(); ++d) count *= c.in(1).dim(d);
  Tensor& y = copy_of_input(c);
  for (int64_t i = 0; i < count; ++i) {
    int64_t offset = 0;
    for (int64_t d = 0; d < depth; ++d) {
      const auto axis = static_cast<size_t>(d);
      offset +=
          checked_index(ScatterND::kName, indices[static_cast<size_t>(i * depth + d)], x.dims()[axis]) * strides[axis];
    }
    update_run(op.reduction, updates, i * run, run, y, offset);
  }
}

constexpr InputRule kInputs[] = {
    {.name = "x"}, {.name = "indices", .dtypes = Integers::kSet}, {.name = "updates", .same_dtype_as = 0}};

}  // namespace

constinit const OpDef ScatterElements::def =
    mover<ScatterElements>(infer_scatter_elements, eval_scatter_elements, 3, 3, kInputs);
constinit const OpDef ScatterND::def = mover<ScatterND>(infer_scatter_nd, eval_scatter_nd, 3, 3, kInputs);

}  // namespace hone

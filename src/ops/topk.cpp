#include <algorithm>
#include <numeric>

#include "ops/lanes.h"
#include "ops/movement.h"
#include "ops/strided.h"

namespace hone {

namespace {

void infer_topk(InferContext& c) {
  const Shape& x = c.shape(0);
  const auto k = constant_ints(TopK::kName, c, 1);
  if (const auto n = known_length(TopK::kName, c, 1); n && *n != 1)
    throw op_error(TopK::kName, cat("k has ", *n, " elements, expected one"));
  Shape out = x;
  if (x.has_rank()) {
    Dim& dim = out[axis_of(TopK::kName, c.attrs<TopK>().axis, x.rank())];
    if (k && (k->at(0) < 0 || (dim.is_known() && k->at(0) > dim.value())))
      throw op_error(TopK::kName, cat("k is ", k->at(0), ", the axis of ", x, " has fewer elements"));
    dim = k ? Dim(k->at(0)) : Dim();
  }
  c.output(0, c.dtype(0), out);
  c.output(1, DType::kI64, out);
}

/// Equal values keep the order of their positions; NaN counts as largest.
void eval_topk(EvalContext& c) {
  const Tensor& x = c.in(0);
  const TopK& op = c.op<TopK>();
  const Dims dims = c.output_types[0].shape.dims();
  const Lanes lanes(x.dims(), axis_of(TopK::kName, op.axis, x.rank()));
  const int64_t k = dims[static_cast<size_t>(lanes.axis)];
  Tensor& values = c.make_output(0, x.dtype(), dims);
  Tensor positions = Tensor::empty(DType::kI64, dims);
  const auto where = positions.mutable_data<int64_t>();
  std::vector<int64_t> order(static_cast<size_t>(lanes.length));
  Anything::dispatch(TopK::kName, x.dtype(), [&]<class T>(std::type_identity<T>) {
    const T* in = x.data<T>().data();
    T* out = values.mutable_data<T>().data();
    lanes.for_each([&](int64_t start, int64_t lane) {
      const auto less = [&](int64_t i, int64_t j) {
        return orders_before(in[start + i * lanes.step], in[start + j * lanes.step]);
      };
      std::iota(order.begin(), order.end(), 0);
      std::partial_sort(order.begin(), order.begin() + k, order.end(), [&](int64_t i, int64_t j) {
        if (op.largest ? less(j, i) : less(i, j)) return true;
        return (op.largest ? !less(i, j) : !less(j, i)) && i < j;
      });
      const int64_t to = lane / lanes.step * lanes.step * k + lane % lanes.step;
      for (int64_t i = 0; i < k; ++i) {
        out[to + i * lanes.step] = in[start + order[static_cast<size_t>(i)] * lanes.step];
        where[static_cast<size_t>(to + i * lanes.step)] = order[static_cast<size_t>(i)];
      }
    });
  });
  if (c.outputs.size() > 1) c.outputs[1] = std::move(positions);
}

constexpr InputRule kInputs[] = {{.name = "x", .dtypes = Anything::kSet},
                                 {.name = "k", .dtypes = Integers::kSet, .max_rank = 1}};

}  // namespace

constinit const OpDef TopK::def = [] {
  OpDef def = mover<TopK>(infer_topk, eval_topk, 2, 2, kInputs);
  def.max_outputs = 2;
  return def;
}();

}  // namespace hone

#include <cstring>

#include "base/checked.h"
#include "ops/movement.h"
#include "ops/strided.h"

namespace hone {

namespace {

/// ∏ of dims first … last−1.
int64_t product_between(const Dims& dims, int64_t first, int64_t last) {
  int64_t product = 1;
  for (int64_t i = first; i < last; ++i) product = checked_mul(product, dims[static_cast<size_t>(i)]);
  return product;
}

constexpr InputRule kInputs[] = {{.name = "x"}, {.name = "indices", .dtypes = Integers::kSet}};

/// Axis and number of batch axes in 0 … rank.
struct GatherAxes {
  int64_t axis, batch;
};

GatherAxes gather_axes(const Gather& op, int64_t rank, int64_t index_rank) {
  const int64_t batch = op.batch_dims < 0 ? op.batch_dims + index_rank : op.batch_dims;
  const int64_t axis = axis_of(Gather::kName, op.axis, rank);
  if (batch < 0 || batch > axis || batch > index_rank)
    throw op_error(Gather::kName,
                   cat("batch_dims ", op.batch_dims, " with axis ", axis, " and indices of rank ", index_rank));
  return {axis, batch};
}

void infer_gather(InferContext& c) {
  const Shape &x = c.shape(0), &indices = c.shape(1);
  if (!x.has_rank() || !indices.has_rank()) return c.output(0, c.dtype(0), Shape::unranked());
  const auto [axis, batch] = gather_axes(c.attrs<Gather>(), x.rank(), indices.rank());
  std::vector<Dim> out(x.list().begin(), x.list().begin() + axis);
  for (int64_t i = 0; i < batch; ++i)
    if (x[i].is_known() && indices[i].is_known() && x[i] != indices[i])
      throw op_error(Gather::kName, cat("x ", x, " and indices ", indices, " differ in a batch dimension"));
  out.insert(out.end(), indices.list().begin() + batch, indices.list().end());
  out.insert(out.end(), x.list().begin() + axis + 1, x.list().end());
  c.output(0, c.dtype(0), Shape(std::move(out)));
}

/// x: [batch, outer, n, inner], indices: [batch, k] → [batch, outer, k, inner].
void eval_gather(EvalContext& c) {
  const Tensor& x = c.in(0);
  const std::vector<int64_t> indices = to_ints(c.in(1));
  const auto [axis, batch_dims] = gather_axes(c.op<Gather>(), x.rank(), c.in(1).rank());
  const int64_t batch = product_between(x.dims(), 0, batch_dims), outer = product_between(x.dims(), batch_dims, axis);
  const int64_t n = x.dim(axis), inner = product_between(x.dims(), axis + 1, x.rank());
  const int64_t k = product_between(c.in(1).dims(), batch_dims, c.in(1).rank());
  Tensor& y = c.make_output(0, x.dtype(), c.output_types[0].shape.dims());
  const int64_t width = inner * size_of(x.dtype());
  const char* in = static_cast<const char*>(x.raw());
  char* out = static_cast<char*>(y.mutable_raw());
  if (y.elements() == 0) return;
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t i = 0; i < k; ++i, out += width) {
        const int64_t at = checked_index(Gather::kName, indices[static_cast<size_t>(b * k + i)], n);
        std::memcpy(out, in + ((b * outer + o) * n + at) * width, static_cast<size_t>(width));
      }
}

void infer_gather_elements(InferContext& c) {
  const Shape &x = c.shape(0), &indices = c.shape(1);
  if (x.has_rank() && indices.has_rank()) {
    if (x.rank() != indices.rank())
      throw op_error(GatherElements::kName, cat("x ", x, " and indices ", indices, " differ in rank"));
    const int64_t axis = axis_of(GatherElements::kName, c.attrs<GatherElements>().axis, x.rank());
    for (int64_t i = 0; i < x.rank(); ++i)
      if (i != axis && x[i].is_known() && indices[i].is_known() && indices[i].value() > x[i].value())
        throw op_error(GatherElements::kName, cat("indices ", indices, " are larger than x ", x));
  }
  c.output(0, c.dtype(0), indices);
}

void eval_gather_elements(EvalContext& c) {
  const Tensor& x = c.in(0);
  const std::vector<int64_t> indices = to_ints(c.in(1));
  const auto axis = static_cast<size_t>(axis_of(GatherElements::kName, c.op<GatherElements>().axis, x.rank()));
  const Dims strides = strides_of(x.dims());
  const Dims& dims = c.in(1).dims();
  Tensor& y = c.make_output(0, x.dtype(), dims);
  if (y.elements() == 0) return;
  dispatch_size(x.dtype(), [&]<class U>(std::type_identity<U>) {
    const U* in = static_cast<const U*>(x.raw());
    U* out = static_cast<U*>(y.mutable_raw());
    Dims at(dims.size(), 0);
    size_t i = 0;
    do {
      int64_t offset = checked_index(GatherElements::kName, indices[i], x.dims()[axis]) * strides[axis];
      for (size_t d = 0; d < dims.size(); ++d)
        if (d != axis) offset += at[d] * strides[d];
      out[i++] = in[offset];
    } while (next_index(at, dims));
  });
}

void infer_gather_nd(InferContext& c) {
  const Shape &x = c.shape(0), &indices = c.shape(1);
  const int64_t batch = c.attrs<GatherND>().batch_dims;
  if (!x.has_rank() || !indices.has_rank()) return c.output(0, c.dtype(0), Shape::unranked());
  if (batch < 0 || batch >= std::max<int64_t>(indices.rank(), 1) || batch > x.rank() || indices.rank() == 0)
    throw op_error(GatherND::kName, cat("batch_dims ", batch, " with x ", x, " and indices ", indices));
  const Dim& last = indices[indices.rank() - 1];
  if (!last.is_known()) return c.output(0, c.dtype(0), Shape::unranked());
  if (last.value() > x.rank() - batch)
    throw op_error(GatherND::kName, cat("indices ", indices, " name more axes than x ", x, " has"));
  std::vector<Dim> out(indices.list().begin(), indices.list().end() - 1);
  out.insert(out.end(), x.list().begin() + batch + last.value(), x.list().end());
  c.output(0, c.dtype(0), Shape(std::move(out)));
}

void eval_gather_nd(EvalContext& c) {
  const Tensor& x = c.in(0);
  const std::vector<int64_t> indices = to_ints(c.in(1));
  const int64_t batch_dims = c.op<GatherND>().batch_dims, index_rank = c.in(1).rank();
  const int64_t depth = c.in(1).dim(index_rank - 1);
  const int64_t batch = product_between(x.dims(), 0, batch_dims);
  const int64_t per_batch = product_between(c.in(1).dims(), batch_dims, index_rank - 1);
  if (batch_dims > 0 && product_between(c.in(1).dims(), 0, batch_dims) != batch)
    throw invalid_argument("gathernd: x and indices differ in a batch dimension");
  const Dims strides = strides_of(x.dims());
  const int64_t width = product_between(x.dims(), batch_dims + depth, x.rank()) * size_of(x.dtype());
  const int64_t image = product_between(x.dims(), batch_dims, x.rank()) * size_of(x.dtype());
  Tensor& y = c.make_output(0, x.dtype(), c.output_types[0].shape.dims());
  if (y.elements() == 0) return;
  char* out = static_cast<char*>(y.mutable_raw());
  for (int64_t i = 0; i < batch * per_batch; ++i, out += width) {
    int64_t offset = 0;
    for (int64_t d = 0; d < depth; ++d) {
      const auto axis = static_cast<size_t>(batch_dims + d);
      offset +=
          checked_index(GatherND::kName, indices[static_cast<size_t>(i * depth + d)], x.dims()[axis]) * strides[axis];
    }
    std::memcpy(out, static_cast<const char*>(x.raw()) + i / per_batch * image + offset * size_of(x.dtype()),
                static_cast<size_t>(width));
  }
}

/// Positions where the condition holds.
std::vector<int64_t> chosen(const Tensor& condition) {
  std::vector<int64_t> out;
  const auto flags = condition.data<bool>();
  for (size_t i = 0; i < flags.size(); ++i)
    if (flags[i]) out.push_back(static_cast<int64_t>(i));
  return out;
}

void infer_compress(InferContext& c) {
  const Compress& op = c.attrs<Compress>();
  const Shape& x = c.shape(0);
  const Tensor* condition = c.constant(1);
  const Dim count = condition ? Dim(static_cast<int64_t>(chosen(*condition).size())) : Dim();
  if (!op.has_axis) return c.output(0, c.dtype(0), Shape{count});
  if (!x.has_rank()) return c.output(0, c.dtype(0), Shape::unranked());
  Shape out = x;
  out[axis_of(Compress::kName, op.axis, x.rank())] = count;
  c.output(0, c.dtype(0), std::move(out));
}

void eval_compress(EvalContext& c) {
  const Compress& op = c.op<Compress>();
  const Tensor x = op.has_axis ? c.in(0) : c.in(0).reshaped({c.in(0).elements()});
  const int64_t axis = op.has_axis ? axis_of(Compress::kName, op.axis, x.rank()) : 0;
  const std::vector<int64_t> kept = chosen(c.in(1));
  if (c.in(1).elements() > x.dim(axis))
    throw invalid_argument(cat("compress: condition has ", c.in(1).elements(), " entries for ", x.dim(axis)));
  Dims dims = x.dims();
  dims[static_cast<size_t>(axis)] = static_cast<int64_t>(kept.size());
  const int64_t outer = product_between(x.dims(), 0, axis);
  const int64_t width = product_between(x.dims(), axis + 1, x.rank()) * size_of(x.dtype());
  Tensor& y = c.make_output(0, x.dtype(), dims);
  if (y.elements() == 0) return;
  char* out = static_cast<char*>(y.mutable_raw());
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t at : kept) {
      std::memcpy(out, static_cast<const char*>(x.raw()) + (o * x.dim(axis) + at) * width, static_cast<size_t>(width));
      out += width;
    }
}

constexpr InputRule kCompressInputs[] = {{.name = "x"},
                                         {.name = "condition", .dtypes = Bools::kSet, .min_rank = 1, .max_rank = 1}};

}  // namespace

constinit const OpDef Gather::def = mover<Gather>(infer_gather, eval_gather, 2, 2, kInputs);
constinit const OpDef GatherElements::def =
    mover<GatherElements>(infer_gather_elements, eval_gather_elements, 2, 2, kInputs);
constinit const OpDef GatherND::def = mover<GatherND>(infer_gather_nd, eval_gather_nd, 2, 2, kInputs);
constinit const OpDef Compress::def = mover<Compress>(infer_compress, eval_compress, 2, 2, kCompressInputs);

}  // namespace hone

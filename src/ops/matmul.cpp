#include "ops/matmul.h"

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"
#include "ops/compute.h"
#include "ops/matmul_kernel.h"
#include "ops/requantize.h"

namespace hone {
namespace {

/// One operand's dims, split: leading ones, then rows and columns as they enter the product.
struct Operand {
  Shape batch;
  Dim rows, columns;
};

/// A 1-D a is a row, a 1-D b a column; transposes swap the last two axes.
Operand split_operand(const Shape& shape, bool transpose, bool is_a) {
  if (shape.rank() == 1) return is_a ? Operand{{}, Dim(1), shape[0]} : Operand{{}, shape[0], Dim(1)};
  Operand out;
  out.batch = Shape(std::vector<Dim>(shape.list().begin(), shape.list().end() - 2));
  out.rows = shape[shape.rank() - (transpose ? 1 : 2)];
  out.columns = shape[shape.rank() - (transpose ? 2 : 1)];
  return out;
}

/// What each operand has to be, whatever is known of the other.
void check_operand(const Shape& shape, bool transpose) {
  if (!shape.has_rank()) return;
  if (shape.rank() == 0) throw invalid_model("matmul: an operand is a scalar, expected rank 1 or more");
  if (shape.rank() == 1 && transpose) throw invalid_model("matmul: cannot transpose an operand of rank 1");
}

Shape product_shape(const MatMul& op, const Shape& a, const Shape& b) {
  check_operand(a, op.transpose_a);
  check_operand(b, op.transpose_b);
  if (!a.has_rank() || !b.has_rank()) return Shape::unranked();
  const Operand left = split_operand(a, op.transpose_a, true), right = split_operand(b, op.transpose_b, false);
  if (left.columns.is_known() && right.rows.is_known() && left.columns.value() != right.rows.value())
    throw invalid_model(cat("matmul: a ", to_text(a), " and b ", to_text(b), " have inner sizes ", left.columns.value(),
                            " and ", right.rows.value(), ", expected equal ones"));
  Shape out = broadcast(left.batch, right.batch);
  if (a.rank() > 1) out.list().push_back(left.rows);
  if (b.rank() > 1) out.list().push_back(right.columns);
  return out;
}

void infer(InferContext& ctx) {
  const MatMul& op = ctx.attrs<MatMul>();
  ctx.output(0, sum_dtype("matmul", ctx.dtype(0), ctx.dtype(1)), product_shape(op, ctx.shape(0), ctx.shape(1)));
}

MatMulSizes sizes_of(const MatMul& op, const Tensor& a, const Tensor& b) {
  const Operand left = split_operand(Shape(a.dims()), op.transpose_a, true);
  const Operand right = split_operand(Shape(b.dims()), op.transpose_b, false);
  const Dims batch_a = left.batch.dims(), batch_b = right.batch.dims();
  return {.batch = broadcast(batch_a, batch_b),
          .batch_a = batch_a,
          .batch_b = batch_b,
          .m = left.rows.value(),
          .n = right.columns.value(),
          .k = left.columns.value()};
}

template <class T>
std::vector<T> product(const MatMul& op, const MatMulSizes& s, std::vector<T> a, std::vector<T> b) {
  if (op.transpose_a) a = swap_last_two(a, s.k, s.m);
  if (op.transpose_b) b = swap_last_two(b, s.n, s.k);
  return multiply_batches(s, a, b);
}

constexpr float kInfinity = std::numeric_limits<float>::infinity();

void eval(EvalContext& ctx) {
  const MatMul& op = ctx.op<MatMul>();
  const Tensor &a = ctx.in(0), &b = ctx.in(1);
  const MatMulSizes sizes = sizes_of(op, a, b);
  Tensor& y = ctx.make_output(0);
  dispatch_sum("matmul", y.dtype(), [&]<class T>(std::type_identity<T>) {
    store_sums<T>(product<T>(op, sizes, elements_as<T>(a), elements_as<T>(b)), {}, -kInfinity, kInfinity, y);
  });
}

void eval_quantized(EvalContext& ctx) {
  const MatMul& op = ctx.op<MatMul>();
  const Tensor &a = ctx.in(0), &b = ctx.in(1);
  const MatMulSizes sizes = sizes_of(op, a, b);
  const Requantization r{.x = a,
                         .w = b,
                         .bias = {},
                         .out = ctx.output_types[0],
                         .channels = sizes.n,
                         .weight_axis = b.rank() - (op.transpose_b ? 2 : 1),
                         .product_in_float = true,
                         .halves_up = true};
  if (!can_requantize(r)) return eval_in_float(ctx, widened<eval>);
  ctx.outputs[0] = requantize_sums(r, ctx.output_types[0].shape.dims(), [&]<class U>(std::type_identity<U>) {
    return product<U>(op, sizes, centered_as<U>(a), centered_as<U>(b));
  });
}

int64_t macs(const Attrs& attrs, std::span<const TensorType* const> in, std::span<const TensorType* const> out) {
  const Operand left = split_operand(in[0]->shape, attrs.as<MatMul>().transpose_a, true);
  return checked_mul(out[0]->shape.elements(), left.columns.value());
}

constexpr InputRule kInputs[] = {{.name = "a", .min_rank = 1}, {.name = "b", .min_rank = 1}};

}  // namespace

constinit const OpDef MatMul::def{.name = MatMul::kName,
                                  .attrs = &attr_type<MatMul>(),
                                  .min_inputs = 2,
                                  .max_inputs = 2,
                                  .infer = infer,
                                  .eval = widened<eval>,
                                  .eval_quantized = eval_quantized,
                                  .macs = macs,
                                  .quant = {.kind = QuantRule::kOwnRange},
                                  .inputs = kInputs};

}  // namespace hone

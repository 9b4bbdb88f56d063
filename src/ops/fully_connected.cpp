#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"
#include "ops/compute.h"
#include "ops/hybrid.h"
#include "ops/matmul.h"
#include "ops/matmul_kernel.h"
#include "ops/requantize.h"

namespace hone {
namespace {

/// ∏x / I rows; a leading symbol survives when the other dims make up I.
Dim flattened_rows(const Shape& x, const Dim& in) {
  if (!in.is_known()) return {};
  if (x.is_static()) {
    const int64_t elements = x.elements();
    if (in.value() == 0 || elements % in.value() != 0)
      throw invalid_model(cat("fullyconnected: x ", to_text(x), " does not divide into rows of ", in.value()));
    return elements / in.value();
  }
  int64_t tail = 1;
  for (int64_t i = 1; i < x.rank(); ++i) {
    if (!x[i].is_known()) return {};
    tail = checked_mul(tail, x[i].value());
  }
  return tail == in.value() ? x[0] : Dim();
}

void infer(InferContext& ctx) {
  const FullyConnected& op = ctx.attrs<FullyConnected>();
  const Shape &x = ctx.shape(0), &w = ctx.shape(1);
  const DType dtype = sum_dtype("fullyconnected", ctx.dtype(0), ctx.dtype(1));
  if (!compatible(w, Shape::unknown_of_rank(2)))
    throw invalid_model(cat("fullyconnected: weight ", to_text(w), ", expected [O,I]"));
  const Dim out = w.has_rank() ? w[0] : Dim(), in = w.has_rank() ? w[1] : Dim();
  if (ctx.has_input(2)) check_channel_vector("fullyconnected", "bias", ctx.shape(2), out);
  if (!x.has_rank()) return ctx.output(0, dtype, op.keep_dims ? Shape::unranked() : Shape{Dim(), out});
  if (x.rank() == 0) throw invalid_model("fullyconnected: x is a scalar, expected rank 1 or more");
  if (!op.keep_dims) return ctx.output(0, dtype, {flattened_rows(x, in), out});
  const Dim& last = x[x.rank() - 1];
  if (last.is_known() && in.is_known() && last.value() != in.value())
    throw invalid_model(cat("fullyconnected: weight has ", in.value(), " inputs, x has ", last.value()));
  Shape shape = x;
  shape[x.rank() - 1] = out;
  ctx.output(0, dtype, shape);
}

MatMulSizes sizes_of(const Tensor& x, const Tensor& w) {
  const int64_t rows = w.dim(1) == 0 ? 0 : x.elements() / w.dim(1);
  return {.batch = {}, .batch_a = {}, .batch_b = {}, .m = rows, .n = w.dim(0), .k = w.dim(1)};
}

void eval(EvalContext& ctx) {
  const FullyConnected& op = ctx.op<FullyConnected>();
  const Tensor &x = ctx.in(0), &w = ctx.in(1);
  MatMulSizes sizes = sizes_of(x, w);
  Tensor& y = ctx.make_output(0);
  if (w.dim(1) == 0 && w.dim(0) > 0) sizes.m = y.elements() / w.dim(0);
  dispatch_sum("fullyconnected", y.dtype(), [&]<class T>(std::type_identity<T>) {
    const auto sums = multiply_batches(sizes, elements_as<T>(x), swap_last_two(elements_as<T>(w), sizes.n, sizes.k));
    const auto bias = ctx.has(2) ? elements_as<T>(ctx.in(2)) : std::vector<T>();
    store_sums<T>(sums, bias, op.act_min, op.act_max, y);
  });
}

void eval_hybrid(EvalContext& ctx) {
  const FullyConnected& op = ctx.op<FullyConnected>();
  const Tensor &x = ctx.in(0), &w = ctx.in(1);
  const MatMulSizes sizes = sizes_of(x, w);
  const QuantizedRows rows = quantize_rows(x.data<float>(), sizes.m, op.asymmetric_inputs);
  const std::vector<uint32_t> sums =
      multiply_batches(sizes, rows.centered, swap_last_two(elements_as<uint32_t>(w), sizes.n, sizes.k));
  store_hybrid({w, ctx.has(2) ? ctx.in(2) : Tensor(), op.act_min, op.act_max}, sums, rows, ctx.make_output(0));
}

void eval_quantized(EvalContext& ctx) {
  const FullyConnected& op = ctx.op<FullyConnected>();
  const Tensor &x = ctx.in(0), &w = ctx.in(1);
  if (is_hybrid(x, w, ctx.output_types[0], 0) && w.dim(1) > 0) return eval_hybrid(ctx);
  const Requantization r{.x = x,
                         .w = w,
                         .bias = ctx.has(2) ? ctx.in(2) : Tensor(),
                         .out = ctx.output_types[0],
                         .act_min = op.act_min,
                         .act_max = op.act_max,
                         .channels = w.dim(0),
                         .weight_axis = 0,
                         .product_in_float = true,
                         .halves_up = true};
  if (!can_requantize(r) || w.dim(1) == 0) return eval_in_float(ctx, widened<eval>);
  const MatMulSizes sizes = sizes_of(x, w);
  ctx.outputs[0] = requantize_sums(r, ctx.output_types[0].shape.dims(), [&]<class U>(std::type_identity<U>) {
    return multiply_batches(sizes, centered_as<U>(x), swap_last_two(centered_as<U>(w), sizes.n, sizes.k));
  });
}

int64_t macs(const Attrs&, std::span<const TensorType* const> in, std::span<const TensorType* const> out) {
  return checked_mul(out[0]->shape.elements(), in[1]->shape[1].value());
}

constexpr InputRule kFullyConnectedInputs[] = {{.name = "x", .min_rank = 1},
                                               {.name = "weight", .min_rank = 2, .max_rank = 2},
                                               {.name = "bias", .min_rank = 1, .max_rank = 1}};

}  // namespace

constinit const OpDef FullyConnected::def{
    .name = FullyConnected::kName,
    .attrs = &attr_type<FullyConnected>(),
    .min_inputs = 2,
    .max_inputs = 3,
    .infer = infer,
    .eval = widened<eval>,
    .eval_quantized = eval_quantized,
    .macs = macs,
    .quant = {.kind = QuantRule::kOwnRange, .weight = 1, .bias = 2, .weight_axis = QuantRule::kPerTensor},
    .inputs = kFullyConnectedInputs};

}  // namespace hone

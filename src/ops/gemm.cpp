#include <algorithm>
#include <limits>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"
#include "ops/compute.h"
#include "ops/matmul.h"
#include "ops/matmul_kernel.h"

namespace hone {
namespace {

void infer(InferContext& ctx) {
  const Gemm& op = ctx.attrs<Gemm>();
  const Shape &a = ctx.shape(0), &b = ctx.shape(1);
  const DType dtype = sum_dtype("gemm", ctx.dtype(0), ctx.dtype(1));
  const Shape matrix = Shape::unknown_of_rank(2);
  if (!compatible(a, matrix) || !compatible(b, matrix))
    throw invalid_model(cat("gemm: a ", to_text(a), " and b ", to_text(b), ", expected two matrices"));
  const int ta = op.transpose_a, tb = op.transpose_b;
  const Dim m = a.has_rank() ? a[ta] : Dim(), k = a.has_rank() ? a[1 - ta] : Dim();
  const Dim kb = b.has_rank() ? b[tb] : Dim(), n = b.has_rank() ? b[1 - tb] : Dim();
  if (k.is_known() && kb.is_known() && k.value() != kb.value())
    throw invalid_model(cat("gemm: a ", to_text(a), " and b ", to_text(b), " have inner sizes ", k.value(), " and ",
                            kb.value(), ", expected equal ones"));
  const Shape out{m, n};
  if (ctx.has_input(2) && !compatible(broadcast(out, ctx.shape(2)), out))
    throw invalid_model(cat("gemm: c ", to_text(ctx.shape(2)), " does not broadcast to ", to_text(out)));
  ctx.output(0, dtype, out);
}

/// factor · v; integers are scaled through double when the factor is not one.
template <class T>
T scaled(T v, float factor) {
  if (factor == 1.0f) return v;
  if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(factor) * v;
  } else {
    const double product = static_cast<double>(factor) * static_cast<double>(static_cast<std::make_signed_t<T>>(v));
    return static_cast<T>(saturated<int64_t>(product));
  }
}

void eval(EvalContext& ctx) {
  const Gemm& op = ctx.op<Gemm>();
  const Tensor &a = ctx.in(0), &b = ctx.in(1);
  Tensor& y = ctx.make_output(0);
  const MatMulSizes s{
      .batch = {}, .batch_a = {}, .batch_b = {}, .m = y.dim(0), .n = y.dim(1), .k = a.dim(op.transpose_a ? 0 : 1)};
  dispatch_sum("gemm", y.dtype(), [&]<class T>(std::type_identity<T>) {
    auto left = elements_as<T>(a), right = elements_as<T>(b);
    if (op.transpose_a) left = swap_last_two(left, s.k, s.m);
    if (op.transpose_b) right = swap_last_two(right, s.n, s.k);
    auto sums = multiply_batches(s, left, right);
    for (T& v : sums) v = scaled(v, op.alpha);
    if (ctx.has(2) && !sums.empty()) {
      const auto c = elements_as<T>(ctx.in(2));
      const Dims strides = broadcast_strides(ctx.in(2).dims(), y.dims());
      for (int64_t i = 0; i < s.m; ++i)
        for (int64_t j = 0; j < s.n; ++j)
          sums[static_cast<size_t>(i * s.n + j)] +=
              scaled(c[static_cast<size_t>(i * strides[0] + j * strides[1])], op.beta);
    }
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    store_sums<T>(sums, {}, -kInfinity, kInfinity, y);
  });
}

int64_t macs(const Attrs& attrs, std::span<const TensorType* const> in, std::span<const TensorType* const> out) {
  return checked_mul(out[0]->shape.elements(), in[0]->shape[attrs.as<Gemm>().transpose_a ? 0 : 1].value());
}

}  // namespace

constinit const OpDef Gemm::def{.name = Gemm::kName,
                                .attrs = &attr_type<Gemm>(),
                                .min_inputs = 2,
                                .max_inputs = 3,
                                .infer = infer,
                                .eval = widened<eval>,
                                .macs = macs};

}  // namespace hone

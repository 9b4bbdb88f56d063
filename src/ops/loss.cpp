#include <algorithm>
#include <cmath>

#include "ops/kernel.h"
#include "ops/norm.h"
#include "ops/strips.h"

namespace hone {
namespace {

/// Checks (scores: [N,C,d…], target: [N,d…], weight?: [C]) and gives the shape of the loss.
template <class Op>
Shape loss_shape(const InferContext& ctx) {
  const Shape &x = ctx.shape(0), &target = ctx.shape(1);
  if (x.has_rank()) {
    if (x.rank() < 2) throw op_error(Op::kName, cat("scores ", x, ", expected rank 2 or more"));
    Shape expected = x;
    expected.list().erase(expected.list().begin() + 1);
    if (!compatible(target, expected))
      throw op_error(Op::kName, cat("target ", target, " does not fit scores ", x, ", expected ", expected));
    if (ctx.has_input(2)) check_channel_vector(lower(Op::kName), "weight", ctx.shape(2), x[1]);
  }
  return ctx.attrs<Op>().reduction == LossReduction::none ? target : Shape{};
}

void infer_nll(InferContext& ctx) { ctx.output(0, ctx.dtype(0), loss_shape<NllLoss>(ctx)); }

void infer_cross_entropy(InferContext& ctx) {
  ctx.output(0, ctx.dtype(0), loss_shape<SoftmaxCrossEntropyLoss>(ctx));
  if (ctx.output_count() > 1) ctx.output(1, ctx.dtype(0), ctx.shape(0));
}

/// −weight[t]·log p[t] for each target t, combined as `reduction` says; ignored targets weigh nothing.
template <class Op, class T>
void losses(const Op& op, const std::vector<T>& log_p, const Dims& dims, const Tensor& target, const Tensor& weight,
            std::span<T> out) {
  const std::vector<int64_t> classes = to_ints(target);
  const std::vector<T> weights = weight.exists() ? elements_as<T>(weight) : std::vector<T>();
  const Strips s(dims, 1);
  T sum = 0, total = 0;
  for (int64_t o = 0; o < s.outer; ++o)
    for (int64_t i = 0; i < s.inner; ++i) {
      const size_t k = static_cast<size_t>(o * s.inner + i);
      const int64_t c = classes[k];
      T loss = 0;
      if (!op.has_ignore_index || c != op.ignore_index) {
        if (c < 0 || c >= s.size)
          throw op_error(Op::kName, cat("target ", c, " is not a class, expected 0 to ", s.size - 1));
        const T w = weights.empty() ? T(1) : weights[static_cast<size_t>(c)];
        loss = -log_p[static_cast<size_t>((o * s.size + c) * s.inner + i)] * w;
        total += w;
      }
      sum += loss;
      if (op.reduction == LossReduction::none) out[k] = loss;
    }
  if (op.reduction == LossReduction::sum) out[0] = sum;
  if (op.reduction == LossReduction::mean) out[0] = sum / total;
}

Tensor weight_of(const EvalContext& ctx) { return ctx.has(2) ? ctx.in(2) : Tensor(); }

void eval_nll(EvalContext& ctx) {
  Tensor& y = ctx.make_output(0);
  dispatch_real("nllloss", y.dtype(), [&]<class T>(std::type_identity<T>) {
    losses(ctx.op<NllLoss>(), elements_as<T>(ctx.in(0)), ctx.in(0).dims(), ctx.in(1), weight_of(ctx),
           y.mutable_data<T>());
  });
}

template <class T>
std::vector<T> log_softmax(std::vector<T> x, const Strips& s) {
  if (s.size == 0) return x;
  s.for_each([&](int64_t at) {
    T* row = x.data() + at;
    T top = row[0], sum = 0;
    for (int64_t i = 1; i < s.size; ++i) top = std::max(top, row[i * s.inner]);
    for (int64_t i = 0; i < s.size; ++i) sum += std::exp(row[i * s.inner] - top);
    for (int64_t i = 0; i < s.size; ++i) row[i * s.inner] -= top + std::log(sum);
  });
  return x;
}

void eval_cross_entropy(EvalContext& ctx) {
  Tensor& y = ctx.make_output(0);
  dispatch_real("softmaxcrossentropyloss", y.dtype(), [&]<class T>(std::type_identity<T>) {
    const Tensor& x = ctx.in(0);
    const std::vector<T> log_p = log_softmax(elements_as<T>(x), Strips(x.dims(), 1));
    losses(ctx.op<SoftmaxCrossEntropyLoss>(), log_p, x.dims(), ctx.in(1), weight_of(ctx), y.mutable_data<T>());
    if (ctx.outputs.size() > 1) ctx.outputs[1] = Tensor::of<T>(x.dims(), std::span<const T>(log_p));
  });
}

constexpr InputRule kInputs[] = {{.name = "scores", .dtypes = Floats::kSet, .min_rank = 2},
                                 {.name = "target", .dtypes = Integers::kSet},
                                 {.name = "weight", .dtypes = Floats::kSet, .min_rank = 1, .max_rank = 1}};

}  // namespace

constinit const OpDef NllLoss::def{.name = NllLoss::kName,
                                   .attrs = &attr_type<NllLoss>(),
                                   .min_inputs = 2,
                                   .max_inputs = 3,
                                   .infer = infer_nll,
                                   .eval = widened<eval_nll>,
                                   .inputs = kInputs};

constinit const OpDef SoftmaxCrossEntropyLoss::def{.name = SoftmaxCrossEntropyLoss::kName,
                                                   .attrs = &attr_type<SoftmaxCrossEntropyLoss>(),
                                                   .min_inputs = 2,
                                                   .max_inputs = 3,
                                                   .max_outputs = 2,
                                                   .infer = infer_cross_entropy,
                                                   .eval = widened<eval_cross_entropy>,
                                                   .inputs = kInputs};

}  // namespace hone

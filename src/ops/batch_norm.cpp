#include <cmath>

#include "ops/kernel.h"
#include "ops/norm.h"

namespace hone {
namespace {

/// x: […,C] with rank 2 or more; scale, bias, mean, … : [C].
void check_channels_last(std::string_view op, const InferContext& ctx, std::initializer_list<const char*> vectors) {
  const Shape& x = ctx.shape(0);
  if (x.has_rank() && x.rank() < 2) throw op_error(op, cat("x ", x, ", expected rank 2 or more"));
  const Dim channels = x.has_rank() ? x[x.rank() - 1] : Dim();
  size_t i = 1;
  for (const char* name : vectors) {
    check_channel_vector(lower(op), name, ctx.shape(i), channels);
    ++i;
  }
}

void infer_batch(InferContext& ctx) {
  check_channels_last(BatchNorm::kName, ctx, {"scale", "bias", "mean", "variance"});
  ctx.output(0, ctx.dtype(0), ctx.shape(0));
  if (ctx.output_count() > 1) ctx.output(1, ctx.dtype(3), ctx.shape(3));
  if (ctx.output_count() > 2) ctx.output(2, ctx.dtype(4), ctx.shape(4));
  if (ctx.output_count() > 1 && !ctx.attrs<BatchNorm>().training)
    throw op_error(BatchNorm::kName, "running mean and variance are results only when training");
}

void infer_instance(InferContext& ctx) {
  check_channels_last(InstanceNorm::kName, ctx, {"scale", "bias"});
  ctx.output(0, ctx.dtype(0), ctx.shape(0));
}

void infer_group(InferContext& ctx) {
  check_channels_last(GroupNorm::kName, ctx, {"scale", "bias"});
  const int64_t groups = ctx.attrs<GroupNorm>().groups;
  const Shape& x = ctx.shape(0);
  if (groups < 1) throw op_error(GroupNorm::kName, cat("groups is ", groups, ", expected 1 or more"));
  if (x.has_rank() && x[x.rank() - 1].is_known() && x[x.rank() - 1].value() % groups != 0)
    throw op_error(GroupNorm::kName, cat(x[x.rank() - 1].value(), " channels do not divide into ", groups, " groups"));
  ctx.output(0, ctx.dtype(0), x);
}

/// Mean and variance (population) over the rows of x: [rows, C] for each of `groups` runs of C / groups channels.
template <class T>
void moments(const T* x, int64_t rows, int64_t channels, int64_t groups, std::vector<double>& mean,
             std::vector<double>& variance) {
  const int64_t width = channels / groups;
  mean.assign(static_cast<size_t>(groups), 0);
  variance.assign(static_cast<size_t>(groups), 0);
  const double count = static_cast<double>(rows * width);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < channels; ++c)
      mean[static_cast<size_t>(c / width)] += static_cast<double>(x[r * channels + c]);
  for (double& m : mean) m /= count;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < channels; ++c) {
      const size_t g = static_cast<size_t>(c / width);
      const double d = static_cast<double>(x[r * channels + c]) - mean[g];
      variance[g] += d * d;
    }
  for (double& v : variance) v /= count;
}

/// y[c] = (x[c] − mean[c]) / √(variance[c] + epsilon) · scale[c] + bias[c], row by row.
template <class T>
void normalize(const T* x, T* y, int64_t rows, const std::vector<double>& mean, const std::vector<double>& variance,
               const std::vector<double>& scale, const std::vector<double>& bias, float epsilon) {
  const size_t channels = scale.size(), width = channels / mean.size();
  std::vector<double> factor(channels), shift(channels);
  for (size_t c = 0; c < channels; ++c) {
    factor[c] = scale[c] / std::sqrt(variance[c / width] + static_cast<double>(epsilon));
    shift[c] = bias[c] - mean[c / width] * factor[c];
  }
  for (int64_t r = 0; r < rows; ++r)
    for (size_t c = 0; c < channels; ++c) {
      const size_t i = static_cast<size_t>(r) * channels + c;
      y[i] = static_cast<T>(static_cast<double>(x[i]) * factor[c] + shift[c]);
    }
}

/// running · momentum + batch · (1 − momentum) in the running value's dtype.
Tensor updated(const Tensor& running, const std::vector<double>& batch, float momentum) {
  const auto old = elements_as<double>(running);
  Tensor y = Tensor::empty(DType::kF64, running.dims());
  auto out = y.mutable_data<double>();
  const double m = static_cast<double>(momentum);
  for (size_t i = 0; i < out.size(); ++i) out[i] = old[i] * m + batch[i] * (1 - m);
  return cast(y, running.dtype());
}

void eval_batch(EvalContext& ctx) {
  const BatchNorm& op = ctx.op<BatchNorm>();
  const Tensor& x = ctx.in(0);
  const int64_t channels = x.dim(x.rank() - 1), rows = channels == 0 ? 0 : x.elements() / channels;
  Tensor& y = ctx.make_output(0);
  dispatch_real("batchnorm", y.dtype(), [&]<class T>(std::type_identity<T>) {
    const T* in = x.data<T>().data();
    auto mean = elements_as<double>(ctx.in(3)), variance = elements_as<double>(ctx.in(4));
    if (channels == 0) return;
    if (op.training) moments(in, rows, channels, channels, mean, variance);
    normalize(in, y.mutable_data<T>().data(), rows, mean, variance, elements_as<double>(ctx.in(1)),
              elements_as<double>(ctx.in(2)), op.epsilon);
    if (ctx.outputs.size() > 1) ctx.outputs[1] = updated(ctx.in(3), mean, op.momentum);
    if (ctx.outputs.size() > 2) ctx.outputs[2] = updated(ctx.in(4), variance, op.momentum);
  });
}

/// Statistics of each image by itself, over its pixels and runs of channels.
void normalize_images(std::string_view what, EvalContext& ctx, int64_t groups, float epsilon) {
  const Tensor& x = ctx.in(0);
  const int64_t channels = x.dim(x.rank() - 1), size = x.dim(0) == 0 ? 0 : x.elements() / x.dim(0);
  Tensor& y = ctx.make_output(0);
  if (size == 0) return;
  dispatch_real(what, y.dtype(), [&]<class T>(std::type_identity<T>) {
    const auto scale = elements_as<double>(ctx.in(1)), bias = elements_as<double>(ctx.in(2));
    std::vector<double> mean, variance;
    for (int64_t n = 0; n < x.dim(0); ++n) {
      const T* image = x.data<T>().data() + n * size;
      moments(image, size / channels, channels, groups, mean, variance);
      normalize(image, y.mutable_data<T>().data() + n * size, size / channels, mean, variance, scale, bias, epsilon);
    }
  });
}

void eval_instance(EvalContext& ctx) {
  const Tensor& x = ctx.in(0);
  normalize_images("instancenorm", ctx, x.dim(x.rank() - 1), ctx.op<InstanceNorm>().epsilon);
}

void eval_group(EvalContext& ctx) {
  normalize_images("groupnorm", ctx, ctx.op<GroupNorm>().groups, ctx.op<GroupNorm>().epsilon);
}

constexpr InputRule kInputs[] = {{.name = "x", .dtypes = Floats::kSet, .min_rank = 2},
                                 {.name = "scale", .dtypes = Floats::kSet},
                                 {.name = "bias", .dtypes = Floats::kSet},
                                 {.name = "mean", .dtypes = Floats::kSet},
                                 {.name = "variance", .dtypes = Floats::kSet}};

}  // namespace

constinit const OpDef BatchNorm::def{.name = BatchNorm::kName,
                                     .attrs = &attr_type<BatchNorm>(),
                                     .min_inputs = 5,
                                     .max_inputs = 5,
                                     .max_outputs = 3,
                                     .infer = infer_batch,
                                     .eval = widened<eval_batch>,
                                     .inputs = kInputs};

constinit const OpDef InstanceNorm::def{.name = InstanceNorm::kName,
                                        .attrs = &attr_type<InstanceNorm>(),
                                        .min_inputs = 3,
                                        .max_inputs = 3,
                                        .infer = infer_instance,
                                        .eval = widened<eval_instance>,
                                        .inputs = std::span(kInputs).first(3)};

constinit const OpDef GroupNorm::def{.name = GroupNorm::kName,
                                     .attrs = &attr_type<GroupNorm>(),
                                     .min_inputs = 3,
                                     .max_inputs = 3,
                                     .infer = infer_group,
                                     .eval = widened<eval_group>,
                                     .inputs = std::span(kInputs).first(3)};

}  // namespace hone

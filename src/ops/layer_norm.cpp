#include <cmath>
#include <span>

#include "base/checked.h"
#include "ops/kernel.h"
#include "ops/norm.h"

namespace hone {
namespace {

/// x.shape with the normalized dims set to 1.
Shape statistics_shape(const Shape& x, int64_t axis) {
  Shape out = x;
  for (int64_t i = axis; i < x.rank(); ++i) out[i] = 1;
  return out;
}

void infer_layer(InferContext& ctx) {
  const Shape& x = ctx.shape(0);
  Shape statistics = Shape::unranked();
  if (x.has_rank()) {
    const int64_t axis = axis_of(LayerNorm::kName, ctx.attrs<LayerNorm>().axis, x.rank());
    statistics = statistics_shape(x, axis);
    const Shape normalized(std::vector<Dim>(x.list().begin() + axis, x.list().end()));
    for (size_t i = 1; i < ctx.input_count(); ++i)
      if (ctx.has_input(i) && ctx.shape(i).has_rank() &&
          !compatible(broadcast_of(LayerNorm::kName, ctx.shape(i), normalized), normalized))
        throw op_error(LayerNorm::kName,
                       cat(i == 1 ? "scale " : "bias ", ctx.shape(i), " does not fit normalized dims ", normalized));
  }
  ctx.output(0, ctx.dtype(0), x);
  for (size_t i = 1; i < ctx.output_count(); ++i) ctx.output(i, DType::kF32, statistics);
}

/// Input i spread over the normalized dims; `fallback` everywhere when it is absent.
std::vector<double> spread(const EvalContext& ctx, size_t i, const Dims& dims, double fallback) {
  std::vector<double> out(static_cast<size_t>(checked_product(dims)), fallback);
  if (!ctx.has(i) || out.empty()) return out;
  const auto values = elements_as<double>(ctx.in(i));
  const Dims strides = broadcast_strides(ctx.in(i).dims(), dims);
  Dims index(dims.size(), 0);
  for (double& v : out) {
    int64_t offset = 0;
    for (size_t k = 0; k < index.size(); ++k) offset += index[k] * strides[k];
    v = values[static_cast<size_t>(offset)];
    next_index(index, dims);
  }
  return out;
}

/// Mean and 1 / √(variance + epsilon) of one row.
struct Moments {
  double mean = 0;
  double inverse_deviation = 0;
};

template <class T>
Moments moments_of(std::span<const T> row, float epsilon) {
  const double count = static_cast<double>(row.size());
  double mean = 0, variance = 0;
  for (T v : row) mean += static_cast<double>(v);
  mean /= count;
  for (T v : row) variance += (static_cast<double>(v) - mean) * (static_cast<double>(v) - mean);
  return {mean, 1 / std::sqrt(variance / count + static_cast<double>(epsilon))};
}

void eval_layer(EvalContext& ctx) {
  const LayerNorm& op = ctx.op<LayerNorm>();
  const Tensor& x = ctx.in(0);
  const int64_t axis = axis_of(LayerNorm::kName, op.axis, x.rank());
  const Dims normalized(x.dims().begin() + axis, x.dims().end());
  const auto scale = spread(ctx, 1, normalized, 1), bias = spread(ctx, 2, normalized, 0);
  const size_t size = scale.size();
  std::vector<Moments> rows(static_cast<size_t>(checked_product(std::span(x.dims()).first(static_cast<size_t>(axis)))));
  Tensor& y = ctx.make_output(0);
  dispatch_real("layernorm", y.dtype(), [&]<class T>(std::type_identity<T>) {
    for (size_t r = 0; r < rows.size(); ++r) {
      const auto in = x.data<T>().subspan(r * size, size);
      const auto out = y.mutable_data<T>().subspan(r * size, size);
      rows[r] = moments_of(in, op.epsilon);
      for (size_t i = 0; i < size; ++i)
        out[i] = static_cast<T>((static_cast<double>(in[i]) - rows[r].mean) * rows[r].inverse_deviation * scale[i] +
                                bias[i]);
    }
  });
  for (size_t i = 1; i < ctx.outputs.size(); ++i) {
    auto out = ctx.make_output(i).mutable_data<float>();
    for (size_t r = 0; r < out.size(); ++r)
      out[r] = static_cast<float>(i == 1 ? rows[r].mean : rows[r].inverse_deviation);
  }
}

void infer_mean_variance(InferContext& ctx) {
  if (ctx.shape(0).has_rank())
    axes_of(MeanVarianceNormalize::kName, ctx.attrs<MeanVarianceNormalize>().axes, ctx.shape(0).rank());
  ctx.output(0, ctx.dtype(0), ctx.shape(0));
}

/// (x − mean) / (std + 1e−9), as the ONNX function body says.
void eval_mean_variance(EvalContext& ctx) {
  const Tensor& x = ctx.in(0);
  Dims kept = x.dims();
  int64_t count = 1;
  for (int64_t a : axes_of(MeanVarianceNormalize::kName, ctx.op<MeanVarianceNormalize>().axes, x.rank())) {
    count *= kept[static_cast<size_t>(a)];
    kept[static_cast<size_t>(a)] = 1;
  }
  const Dims strides = broadcast_strides(kept, x.dims());
  int64_t groups = 1;
  for (int64_t d : kept) groups *= d;
  Tensor& y = ctx.make_output(0);
  if (x.elements() == 0) return;
  dispatch_real("meanvariancenormalize", y.dtype(), [&]<class T>(std::type_identity<T>) {
    const auto in = x.data<T>();
    auto out = y.mutable_data<T>();
    std::vector<double> mean(static_cast<size_t>(groups)), variance(static_cast<size_t>(groups));
    auto for_elements = [&](auto f) {
      Dims index(x.dims().size(), 0);
      for (size_t i = 0; i < in.size(); ++i) {
        int64_t g = 0;
        for (size_t k = 0; k < index.size(); ++k) g += index[k] * strides[k];
        f(i, static_cast<size_t>(g));
        next_index(index, x.dims());
      }
    };
    for_elements([&](size_t i, size_t g) { mean[g] += static_cast<double>(in[i]) / static_cast<double>(count); });
    for_elements([&](size_t i, size_t g) {
      const double d = static_cast<double>(in[i]) - mean[g];
      variance[g] += d * d / static_cast<double>(count);
    });
    for_elements([&](size_t i, size_t g) {
      out[i] = static_cast<T>((static_cast<double>(in[i]) - mean[g]) / (std::sqrt(variance[g]) + 1e-9));
    });
  });
}

constexpr InputRule kLayerNormInputs[] = {{.name = "x", .dtypes = Floats::kSet},
                                          {.name = "scale", .dtypes = Floats::kSet},
                                          {.name = "bias", .dtypes = Floats::kSet}};

constexpr InputRule kMeanVarianceNormalizeInputs[] = {{.name = "x", .dtypes = Floats::kSet}};

}  // namespace

constinit const OpDef LayerNorm::def{.name = LayerNorm::kName,
                                     .attrs = &attr_type<LayerNorm>(),
                                     .min_inputs = 2,
                                     .max_inputs = 3,
                                     .max_outputs = 3,
                                     .infer = infer_layer,
                                     .eval = widened<eval_layer>,
                                     .inputs = kLayerNormInputs};

constinit const OpDef MeanVarianceNormalize::def{.name = MeanVarianceNormalize::kName,
                                                 .attrs = &attr_type<MeanVarianceNormalize>(),
                                                 .infer = infer_mean_variance,
                                                 .eval = widened<eval_mean_variance>,
                                                 .inputs = kMeanVarianceNormalizeInputs};

}  // namespace hone

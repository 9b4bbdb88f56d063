#include <algorithm>
#include <numeric>

#include "ops/kernel.h"
#include "ops/matmul.h"
#include "ops/norm.h"
#include "train/composition.h"
#include "train/gradient_rows.h"

namespace hone {
namespace {

/// y · beta · (dy − Σ dy·y).
void softmax(Backward& b) {
  const int64_t axis = axis_of("softmax", b.op<Softmax>().axis, b.rank(b.y()));
  const ValueId mean = b.sum(b.mul(b.dy(), b.y()), {axis});
  b.give(0, b.times(b.mul(b.y(), b.sub(b.dy(), mean)), b.op<Softmax>().beta));
}

/// dy − softmax(x) · Σ dy.
void log_softmax(Backward& b) {
  const int64_t axis = axis_of("logsoftmax", b.op<LogSoftmax>().axis, b.rank(b.y()));
  b.give(0, b.sub(b.dy(), b.mul(b.apply(Exp{}, {b.y()}), b.sum(b.dy(), {axis}))));
}

/// Of v = (x − mean) / σ, both taken over `axes`: dx = (g − mean(g) − v · mean(g · v)) / σ.
ValueId through_whitening(Backward& b, ValueId g, ValueId v, ValueId inverse, const std::vector<int64_t>& axes) {
  const ValueId along = b.mul(v, b.mean(b.mul(g, v), axes));
  return b.mul(b.sub(b.sub(g, b.mean(g, axes)), along), inverse);
}

/// (x − mean) / √(var + epsilon) over `axes`, and the factor.
struct Whitened {
  ValueId value, inverse;
};
Whitened whiten(Backward& b, ValueId x, float epsilon, const std::vector<int64_t>& axes) {
  const ValueId centered = b.sub(x, b.mean(x, axes));
  const ValueId variance = b.mean(b.square(centered), axes);
  const ValueId inverse = b.apply(Rsqrt{}, {b.plus(variance, epsilon)});
  return {b.mul(centered, inverse), inverse};
}

void normalize(Backward& b, float epsilon, const std::vector<int64_t>& axes) {
  const Whitened w = whiten(b, b.x(), epsilon, axes);
  if (b.wants(0)) {
    const ValueId g = b.has(1) ? b.mul(b.dy(), b.x(1)) : b.dy();
    b.give(0, through_whitening(b, g, w.value, w.inverse, axes));
  }
  if (b.wants(1)) b.give_summed(1, b.mul(b.dy(), w.value));
  if (b.wants(2)) b.give_summed(2, b.dy());
}

std::vector<int64_t> axes_between(int64_t begin, int64_t end) {
  std::vector<int64_t> axes(static_cast<size_t>(end - begin));
  std::iota(axes.begin(), axes.end(), begin);
  return axes;
}

void refuse_statistics(Backward& b) {
  for (size_t i = 1; i < b.node().outputs.size(); ++i)
    if (b.dy(i).exists()) b.refuse("of the statistics among its results");
}

void layer_norm(Backward& b) {
  refuse_statistics(b);
  const auto& op = b.op<LayerNorm>();
  const int64_t rank = b.rank(b.x());
  normalize(b, op.epsilon, axes_between(axis_of("layernorm", op.axis, rank), rank));
}

void instance_norm(Backward& b) { normalize(b, b.op<InstanceNorm>().epsilon, axes_between(1, b.rank(b.x()) - 1)); }

/// In groups of channels, each with its own mean and deviation: x as [N, places, groups, C/groups].
void group_norm(Backward& b) {
  give_by_composition(b, [&](std::span<const ValueId> in) -> std::vector<ValueId> {
    const auto& op = b.op<GroupNorm>();
    const Dims x = b.dims(in[0]);
    const int64_t channels = x.back(), places = b.graph().type(in[0]).shape.elements() / (x[0] * channels);
    const ValueId apart = b.reshape(in[0], {x[0], places, op.groups, channels / op.groups});
    const ValueId value = b.reshape(whiten(b, apart, op.epsilon, {1, 3}).value, x);
    return {b.add(b.mul(value, in[1]), in[2])};
  });
}

void mean_variance_normalize(Backward& b) {
  give_by_composition(b, [&](std::span<const ValueId> in) -> std::vector<ValueId> {
    std::vector<int64_t> axes;
    for (const int64_t a : b.op<MeanVarianceNormalize>().axes) axes.push_back(axis_of("axes", a, b.rank(in[0])));
    const ValueId centered = b.sub(in[0], b.mean(in[0], axes));
    const ValueId deviation = b.apply(Sqrt{}, {b.mean(b.square(centered), axes)});
    return {b.div(centered, b.plus(deviation, 1e-9))};
  });
}

/// The sum over neighbouring channels is a product with a band of ones.
void local_response(Backward& b) {
  give_by_composition(b, [&](std::span<const ValueId> in) -> std::vector<ValueId> {
    const auto& op = b.op<Lrn>();
    const int64_t channels = b.dims(in[0]).back();
    Tensor band = Tensor::zeros(DType::kF32, {channels, channels});
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t k = std::max<int64_t>(0, c - (op.size - 1) / 2); k <= std::min(channels - 1, c + op.size / 2); ++k)
        band.mutable_data<float>()[static_cast<size_t>(k * channels + c)] = 1;
    const ValueId ones = b.graph().add_constant(cast(band, b.graph().type(in[0]).dtype));
    const ValueId sum = b.apply(MatMul{}, {b.square(in[0]), ones});
    const ValueId base = b.plus(b.times(sum, static_cast<double>(op.alpha) / static_cast<double>(op.size)), op.bias);
    return {b.div(in[0], b.apply(Pow{}, {base, b.number(base, op.beta)}))};
  });
}

/// With the statistics as constants: they are those of training, kept.
void batch_norm(Backward& b) {
  const auto& op = b.op<BatchNorm>();
  if (op.training) b.refuse("while it collects statistics");
  const ValueId inverse = b.apply(Rsqrt{}, {b.plus(b.x(4), op.epsilon)});
  const ValueId value = b.mul(b.sub(b.x(), b.x(3)), inverse);
  const ValueId scale = b.mul(b.x(1), inverse);
  if (b.wants(0)) b.give(0, b.mul(b.dy(), scale));
  if (b.wants(1)) b.give_summed(1, b.mul(b.dy(), value));
  if (b.wants(2)) b.give_summed(2, b.dy());
  if (b.wants(3)) b.give_summed(3, b.neg(b.mul(b.dy(), scale)));
  if (b.wants(4)) {
    const ValueId slope = b.times(b.mul(b.mul(value, b.square(inverse)), b.x(1)), -0.5);
    b.give_summed(4, b.mul(b.dy(), slope));
  }
}

/// y = x/‖x‖: dx = (dy − y · Σ dy·y) / ‖x‖.
void unit_length(Backward& b, int64_t axis, double epsilon) {
  axis = axis_of("normalize", axis, b.rank(b.x()));
  const ValueId length = b.apply(Sqrt{}, {b.sum(b.square(b.x()), {axis})});
  const ValueId floor = epsilon > 0 ? b.apply(Clamp{.min = static_cast<float>(epsilon)}, {length}) : length;
  const ValueId along = b.mul(b.y(), b.sum(b.mul(b.dy(), b.y()), {axis}));
  b.give(0, b.div(b.sub(b.dy(), along), floor));
}

void l2_normalize(Backward& b) { unit_length(b, b.op<L2Normalize>().axis, b.op<L2Normalize>().epsilon); }

void lp_normalize(Backward& b) {
  if (b.op<LpNormalize>().p != 2) b.refuse("but for p = 2");
  unit_length(b, b.op<LpNormalize>().axis, 0);
}

constexpr GradientRow kRows[] = {
    {&BatchNorm::def, batch_norm, weights({1, 2})},
    {&GroupNorm::def, group_norm, weights({1, 2})},
    {&InstanceNorm::def, instance_norm, weights({1, 2})},
    {&L2Normalize::def, l2_normalize},
    {&LayerNorm::def, layer_norm, weights({1, 2})},
    {&LogSoftmax::def, log_softmax},
    {&LpNormalize::def, lp_normalize},
    {&Lrn::def, local_response},
    {&MeanVarianceNormalize::def, mean_variance_normalize},
    {&Softmax::def, softmax},
};

}  // namespace

std::span<const GradientRow> norm_gradients() { return kRows; }

}  // namespace hone

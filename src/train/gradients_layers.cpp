#include <algorithm>

#include "ops/backward.h"
#include "ops/conv.h"
#include "ops/matmul.h"
#include "ops/movement.h"
#include "ops/pool.h"
#include "ops/pool_kernel.h"
#include "ops/reduce.h"
#include "ops/window.h"
#include "train/gradient_rows.h"

namespace hone {
namespace {

/// The attributes of a window with everything stated.
struct Window {
  std::vector<int64_t> kernel, strides, dilations, pads;
  std::vector<int64_t> leftover;  ///< inputs behind the last window
  std::vector<WindowAxis> axes;
};

Window window_of(Backward& b, const WindowSpec& spec) {
  Window w;
  w.axes = resolve_window(b.node().def->name, spec, spatial_dims(b.dims(b.x())));
  for (const WindowAxis& a : w.axes) {
    if (a.pad_begin < 0 || a.pad_end < 0) b.refuse("of negative padding");
    w.kernel.push_back(a.kernel);
    w.strides.push_back(a.stride);
    w.dilations.push_back(a.dilation);
    w.pads.push_back(a.pad_begin);
  }
  for (const WindowAxis& a : w.axes) {
    // A last window may reach beyond the padding (ceil mode): then padding ends where it does.
    const int64_t rest = a.in + a.pad_begin + a.pad_end - ((a.out - 1) * a.stride + a.extent());
    w.pads.push_back(a.pad_end - std::min<int64_t>(rest, 0));
    w.leftover.push_back(std::max<int64_t>(rest, 0));
  }
  return w;
}

/// What dy: [N,s'…,O] is for x: [N,s…,I], through weights w: [O,k…,I/groups].
ValueId spread(Backward& b, const Window& w, int64_t groups, ValueId dy, ValueId weight) {
  return b.apply(ConvTranspose{.strides = w.strides,
                               .dilations = w.dilations,
                               .pads = w.pads,
                               .output_padding = w.leftover,
                               .groups = groups},
                 {dy, weight});
}

/// Σ over all axes but the last: [C].
ValueId sum_of_channels(Backward& b, ValueId v) { return b.sum_to(v, {b.dims(v).back()}); }

void conv(Backward& b) {
  const auto& op = b.op<Conv>();
  const ValueId dy = b.unclamped(op.act_min, op.act_max);
  const Dims kernel = spatial_dims(b.dims(b.x(1)));
  const Window w = window_of(
      b,
      {.kernel = kernel, .strides = op.strides, .dilations = op.dilations, .pads = op.pads, .auto_pad = op.auto_pad});
  if (b.wants(0)) b.give(0, spread(b, w, op.groups, dy, b.x(1)));
  if (b.wants(1))
    b.give(1, b.apply(ConvWeightGradient{.kernel = w.kernel,
                                         .strides = w.strides,
                                         .dilations = w.dilations,
                                         .pads = w.pads,
                                         .groups = op.groups},
                      {b.x(), dy}));
  if (b.wants(2)) b.give(2, sum_of_channels(b, dy));
}

/// A transposed convolution is the adjoint of a convolution: its gradients are those with the roles exchanged.
void conv_transpose(Backward& b) {
  const auto& op = b.op<ConvTranspose>();
  if (op.auto_pad != AutoPad::explicit_pads || !op.output_shape.empty()) b.refuse("unless its padding is stated");
  const ValueId dy = b.unclamped(op.act_min, op.act_max);
  const Dims kernel = spatial_dims(b.dims(b.x(1)));
  if (b.wants(0))
    b.give(0, b.apply(Conv{.strides = op.strides, .dilations = op.dilations, .pads = op.pads, .groups = op.groups},
                      {dy, b.x(1)}));
  if (b.wants(1))
    b.give(1, b.apply(ConvWeightGradient{.kernel = kernel,
                                         .strides = op.strides,
                                         .dilations = op.dilations,
                                         .pads = op.pads,
                                         .groups = op.groups},
                      {dy, b.x()}));
  if (b.wants(2)) b.give(2, sum_of_channels(b, dy));
}

/// y = op(a)·op(b), where op may transpose.
void products(Backward& b, bool transpose_a, bool transpose_b, ValueId dy, ValueId left, ValueId right) {
  if (b.wants(0)) {
    const ValueId d = transpose_a ? b.apply(MatMul{.transpose_a = transpose_b, .transpose_b = true}, {right, dy})
                                  : b.apply(MatMul{.transpose_b = !transpose_b}, {dy, right});
    b.give(0, b.reshape(b.sum_to(d, b.dims(left)), b.dims(b.x(0))));
  }
  if (b.wants(1)) {
    const ValueId d = transpose_b ? b.apply(MatMul{.transpose_a = true, .transpose_b = transpose_a}, {dy, left})
                                  : b.apply(MatMul{.transpose_a = !transpose_a}, {left, dy});
    b.give(1, b.reshape(b.sum_to(d, b.dims(right)), b.dims(b.x(1))));
  }
}

void matmul(Backward& b) {
  const auto& op = b.op<MatMul>();
  Dims left = b.dims(b.x(0)), right = b.dims(b.x(1)), out = b.dims(b.y());
  if (right.size() == 1) {
    right.push_back(1);
    out.push_back(1);
  }
  if (left.size() == 1) {
    left.insert(left.begin(), 1);
    out.insert(out.end() - 1, 1);
  }
  products(b, op.transpose_a, op.transpose_b, b.reshape(b.dy(), out), b.reshape(b.x(0), left),
           b.reshape(b.x(1), right));
}

void gemm(Backward& b) {
  const auto& op = b.op<Gemm>();
  products(b, op.transpose_a, op.transpose_b, b.times(b.dy(), op.alpha), b.x(0), b.x(1));
  if (b.wants(2)) b.give_summed(2, b.times(b.dy(), op.beta));
}

void fully_connected(Backward& b) {
  const auto& op = b.op<FullyConnected>();
  const Dims w = b.dims(b.x(1));
  const int64_t rows = b.graph().type(b.y()).shape.elements() / std::max<int64_t>(w[0], 1);
  const ValueId dy = b.reshape(b.unclamped(op.act_min, op.act_max), {rows, w[0]});
  if (b.wants(0)) b.give(0, b.reshape(b.apply(MatMul{}, {dy, b.x(1)}), b.dims(b.x())));
  if (b.wants(1)) b.give(1, b.apply(MatMul{.transpose_a = true}, {dy, b.reshape(b.x(), {rows, w[1]})}));
  if (b.wants(2)) b.give(2, sum_of_channels(b, dy));
}

/// 1 / taps of every window: [1,s'…,1].
Tensor inverse_counts(const Window& w, bool include_pad) {
  const std::vector<WindowAxis> axes = three_axes(w.axes);
  Dims dims{1};
  for (const WindowAxis& a : w.axes) dims.push_back(a.out);
  dims.push_back(1);
  Tensor out = Tensor::empty(DType::kF32, dims);
  for_pixels(axes, [&](int64_t pixel, int64_t d, int64_t h, int64_t x) {
    const int64_t count = count_taps(axes, d, h, x, include_pad);
    out.mutable_data<float>()[static_cast<size_t>(pixel)] = count == 0 ? 0 : 1 / static_cast<float>(count);
  });
  return out;
}

bool covers_all(const Window& w) {
  return std::all_of(w.axes.begin(), w.axes.end(), [](const WindowAxis& a) {
    return a.out == 1 && a.kernel == a.in && a.dilation == 1 && a.pad_begin == 0 && a.pad_end == 0;
  });
}

void average_pool(Backward& b) {
  const auto& op = b.op<AveragePool>();
  const ValueId dy = b.unclamped(op.act_min, op.act_max);
  const Window w = window_of(b, pool_spec(op));
  const DType dtype = b.graph().type(dy).dtype;
  const ValueId counts = b.graph().add_constant(cast(inverse_counts(w, op.count_include_pad), dtype));
  const ValueId shares = b.mul(dy, counts);
  const Dims x = b.dims(b.x());
  if (covers_all(w)) return b.give(0, b.expand(shares, x));
  Dims ones{x.back()};
  ones.insert(ones.end(), w.kernel.begin(), w.kernel.end());
  ones.push_back(1);
  Tensor weight = Tensor::empty(DType::kF32, ones);
  std::fill_n(weight.mutable_data<float>().begin(), weight.elements(), 1.0f);
  b.give(0, spread(b, w, x.back(), shares, b.graph().add_constant(cast(weight, dtype))));
}

/// Every maximum sends its gradient where it came from: places as a second run of the pool names them, in the order
/// [N, C, s…].
void max_pool(Backward& b) {
  const auto& op = b.op<MaxPool>();
  const ValueId dy = b.unclamped(op.act_min, op.act_max);
  MaxPool again = op;
  again.column_major = false;
  const NodeId pool = b.graph().add({.def = &MaxPool::def, .attrs = Attrs::of(again), .inputs = {b.x()}, .outputs = 2});
  const ValueId places = b.graph().node(pool).outputs[1];
  const Dims x = b.dims(b.x());
  const int64_t elements = b.graph().type(b.x()).shape.elements(), results = b.graph().type(dy).shape.elements();
  const ValueId flat = b.apply(ScatterElements{.axis = 0, .reduction = ScatterReduction::add},
                               {b.zeros({elements}), b.reshape(places, {results}), b.reshape(dy, {results})});
  Dims planes{x[0], x.back()};
  planes.insert(planes.end(), x.begin() + 1, x.end() - 1);
  std::vector<int64_t> perm{0};
  for (size_t i = 2; i < x.size(); ++i) perm.push_back(static_cast<int64_t>(i));
  perm.push_back(1);
  b.give(0, b.transpose(b.reshape(flat, planes), perm));
}

constexpr GradientRow kRows[] = {
    {&AveragePool::def, average_pool},
    {&Conv::def, conv, weights({1, 2})},
    {&ConvTranspose::def, conv_transpose, weights({1, 2})},
    {&FullyConnected::def, fully_connected, weights({1, 2})},
    {&Gemm::def, gemm, weights({1, 2})},
    {&MatMul::def, matmul, weights({0, 1})},
    {&MaxPool::def, max_pool},
};

}  // namespace

std::span<const GradientRow> layer_gradients() { return kRows; }

}  // namespace hone

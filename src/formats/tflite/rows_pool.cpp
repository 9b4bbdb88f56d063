#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "formats/tflite/rows.h"
#include "formats/tflite/window.h"
#include "ops/pool.h"

namespace hone::tflite {

namespace {

using B = fb::BuiltinOperator;

template <class Op>
void read_pool(ReadNode& n) {
  const auto o = n.options<fb::Pool2DOptionsT>();
  Op op;
  op.kernel = {positive(o.filter_height, "filter_height"), positive(o.filter_width, "filter_width")};
  op.strides = {positive(o.stride_h, "stride_h"), positive(o.stride_w, "stride_w")};
  op.auto_pad = auto_pad_of(o.padding);
  if constexpr (requires { op.mean; }) op.mean = true;
  n.emit_activated(std::move(op), o.fused_activation_function, {n.in(0)});
}

template <class Op>
Window window_of(const WriteNode& n, const Op& op) {
  Window window{.input = spatial_dims(n),
                .kernel = op.kernel,
                .strides = op.strides,
                .dilations = op.dilations,
                .pads = op.pads,
                .auto_pad = op.auto_pad,
                .ceil_mode = op.ceil_mode};
  complete(window, op.kernel.size());
  for (const int64_t d : window.dilations)
    if (d != 1) throw unsupported("dilated pooling");
  return window;
}

TensorType with_height(TensorType type) {
  type.shape.list().insert(type.shape.list().begin() + 1, Dim(1));
  return type;
}

/// Emits the pool x → to; over one axis through images of height 1.
void emit_pool(WriteNode& n, B code, const Window& w, fb::Padding padding, float min, float max, TensorIndex x,
               TensorIndex to) {
  const bool is_1d = w.kernel.size() == 1;
  fb::Pool2DOptionsT o;
  o.padding = padding;
  o.filter_height = is_1d ? 1 : static_cast<int32_t>(w.kernel[0]);
  o.filter_width = static_cast<int32_t>(w.kernel.back());
  o.stride_h = is_1d ? 1 : static_cast<int32_t>(w.strides[0]);
  o.stride_w = static_cast<int32_t>(w.strides.back());
  const int32_t version = code == B::L2_POOL_2D ? 1 : Versions{.f32 = 1, .i8 = 2, .i16 = 3}.of(n.type(0));
  if (!is_1d) return n.emit_activated(code, version, o, min, max, {x}, to);
  const TensorIndex planar = n.temp(with_height(n.type_of(x)), "planar");
  const TensorIndex planar_out = n.temp(with_height(n.type_of(to)), "planar_out");
  n.reshape(x, planar);
  n.emit_activated(code, version, o, min, max, {planar}, planar_out);
  n.reshape(planar_out, to);
}

void check_axes(const Window& w) {
  if (w.kernel.size() > 2) throw unsupported(cat("pooling over ", w.kernel.size(), " axes, expected 1 or 2"));
}

bool write_max_pool(WriteNode& n) {
  const MaxPool& op = n.as<MaxPool>();
  if (n.is_used(1)) throw unsupported("the indices of max pooling are used");
  const Window w = window_of(n, op);
  check_axes(w);
  const FilePadding padding = file_padding(w);
  emit_pool(n, B::MAX_POOL_2D, w, padding.padding, op.act_min, op.act_max, padded(n, n.in(0), padding, true), n.out());
  return true;
}

/// How many elements the window at `out` covers along one axis, padding counted or not.
int64_t covered(const Window& w, size_t axis, int64_t out, int64_t before, bool count_pads) {
  const size_t spatial = w.kernel.size();
  const int64_t begin = out * w.strides[axis] - before, end = begin + w.kernel[axis];
  const int64_t low = count_pads ? -before : 0;
  const int64_t high = w.input[axis] + (count_pads ? w.pads[spatial + axis] : 0);
  return std::max<int64_t>(std::min(end, high) - std::max(begin, low), 1);
}

/// [1, s'…, 1]: window size over covered elements, what a mean over zero-padded windows must be multiplied by.
Tensor correction(const WriteNode& n, const Window& w, const FilePadding& padding, bool count_pads) {
  Dims dims(w.kernel.size() + 2, 1);
  for (size_t i = 1; i + 1 < dims.size(); ++i) dims[i] = n.out_dim(0, static_cast<int64_t>(i));
  Tensor t = Tensor::empty(DType::kF32, dims);
  Dims index(dims.size(), 0);
  size_t at = 0;
  do {
    float ratio = 1;
    for (size_t i = 0; i < w.kernel.size(); ++i)
      ratio *= static_cast<float>(w.kernel[i]) /
               static_cast<float>(covered(w, i, index[i + 1], padding.before[i], count_pads));
    t.mutable_data<float>()[at++] = ratio;
  } while (next_index(index, dims));
  return t;
}

bool write_average_pool(WriteNode& n) {
  const AveragePool& op = n.as<AveragePool>();
  const Window w = window_of(n, op);
  check_axes(w);
  FilePadding padding = file_padding(w);
  if (op.count_include_pad && padding.padding == fb::Padding::SAME) {
    if (w.auto_pad != AutoPad::explicit_pads) throw unsupported("average over automatic padding that counts");
    for (size_t i = 0; i < w.kernel.size(); ++i) {
      const int64_t out = n.out_dim(0, static_cast<int64_t>(i) + 1);
      const int64_t end = (out - 1) * w.strides[i] + (w.kernel[i] - 1) * w.dilations[i] + 1;
      padding.before.push_back(w.pads[i]);
      // In ceil mode the last window may reach beyond the stated padding.
      padding.after.push_back(std::max(w.pads[w.kernel.size() + i], end - w.input[i] - w.pads[i]));
    }
    padding.padding = fb::Padding::VALID;
  }
  if (!padding.is_padded()) {
    emit_pool(n, B::AVERAGE_POOL_2D, w, padding.padding, op.act_min, op.act_max, n.in(0), n.out());
    return true;
  }
  const Tensor ratio = correction(n, w, padding, op.count_include_pad);
  const auto ratios = ratio.data<float>();
  const TensorIndex x = padded(n, n.in(0), padding);
  if (std::all_of(ratios.begin(), ratios.end(), [](float r) { return r == 1; })) {
    emit_pool(n, B::AVERAGE_POOL_2D, w, padding.padding, op.act_min, op.act_max, x, n.out());
    return true;
  }
  if (n.type(0).quant) throw unsupported("quantized average pooling with explicit padding that does not count");
  const float inf = std::numeric_limits<float>::infinity();
  const TensorIndex mean = n.temp(n.out_type(), "mean");
  emit_pool(n, B::AVERAGE_POOL_2D, w, padding.padding, -inf, inf, x, mean);
  n.emit_activated(B::MUL, 1, fb::MulOptionsT(), op.act_min, op.act_max, {mean, n.add_constant(ratio, "ratio")},
                   n.out());
  return true;
}

bool write_lp_pool(WriteNode& n) {
  const LpPool& op = n.as<LpPool>();
  if (op.p != 2 || n.type(0).quant) return false;
  const Window w = window_of(n, op);
  check_axes(w);
  const FilePadding padding = file_padding(w);
  const float inf = std::numeric_limits<float>::infinity();
  if (op.mean) {
    if (padding.is_padded()) return false;
    emit_pool(n, B::L2_POOL_2D, w, padding.padding, op.act_min, op.act_max, n.in(0), n.out());
    return true;
  }
  // The runtime takes the root of the mean: over windows that are all full the sum is that times √size.
  if (padding.padding == fb::Padding::SAME) return false;
  float size = 1;
  for (const int64_t k : w.kernel) size *= static_cast<float>(k);
  const TensorIndex mean = n.temp(n.out_type(), "mean");
  emit_pool(n, B::L2_POOL_2D, w, padding.padding, -inf, inf, padded(n, n.in(0), padding), mean);
  n.emit_activated(B::MUL, 1, fb::MulOptionsT(), op.act_min, op.act_max, {mean, n.add_scalar(std::sqrt(size))},
                   n.out());
  return true;
}

constexpr Row kRows[] = {
    {B::AVERAGE_POOL_2D, 3, read_pool<AveragePool>, &AveragePool::def, write_average_pool},
    {B::MAX_POOL_2D, 3, read_pool<MaxPool>, &MaxPool::def, write_max_pool},
    {B::L2_POOL_2D, 1, read_pool<LpPool>, &LpPool::def, write_lp_pool},
};

}  // namespace

std::span<const Row> pool_rows() { return kRows; }

}  // namespace hone::tflite

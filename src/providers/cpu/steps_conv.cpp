// Convolutions, fully connected layers and products with constant matrices.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

#include "base/checked.h"
#include "ops/conv.h"
#include "ops/fixed_point.h"
#include "ops/matmul.h"
#include "providers/cpu/hybrid.h"
#include "providers/cpu/rows.h"
#include "providers/cpu/sliding.h"
#include "providers/cpu/winograd.h"
#include "providers/cpu/winograd_q.h"

namespace hone::cpu {
namespace {

constexpr int64_t kMaxTapPointers = 1 << 20;

struct Window {
  int64_t kernel, stride, dilation, pad;
};

// One spatial axis of a Conv: `axis` of `axes`.
std::optional<Window> window_of(const Conv& op, size_t axis, size_t axes, int64_t kernel, int64_t in, int64_t out) {
  Window w{kernel, op.strides.empty() ? 1 : op.strides[axis], op.dilations.empty() ? 1 : op.dilations[axis], 0};
  const int64_t total = std::max<int64_t>(0, (out - 1) * w.stride + (kernel - 1) * w.dilation + 1 - in);
  if (op.auto_pad == AutoPad::same_upper) {
    w.pad = total / 2;
  } else if (op.auto_pad == AutoPad::same_lower) {
    w.pad = total - total / 2;
  } else if (op.auto_pad == AutoPad::explicit_pads && !op.pads.empty()) {
    w.pad = op.pads[axis];
    if (op.pads[axis] < 0 || op.pads[axis + axes] < 0) return std::nullopt;
  }
  return w;
}

std::optional<ConvShape> shape_of(const KernelRequest& r, const Conv& op) {
  const Dims x = r.input(0).shape.dims();
  const Dims w = r.input(1).shape.dims();
  const Dims y = r.output().shape.dims();
  const size_t axes = x.size() - 2;
  if (x.size() < 3 || axes > 2) return std::nullopt;
  const auto horizontal = window_of(op, axes - 1, axes, w[axes], x[axes], y[axes]);
  const auto vertical = axes == 2 ? window_of(op, 0, axes, w[1], x[1], y[1]) : Window{1, 1, 1, 0};
  if (!horizontal || !vertical) return std::nullopt;
  ConvShape s{.batch = x[0],
              .in_h = axes == 2 ? x[1] : 1,
              .in_w = x[axes],
              .in_c = x.back(),
              .out_h = axes == 2 ? y[1] : 1,
              .out_w = y[axes],
              .out_c = y.back(),
              .kernel_h = vertical->kernel,
              .kernel_w = horizontal->kernel,
              .stride_h = vertical->stride,
              .stride_w = horizontal->stride,
              .dilation_h = vertical->dilation,
              .dilation_w = horizontal->dilation,
              .pad_top = vertical->pad,
              .pad_left = horizontal->pad,
              .groups = op.groups};
  if (s.batch * s.pixels() * s.out_c * s.depth() == 0) return std::nullopt;
  // Depthwise keeps a pointer per padded column: absurd padding is left to the reference.
  if (s.is_depthwise() && (tap_columns(s) > kMaxTapPointers || s.kernel_h > kMaxTapPointers / tap_columns(s))) {
    return std::nullopt;
  }
  return s;
}

// A constant matrix product as a pointwise convolution: x: [rows, depth], w: [columns, depth].
ConvShape product_shape(int64_t rows, int64_t depth, int64_t columns) {
  return {.in_w = rows, .in_c = depth, .out_w = rows, .out_c = columns};
}

bool computes_f32(const KernelRequest& r) {
  return r.is_static() && is_f32(r.input(0)) && is_f32(r.output()) && r.constant(1).exists() &&
         (!r.has_input(2) || r.constant(2).exists());
}

// TFLite's dynamic-range operators: f32 in and out, 8-bit weights without zero points.
bool computes_hybrid(const KernelRequest& r) {
  if (r.graph.arithmetic != QuantArithmetic::kFixedPoint || !computes_f32(r) || !r.input(1).is_quantized())
    return false;
  const TensorType& w = r.input(1);
  const std::vector<int32_t>& zeros = w.quant->zero_points;
  return (w.dtype == DType::kI8 || w.dtype == DType::kI4) &&
         std::all_of(zeros.begin(), zeros.end(), [](int32_t z) { return z == 0; });
}

constexpr float kInf = std::numeric_limits<float>::infinity();

struct Activation {
  float min = -kInf, max = kInf;
  bool clamps() const { return min > -kInf || max < kInf; }
};

// Packed for vpmaddubsw, weights near both ends of int8 need many extra groups; beyond a quarter more than without,
// int16 pairs are faster. A single row reads each weight once: there the fewer bytes are.
bool is_lean(const GemmS8Variant& gemm, const MatrixView<int8_t>& b, int64_t rows) {
  if (gemm.element_bytes != 1) return true;
  const int64_t panels = (b.n + gemm.nr - 1) / gemm.nr;
  const int64_t plain = panels * (gemm.nr * (8 + (b.k + 7) / 8 * 8) + 128);
  return gemm.pack(gemm, {.b = b, .bias = nullptr, .scale = nullptr}, nullptr) <= plain * (rows == 1 ? 7 : 5) / 4;
}

// The variant of the integer GEMM that the request asks for, those that suit these weights first; null when there are
// not as many.
const GemmS8Variant* gemm_for(const KernelRequest& r, const KernelTable& table, const ConvShape& shape,
                              const ConvQuant& q) {
  auto found = usable(table, table.gemms_s8);
  const MatrixView<int8_t> b{q.w.data(), 1, shape.depth(), shape.depth(), shape.out_c / shape.groups};
  std::stable_partition(found.begin(), found.end(),
                        [&](const GemmS8Variant* v) { return is_lean(*v, b, shape.batch * shape.pixels()); });
  return static_cast<size_t>(r.variant) < found.size() ? found[static_cast<size_t>(r.variant)] : nullptr;
}

// What the layer runs on, or null when it has no such variant.
template <class Layer>
const auto* kernel_of(const KernelRequest& r, const KernelTable& table) {
  if constexpr (std::is_same_v<Layer, DepthwiseF32>) {
    return r.variant == 0 ? &table.depthwise_f32 : nullptr;
  } else {
    return variant_of(r, table, table.gemms_f32);
  }
}

template <class Layer, class LayerKernel>
std::unique_ptr<Layer> layer_on(const KernelTable& table, const LayerKernel& kernel, const ConvShape& shape,
                                const float* w, const float* bias, int threads) {
  if constexpr (std::is_same_v<Layer, WinogradF32>) {
    return std::make_unique<Layer>(table.winograd_f32, kernel, shape, w, bias, threads);
  } else {
    return std::make_unique<Layer>(kernel, shape, w, bias, threads);
  }
}

template <class F32Conv>
std::unique_ptr<Step> f32_step(const KernelRequest& r, const KernelTable& table, const ConvShape& shape,
                               const Tensor& w, const Tensor& bias, Activation act, const Addend& addend) {
  int residual = -1;
  if (addend.exists()) {
    if (act.clamps() || computes_hybrid(r)) return nullptr;  // one clamp, after the sum
    act = {addend.act_min, addend.act_max};
    residual = addend.input;
  }
  const auto* kernel = kernel_of<F32Conv>(r, table);
  if (kernel == nullptr) return nullptr;
  auto conv = layer_on<F32Conv>(table, *kernel, shape, w.data<float>().data(),
                                bias.exists() ? bias.data<float>().data() : nullptr, r.threads);
  const int64_t scratch = conv->scratch_bytes();
  return make_step(
      [conv = std::move(conv), act, residual](RunContext& c) {
        const float* add = residual < 0 ? nullptr : in<float>(c, static_cast<size_t>(residual));
        conv->run({in<float>(c, 0), out<float>(c), add, act.min, act.max, c.pool, c.scratch});
      },
      scratch, residual);
}

// Weights that come at run time: packed anew in every run, as training needs it.
bool computes_f32_at_run_time(const KernelRequest& r) {
  const bool has_bias = r.has_input(2);
  return r.is_static() && is_f32(r.input(0)) && is_f32(r.input(1)) && is_f32(r.output()) &&
         (!has_bias || is_f32(r.input(2))) && (!r.constant(1).exists() || (has_bias && !r.constant(2).exists()));
}

template <class F32Conv>
std::unique_ptr<Step> packing_step(const KernelRequest& r, const KernelTable& table, const ConvShape& shape,
                                   Activation act) {
  const auto* kernel = kernel_of<F32Conv>(r, table);
  if (kernel == nullptr) return nullptr;
  const std::vector<float> none(static_cast<size_t>(shape.out_c * shape.depth()));
  const int64_t scratch = F32Conv(*kernel, shape, none.data(), nullptr, r.threads).scratch_bytes();
  return make_step(
      [kernel, shape, act, threads = r.threads, has_bias = r.has_input(2)](RunContext& c) {
        const F32Conv conv(*kernel, shape, in<float>(c, 1), has_bias ? in<float>(c, 2) : nullptr, threads);
        conv.run({in<float>(c, 0), out<float>(c), nullptr, act.min, act.max, c.pool, c.scratch});
      },
      scratch);
}

bool computes_bytes(const KernelRequest& r) {
  return r.is_static() && is_quantized_bytes(r.input(0)) && is_quantized_bytes(r.output()) && r.constant(1).exists() &&
         r.input(1).is_quantized() && (!r.has_input(2) || r.constant(2).exists());
}

// Weights of `channels` outputs along `axis` as int8 in [channels, depth] order, with scales and one zero point.
bool read_weights(const Tensor& w, int64_t channels, int64_t axis, ConvQuant& q) {
  const QuantParams& p = *w.quant();
  if (p.block_size != 0 || (p.axis >= 0 && p.axis != axis)) return false;
  const bool is_unsigned = w.dtype() == DType::kU8;
  if (!is_unsigned && w.dtype() != DType::kI8 && w.dtype() != DType::kI4 && w.dtype() != DType::kU4) return false;
  for (int32_t zero : p.zero_points) {
    if (zero != p.zero_points[0]) return false;
  }
  q.w_zero = p.zero_points[0] - (is_unsigned ? 128 : 0);
  const auto* bytes = static_cast<const uint8_t*>(w.raw());
  q.w.resize(static_cast<size_t>(w.elements()));
  for (size_t i = 0; i < q.w.size(); ++i) q.w[i] = static_cast<int8_t>(bytes[i] ^ (is_unsigned ? 0x80 : 0));
  for (int64_t c = 0; c < channels; ++c) q.w_scale.push_back(p.scale(c));
  return true;
}

bool read_bias(const KernelRequest& r, int64_t channels, ConvQuant& q) {
  q.bias.assign(static_cast<size_t>(channels), 0);
  if (!r.has_input(2)) return true;
  const Tensor bias = r.constant(2);
  if (bias.elements() != channels || (!bias.quant() && bias.dtype() != DType::kF32)) return false;
  // Nearly always stored in units of input scale times weight scale already.
  const auto has_unit = [&](int64_t c) {
    const double unit = double(q.in_scale) * double(q.w_scale[static_cast<size_t>(c)]);
    return std::abs(double(bias.quant()->scale(c)) - unit) <= 1e-5 * unit && bias.quant()->zero_point(c) == 0;
  };
  bool is_stored = bias.quant() && bias.dtype() == DType::kI32 && bias.quant()->block_size == 0;
  // TFLite takes the integers as they are, whatever their scale says.
  const bool trusts_integers = r.graph.arithmetic == QuantArithmetic::kFixedPoint;
  for (int64_t c = 0; is_stored && !trusts_integers && c < channels; ++c) is_stored = has_unit(c);
  if (is_stored) {
    std::memcpy(q.bias.data(), bias.raw(), static_cast<size_t>(channels) * 4);
    return true;
  }
  const std::vector<double> real = to_doubles(bias);
  for (int64_t c = 0; c < channels; ++c) {
    const auto i = static_cast<size_t>(c);
    const double stored = std::nearbyint(real[i] / (double(q.in_scale) * double(q.w_scale[i])));
    q.bias[i] = saturated<int32_t>(stored);
  }
  return true;
}

std::optional<ConvQuant> quant_of(const KernelRequest& r, int64_t channels, int64_t axis, Activation act,
                                  bool product_in_float) {
  const QuantParams& x = *r.input(0).quant;
  const TensorType& y = r.output();
  const QuantizedRange range = activation_range(act.min, act.max, y.dtype, y.quant);
  ConvQuant q{.in_unsigned = is_unsigned_byte(r.input(0)),
              .in_zero = x.zero_point(),
              .out_zero = y.quant->zero_point(),
              .in_scale = x.scale(),
              .out_scale = y.quant->scale(),
              .out_min = range.min,
              .out_max = range.max,
              .w = {},
              .w_scale = {},
              .bias = {},
              .product_in_float = product_in_float,
              .fixed_point = wants_fixed_point(r),
              .halves_up = !r.node().is<Conv>() || r.node().as<Conv>().groups == 1};
  if (q.fixed_point && r.input(0).dtype != y.dtype) return std::nullopt;
  if (!read_weights(r.constant(1), channels, axis, q) || !read_bias(r, channels, q)) return std::nullopt;
  return q;
}

template <class QuantizedConv>
std::unique_ptr<Step> bytes_step(const KernelRequest& r, const KernelTable& table, const ConvShape& shape,
                                 const ConvQuant& q, [[maybe_unused]] const Addend& addend) {
  std::unique_ptr<QuantizedConv> conv;
  if constexpr (std::is_same_v<QuantizedConv, DenseQ>) {
    const GemmS8Variant* gemm = gemm_for(r, table, shape, q);
    if (gemm == nullptr) return nullptr;
    conv = std::make_unique<DenseQ>(table, *gemm, shape, q, r.threads);
  } else {
    conv = std::make_unique<QuantizedConv>(table, shape, q, r.threads);
  }
  const int64_t scratch = conv->scratch_bytes();
  if constexpr (!std::is_same_v<QuantizedConv, DepthwiseQ>) {
    if (addend.exists()) {
      return make_step(
          [conv = std::move(conv), addend](RunContext& c) {
            conv->run(in<uint8_t>(c, 0), out<uint8_t>(c), *c.pool, c.scratch,
                      in<uint8_t>(c, static_cast<size_t>(addend.input)), addend.sum);
          },
          scratch, addend.input);
    }
  }
  return make_step(
      [conv = std::move(conv)](RunContext& c) { conv->run(in<uint8_t>(c, 0), out<uint8_t>(c), *c.pool, c.scratch); },
      scratch);
}

std::unique_ptr<Step> make_conv_f32(const KernelRequest& r, const KernelTable& table, bool is_depthwise,
                                    const Addend& addend = {}) {
  if (!computes_f32(r)) return nullptr;
  const auto& op = r.node().as<Conv>();
  const auto shape = shape_of(r, op);
  if (!shape || shape->is_depthwise() != is_depthwise) return nullptr;
  const Tensor w = constant_f32(r, 1);
  const Tensor bias = constant_f32(r, 2);
  const Activation act{op.act_min, op.act_max};
  return is_depthwise ? f32_step<DepthwiseF32>(r, table, *shape, w, bias, act, addend)
                      : f32_step<DenseF32>(r, table, *shape, w, bias, act, addend);
}

std::unique_ptr<Step> make_conv_bytes(const KernelRequest& r, const KernelTable& table, bool is_depthwise,
                                      const Addend& addend = {}) {
  if (!computes_bytes(r)) return nullptr;
  const auto& op = r.node().as<Conv>();
  const auto shape = shape_of(r, op);
  if (!shape || shape->is_depthwise() != is_depthwise) return nullptr;
  const auto q = quant_of(r, shape->out_c, 0, {op.act_min, op.act_max}, is_unsigned_byte(r.input(0)));
  if (!q) return nullptr;
  return is_depthwise ? bytes_step<DepthwiseQ>(r, table, *shape, *q, addend)
                      : bytes_step<DenseQ>(r, table, *shape, *q, addend);
}

ConvShape fully_connected_shape(const KernelRequest& r) {
  const Dims w = r.input(1).shape.dims();
  return product_shape(r.output().shape.elements() / std::max<int64_t>(w[0], 1), w[1], w[0]);
}

bool is_empty(const ConvShape& s) { return s.in_w * s.in_c * s.out_c == 0; }

// A constant B: [K, N] (or [N, K] when transposed) as [N, K].
Tensor as_rows_of_columns(const Tensor& b, bool is_transposed) {
  if (is_transposed) return b;
  const int64_t k = b.dim(b.rank() - 2);
  const int64_t n = b.dim(b.rank() - 1);
  Tensor t = Tensor::empty(b.dtype(), {n, k}, b.quant());
  const int64_t bytes = size_of(b.dtype());
  const auto* from = static_cast<const std::byte*>(b.raw());
  auto* to = static_cast<std::byte*>(t.mutable_raw());
  for (int64_t i = 0; i < k; ++i) {
    for (int64_t j = 0; j < n; ++j) std::copy_n(from + (i * n + j) * bytes, bytes, to + (j * k + i) * bytes);
  }
  return t;
}

}  // namespace

std::unique_ptr<Step> make_dense_f32(const KernelRequest& r, const KernelTable& t, const Addend& addend) {
  return make_conv_f32(r, t, false, addend);
}
std::unique_ptr<Step> make_winograd_f32(const KernelRequest& r, const KernelTable& table, const Addend& addend) {
  if (!computes_f32(r)) return nullptr;
  const auto& op = r.node().as<Conv>();
  const auto shape = shape_of(r, op);
  if (r.exact || !shape || !WinogradF32::suits(*shape)) return nullptr;  // sums of its own order, infinities spread
  return f32_step<WinogradF32>(r, table, *shape, constant_f32(r, 1), constant_f32(r, 2), {op.act_min, op.act_max},
                               addend);
}
std::unique_ptr<Step> make_sliding_f32(const KernelRequest& r, const KernelTable& table, const Addend& addend) {
  if (!computes_f32(r)) return nullptr;
  const auto& op = r.node().as<Conv>();
  const auto shape = shape_of(r, op);
  if (!shape || !SlidingF32::suits(*shape)) return nullptr;
  return f32_step<SlidingF32>(r, table, *shape, constant_f32(r, 1), constant_f32(r, 2), {op.act_min, op.act_max},
                              addend);
}
std::unique_ptr<Step> make_depthwise_f32(const KernelRequest& r, const KernelTable& t) {
  return make_conv_f32(r, t, true);
}
std::unique_ptr<Step> make_conv_packing_f32(const KernelRequest& r, const KernelTable& table) {
  if (!computes_f32_at_run_time(r)) return nullptr;
  const auto& op = r.node().as<Conv>();
  const auto shape = shape_of(r, op);
  if (!shape) return nullptr;
  const Activation act{op.act_min, op.act_max};
  return shape->is_depthwise() ? packing_step<DepthwiseF32>(r, table, *shape, act)
                               : packing_step<DenseF32>(r, table, *shape, act);
}

std::unique_ptr<Step> make_fully_connected_packing_f32(const KernelRequest& r, const KernelTable& table) {
  if (!computes_f32_at_run_time(r) || r.input(1).shape.rank() != 2) return nullptr;
  const auto& op = r.node().as<FullyConnected>();
  const ConvShape shape = fully_connected_shape(r);
  if (is_empty(shape)) return nullptr;
  return packing_step<DenseF32>(r, table, shape, {op.act_min, op.act_max});
}

std::unique_ptr<Step> make_dense_bytes(const KernelRequest& r, const KernelTable& t, const Addend& addend) {
  return make_conv_bytes(r, t, false, addend);
}
std::unique_ptr<Step> make_winograd_bytes(const KernelRequest& r, const KernelTable& table, const Addend& addend) {
  if (table.winograd_s8.gemm == nullptr || !computes_bytes(r)) return nullptr;
  const auto& op = r.node().as<Conv>();
  const auto shape = shape_of(r, op);
  if (!shape || !WinogradBlocks::suits(*shape)) return nullptr;
  const auto q = quant_of(r, shape->out_c, 0, {op.act_min, op.act_max}, is_unsigned_byte(r.input(0)));
  if (!q || !WinogradQ::suits(*shape, *q)) return nullptr;
  return bytes_step<WinogradQ>(r, table, *shape, *q, addend);
}
std::unique_ptr<Step> make_depthwise_bytes(const KernelRequest& r, const KernelTable& t) {
  return make_conv_bytes(r, t, true);
}

std::unique_ptr<Step> make_fully_connected_f32(const KernelRequest& r, const KernelTable& table, const Addend& addend) {
  if (!computes_f32(r) || r.input(1).shape.rank() != 2) return nullptr;
  const auto& op = r.node().as<FullyConnected>();
  const ConvShape shape = fully_connected_shape(r);
  if (is_empty(shape)) return nullptr;
  return f32_step<DenseF32>(r, table, shape, constant_f32(r, 1), constant_f32(r, 2), {op.act_min, op.act_max}, addend);
}

std::unique_ptr<Step> make_fully_connected_bytes(const KernelRequest& r, const KernelTable& table,
                                                 const Addend& addend) {
  if (!computes_bytes(r) || r.input(1).shape.rank() != 2) return nullptr;
  const auto& op = r.node().as<FullyConnected>();
  const ConvShape shape = fully_connected_shape(r);
  if (is_empty(shape)) return nullptr;
  const auto q = quant_of(r, shape.out_c, 0, {op.act_min, op.act_max}, true);
  return q ? bytes_step<DenseQ>(r, table, shape, *q, addend) : nullptr;
}

namespace {

std::unique_ptr<Step> hybrid_step(const KernelRequest& r, const KernelTable& table, const ConvShape& shape,
                                  Activation act, bool is_asymmetric, bool is_per_pixel) {
  ConvQuant q;
  if (!read_weights(r.constant(1), shape.out_c, 0, q)) return nullptr;
  const GemmS8Variant* gemm = gemm_for(r, table, shape, q);
  if (gemm == nullptr) return nullptr;
  std::vector<float> bias;
  if (const Tensor b = constant_f32(r, 2); b.exists()) bias.assign(b.data<float>().begin(), b.data<float>().end());
  auto conv = std::make_unique<HybridConv>(table, *gemm, shape, std::move(q), std::move(bias), is_asymmetric,
                                           is_per_pixel, r.threads);
  const int64_t scratch = conv->scratch_bytes();
  return make_step(
      [conv = std::move(conv), act](RunContext& c) {
        conv->run(in<float>(c, 0), out<float>(c), act.min, act.max, *c.pool, c.scratch);
      },
      scratch);
}

}  // namespace

std::unique_ptr<Step> make_conv_hybrid(const KernelRequest& r, const KernelTable& table) {
  if (!computes_hybrid(r)) return nullptr;
  const auto& op = r.node().as<Conv>();
  const auto shape = shape_of(r, op);
  if (!shape) return nullptr;
  return hybrid_step(r, table, *shape, {op.act_min, op.act_max}, !r.input(1).quant->is_per_tensor(), false);
}

std::unique_ptr<Step> make_fully_connected_hybrid(const KernelRequest& r, const KernelTable& table) {
  if (!computes_hybrid(r) || r.input(1).shape.rank() != 2) return nullptr;
  const auto& op = r.node().as<FullyConnected>();
  const ConvShape shape = fully_connected_shape(r);
  if (is_empty(shape)) return nullptr;
  return hybrid_step(r, table, shape, {op.act_min, op.act_max}, op.asymmetric_inputs, true);
}

std::unique_ptr<Step> make_gemm_f32(const KernelRequest& r, const KernelTable& table, const Addend& addend) {
  const auto& op = r.node().as<Gemm>();
  if (!computes_f32(r) || op.transpose_a) return nullptr;
  const Dims y = r.output().shape.dims();
  const ConvShape shape = product_shape(y[0], r.input(0).shape.dims()[1], y[1]);
  if (is_empty(shape)) return nullptr;
  const Tensor b = constant_f32(r, 1);
  Tensor w = as_rows_of_columns(b, op.transpose_b).clone();
  for (float& v : w.mutable_data<float>()) v *= op.alpha;
  Tensor bias;
  if (r.has_input(2)) {
    const Tensor c = constant_f32(r, 2);
    const bool is_row = c.elements() == y[1] && (c.rank() == 0 || c.dim(c.rank() - 1) == y[1]);
    if (!is_row && c.elements() != 1) return nullptr;
    bias = Tensor::empty(DType::kF32, {y[1]});
    for (int64_t i = 0; i < y[1]; ++i) {
      bias.mutable_data<float>()[static_cast<size_t>(i)] =
          op.beta * c.data<float>()[static_cast<size_t>(is_row ? i : 0)];
    }
  }
  return f32_step<DenseF32>(r, table, shape, w, bias, {}, addend);
}

std::unique_ptr<Step> make_matmul_constant_f32(const KernelRequest& r, const KernelTable& table, const Addend& addend) {
  const auto& op = r.node().as<MatMul>();
  if (!computes_f32(r) || op.transpose_a || r.input(0).shape.rank() < 2 || r.input(1).shape.rank() != 2) return nullptr;
  const Dims y = r.output().shape.dims();
  const Dims x = r.input(0).shape.dims();
  const ConvShape shape =
      product_shape(r.input(0).shape.elements() / std::max<int64_t>(x.back(), 1), x.back(), y.back());
  if (is_empty(shape)) return nullptr;
  const Tensor w = as_rows_of_columns(constant_f32(r, 1), op.transpose_b);
  return f32_step<DenseF32>(r, table, shape, w, Tensor(), {}, addend);
}

}  // namespace hone::cpu

#include "compress/weights.h"

#include <algorithm>
#include <cmath>

#include "ops/matmul.h"

namespace hone {

namespace {

std::vector<float> channel_maxima(const Tensor& w, int64_t axis) {
  const auto data = w.data<float>();
  const size_t channels = axis < 0 ? 1 : static_cast<size_t>(w.dim(axis));
  std::vector<float> maxima(channels, 0);
  size_t inner = 1;
  for (int64_t i = axis + 1; axis >= 0 && i < w.rank(); ++i) inner *= static_cast<size_t>(w.dim(i));
  for (size_t i = 0; i < data.size(); ++i) {
    float& m = maxima[axis < 0 ? 0 : i / inner % channels];
    m = std::max(m, std::fabs(data[i]));
  }
  return maxima;
}

Tensor quantize_with(const Tensor& w, std::vector<float> scales, int64_t axis, DType dtype) {
  std::vector<int32_t> zeros(scales.size(), 0);
  QuantPtr quant = axis < 0 ? QuantParams::per_tensor(scales[0], 0)
                            : QuantParams::per_channel(std::move(scales), std::move(zeros), axis);
  Tensor q = quantize(w, dtype, quant);
  const int8_t least = static_cast<int8_t>(-max_of(dtype));
  for (int8_t& v : q.mutable_data<int8_t>()) v = std::max(v, least);
  return q;
}

}  // namespace

Tensor quantize_weights(const Tensor& weights, int64_t axis, int bits) {
  const DType dtype = bits == 4 ? DType::kI4 : DType::kI8;
  const float most = static_cast<float>(max_of(dtype));
  const Tensor w = cast(weights, DType::kF32);
  std::vector<float> scales = channel_maxima(w, axis);
  for (float& s : scales) s = s > 0 ? std::max(s / most, 1e-30f) : 1;
  return quantize_with(w, std::move(scales), axis, dtype);
}

Tensor quantize_bias(const Tensor& bias, float input_scale, const QuantParams& weights) {
  const auto data = bias.data<float>();
  std::vector<float> scales(weights.is_per_tensor() ? 1 : data.size());
  for (size_t c = 0; c < scales.size(); ++c) scales[c] = input_scale * weights.scale(static_cast<int64_t>(c));
  QuantPtr quant = weights.is_per_tensor()
                       ? QuantParams::per_tensor(scales[0], 0)
                       : QuantParams::per_channel(scales, std::vector<int32_t>(scales.size(), 0), 0);
  Tensor q = Tensor::empty(DType::kI32, bias.dims(), quant);
  for (size_t c = 0; c < data.size(); ++c) {
    const double v = std::nearbyint(double{data[c]} / double{quant->scale(static_cast<int64_t>(c))});
    q.mutable_data<int32_t>()[c] = static_cast<int32_t>(std::clamp(v, -2147483647.0, 2147483647.0));
  }
  return q;
}

Tensor widen_for_bias(const Tensor& float_weights, Tensor quantized, const Tensor& bias, float input_scale) {
  const auto b = bias.data<float>();
  std::vector<float> scales = quantized.quant()->scales;
  bool changed = false;
  for (size_t c = 0; c < b.size(); ++c) {
    float& s = scales[quantized.quant()->is_per_tensor() ? 0 : c];
    const float least = std::fabs(b[c]) / (input_scale * 0x1p30f);
    if (s >= least) continue;
    s = least;
    changed = true;
  }
  return changed ? quantize_with(cast(float_weights, DType::kF32), std::move(scales), quantized.quant()->axis,
                                 quantized.dtype())
                 : quantized;
}

}  // namespace hone

#include "formats/tflite/bias.h"

#include "base/error.h"

namespace hone::tflite {

namespace {

QuantPtr product_scales(const TensorType& x, const TensorType& w) {
  std::vector<float> scales;
  for (const float s : w.quant->scales) scales.push_back(s * x.quant->scale());
  std::vector<int32_t> zeros(scales.size(), 0);
  return QuantParams::per_channel(std::move(scales), std::move(zeros), w.quant->is_per_tensor() ? -1 : 0);
}

}  // namespace

TensorIndex bias(WriteNode& n, size_t i, const TensorType& x, const TensorType& w, int64_t channels) {
  const bool is_integer = x.quant && w.quant;
  if (!n.has(i)) {
    if (!is_integer) return n.add_constant(Tensor::zeros(DType::kF32, {channels}), "bias");
    const DType dtype = x.dtype == DType::kI16 ? DType::kI64 : DType::kI32;
    return n.add_constant(Tensor::zeros(dtype, {channels}, product_scales(x, w)), "bias");
  }
  if (!is_integer || x.dtype != DType::kI16 || n.type(i).dtype != DType::kI32) return n.in(i);
  const Tensor& narrow = n.constant(i);
  return n.add_constant(cast(narrow.with_quant(nullptr), DType::kI64).with_quant(narrow.quant()), "bias");
}

}  // namespace hone::tflite

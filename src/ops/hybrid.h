#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ir/op_def.h"
#include "tensor/tensor.h"

namespace hone {

/// TFLite's dynamic-range arithmetic: activations are f32, weights symmetric 8-bit integers. Each row of activations
/// (an image, or one vector of a fully connected layer) is quantized to 8 bits by its own range when it arrives; sums
/// are integers and become reals again by the product of both scales.

/// Rows of activations as centered integers (stored value minus zero point) and their scales.
struct QuantizedRows {
  std::vector<uint32_t> centered;  ///< two's complement
  std::vector<float> scales;       ///< one a row
};

/// x: rows of equal length. Asymmetric: −128…127 over the row's range and zero; symmetric: −127…127 over its largest
/// magnitude.
QuantizedRows quantize_rows(std::span<const float> x, int64_t rows, bool asymmetric);

/// Whether TFLite has a dynamic-range form: x plain f32; w 8 bits with zero points 0, per tensor or along
/// `weight_axis`; the result plain.
bool is_hybrid(const Tensor& x, const Tensor& w, const TensorType& out, int64_t weight_axis);

/// y[row, c] = clamp(sums · w.scale[c] · scale[row] + bias[c]); y: [rows…, channels] f32, `sums` as y, a row of `rows`
/// covering sums.size() / rows.scales.size() elements.
struct HybridResult {
  const Tensor& w;
  Tensor bias;  ///< absent, or [channels]; real numbers however they are stored
  float act_min = 0;
  float act_max = 0;
};
void store_hybrid(const HybridResult& r, const std::vector<uint32_t>& sums, const QuantizedRows& rows, Tensor& y);

}  // namespace hone

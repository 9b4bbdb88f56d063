#pragma once

#include <cstdint>
#include <vector>

#include "providers/cpu/convolution_q.h"

namespace hone::cpu {

/// TFLite's dynamic-range arithmetic: f32 activations become 8-bit integers row by row as they arrive, meet 8-bit
/// weights, and the integer sums become f32 again. `ops/hybrid.h` is its reference.

/// How one row of activations is stored: real ≈ scale · (stored − zero).
struct RowQuant {
  float scale = 1;
  int32_t zero = 0;
};

/// Chooses the row's parameters and writes its `n` stored values. Symmetric: −127 … 127 by the largest magnitude;
/// asymmetric: −128 … 127 over the row's range and zero. Rows of zeros, or with infinities or NaN, become zeros.
RowQuant quantize_row(const KernelTable& table, const float* x, int64_t n, bool is_asymmetric, int8_t* y);

/// A convolution (dense or depthwise) of that kind.
class HybridConv {
 public:
  /// quant.w and quant.w_scale count; `bias` ([out_c] or empty) is f32. Activations are quantized per image, or, with
  /// is_per_pixel, per output pixel of a pointwise convolution.
  HybridConv(const KernelTable& table, const GemmS8Variant& gemm, const ConvShape& shape, ConvQuant quant,
             std::vector<float> bias, bool is_asymmetric, bool is_per_pixel, int threads);
  int64_t scratch_bytes() const;
  void run(const float* x, float* y, float act_min, float act_max, ThreadPool& pool, void* scratch) const;

 private:
  const KernelTable& table_;
  ConvShape shape_;
  bool is_asymmetric_;
  int64_t rows_, row_length_, threads_;
  std::vector<float> w_scale_, bias_;
  std::vector<int32_t> w_sum_;  // per output channel: what a zero point is multiplied by
  std::unique_ptr<DenseQ> dense_;
  std::unique_ptr<DepthwiseQ> depthwise_;
};

}  // namespace hone::cpu

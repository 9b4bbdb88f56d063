#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "providers/cpu/convolution.h"
#include "providers/cpu/depthwise_fold.h"

namespace hone::cpu {

/// Numbers of a quantized convolution over bytes: real = scale · (stored − zero).
struct ConvQuant {
  bool in_unsigned = false;
  int32_t in_zero = 0, out_zero = 0;
  float in_scale = 1, out_scale = 1;
  int32_t out_min = -128, out_max = 127;  ///< clamp of the stored output, activation included
  int32_t w_zero = 0;                     ///< of `w` below
  std::vector<int8_t> w;                  ///< [out_c, kernel_h, kernel_w, in_c / groups]; uint8 less 128
  std::vector<float> w_scale;             ///< [out_c]
  std::vector<int32_t> bias;              ///< [out_c] in units of in_scale · w_scale
  bool product_in_float = false;  ///< in_scale · w_scale is rounded to float, as TFLite's per-tensor kernels do
  bool fixed_point = false;       ///< requantize as TFLite does instead of by one float multiply
  bool halves_up = false;         ///< in fixed point: as TFLite's matrix products do
  bool accumulates = false;       ///< made for accumulate() alone: scales and outputs do not matter
};

/// Factor of every output channel from accumulators to steps of the output.
std::vector<float> float_scales(const ConvQuant& quant);
EpilogueS8 epilogue_of(const ConvQuant& quant);

/// Receives accumulators: `rows` output pixels from number `row` on (all images in one line), channels
/// [channel, channel + n), rows n apart. Called from several threads.
using AccumulatorSink = std::function<void(int64_t row, int64_t rows, int64_t channel, int64_t n, const int32_t* acc)>;

/// Requantization in TFLite's fixed point, from accumulators.
class FixedPointEpilogue {
 public:
  FixedPointEpilogue(const KernelTable& table, const ConvQuant& quant);
  bool is_used() const { return !multipliers_.empty(); }
  /// The numbers from `channel` on, for kernels that end in fixed point themselves; unused ones when it is not used.
  FixedRequant from(int64_t channel) const;
  /// rows × n accumulators (row stride n) of channels from `channel` on, to bytes `y_stride` apart.
  void apply(const int32_t* acc, int64_t rows, int64_t n, int64_t channel, uint8_t* y, int64_t y_stride) const;

 private:
  decltype(KernelTable::requantize_fixed) requantize_;
  std::vector<int32_t> multipliers_, left_, right_;
  int32_t zero_ = 0, min_ = 0, max_ = 0;
  bool halves_up_ = false, is_small_ = true;
};

/// How a convolution is read from lines of its input, copied with their padding, instead of gathered rows: neighbouring
/// pixels are rows of the product, and what kernel row ky reads of one is a run.
struct LineBlocks {
  bool is_used = false;
  int64_t run = 0;     ///< elements: kernel_w · in_c, filled up
  int64_t width = 0;   ///< columns of a line
  int64_t stride = 0;  ///< bytes of a line
  int64_t height = 0;  ///< lines that one line of outputs reads
};

/// Integer convolution with dense channels (or groups of them); bytes in, bytes out.
class DenseQ {
 public:
  DenseQ(const KernelTable& table, const GemmS8Variant& gemm, const ConvShape& shape, const ConvQuant& quant,
         int threads);
  int64_t scratch_bytes() const { return task_scratch_ * blocks_.tasks; }
  /// `residual`: like y, or null; may be y itself. It is added as `sum` says, where x is the convolution's own result.
  void run(const uint8_t* x, uint8_t* y, ThreadPool& pool, void* scratch, const uint8_t* residual = nullptr,
           const BinaryQ& sum = {}) const;
  /// Sums Σ x · w over stored x, padding standing for `image_zeros` (one an image).
  void accumulate(const uint8_t* x, const int32_t* image_zeros, const AccumulatorSink& sink, ThreadPool& pool,
                  void* scratch) const;

 private:
  struct Call {
    const uint8_t* x;
    uint8_t* y;
    const int32_t* image_zeros;   // null: in_zero_
    const AccumulatorSink* sink;  // null: bytes to y
    const uint8_t* residual;      // or null
    BinaryQ sum;
  };
  void run(const Call& call, ThreadPool& pool, void* scratch) const;
  void run_rows(const Call& call, int64_t begin, int64_t end, int64_t n0, int64_t n1, std::byte* scratch) const;

  const GemmS8Variant& gemm_;
  ConvShape shape_;
  ConvShape gathered_;  // what rows are gathered from: a pointwise convolution is one long line of pixels
  LineBlocks lines_;
  RowBlocks blocks_;
  EpilogueS8 epilogue_;
  FixedPointEpilogue fixed_;
  bool in_unsigned_;
  int32_t in_zero_, w_zero_;
  int64_t rows_bytes_ = 0, sums_bytes_ = 0, task_scratch_ = 0;
  std::vector<AlignedBuffer> packed_;  // one per group
};

/// Integer depthwise convolution, out_c = in_c · multiplier.
class DepthwiseQ {
 public:
  DepthwiseQ(const KernelTable& table, const ConvShape& shape, const ConvQuant& quant, int threads);
  int64_t scratch_bytes() const { return expanded_bytes_ + tasks_ * task_scratch_; }
  void run(const uint8_t* x, uint8_t* y, ThreadPool& pool, void* scratch) const;
  /// As DenseQ's.
  void accumulate(const uint8_t* x, const int32_t* image_zeros, const AccumulatorSink& sink, ThreadPool& pool,
                  void* scratch) const;

 private:
  void run(const uint8_t* x, uint8_t* y, const int32_t* image_zeros, const AccumulatorSink* sink, ThreadPool& pool,
           void* scratch) const;

  ConvShape shape_;
  EpilogueS8 epilogue_;
  FixedPointEpilogue fixed_;
  bool in_unsigned_;
  const DepthwiseS8Variant* kernel_;
  int32_t in_zero_;
  std::optional<DepthwiseFold> fold_;
  int64_t tasks_, expanded_bytes_ = 0, taps_bytes_, outside_bytes_, input_bytes_, task_scratch_;
  AlignedBuffer packed_;
};

}  // namespace hone::cpu

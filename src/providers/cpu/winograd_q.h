#pragma once

#include "providers/cpu/convolution_q.h"
#include "providers/cpu/winograd_blocks.h"

namespace hone::cpu {

/// Integer convolution of 3 × 3, stride 1, by Winograd's F(4 × 4, 3 × 3): 2.25 multiplications of int16 for an output
/// and pair of channels instead of 9 of bytes, and the same sums, bit by bit.
class WinogradQ {
 public:
  /// Whether the shape is one that it takes and the weights keep every sum below 2²⁵, which exactness needs.
  static bool suits(const ConvShape& shape, const ConvQuant& quant);
  /// The table must have winograd_s8.gemm.
  WinogradQ(const KernelTable& table, const ConvShape& shape, const ConvQuant& quant, int threads);
  int64_t scratch_bytes() const { return blocks_.scratch_bytes(); }
  /// As DenseQ's.
  void run(const uint8_t* x, uint8_t* y, ThreadPool& pool, void* scratch, const uint8_t* residual = nullptr,
           const BinaryQ& sum = {}) const;

 private:
  const WinogradKernelS8& kernel_;
  const GemmS8Variant& gemm_;
  ConvShape shape_;
  WinogradBlocks blocks_;
  EpilogueS8 epilogue_;
  FixedPointEpilogue fixed_;
  bool in_unsigned_;
  int32_t in_zero_;
  std::vector<int32_t> bias_;
  std::vector<float> scales_;
  std::vector<uint8_t> outside_;
  AlignedBuffer packed_;  // a matrix per point, one behind the other
};

}  // namespace hone::cpu

#pragma once

#include <vector>

#include "providers/cpu/convolution.h"
#include "providers/cpu/winograd_blocks.h"

namespace hone::cpu {

/// f32 convolution of 3 × 3, stride 1, by Winograd's F(4 × 4, 3 × 3): 2.25 multiplications for an output and pair of
/// channels instead of 9, from weights four times as large.
class WinogradF32 {
 public:
  /// Whether the shape is one that it takes and gains from.
  static bool suits(const ConvShape& shape) { return WinogradBlocks::suits(shape); }
  /// w: [out_c, 3, 3, in_c], bias: [out_c] or null.
  WinogradF32(const WinogradKernelF32& kernel, const GemmF32Variant& gemm, const ConvShape& shape, const float* w,
              const float* bias, int threads);
  int64_t scratch_bytes() const { return blocks_.scratch_bytes(); }
  void run(const DenseF32::Call& call) const;

 private:
  const WinogradKernelF32& kernel_;
  const GemmF32Variant& gemm_;
  ConvShape shape_;
  WinogradBlocks blocks_;
  AlignedBuffer packed_;  // a matrix per point, one behind the other
  std::vector<float> bias_, zeros_;
};

}  // namespace hone::cpu

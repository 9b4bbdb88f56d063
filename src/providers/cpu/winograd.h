#pragma once

#include <vector>

#include "providers/cpu/convolution.h"

namespace hone::cpu {

/// f32 convolution of 3 × 3, stride 1, by Winograd's F(4 × 4, 3 × 3): 2.25 multiplications for an output and pair of
/// channels instead of 9, from weights four times as large.
class WinogradF32 {
 public:
  /// Whether the shape is one that it takes and gains from.
  static bool suits(const ConvShape& shape);
  /// w: [out_c, 3, 3, in_c], bias: [out_c] or null.
  WinogradF32(const WinogradKernelF32& kernel, const GemmF32Variant& gemm, const ConvShape& shape, const float* w,
              const float* bias, int threads);
  int64_t scratch_bytes() const { return task_scratch_ * tasks_; }
  void run(const DenseF32::Call& call) const;

 private:
  void run_tiles(const DenseF32::Call& call, int64_t begin, int64_t end, int64_t n0, int64_t n1, float* scratch) const;

  const WinogradKernelF32& kernel_;
  const GemmF32Variant& gemm_;
  ConvShape shape_;
  int64_t tiles_;         ///< of one image
  int64_t rows_, block_;  ///< tiles multiplied at a time, the unit in which tasks divide; tiles in work together
  int64_t tasks_ = 1, task_scratch_ = 0;
  bool splits_columns_ = false;  ///< tasks divide output channels instead of tiles
  AlignedBuffer packed_;         // a matrix per point, one behind the other
  std::vector<float> bias_, zeros_;
};

}  // namespace hone::cpu

#pragma once

#include "providers/cpu/convolution.h"

namespace hone::cpu {

/// f32 convolution that gathers nothing: a line of output reads its rows where they lie in the image, or in a copy of
/// some of its lines with zeros around, one part for each line of the kernel. For weights that fit a cache, since they
/// are swept once per line.
class SlidingF32 {
 public:
  static bool suits(const ConvShape& shape);
  /// w: [out_c, kernel_h, kernel_w, in_c], bias: [out_c] or null.
  SlidingF32(const GemmF32Variant& gemm, const ConvShape& shape, const float* w, const float* bias, int threads);
  int64_t scratch_bytes() const { return task_scratch_ * tasks_; }
  void run(const DenseF32::Call& call) const;

 private:
  const float* padded(const float* image, int64_t first_line, int64_t lines, float* scratch) const;

  const GemmF32Variant& gemm_;
  ConvShape shape_;
  int64_t columns_;    ///< of the image and its borders that a line of output reads
  bool is_copied_;     ///< there are borders
  int64_t block_ = 1;  ///< lines of output for which lines are copied together
  int64_t tasks_, task_scratch_ = 0;
  AlignedBuffer packed_;
};

}  // namespace hone::cpu

#pragma once

#include <cstdint>
#include <vector>

#include "base/thread_pool.h"
#include "providers/cpu/kernels/pack.h"

namespace hone::cpu {

/// How the rows of a convolution are divided: blocks that are gathered together, and what each task needs.
struct RowBlocks {
  bool is_direct = false;        ///< rows are read where they are, nothing is gathered
  int64_t images = 1, rows = 0;  ///< rows of one image
  int64_t tile = 1;              ///< rows multiplied at a time, the unit in which tasks divide
  int64_t block = 0;             ///< rows gathered at a time, a multiple of tile
  int64_t row_stride = 0;        ///< of gathered rows: floats or bytes
  int64_t tasks = 1;
  bool splits_columns = false;  ///< tasks divide output channels instead of rows
};

/// f32 convolution with dense channels (or groups of them).
class DenseF32 {
 public:
  /// w: [out_c, kernel_h, kernel_w, in_c / groups], bias: [out_c] or null.
  DenseF32(const GemmF32Variant& gemm, const ConvShape& shape, const float* w, const float* bias, int threads);
  int64_t scratch_bytes() const { return task_scratch_ * blocks_.tasks; }

  struct Call {
    const float* x;
    float* y;
    const float* residual;  ///< like y, or null; may be y itself
    float min, max;
    ThreadPool* pool;
    void* scratch;
  };
  void run(const Call& call) const;

 private:
  void run_rows(const Call& call, int64_t begin, int64_t end, int64_t n0, int64_t n1, std::byte* scratch) const;

  const GemmF32Variant& gemm_;
  ConvShape shape_;
  RowBlocks blocks_;
  int64_t task_scratch_ = 0;
  std::vector<AlignedBuffer> packed_;  // one per group
};

/// f32 depthwise convolution, out_c = in_c · multiplier.
class DepthwiseF32 {
 public:
  /// w: [out_c, kernel_h, kernel_w, 1], bias: [out_c] or null.
  DepthwiseF32(const DepthwiseKernelF32& kernel, const ConvShape& shape, const float* w, const float* bias,
               int threads);
  int64_t scratch_bytes() const { return expanded_bytes_ + tasks_ * task_scratch_; }
  void run(const DenseF32::Call& call) const;

 private:
  const DepthwiseKernelF32& kernel_;
  ConvShape shape_;
  int64_t tasks_, expanded_bytes_ = 0, task_scratch_;
  AlignedBuffer packed_;
  std::vector<float> zeros_;
};

/// The table of tap pointers of output row `oy` for DepthwiseRun: kernel_h rows of tap_columns(shape) pointers.
/// `pixel_bytes`: bytes of an input pixel; `outside` stands for pixels outside the image.
void fill_taps(const ConvShape& shape, const void* image, int64_t pixel_bytes, int64_t oy, const void* outside,
               const void** taps);
/// Columns of one row of that table.
int64_t tap_columns(const ConvShape& shape);

/// Repeats each element of `pixels` × `channels` elements of `bytes` bytes `multiplier` times.
void expand_channels(const void* x, void* y, int64_t pixels, int64_t channels, int64_t multiplier, int64_t bytes);

}  // namespace hone::cpu

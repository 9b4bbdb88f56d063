#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

#include "providers/cpu/kernels/kernel_table.h"

namespace hone::cpu {

/// Bytes aligned to 64, zeroed.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(size_t bytes);
  std::byte* data() { return bytes_.get(); }
  const std::byte* data() const { return bytes_.get(); }
  template <class T>
  T* as() {
    return reinterpret_cast<T*>(bytes_.get());
  }
  template <class T>
  const T* as() const {
    return reinterpret_cast<const T*>(bytes_.get());
  }
  size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(std::byte* p) const { ::operator delete[](p, std::align_val_t{64}); }
  };
  std::unique_ptr<std::byte[], Free> bytes_;
  size_t size_ = 0;
};

/// A matrix B: [k, n] of any strides (in elements) to be packed for a GEMM.
template <class T>
struct MatrixView {
  const T* data;
  ptrdiff_t k_stride, n_stride;
  int64_t k, n;
};

/// Floats that pack_f32 writes.
int64_t packed_f32_size(const KernelTable& table, int64_t k, int64_t n);
/// Packs B and `bias` ([n] or null) into `dst` for gemm_f32 of that table.
void pack_f32(const KernelTable& table, const MatrixView<float>& b, const float* bias, float* dst);

/// Bytes that pack_s8 writes.
int64_t packed_s8_size(const KernelTable& table, int64_t k, int64_t n);
/// Packs B, `bias` ([n], corrected for zero points already) and `scale` ([n]) into `dst` for gemm_s8 of that table.
void pack_s8(const KernelTable& table, const MatrixView<int8_t>& b, const int32_t* bias, const float* scale,
             std::byte* dst);
/// Bytes of one row that pack_rows_s8 writes: k elements padded to whole groups.
int64_t packed_row_bytes(const KernelTable& table, int64_t k);
/// The zero point as the level's packed rows see it: levels that hold int8 as unsigned bytes move it by 128.
int32_t packed_zero_point(const KernelTable& table, int32_t zero_point, bool is_unsigned);

/// Depthwise weights `w`: [taps, channels] and `bias` ([channels] or null) for depthwise_f32.
AlignedBuffer pack_depthwise_f32(const KernelTable& table, const float* w, const float* bias, int64_t taps,
                                 int64_t channels);
/// Depthwise weights `w`: [taps, channels] less their zero point, `bias` corrected for the input's zero point, and
/// `scale`, for depthwise_s8.
AlignedBuffer pack_depthwise_s8(const KernelTable& table, const int16_t* w, const int32_t* bias, const float* scale,
                                int64_t taps, int64_t channels);
/// Depthwise weights `w`: [kernel_h, kernel_w, channels] that fit int8, `bias` corrected for the input's
/// packed_zero_point, and `scale`, for depthwise_u8.
AlignedBuffer pack_depthwise_u8(const int16_t* w, const int32_t* bias, const float* scale, int64_t kernel_h,
                                int64_t kernel_w, int64_t channels);

}  // namespace hone::cpu

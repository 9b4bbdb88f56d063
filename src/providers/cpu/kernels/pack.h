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

/// Floats that pack_f32 writes.
int64_t packed_f32_size(const GemmF32Variant& gemm, int64_t k, int64_t n);
/// Packs B and `bias` ([n] or null) into `dst` for that variant.
void pack_f32(const GemmF32Variant& gemm, const MatrixView<float>& b, const float* bias, float* dst);

/// Packs B of int16, without bias and scale, into zeroed `dst` for a variant that multiplies int16: packed_groups_size
/// bytes.
void pack_words(const GemmS8Variant& gemm, const MatrixView<int16_t>& b, std::byte* dst);
/// Bytes of packed weights [k, n] of a variant without extra groups.
int64_t packed_groups_size(const GemmS8Variant& gemm, int64_t k, int64_t n);

/// Weights packed for that variant.
AlignedBuffer packed(const GemmS8Variant& gemm, const WeightsS8& weights);
AlignedBuffer packed(const DepthwiseS8Variant& depthwise, const DepthwiseWeights& weights);

/// Depthwise weights `w`: [taps, channels] and `bias` ([channels] or null) for depthwise_f32.
AlignedBuffer pack_depthwise_f32(const DepthwiseKernelF32& depthwise, const float* w, const float* bias, int64_t taps,
                                 int64_t channels);

}  // namespace hone::cpu

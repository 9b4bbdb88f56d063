#include "providers/cpu/kernels/pack.h"

#include <algorithm>
#include <cstring>

#include "providers/cpu/kernels/levels.h"

namespace hone::cpu {
namespace {

int64_t round_up(int64_t x, int64_t to) { return (x + to - 1) / to * to; }

// Columns that the panels take up: full panels, and a last one of half the width when that is enough.
int64_t padded_columns(int64_t n, int64_t nr) { return round_up(n, nr / 2); }

int64_t panel_width(int64_t left, int64_t nr) { return left <= nr / 2 ? nr / 2 : nr; }

template <class Variant, class Weights>
AlignedBuffer packed_by(const Variant& variant, const Weights& weights) {
  AlignedBuffer out(static_cast<size_t>(variant.pack(variant, weights, nullptr)));
  variant.pack(variant, weights, out.data());
  return out;
}

// Panels of `b`, `bias` and `scale` null for zeros, to zeroed `dst`.
template <class T>
void put_groups(const GemmS8Variant& gemm, const MatrixView<T>& b, const int32_t* bias, const float* scale,
                std::byte* dst) {
  const int64_t nr = gemm.nr;
  const int64_t kr = gemm.kr;
  for (int64_t n0 = 0; n0 < b.n; n0 += nr) {
    const int64_t columns = std::min(nr, b.n - n0);
    const int64_t width = panel_width(columns, nr);
    if (bias != nullptr) std::memcpy(dst, bias + n0, static_cast<size_t>(columns) * 4);
    if (scale != nullptr) std::memcpy(dst + width * 4, scale + n0, static_cast<size_t>(columns) * 4);
    dst += width * 8;
    for (int64_t k = 0; k < b.k; ++k) {
      for (int64_t j = 0; j < columns; ++j) {
        const T x = b.data[k * b.k_stride + (n0 + j) * b.n_stride];
        const int64_t at = k / kr * width * kr + j * kr + k % kr;
        if (gemm.element_bytes == 1) {
          dst[at] = static_cast<std::byte>(x);
        } else {
          const int16_t wide = x;
          std::memcpy(dst + at * 2, &wide, 2);
        }
      }
    }
    dst += width * gemm.row_bytes(b.k);
  }
}

}  // namespace

AlignedBuffer::AlignedBuffer(size_t bytes)
    : bytes_(static_cast<std::byte*>(::operator new[](std::max<size_t>(bytes, 64), std::align_val_t{64}))),
      size_(bytes) {
  std::memset(bytes_.get(), 0, std::max<size_t>(bytes, 64));
}

AlignedBuffer packed(const GemmS8Variant& gemm, const WeightsS8& weights) { return packed_by(gemm, weights); }
AlignedBuffer packed(const DepthwiseS8Variant& depthwise, const DepthwiseWeights& weights) {
  return packed_by(depthwise, weights);
}

int64_t packed_f32_size(const GemmF32Variant& gemm, int64_t k, int64_t n) {
  return padded_columns(n, gemm.nr) * (k + 1);
}

void pack_f32(const GemmF32Variant& gemm, const MatrixView<float>& b, const float* bias, float* dst) {
  const int64_t nr = gemm.nr;
  for (int64_t n0 = 0; n0 < b.n; n0 += nr) {
    const int64_t columns = std::min(nr, b.n - n0);
    const int64_t width = panel_width(columns, nr);
    std::fill(dst, dst + width, 0.0f);
    if (bias != nullptr) std::copy(bias + n0, bias + n0 + columns, dst);
    dst += width;
    for (int64_t k = 0; k < b.k; ++k, dst += width) {
      const float* row = b.data + k * b.k_stride + n0 * b.n_stride;
      if (b.n_stride == 1) {
        std::copy(row, row + columns, dst);
      } else {
        for (int64_t j = 0; j < columns; ++j) dst[j] = row[j * b.n_stride];
      }
      std::fill(dst + columns, dst + width, 0.0f);
    }
  }
}

int64_t pack_groups_s8(const GemmS8Variant& gemm, const WeightsS8& weights, std::byte* dst) {
  const int64_t bytes = packed_groups_size(gemm, weights.b.k, weights.b.n);
  if (dst == nullptr) return bytes;
  std::memset(dst, 0, static_cast<size_t>(bytes));
  put_groups(gemm, weights.b, weights.bias, weights.scale, dst);
  return bytes;
}

int64_t packed_groups_size(const GemmS8Variant& gemm, int64_t k, int64_t n) {
  return padded_columns(n, gemm.nr) * (8 + gemm.row_bytes(k));
}

void pack_words(const GemmS8Variant& gemm, const MatrixView<int16_t>& b, std::byte* dst) {
  put_groups(gemm, b, nullptr, nullptr, dst);
}

}  // namespace hone::cpu

#include "providers/cpu/kernels/pack.h"

#include <algorithm>
#include <cstring>

namespace hone::cpu {
namespace {

int64_t round_up(int64_t x, int64_t to) { return (x + to - 1) / to * to; }

// Columns that the panels take up: full panels, and a last one of half the width when that is enough.
int64_t padded_columns(int64_t n, int64_t nr) { return round_up(n, nr / 2); }

int64_t panel_width(int64_t left, int64_t nr) { return left <= nr / 2 ? nr / 2 : nr; }

}  // namespace

AlignedBuffer::AlignedBuffer(size_t bytes)
    : bytes_(static_cast<std::byte*>(::operator new[](std::max<size_t>(bytes, 64), std::align_val_t{64}))),
      size_(bytes) {
  std::memset(bytes_.get(), 0, std::max<size_t>(bytes, 64));
}

int64_t packed_f32_size(const KernelTable& table, int64_t k, int64_t n) {
  return padded_columns(n, table.tiles.f32_nr) * (k + 1);
}

void pack_f32(const KernelTable& table, const MatrixView<float>& b, const float* bias, float* dst) {
  const int64_t nr = table.tiles.f32_nr;
  for (int64_t n0 = 0; n0 < b.n; n0 += nr) {
    const int64_t columns = std::min(nr, b.n - n0);
    const int64_t width = panel_width(columns, nr);
    std::fill(dst, dst + width, 0.0f);
    if (bias != nullptr) std::copy(bias + n0, bias + n0 + columns, dst);
    dst += width;
    for (int64_t k = 0; k < b.k; ++k, dst += width) {
      const float* row = b.data + k * b.k_stride + n0 * b.n_stride;
      for (int64_t j = 0; j < columns; ++j) dst[j] = row[j * b.n_stride];
      std::fill(dst + columns, dst + width, 0.0f);
    }
  }
}

int64_t packed_row_bytes(const KernelTable& table, int64_t k) {
  return round_up(k, table.tiles.s8_kr) * table.tiles.s8_bytes;
}

int64_t packed_s8_size(const KernelTable& table, int64_t k, int64_t n) {
  return padded_columns(n, table.tiles.s8_nr) * (8 + packed_row_bytes(table, k));
}

void pack_s8(const KernelTable& table, const MatrixView<int8_t>& b, const int32_t* bias, const float* scale,
             std::byte* dst) {
  const int64_t nr = table.tiles.s8_nr;
  const int64_t kr = table.tiles.s8_kr;
  std::memset(dst, 0, static_cast<size_t>(packed_s8_size(table, b.k, b.n)));
  for (int64_t n0 = 0; n0 < b.n; n0 += nr) {
    const int64_t columns = std::min(nr, b.n - n0);
    const int64_t width = panel_width(columns, nr);
    std::memcpy(dst, bias + n0, static_cast<size_t>(columns) * 4);
    std::memcpy(dst + width * 4, scale + n0, static_cast<size_t>(columns) * 4);
    dst += width * 8;
    for (int64_t k = 0; k < b.k; ++k) {
      for (int64_t j = 0; j < columns; ++j) {
        const int8_t x = b.data[k * b.k_stride + (n0 + j) * b.n_stride];
        const int64_t at = k / kr * width * kr + j * kr + k % kr;
        if (table.tiles.s8_bytes == 1) {
          dst[at] = static_cast<std::byte>(x);
        } else {
          const int16_t wide = x;
          std::memcpy(dst + at * 2, &wide, 2);
        }
      }
    }
    dst += width * packed_row_bytes(table, b.k);
  }
}

int32_t packed_zero_point(const KernelTable& table, int32_t zero_point, bool is_unsigned) {
  return table.tiles.s8_bytes == 1 && !is_unsigned ? zero_point + 128 : zero_point;
}

AlignedBuffer pack_depthwise_f32(const KernelTable& table, const float* w, const float* bias, int64_t taps,
                                 int64_t channels) {
  const int64_t block = table.tiles.depthwise_f32;
  AlignedBuffer out(static_cast<size_t>(round_up(channels, block) * (taps + 1)) * 4);
  float* dst = out.as<float>();
  for (int64_t c0 = 0; c0 < channels; c0 += block, dst += block * (taps + 1)) {
    const int64_t n = std::min(block, channels - c0);
    if (bias != nullptr) std::copy(bias + c0, bias + c0 + n, dst);
    for (int64_t t = 0; t < taps; ++t) {
      std::copy(w + t * channels + c0, w + t * channels + c0 + n, dst + (t + 1) * block);
    }
  }
  return out;
}

AlignedBuffer pack_depthwise_s8(const KernelTable& table, const int16_t* w, const int32_t* bias, const float* scale,
                                int64_t taps, int64_t channels) {
  const int64_t block = table.tiles.depthwise_s8;
  const int64_t bytes = block * 8 + (taps + 1) / 2 * block * 4;
  AlignedBuffer out(static_cast<size_t>(round_up(channels, block) / block * bytes));
  std::byte* dst = out.data();
  for (int64_t c0 = 0; c0 < channels; c0 += block, dst += bytes) {
    for (int64_t i = 0; i < block; ++i) {
      // Unpacking pairs works inside groups of 8 channels: first four of each group, then the other four.
      const int64_t c = c0 + i % (block / 2) / 4 * 8 + i / (block / 2) * 4 + i % 4;
      if (c >= channels) continue;
      std::memcpy(dst + i * 4, bias + c, 4);
      std::memcpy(dst + (block + i) * 4, scale + c, 4);
      for (int64_t t = 0; t < taps; ++t) {
        std::memcpy(dst + block * 8 + (t / 2 * block + i) * 4 + t % 2 * 2, w + t * channels + c, 2);
      }
    }
  }
  return out;
}

AlignedBuffer pack_depthwise_u8(const int16_t* w, const int32_t* bias, const float* scale, int64_t kernel_h,
                                int64_t kernel_w, int64_t channels) {
  const int64_t words = 8 + (kernel_h + 3) / 4 * kernel_w * 4;
  const int64_t tail = channels % 64;
  const int64_t padded = channels - tail + (tail == 0 ? 0 : tail <= 32 ? 32 : 64);
  AlignedBuffer out(static_cast<size_t>(padded * words));
  std::byte* dst = out.data();
  for (int64_t c0 = 0; c0 < channels; c0 += 64) {
    const int64_t block = channels - c0 <= 32 ? 32 : 64;
    for (int64_t i = 0; i < block; ++i) {
      // Interleaving works inside groups of 16 channels, four words at a time: quarter j holds channels 4j … 4j + 3.
      const int64_t quarter = i / (block / 4);
      const int64_t c = c0 + i % (block / 4) / 4 * 16 + quarter * 4 + i % 4;
      if (c >= channels) continue;
      std::memcpy(dst + i * 4, bias + c, 4);
      std::memcpy(dst + (block + i) * 4, scale + c, 4);
      for (int64_t r = 0; r < kernel_h; ++r) {
        for (int64_t s = 0; s < kernel_w; ++s) {
          const int64_t word = (r / 4 * kernel_w + s) * block + i;
          dst[block * 8 + word * 4 + r % 4] = static_cast<std::byte>(w[(r * kernel_w + s) * channels + c]);
        }
      }
    }
    dst += block * words;
  }
  return out;
}

}  // namespace hone::cpu

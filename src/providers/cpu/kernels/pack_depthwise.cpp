#include <algorithm>
#include <cstring>
#include <vector>

#include "providers/cpu/kernels/levels.h"
#include "providers/cpu/kernels/pack.h"

namespace hone::cpu {
namespace {

int64_t round_up(int64_t x, int64_t to) { return (x + to - 1) / to * to; }

// Interleaving works inside groups of 16 channels, four words at a time: quarter j of a block holds channels
// 4j … 4j + 3 of each group.
int64_t channel_of_word(int64_t i, int64_t block) { return i % (block / 4) / 4 * 16 + i / (block / 4) * 4 + i % 4; }

// 255 times this, or times its negative, fits 16 bits.
constexpr int kSafe = 128;

bool is_safe(int a, int b) {
  return std::max(a, 0) + std::max(b, 0) <= kSafe && std::min(a, 0) + std::min(b, 0) >= -kSafe;
}

// The weights of one channel and kernel column in the slots of its words.
using Slots = std::vector<int8_t>;

// Part of an odd row's weight moves to the slot that repeats the row until its pair is safe; false where that is not
// enough.
bool make_safe(Slots& slots, int64_t kernel_h) {
  const auto count = static_cast<int64_t>(slots.size());
  for (int64_t s = kernel_h; s < count && kernel_h < 8; ++s) {
    const int row = kRepeatedRows[kernel_h][s % 4];
    if (row < 0) continue;
    const int w = slots[static_cast<size_t>(row)];
    const int before = slots[static_cast<size_t>(row - 1)];
    // Weights of the same sign share the room of a pair.
    const int room = (w > 0) == (before > 0) ? kSafe - std::abs(before) : kSafe;
    const int kept = w > 0 ? std::min(w, room) : std::max(w, -room);
    slots[static_cast<size_t>(row)] = static_cast<int8_t>(kept);
    slots[static_cast<size_t>(s)] = static_cast<int8_t>(w - kept);
  }
  for (int64_t s = 0; s < count; s += 2) {
    if (!is_safe(slots[static_cast<size_t>(s)], slots[static_cast<size_t>(s + 1)])) return false;
  }
  return true;
}

// Blocks of [bias][scale][64 bytes: whether there are two sets][words of a set, one after the other]. Two sets are the
// even and the odd slots, each safe without the other.
int64_t pack_blocks(const DepthwiseS8Variant& depthwise, const DepthwiseWeights& weights, bool saturates,
                    std::byte* dst) {
  const auto& [w, bias, scale, kernel_h, kernel_w, channels] = weights;
  const int64_t block = depthwise.block;
  const int64_t slots = round_up(kernel_h, 4);
  const int64_t set = slots * kernel_w * block;
  int64_t at = 0;
  for (int64_t first = 0; first < channels; first += block) {
    const int64_t c0 = first + block <= channels || channels < block ? first : channels - block;
    std::vector<Slots> all(static_cast<size_t>(block * kernel_w), Slots(static_cast<size_t>(slots)));
    bool is_split = false;
    for (int64_t i = 0; i < block; ++i) {
      const int64_t c = c0 + channel_of_word(i, block);
      for (int64_t s = 0; s < kernel_w && c < channels; ++s) {
        Slots& own = all[static_cast<size_t>(i * kernel_w + s)];
        for (int64_t r = 0; r < kernel_h; ++r) {
          own[static_cast<size_t>(r)] = static_cast<int8_t>(w[(r * kernel_w + s) * channels + c]);
        }
        if (Slots safe = own; saturates && !is_split && !make_safe(safe, kernel_h)) is_split = true;
      }
    }
    if (dst != nullptr) {
      std::byte* to = dst + at;
      std::memset(to, 0, static_cast<size_t>(block * 8 + 64 + set * (is_split ? 2 : 1)));
      to[block * 8] = static_cast<std::byte>(is_split);
      for (int64_t i = 0; i < block; ++i) {
        const int64_t c = c0 + channel_of_word(i, block);
        if (c >= channels) continue;
        std::memcpy(to + i * 4, bias + c, 4);
        std::memcpy(to + (block + i) * 4, scale + c, 4);
        for (int64_t s = 0; s < kernel_w; ++s) {
          Slots& own = all[static_cast<size_t>(i * kernel_w + s)];
          if (saturates && !is_split) make_safe(own, kernel_h);
          for (int64_t slot = 0; slot < slots; ++slot) {
            const int64_t word = (slot / 4 * kernel_w + s) * block + i;
            const int64_t second = is_split && slot % 2 == 1 ? set : 0;
            to[block * 8 + 64 + second + word * 4 + slot % 4] = static_cast<std::byte>(own[static_cast<size_t>(slot)]);
          }
        }
      }
    }
    at += block * 8 + 64 + set * (is_split ? 2 : 1);
  }
  return at;
}

}  // namespace

AlignedBuffer pack_depthwise_f32(const DepthwiseKernelF32& depthwise, const float* w, const float* bias, int64_t taps,
                                 int64_t channels) {
  const int64_t block = depthwise.block;
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

int64_t pack_depthwise_pairs(const DepthwiseS8Variant& depthwise, const DepthwiseWeights& weights, std::byte* dst) {
  const auto& [w, bias, scale, kernel_h, kernel_w, channels] = weights;
  const int64_t taps = kernel_h * kernel_w;
  const int64_t block = depthwise.block;
  const int64_t bytes = block * 8 + (taps + 1) / 2 * block * 4;
  if (dst == nullptr) return round_up(channels, block) / block * bytes;
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
  return round_up(channels, block) / block * bytes;
}

int64_t pack_depthwise_words(const DepthwiseS8Variant& depthwise, const DepthwiseWeights& weights, std::byte* dst) {
  const auto& [w, bias, scale, kernel_h, kernel_w, channels] = weights;
  const int64_t words = 8 + (kernel_h + 3) / 4 * kernel_w * 4;
  const int64_t bytes = round_up(channels, depthwise.block / 2) * words;
  if (dst == nullptr) return bytes;
  for (int64_t c0 = 0; c0 < channels; c0 += depthwise.block) {
    const int64_t block = channels - c0 <= depthwise.block / 2 ? depthwise.block / 2 : depthwise.block;
    for (int64_t i = 0; i < block; ++i) {
      const int64_t c = c0 + channel_of_word(i, block);
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
  return bytes;
}

int64_t pack_depthwise_whole(const DepthwiseS8Variant& depthwise, const DepthwiseWeights& weights, std::byte* dst) {
  return pack_blocks(depthwise, weights, false, dst);
}

int64_t pack_depthwise_split(const DepthwiseS8Variant& depthwise, const DepthwiseWeights& weights, std::byte* dst) {
  return pack_blocks(depthwise, weights, true, dst);
}

}  // namespace hone::cpu

#include "providers/cpu/depthwise_fold.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "providers/cpu/tasks.h"

namespace hone::cpu {
namespace {

// Pixels of `bytes` bytes, `stride` bytes apart, side by side.
void copy_pixels(const uint8_t* x, int64_t stride, uint8_t* y, int64_t bytes, int64_t n) {
  const auto copy = [&](auto size) {
    for (int64_t i = 0; i < n; ++i, x += stride, y += size) std::memcpy(y, x, static_cast<size_t>(size));
  };
  if (bytes == 8) return copy(std::integral_constant<int64_t, 8>());
  if (bytes == 16) return copy(std::integral_constant<int64_t, 16>());
  copy(bytes);
}

}  // namespace

DepthwiseFold::DepthwiseFold(const ConvShape& shape, int64_t block)
    : shape_(shape),
      columns_(shape.out_w + (shape.kernel_w - 1) / shape.stride_w),
      line_bytes_(align_64(shape.stride_w * columns_ * shape.out_c)),
      height_((shape.kernel_h - 1) * shape.dilation_h + 1) {
  const bool is_small = shape.stride_w <= shape.kernel_w && height_ <= shape.in_h + shape.kernel_h;
  if (shape.dilation_w == 1 && is_small) pixels_ = std::clamp<int64_t>(block / shape.out_c, 1, shape.out_w);
  // Wide kernels have narrower registers for half of their channels, and neighbours share columns there.
  if (pixels_ == 2 && block > 32) pixels_ = 1;
  for (int64_t g = 0; g < groups(); ++g) {
    const int64_t first = std::min(g * pixels_, shape.out_w - pixels_);
    for (int64_t t = 0; t < shape.kernel_w; ++t) {
      taps_.push_back((t % shape.stride_w * columns_ + first + t / shape.stride_w) * shape.out_c);
    }
  }
}

int64_t DepthwiseFold::scratch_bytes() const {
  const auto pointers = shape_.kernel_h * groups() * shape_.kernel_w * static_cast<int64_t>(sizeof(void*));
  return align_64(height_ * line_bytes_) + align_64(pointers);
}

void DepthwiseFold::copy_line(const uint8_t* x, int64_t y, uint8_t outside, uint8_t* line) const {
  const ConvShape& s = shape_;
  std::memset(line, outside, static_cast<size_t>(line_bytes_));
  if (y < 0 || y >= s.in_h) return;
  const uint8_t* from = x + y * s.in_w * s.out_c;
  for (int64_t phase = 0; phase < s.stride_w; ++phase) {
    // Column i of the phase is pixel i · stride + phase − pad of the image.
    const int64_t shift = s.pad_left - phase;
    if (s.in_w - 1 + shift < 0) continue;  // all of it lies right of a narrow image
    const int64_t begin = std::max<int64_t>(0, shift <= 0 ? 0 : (shift + s.stride_w - 1) / s.stride_w);
    const int64_t end = std::min(columns_, (s.in_w - 1 + shift) / s.stride_w + 1);
    uint8_t* to = line + phase * columns_ * s.out_c;
    if (end <= begin) continue;
    if (s.stride_w == 1) {
      std::memcpy(to + begin * s.out_c, from + (begin - shift) * s.out_c, static_cast<size_t>((end - begin) * s.out_c));
      continue;
    }
    copy_pixels(from + (begin * s.stride_w - shift) * s.out_c, s.stride_w * s.out_c, to + begin * s.out_c, s.out_c,
                end - begin);
  }
}

void DepthwiseFold::fill(const uint8_t* x, int64_t oy, bool is_next, uint8_t outside, std::byte* scratch) const {
  const ConvShape& s = shape_;
  auto* lines = reinterpret_cast<uint8_t*>(scratch);
  auto** taps = reinterpret_cast<const void**>(scratch + align_64(height_ * line_bytes_));
  // Line y lies in place y modulo height_: those that the next row reads again stay where they are.
  const auto line = [&](int64_t y) { return lines + (y % height_ + height_) % height_ * line_bytes_; };
  const int64_t top = oy * s.stride_h - s.pad_top;
  for (int64_t y = is_next ? std::max(top, top + height_ - s.stride_h) : top; y < top + height_; ++y) {
    copy_line(x, y, outside, line(y));
  }
  for (int64_t r = 0; r < s.kernel_h; ++r) {
    const uint8_t* from = line(top + r * s.dilation_h);
    for (const int64_t at : taps_) *taps++ = from + at;
  }
}

void DepthwiseFold::run(const DepthwiseS8Variant& kernel, DepthwiseRun run, std::byte* scratch) const {
  const ConvShape& s = shape_;
  auto* out = static_cast<uint8_t*>(run.out);
  int32_t* raw = run.raw;
  auto* taps = reinterpret_cast<const void* const*>(scratch + align_64(height_ * line_bytes_));
  const auto from = [&](int64_t group, int64_t count, int64_t pixel) {
    run.pixels = count;
    run.taps = taps + group * s.kernel_w;
    run.out = out == nullptr ? nullptr : out + pixel * s.out_c;
    run.raw = raw == nullptr ? nullptr : raw + pixel * s.out_c;
    kernel.run(run);
  };
  run.channels = pixels_ * s.out_c;
  run.kernel_h = s.kernel_h;
  run.kernel_w = s.kernel_w;
  run.stride_w = s.kernel_w;
  run.dilation_w = 1;
  run.taps_stride = groups() * s.kernel_w;
  run.out_stride = run.channels;
  const int64_t whole = s.out_w / pixels_;
  from(0, whole, 0);
  // The last group overlaps the one before.
  if (whole < groups()) from(whole, 1, s.out_w - pixels_);
}

}  // namespace hone::cpu

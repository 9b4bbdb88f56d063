#include "providers/cpu/sliding.h"

#include <algorithm>

#include "providers/cpu/tasks.h"

namespace hone::cpu {
namespace {

constexpr int64_t kBlockBytes = 128 * 1024;
constexpr int64_t kMostWeights = 256 * 1024;
// Rows a whole page apart share too few cache lines.
constexpr int64_t kPage = 4096;

}  // namespace

bool SlidingF32::suits(const ConvShape& s) {
  return s.taps() > 1 && s.dilation_w == 1 && s.dilation_h == 1 && s.groups == 1 && s.out_w >= 4 &&
         s.depth() * s.out_c * 4 <= kMostWeights && s.stride_w * s.in_c * 4 % kPage != 0;
}

SlidingF32::SlidingF32(const GemmF32Variant& gemm, const ConvShape& s, const float* w, const float* bias, int threads)
    : gemm_(gemm),
      shape_(s),
      columns_((s.out_w - 1) * s.stride_w + s.kernel_w),
      is_copied_(s.pad_top > 0 || s.pad_left > 0 || columns_ > s.in_w ||
                 (s.out_h - 1) * s.stride_h + s.kernel_h > s.in_h),
      tasks_(std::min<int64_t>(threads, s.batch * s.out_h)),
      packed_(static_cast<size_t>(packed_f32_size(gemm, s.depth(), s.out_c)) * 4) {
  pack_f32(gemm, MatrixView<float>{w, 1, s.depth(), s.depth(), s.out_c}, bias, packed_.as<float>());
  if (!is_copied_) return;
  const int64_t line_bytes = columns_ * s.in_c * 4;
  block_ = std::clamp<int64_t>((kBlockBytes / line_bytes - s.kernel_h) / s.stride_h + 1, 1, s.out_h);
  task_scratch_ = align_64(((block_ - 1) * s.stride_h + s.kernel_h) * line_bytes);
}

// The lines of the image from `first_line` on, which may lie outside, each with its borders.
const float* SlidingF32::padded(const float* image, int64_t first_line, int64_t lines, float* scratch) const {
  const ConvShape& s = shape_;
  const int64_t from = std::min(s.pad_left, columns_);
  const int64_t to = std::clamp<int64_t>(s.pad_left + s.in_w, from, columns_);
  float* out = scratch;
  for (int64_t y = first_line; y < first_line + lines; ++y, out += columns_ * s.in_c) {
    if (y < 0 || y >= s.in_h) {
      std::fill_n(out, columns_ * s.in_c, 0.0f);
      continue;
    }
    std::fill_n(out, from * s.in_c, 0.0f);
    std::copy_n(image + y * s.in_w * s.in_c, (to - from) * s.in_c, out + from * s.in_c);
    std::fill_n(out + to * s.in_c, (columns_ - to) * s.in_c, 0.0f);
  }
  return scratch;
}

void SlidingF32::run(const DenseF32::Call& call) const {
  const ConvShape& s = shape_;
  const int64_t pitch = (is_copied_ ? columns_ : s.in_w) * s.in_c;
  auto* scratch = static_cast<std::byte*>(call.scratch);
  for_tasks(*call.pool, s.batch * s.out_h, tasks_, [&](int64_t task, int64_t first, int64_t last) {
    auto* lines = reinterpret_cast<float*>(scratch + task * task_scratch_);
    for (int64_t unit = first; unit < last;) {
      const int64_t image = unit / s.out_h;
      const int64_t y0 = unit - image * s.out_h;
      const int64_t y1 = std::min({(image + 1) * s.out_h, last, is_copied_ ? unit + block_ : last}) - image * s.out_h;
      const float* x = call.x + image * s.in_h * s.in_w * s.in_c;
      if (is_copied_) {
        x = padded(x, y0 * s.stride_h - s.pad_top, (y1 - y0 - 1) * s.stride_h + s.kernel_h, lines);
      } else {
        x += y0 * s.stride_h * pitch;
      }
      for (int64_t y = y0; y < y1; ++y, x += s.stride_h * pitch) {
        const int64_t at = (image * s.out_h + y) * s.out_w * s.out_c;
        gemm_.run({.m = s.out_w,
                   .n = s.out_c,
                   .k = s.depth(),
                   .a = x,
                   .a_stride = s.stride_w * s.in_c,
                   .b = packed_.as<float>(),
                   .c = call.y + at,
                   .c_stride = s.out_c,
                   .epilogue = {call.min, call.max, call.residual == nullptr ? nullptr : call.residual + at, s.out_c},
                   .tile = row_tile(gemm_.mr, s.out_w),
                   .parts = s.kernel_h,
                   .part_stride = s.dilation_h * pitch});
      }
      unit = image * s.out_h + y1;
    }
  });
}

}  // namespace hone::cpu

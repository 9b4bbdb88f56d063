#include "providers/cpu/convolution.h"

#include <algorithm>
#include <cstring>

#include "providers/cpu/tasks.h"

namespace hone::cpu {
namespace {

// Gathered rows stay in the second level cache. Weights that fit beside them leave room; larger ones are read from
// further away once per block, so that there should be few blocks.
constexpr int64_t kSmallWeights = 256 * 1024;
constexpr int64_t kBlockBytes = 128 * 1024;
constexpr int64_t kLargeBlockBytes = 1024 * 1024;
// A row stride of a whole page puts all rows of a tile into the same few cache lines.
constexpr int64_t kPage = 4096;

RowBlocks plan_blocks(const GemmF32Variant& gemm, const ConvShape& shape, int threads) {
  RowBlocks b;
  const int64_t depth = shape.depth();
  const bool aliases = depth * 4 % kPage == 0 && shape.batch * shape.pixels() > 4;
  b.is_direct = shape.is_pointwise() && !aliases;
  b.images = b.is_direct ? 1 : shape.batch;
  b.rows = b.is_direct ? shape.batch * shape.pixels() : shape.pixels();
  b.row_stride = b.is_direct ? shape.in_c : depth + (aliases ? 16 : 0);
  b.tile = row_tile(gemm.mr, b.rows);
  const int64_t n = shape.out_c / shape.groups;
  const int64_t bytes = depth * n * 4 <= kSmallWeights ? kBlockBytes : kLargeBlockBytes;
  b.block = b.is_direct ? b.rows : std::max<int64_t>(1, bytes / (b.row_stride * 4) / b.tile) * b.tile;
  const int64_t tiles = b.images * ((b.rows + b.tile - 1) / b.tile);
  const int64_t panels = (n + gemm.nr - 1) / gemm.nr;
  // Each task reads all of what it does not divide: the larger of weights and rows is divided.
  b.splits_columns = tiles < threads || (panels >= threads && n > b.images * b.rows);
  b.tasks = std::min<int64_t>(threads, b.splits_columns ? panels : tiles);
  return b;
}

}  // namespace

bool ConvShape::is_pointwise() const {
  return taps() == 1 && stride_h == 1 && stride_w == 1 && pad_top == 0 && pad_left == 0 && out_h == in_h &&
         out_w == in_w;
}

DenseF32::DenseF32(const GemmF32Variant& gemm, const ConvShape& shape, const float* w, const float* bias, int threads)
    : gemm_(gemm), shape_(shape), blocks_(plan_blocks(gemm, shape, threads)) {
  const int64_t depth = shape.depth();
  const int64_t n = shape.out_c / shape.groups;
  for (int64_t g = 0; g < shape.groups; ++g) {
    packed_.emplace_back(static_cast<size_t>(packed_f32_size(gemm, depth, n)) * 4);
    pack_f32(gemm, MatrixView<float>{w + g * n * depth, 1, depth, depth, n}, bias == nullptr ? nullptr : bias + g * n,
             packed_.back().as<float>());
  }
  if (!blocks_.is_direct) task_scratch_ = align_64(std::min(blocks_.block, blocks_.rows) * blocks_.row_stride * 4);
}

void DenseF32::run(const Call& call) const {
  auto* scratch = static_cast<std::byte*>(call.scratch);
  const int64_t units = blocks_.images * ((blocks_.rows + blocks_.tile - 1) / blocks_.tile);
  if (blocks_.splits_columns) {
    const int64_t nr = gemm_.nr;
    const int64_t n = shape_.out_c / shape_.groups;
    for_tasks(*call.pool, (n + nr - 1) / nr, blocks_.tasks, [&](int64_t task, int64_t first, int64_t last) {
      run_rows(call, 0, units, first * nr, std::min(n, last * nr), scratch + task * task_scratch_);
    });
    return;
  }
  for_tasks(*call.pool, units, blocks_.tasks, [&](int64_t task, int64_t first, int64_t last) {
    run_rows(call, first, last, 0, shape_.out_c / shape_.groups, scratch + task * task_scratch_);
  });
}

// Tiles [begin, end) of all images in order, output channels [n0, n1) of each group.
void DenseF32::run_rows(const Call& call, int64_t begin, int64_t end, int64_t n0, int64_t n1,
                        std::byte* scratch) const {
  const int64_t tile = blocks_.tile;
  const int64_t tiles = (blocks_.rows + tile - 1) / tile;
  const int64_t depth = shape_.depth();
  const int64_t n = shape_.out_c / shape_.groups;
  const int64_t group_in = shape_.in_c / shape_.groups;
  for (int64_t unit = begin; unit < end;) {
    const int64_t image = unit / tiles;
    const int64_t stop =
        std::min({end, (image + 1) * tiles, unit + blocks_.block / tile + (blocks_.is_direct ? 1 : 0)});
    const int64_t m0 = (unit - image * tiles) * tile;
    const int64_t m1 = std::min(blocks_.rows, (stop - image * tiles) * tile);
    for (int64_t g = 0; g < shape_.groups; ++g) {
      const float* x = call.x + image * shape_.in_h * shape_.in_w * shape_.in_c + g * group_in;
      const int64_t at = (image * blocks_.rows + m0) * shape_.out_c + g * n + n0;
      GemmF32 gemm{
          .m = m1 - m0,
          .n = n1 - n0,
          .k = depth,
          .a = x + m0 * shape_.in_c,
          .a_stride = shape_.in_c,
          .b = packed_[static_cast<size_t>(g)].as<float>(),
          .c = call.y + at,
          .c_stride = shape_.out_c,
          .epilogue = {call.min, call.max, call.residual == nullptr ? nullptr : call.residual + at, shape_.out_c},
          .first_column = n0,
          .tile = tile};
      if (!blocks_.is_direct) {
        auto* rows = reinterpret_cast<float*>(scratch);
        gemm_.pack_rows({x, shape_, group_in}, m0, m1, rows, blocks_.row_stride);
        gemm.a = rows;
        gemm.a_stride = blocks_.row_stride;
      }
      gemm_.run(gemm);
    }
    unit = stop;
  }
}

int64_t tap_columns(const ConvShape& s) { return (s.out_w - 1) * s.stride_w + (s.kernel_w - 1) * s.dilation_w + 1; }

void fill_taps(const ConvShape& s, const void* image, int64_t pixel_bytes, int64_t oy, const void* outside,
               const void** taps) {
  const int64_t columns = tap_columns(s);
  const int64_t inside_from = std::clamp<int64_t>(s.pad_left, 0, columns);
  const int64_t inside_to = std::clamp<int64_t>(s.pad_left + s.in_w, inside_from, columns);
  for (int64_t r = 0; r < s.kernel_h; ++r, taps += columns) {
    const int64_t y = oy * s.stride_h - s.pad_top + r * s.dilation_h;
    if (y < 0 || y >= s.in_h) {
      std::fill(taps, taps + columns, outside);
      continue;
    }
    const auto* pixel = static_cast<const std::byte*>(image) + y * s.in_w * pixel_bytes;
    std::fill(taps, taps + inside_from, outside);
    for (int64_t x = inside_from; x < inside_to; ++x, pixel += pixel_bytes) taps[x] = pixel;
    std::fill(taps + inside_to, taps + columns, outside);
  }
}

void expand_channels(const void* x, void* y, int64_t pixels, int64_t channels, int64_t multiplier, int64_t bytes) {
  const auto* from = static_cast<const std::byte*>(x);
  auto* to = static_cast<std::byte*>(y);
  for (int64_t i = 0; i < pixels * channels; ++i, from += bytes) {
    for (int64_t m = 0; m < multiplier; ++m, to += bytes) std::memcpy(to, from, static_cast<size_t>(bytes));
  }
}

DepthwiseF32::DepthwiseF32(const DepthwiseKernelF32& kernel, const ConvShape& shape, const float* w, const float* bias,
                           int threads)
    : kernel_(kernel),
      shape_(shape),
      tasks_(std::min<int64_t>(threads, shape.batch * shape.out_h)),
      task_scratch_(align_64(shape.kernel_h * tap_columns(shape) * static_cast<int64_t>(sizeof(void*)))),
      zeros_(static_cast<size_t>(shape.out_c)) {
  const int64_t taps = shape.taps();
  std::vector<float> by_tap(static_cast<size_t>(taps * shape.out_c));
  for (int64_t c = 0; c < shape.out_c; ++c) {
    for (int64_t t = 0; t < taps; ++t) by_tap[static_cast<size_t>(t * shape.out_c + c)] = w[c * taps + t];
  }
  packed_ = pack_depthwise_f32(kernel, by_tap.data(), bias, taps, shape.out_c);
  if (shape.out_c != shape.in_c) expanded_bytes_ = align_64(shape.batch * shape.in_h * shape.in_w * shape.out_c * 4);
}

void DepthwiseF32::run(const DenseF32::Call& call) const {
  auto* scratch = static_cast<std::byte*>(call.scratch);
  const float* x = call.x;
  if (expanded_bytes_ > 0) {
    expand_channels(x, scratch, shape_.batch * shape_.in_h * shape_.in_w, shape_.in_c, shape_.out_c / shape_.in_c, 4);
    x = reinterpret_cast<const float*>(scratch);
    scratch += expanded_bytes_;
  }
  const int64_t c = shape_.out_c;
  for_tasks(*call.pool, shape_.batch * shape_.out_h, tasks_, [&](int64_t task, int64_t first, int64_t last) {
    auto** taps = reinterpret_cast<const void**>(scratch + task * task_scratch_);
    for (int64_t row = first; row < last; ++row) {
      const int64_t image = row / shape_.out_h;
      fill_taps(shape_, x + image * shape_.in_h * shape_.in_w * c, c * 4, row % shape_.out_h, zeros_.data(), taps);
      const int64_t at = row * shape_.out_w * c;
      kernel_.run({.pixels = shape_.out_w,
                   .channels = c,
                   .kernel_h = shape_.kernel_h,
                   .kernel_w = shape_.kernel_w,
                   .stride_w = shape_.stride_w,
                   .dilation_w = shape_.dilation_w,
                   .taps = taps,
                   .taps_stride = tap_columns(shape_),
                   .weights = packed_.data(),
                   .out = call.y + at,
                   .out_stride = c,
                   .is_unsigned = false,
                   .f32 = {call.min, call.max, call.residual == nullptr ? nullptr : call.residual + at, c},
                   .s8 = {},
                   .raw = nullptr});
    }
  });
}

}  // namespace hone::cpu

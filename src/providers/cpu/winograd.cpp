#include "providers/cpu/winograd.h"

#include <algorithm>
#include <array>
#include <limits>

#include "providers/cpu/tasks.h"

namespace hone::cpu {
namespace {

constexpr int64_t kPoints = WinogradTiles::kPoints;
// Points of input and output that are in work together stay in the second level cache.
constexpr int64_t kBlockBytes = 512 * 1024;
constexpr int64_t kLargeBlockBytes = 1280 * 1024;
constexpr int64_t kSmallWeights = 1024 * 1024;

int64_t tiles_of(const ConvShape& s) { return (s.out_h + 3) / 4 * ((s.out_w + 3) / 4); }

// Rows of a page's length share few cache lines: a line more spreads them.
constexpr int64_t kSpread = 16;
int64_t row_stride_of(int64_t channels) { return channels + (channels * 4 % 1024 == 0 ? kSpread : 0); }

// An odd number of cache lines, so that the points of a tile lie in different sets.
int64_t point_stride_of(int64_t rows, int64_t row_stride) { return ((rows * row_stride + 15) / 16 | 1) * 16; }

// G g Gᵀ for the points 0, ±1/√2, ±√2, ∞; g [3, 3] → u [6, 6].
template <class Get, class Put>
void to_points(const Get& g, const Put& u) {
  const auto line = [](double a, double b, double c) {
    constexpr double kRoot = 1.4142135623730951;
    const double near = a + c / 2;
    const double near_odd = b / kRoot;
    const double far = a + 2 * c;
    const double far_odd = b * kRoot;
    return std::array<double, 6>{
        a, -2.0 / 3 * (near + near_odd), -2.0 / 3 * (near - near_odd), (far + far_odd) / 6, (far - far_odd) / 6, c};
  };
  std::array<double, 6> columns[3];
  for (int x = 0; x < 3; ++x) columns[x] = line(g(0, x), g(1, x), g(2, x));
  for (int r = 0; r < 6; ++r) {
    const auto i = static_cast<size_t>(r);
    const std::array<double, 6> row = line(columns[0][i], columns[1][i], columns[2][i]);
    for (int x = 0; x < 6; ++x) u(r * 6 + x, static_cast<float>(row[static_cast<size_t>(x)]));
  }
}

}  // namespace

bool WinogradF32::suits(const ConvShape& s) {
  if (s.kernel_h != 3 || s.kernel_w != 3 || s.stride_h != 1 || s.stride_w != 1 || s.dilation_h != 1 ||
      s.dilation_w != 1 || s.groups != 1 || s.in_c < 8 || s.out_c < 8) {
    return false;
  }
  return s.batch * tiles_of(s) >= 16;
}

WinogradF32::WinogradF32(const WinogradKernelF32& kernel, const GemmF32Variant& gemm, const ConvShape& shape,
                         const float* w, const float* bias, int threads)
    : kernel_(kernel),
      gemm_(gemm),
      shape_(shape),
      tiles_(tiles_of(shape)),
      bias_(static_cast<size_t>(shape.out_c)),
      zeros_(static_cast<size_t>(shape.in_c)) {
  const int64_t c = shape.in_c;
  const int64_t n = shape.out_c;
  const int64_t nr = gemm.nr;
  if (bias != nullptr) std::copy(bias, bias + n, bias_.begin());
  const int64_t matrix = packed_f32_size(gemm, c, n);
  packed_ = AlignedBuffer(static_cast<size_t>(kPoints * matrix) * 4);
  std::vector<float> panel(static_cast<size_t>(nr * kPoints * c));
  for (int64_t n0 = 0; n0 < n; n0 += nr) {
    const int64_t columns = std::min(nr, n - n0);
    for (int64_t j = 0; j < columns; ++j) {
      const float* g = w + (n0 + j) * 9 * c;
      float* u = panel.data() + j * kPoints * c;
      for (int64_t i = 0; i < c; ++i) {
        to_points([&](int r, int x) { return double(g[(r * 3 + x) * c + i]); },
                  [&](int p, float value) { u[p * c + i] = value; });
      }
    }
    for (int64_t p = 0; p < kPoints; ++p) {
      pack_f32(gemm, MatrixView<float>{panel.data() + p * c, 1, kPoints * c, c, columns}, nullptr,
               packed_.as<float>() + p * matrix + n0 * (c + 1));
    }
  }
  const int64_t all = shape.batch * tiles_;
  rows_ = row_tile(gemm.mr, all);
  const int64_t units = (all + rows_ - 1) / rows_;
  const int64_t panels = (n + nr - 1) / nr;
  splits_columns_ = units < threads || (panels >= threads && n > all);
  tasks_ = std::min<int64_t>(threads, splits_columns_ ? panels : units);
  const int64_t bytes = kPoints * c * n * 4 <= kSmallWeights ? kBlockBytes : kLargeBlockBytes;
  block_ = std::max<int64_t>(1, bytes / (kPoints * (c + n) * 4) / rows_) * rows_;
  const int64_t rows = std::min(block_, all);
  task_scratch_ = align_64((point_stride_of(rows, c + kSpread) + point_stride_of(rows, n + kSpread)) * kPoints * 4);
}

void WinogradF32::run(const DenseF32::Call& call) const {
  auto* scratch = static_cast<std::byte*>(call.scratch);
  const auto scratch_of = [&](int64_t task) { return reinterpret_cast<float*>(scratch + task * task_scratch_); };
  const int64_t all = shape_.batch * tiles_;
  const int64_t nr = gemm_.nr;
  if (splits_columns_) {
    for_tasks(*call.pool, (shape_.out_c + nr - 1) / nr, tasks_, [&](int64_t task, int64_t first, int64_t last) {
      run_tiles(call, 0, all, first * nr, std::min(shape_.out_c, last * nr), scratch_of(task));
    });
    return;
  }
  for_tasks(*call.pool, (all + rows_ - 1) / rows_, tasks_, [&](int64_t task, int64_t first, int64_t last) {
    run_tiles(call, first * rows_, std::min(all, last * rows_), 0, shape_.out_c, scratch_of(task));
  });
}

// Tiles [begin, end) of all images in order, output channels [n0, n1). `begin` is a multiple of rows_: how rows are
// grouped, and with it the order of sums, does not depend on the tasks.
void WinogradF32::run_tiles(const DenseF32::Call& call, int64_t begin, int64_t end, int64_t n0, int64_t n1,
                            float* scratch) const {
  const ConvShape& s = shape_;
  const int64_t matrix = packed_f32_size(gemm_, s.in_c, s.out_c);
  const int64_t in_stride = row_stride_of(s.in_c);
  const int64_t out_stride = row_stride_of(n1 - n0);
  for (int64_t from = begin; from < end; from += block_) {
    const int64_t to = std::min(end, from + block_);
    const int64_t in_point = point_stride_of(to - from, in_stride);
    const int64_t out_point = point_stride_of(to - from, out_stride);
    float* out = scratch + kPoints * in_point;
    const auto for_images = [&](const auto& f) {
      for (int64_t t = from; t < to;) {
        const int64_t image = t / tiles_;
        const int64_t stop = std::min(to, (image + 1) * tiles_);
        f(image, t - image * tiles_, stop - image * tiles_, t - from);
        t = stop;
      }
    };
    for_images([&](int64_t image, int64_t first, int64_t last, int64_t row) {
      kernel_.split({s, first, last, s.in_c, scratch + row * in_stride, in_stride, in_point},
                    call.x + image * s.in_h * s.in_w * s.in_c, zeros_.data());
    });
    constexpr float kInf = std::numeric_limits<float>::infinity();
    for (int64_t p = 0; p < kPoints; ++p) {
      gemm_.run({.m = to - from,
                 .n = n1 - n0,
                 .k = s.in_c,
                 .a = scratch + p * in_point,
                 .a_stride = in_stride,
                 .b = packed_.as<float>() + p * matrix,
                 .c = out + p * out_point,
                 .c_stride = out_stride,
                 .epilogue = {-kInf, kInf, nullptr, 0},
                 .first_column = n0,
                 .tile = rows_});
    }
    for_images([&](int64_t image, int64_t first, int64_t last, int64_t row) {
      const int64_t at = image * s.pixels() * s.out_c + n0;
      kernel_.join({s, first, last, n1 - n0, out + row * out_stride, out_stride, out_point}, bias_.data() + n0,
                   call.y + at, {call.min, call.max, call.residual == nullptr ? nullptr : call.residual + at, s.out_c});
    });
  }
}

}  // namespace hone::cpu

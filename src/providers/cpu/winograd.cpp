#include "providers/cpu/winograd.h"

#include <algorithm>
#include <array>
#include <limits>

namespace hone::cpu {
namespace {

constexpr int64_t kPoints = kWinogradPoints;

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

WinogradF32::WinogradF32(const WinogradKernelF32& kernel, const GemmF32Variant& gemm, const ConvShape& shape,
                         const float* w, const float* bias, int threads)
    : kernel_(kernel),
      gemm_(gemm),
      shape_(shape),
      blocks_(shape, gemm.mr, gemm.nr, 4, 4, threads),
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
}

void WinogradF32::run(const DenseF32::Call& call) const {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  const ConvShape& s = shape_;
  const int64_t matrix = packed_f32_size(gemm_, s.in_c, s.out_c);
  blocks_.for_each(*call.pool, call.scratch, [&](const WinogradBlocks::Block& b) {
    auto* in = reinterpret_cast<float*>(b.in_points);
    auto* out = reinterpret_cast<float*>(b.out_points);
    blocks_.for_images(b, [&](const WinogradBlocks::Part& t) {
      kernel_.split({s, t.first, t.last, s.in_c, in + t.row * b.in.row_stride, b.in.row_stride, b.in.point_stride},
                    call.x + t.image * s.in_h * s.in_w * s.in_c, zeros_.data());
    });
    for (int64_t p = 0; p < kPoints; ++p) {
      gemm_.run({.m = b.to - b.from,
                 .n = b.n1 - b.n0,
                 .k = s.in_c,
                 .a = in + p * b.in.point_stride,
                 .a_stride = b.in.row_stride,
                 .b = packed_.as<float>() + p * matrix,
                 .c = out + p * b.out.point_stride,
                 .c_stride = b.out.row_stride,
                 .epilogue = {-kInf, kInf, nullptr, 0},
                 .first_column = b.n0,
                 .tile = blocks_.rows()});
    }
    blocks_.for_images(b, [&](const WinogradBlocks::Part& t) {
      const int64_t at = t.image * s.pixels() * s.out_c + b.n0;
      kernel_.join(
          {s, t.first, t.last, b.n1 - b.n0, out + t.row * b.out.row_stride, b.out.row_stride, b.out.point_stride},
          bias_.data() + b.n0, call.y + at,
          {call.min, call.max, call.residual == nullptr ? nullptr : call.residual + at, s.out_c});
    });
  });
}

}  // namespace hone::cpu

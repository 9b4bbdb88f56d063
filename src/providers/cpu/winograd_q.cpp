#include "providers/cpu/winograd_q.h"

#include <array>
#include <cstdlib>

namespace hone::cpu {
namespace {

constexpr int64_t kPoints = kWinogradPoints;

// G g Gᵀ for the points 0, ±1, ±2, ∞ times G's denominators; g [3, 3] → u [6, 6].
template <class Get, class Put>
void to_points(const Get& g, const Put& u) {
  const auto line = [](int a, int b, int c) {
    return std::array<int, 6>{a, a + b + c, a - b + c, a + 2 * b + 4 * c, a - 2 * b + 4 * c, c};
  };
  std::array<int, 6> columns[3];
  for (int x = 0; x < 3; ++x) columns[x] = line(g(0, x), g(1, x), g(2, x));
  for (int r = 0; r < 6; ++r) {
    const auto i = static_cast<size_t>(r);
    const std::array<int, 6> row = line(columns[0][i], columns[1][i], columns[2][i]);
    for (int x = 0; x < 6; ++x) u(r * 6 + x, static_cast<int16_t>(row[static_cast<size_t>(x)]));
  }
}

}  // namespace

bool WinogradQ::suits(const ConvShape& shape, const ConvQuant& q) {
  constexpr int64_t kLimit = int64_t{1} << 25;
  if (!WinogradBlocks::suits(shape)) return false;
  const int32_t low = q.in_unsigned ? 0 : -128;
  const int64_t reach = std::max(q.in_zero - low, low + 255 - q.in_zero);
  const int64_t depth = shape.depth();
  for (int64_t c = 0; c < shape.out_c; ++c) {
    int64_t sum = 0;
    for (int64_t i = 0; i < depth; ++i) sum += std::abs(q.w[static_cast<size_t>(c * depth + i)] - q.w_zero);
    if (sum * reach >= kLimit) return false;
  }
  return true;
}

WinogradQ::WinogradQ(const KernelTable& table, const ConvShape& shape, const ConvQuant& q, int threads)
    : kernel_(table.winograd_s8),
      gemm_(*table.winograd_s8.gemm),
      shape_(shape),
      blocks_(shape, gemm_.mr, gemm_.nr, 2, 4, threads),
      epilogue_(epilogue_of(q)),
      fixed_(table, q),
      in_unsigned_(q.in_unsigned),
      in_zero_(q.in_zero),
      bias_(q.bias),
      scales_(float_scales(q)),
      outside_(static_cast<size_t>(shape.in_c), static_cast<uint8_t>(q.in_zero)) {
  const int64_t c = shape.in_c;
  const int64_t n = shape.out_c;
  const int64_t nr = gemm_.nr;
  const int64_t matrix = packed_groups_size(gemm_, c, n);
  packed_ = AlignedBuffer(static_cast<size_t>(kPoints * matrix));
  std::vector<int16_t> panel(static_cast<size_t>(nr * kPoints * c));
  for (int64_t n0 = 0; n0 < n; n0 += nr) {
    const int64_t columns = std::min(nr, n - n0);
    for (int64_t j = 0; j < columns; ++j) {
      const int8_t* g = q.w.data() + (n0 + j) * 9 * c;
      int16_t* u = panel.data() + j * kPoints * c;
      for (int64_t i = 0; i < c; ++i) {
        to_points([&](int r, int x) { return g[(r * 3 + x) * c + i] - q.w_zero; },
                  [&](int p, int16_t value) { u[p * c + i] = value; });
      }
    }
    for (int64_t p = 0; p < kPoints; ++p) {
      pack_words(gemm_, MatrixView<int16_t>{panel.data() + p * c, 1, kPoints * c, c, columns},
                 packed_.data() + p * matrix + n0 * (8 + gemm_.row_bytes(c)));
    }
  }
}

void WinogradQ::run(const uint8_t* x, uint8_t* y, ThreadPool& pool, void* scratch, const uint8_t* residual,
                    const BinaryQ& sum) const {
  const ConvShape& s = shape_;
  const int64_t matrix = packed_groups_size(gemm_, s.in_c, s.out_c);
  blocks_.for_each(pool, scratch, [&](const WinogradBlocks::Block& b) {
    auto* in = reinterpret_cast<int16_t*>(b.in_points);
    auto* out = reinterpret_cast<int32_t*>(b.out_points);
    blocks_.for_images(b, [&](const WinogradBlocks::Part& t) {
      kernel_.split({s, t.first, t.last, s.in_c, in + t.row * b.in.row_stride, b.in.row_stride, b.in.point_stride},
                    x + t.image * s.in_h * s.in_w * s.in_c, outside_.data(), in_unsigned_, in_zero_);
    });
    for (int64_t p = 0; p < kPoints; ++p) {
      GemmS8 product{.m = b.to - b.from,
                     .n = b.n1 - b.n0,
                     .k = s.in_c,
                     .a = in + p * b.in.point_stride,
                     .a_stride = b.in.row_stride * 2,
                     .b = packed_.data() + p * matrix,
                     .row_add = nullptr,
                     .c = nullptr,
                     .c_stride = 0,
                     .epilogue = {},
                     .raw = out + p * b.out.point_stride,
                     .raw_stride = b.out.row_stride,
                     .residual = {},
                     .first_column = b.n0};
      product.line = product.m;  // one line: its rows are divided evenly
      gemm_.run(product);
    }
    blocks_.for_images(b, [&](const WinogradBlocks::Part& t) {
      const int64_t at = t.image * s.pixels() * s.out_c + b.n0;
      kernel_.join(
          {s, t.first, t.last, b.n1 - b.n0, out + t.row * b.out.row_stride, b.out.row_stride, b.out.point_stride},
          {bias_.data() + b.n0,
           scales_.data() + b.n0,
           epilogue_,
           {residual == nullptr ? nullptr : residual + at, s.out_c, sum},
           fixed_.from(b.n0)},
          y + at);
    });
  });
}

}  // namespace hone::cpu

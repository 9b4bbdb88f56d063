#include <cstring>

#include "providers/cpu/kernels/kernels_test.h"

namespace hone::cpu {
namespace {

template <class Variant>
struct OfLevel {
  const KernelTable* table;
  const Variant* gemm;
};

std::vector<OfLevel<GemmF32Variant>> f32_variants() {
  std::vector<OfLevel<GemmF32Variant>> all;
  for (const KernelTable* t : tables()) {
    for (const auto* v : usable(*t, t->gemms_f32)) all.push_back({t, v});
  }
  return all;
}

std::vector<OfLevel<GemmS8Variant>> s8_variants() {
  std::vector<OfLevel<GemmS8Variant>> all;
  for (const KernelTable* t : tables()) {
    for (const auto* v : usable(*t, t->gemms_s8)) all.push_back({t, v});
  }
  return all;
}

TEST(GemmF32, AgreesWithTheSumOnOddSizes) {
  Random random;
  for (int trial = 0; trial < 60; ++trial) {
    const int64_t m = random.integer(1, 33), n = random.integer(1, 70), k = random.integer(0, 40);
    const int64_t stride = k + random.integer(0, 3);
    const auto a = random.floats(m * stride + 1), b = random.floats(k * n + 1), bias = random.floats(n),
               residual = random.floats(m * n);
    for (const auto& [t, gemm] : f32_variants()) {
      std::vector<float> packed(static_cast<size_t>(packed_f32_size(*gemm, k, n)));
      pack_f32(*gemm, MatrixView<float>{b.data(), n, 1, k, n}, bias.data(), packed.data());
      auto c = guarded<float>(m * n, 77);
      const bool has_residual = trial % 2 == 0;
      gemm->run({.m = m,
                 .n = n,
                 .k = k,
                 .a = a.data(),
                 .a_stride = stride,
                 .b = packed.data(),
                 .c = c.data(),
                 .c_stride = n,
                 .epilogue = {-0.5f, 2.0f, has_residual ? residual.data() : nullptr, n}});
      EXPECT_TRUE(is_intact(c, m * n, 77.0f));
      for (int64_t i = 0; i < m * n; ++i) {
        double sum = bias[i % n] + (has_residual ? residual[i] : 0.0f);
        for (int64_t j = 0; j < k; ++j) sum += double(a[i / n * stride + j]) * b[j * n + i % n];
        ASSERT_NEAR(c[i], std::clamp(sum, -0.5, 2.0), 1e-5) << isa_name(t->isa) << " " << m << "x" << n << "x" << k;
      }
    }
  }
}

TEST(GemmF32, SweepsLargeWeightsPanelByPanel) {
  Random random;
  const int64_t m = 31, n = 330, k = 400;
  const auto a = random.floats(m * k), b = random.floats(k * n);
  for (const auto& [t, gemm] : f32_variants()) {
    std::vector<float> packed(static_cast<size_t>(packed_f32_size(*gemm, k, n)));
    pack_f32(*gemm, MatrixView<float>{b.data(), n, 1, k, n}, nullptr, packed.data());
    std::vector<float> c(static_cast<size_t>(m * n));
    gemm->run({m, n, k, a.data(), k, packed.data(), c.data(), n, {-kInf, kInf, nullptr, 0}});
    for (int64_t i = 0; i < m * n; ++i) {
      double sum = 0;
      for (int64_t j = 0; j < k; ++j) sum += double(a[i / n * k + j]) * b[j * n + i % n];
      ASSERT_NEAR(c[i], sum, 1e-4) << isa_name(t->isa);
    }
  }
}

// Rows of an image packed and multiplied: a convolution, against the plain loop, bit by bit.
TEST(GemmS8, ConvolvesBitIdenticallyOnEveryLevel) {
  Random random;
  for (int trial = 0; trial < 60; ++trial) {
    const bool is_unsigned = trial % 2 == 1;
    const int64_t h = random.integer(1, 7), width = random.integer(1, 7), c = random.integer(1, 19);
    const int64_t extra = random.integer(0, 2), kh = random.integer(1, 3), kw = random.integer(1, 3);
    const int64_t dh = random.integer(1, 2), dw = random.integer(1, 2), pad = random.integer(0, 2);
    const int64_t sh = random.integer(1, 2), sw = random.integer(1, 2), n = random.integer(1, 70);
    const int64_t oh = (h + 2 * pad - (kh - 1) * dh - 1) / sh + 1, ow = (width + 2 * pad - (kw - 1) * dw - 1) / sw + 1;
    if (h + 2 * pad < (kh - 1) * dh + 1 || width + 2 * pad < (kw - 1) * dw + 1) continue;
    const int64_t k = kh * kw * c, m = oh * ow;
    const int32_t zero = static_cast<int32_t>(is_unsigned ? random.integer(0, 255) : random.integer(-128, 127));
    const auto x = random.bytes<uint8_t>(h * width * (c + extra));
    const auto w = random.bytes<int8_t>(n * k);
    const auto scale = random.floats(n, 1e-4f, 1e-2f);
    std::vector<int32_t> bias(static_cast<size_t>(n)), expected(static_cast<size_t>(m * n));
    for (auto& b : bias) b = static_cast<int32_t>(random.integer(-10000, 10000));
    const EpilogueS8 epilogue = trial % 3 == 0 ? EpilogueS8{-20, 180, 30} : EpilogueS8{-100, 120, 3};
    for (int64_t i = 0; i < m * n; ++i) {
      int32_t acc = bias[i % n];
      for (int64_t j = 0; j < k; ++j) {
        const int64_t y = i / n / ow * sh - pad + j / (kw * c) * dh, xx = i / n % ow * sw - pad + j / c % kw * dw;
        if (y < 0 || y >= h || xx < 0 || xx >= width) continue;
        const uint8_t byte = x[(y * width + xx) * (c + extra) + j % c];
        acc += ((is_unsigned ? byte : static_cast<int8_t>(byte)) - zero) * w[i % n * k + j];
      }
      expected[i] = acc;
    }
    for (const auto& [t, gemm] : s8_variants()) {
      std::vector<int32_t> corrected = bias;
      for (int64_t j = 0; j < n; ++j) {
        for (int64_t i = 0; i < k; ++i) {
          corrected[j] -= gemm->packed_zero_point(zero, is_unsigned) * w[j * k + i];
        }
      }
      const AlignedBuffer weights =
          packed(*gemm, {.b = {w.data(), 1, k, k, n}, .bias = corrected.data(), .scale = scale.data()});
      const int64_t row = gemm->row_bytes(k);
      auto rows = guarded<uint8_t>(m * row, 99);
      std::vector<int32_t> sums(static_cast<size_t>(m));
      const ConvShape shape{.in_h = h,
                            .in_w = width,
                            .in_c = c + extra,
                            .out_h = oh,
                            .out_w = ow,
                            .out_c = n,
                            .kernel_h = kh,
                            .kernel_w = kw,
                            .stride_h = sh,
                            .stride_w = sw,
                            .dilation_h = dh,
                            .dilation_w = dw,
                            .pad_top = pad,
                            .pad_left = pad};
      gemm->pack_rows({x.data(), shape, c}, 0, m, rows.data(), row, is_unsigned, static_cast<uint8_t>(zero),
                      sums.data());
      EXPECT_TRUE(is_intact<uint8_t>(rows, m * row, 99));
      auto out = guarded<uint8_t>(m * n, 55);
      GemmS8 g{m, n, k, rows.data(), row, weights.data(), nullptr, out.data(), n, epilogue, nullptr, 0};
      gemm->run(g);
      EXPECT_TRUE(is_intact<uint8_t>(out, m * n, 55));
      auto cut = guarded<uint8_t>(m * n, 55);
      g.c = cut.data();
      g.epilogue.fits = true;
      gemm->run(g);
      EXPECT_EQ(cut, out) << isa_name(t->isa) << " " << gemm->name << " " << m << "x" << n;
      auto raw = guarded<int32_t>(m * n, 5);
      g.raw = raw.data();
      g.raw_stride = n;
      g.row_add = sums.data();
      gemm->run(g);
      EXPECT_TRUE(is_intact(raw, m * n, 5));
      for (int64_t i = 0; i < m * n; ++i) {
        ASSERT_EQ(raw[i], expected[i] + sums[i / n]) << isa_name(t->isa) << " k " << k;
        ASSERT_EQ(static_cast<int8_t>(out[i]),
                  static_cast<int8_t>(naive_requantize(expected[i], scale[i % n], epilogue)))
            << isa_name(t->isa);
      }
      int32_t sum = 0;
      for (int64_t i = 0; i < k; ++i) {
        int16_t wide = rows[i];
        if (gemm->element_bytes == 2) std::memcpy(&wide, rows.data() + 2 * i, 2);
        sum += wide;
      }
      EXPECT_EQ(sums[0], sum);
    }
  }
}

// Weights and activations at their ends, where sums of products leave 16 bits.
TEST(GemmS8, IsExactWherePairsWouldSaturate) {
  Random random;
  const int8_t ends[] = {-128, -127, -65, -64, 0, 1, 64, 65, 127};
  for (int trial = 0; trial < 60; ++trial) {
    const int64_t m = random.integer(1, 15), n = random.integer(1, 40), k = random.integer(1, 45);
    const bool is_unsigned = trial % 2 == 0;
    const bool is_constant = trial % 3 == 0;  // all weights the same
    std::vector<uint8_t> x(static_cast<size_t>(m * k));
    for (auto& v : x) v = trial % 4 < 2 || random.integer(0, 1) == 1 ? 255 : 0;
    if (!is_unsigned) {
      for (auto& v : x) v ^= 0x80;
    }
    std::vector<int8_t> w(static_cast<size_t>(n * k), ends[trial % 9]);
    if (!is_constant) {
      for (auto& v : w) v = ends[random.integer(0, 8)];
    }
    const std::vector<float> scale(static_cast<size_t>(n), 0.01f);
    const ConvShape shape{.in_w = m, .in_c = k, .out_w = m, .out_c = n};
    for (const auto& [t, gemm] : s8_variants()) {
      std::vector<int32_t> bias(static_cast<size_t>(n), 5);
      for (int64_t i = 0; i < n * k; ++i) bias[i / k] -= gemm->packed_zero_point(0, is_unsigned) * w[i];
      const AlignedBuffer weights =
          packed(*gemm, {.b = {w.data(), 1, k, k, n}, .bias = bias.data(), .scale = scale.data()});
      const int64_t row = gemm->row_bytes(k);
      std::vector<uint8_t> rows(static_cast<size_t>(m * row));
      gemm->pack_rows({x.data(), shape, k}, 0, m, rows.data(), row, is_unsigned, 0, nullptr);
      std::vector<int32_t> raw(static_cast<size_t>(m * n));
      gemm->run({m, n, k, rows.data(), row, weights.data(), nullptr, nullptr, n, {-128, 127, 0}, raw.data(), n, {}});
      for (int64_t i = 0; i < m * n; ++i) {
        int32_t expected = 5;
        for (int64_t j = 0; j < k; ++j) {
          const uint8_t byte = x[i / n * k + j];
          expected += (is_unsigned ? byte : static_cast<int8_t>(byte)) * w[i % n * k + j];
        }
        ASSERT_EQ(raw[i], expected) << isa_name(t->isa) << " " << gemm->name << ", k " << k << " trial " << trial;
      }
    }
  }
}

TEST(PackRowsF32, GathersTapsAndZeros) {
  Random random;
  const int64_t h = 5, w = 6, c = 7, kh = 3, kw = 2, oh = 5, ow = 7;
  const auto x = random.floats(h * w * c);
  const ConvShape shape{.in_h = h,
                        .in_w = w,
                        .in_c = c,
                        .out_h = oh,
                        .out_w = ow,
                        .kernel_h = kh,
                        .kernel_w = kw,
                        .pad_top = 1,
                        .pad_left = 1};
  for (const auto& [t, gemm] : f32_variants()) {
    auto rows = guarded<float>(oh * ow * kh * kw * c, 9);
    gemm->pack_rows({x.data(), shape, c}, 0, oh * ow, rows.data(), kh * kw * c);
    EXPECT_TRUE(is_intact(rows, oh * ow * kh * kw * c, 9.0f));
    for (int64_t i = 0; i < oh * ow * kh * kw * c; ++i) {
      const int64_t pixel = i / (kh * kw * c), tap = i / c % (kh * kw);
      const int64_t y = pixel / ow - 1 + tap / kw, xx = pixel % ow - 1 + tap % kw;
      const bool is_inside = y >= 0 && y < h && xx >= 0 && xx < w;
      ASSERT_EQ(rows[i], is_inside ? x[(y * w + xx) * c + i % c] : 0.0f) << isa_name(t->isa);
    }
  }
}

}  // namespace
}  // namespace hone::cpu

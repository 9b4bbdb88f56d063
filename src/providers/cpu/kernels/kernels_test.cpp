#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "providers/cpu/kernels/pack.h"

namespace hone::cpu {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

std::vector<const KernelTable*> tables() {
  std::vector<const KernelTable*> found;
  for (Isa isa : {Isa::kPortable, Isa::kAvx2, Isa::kAvx512}) {
    if (is_supported(isa)) found.push_back(&kernels_for(isa));
  }
  return found;
}

class Random {
 public:
  int64_t integer(int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(engine_); }
  std::vector<float> floats(int64_t n, float low = -1, float high = 1) {
    std::uniform_real_distribution<float> d(low, high);
    std::vector<float> x(static_cast<size_t>(n));
    for (float& v : x) v = d(engine_);
    return x;
  }
  template <class T>
  std::vector<T> bytes(int64_t n) {
    std::vector<T> x(static_cast<size_t>(n));
    for (T& v : x) v = static_cast<T>(integer(std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
    return x;
  }

 private:
  std::mt19937 engine_{7};
};

// Guards catch writes past the end.
template <class T>
std::vector<T> guarded(int64_t n, T guard) {
  return std::vector<T>(static_cast<size_t>(n) + 64, guard);
}
template <class T>
bool is_intact(const std::vector<T>& x, int64_t n, T guard) {
  return std::all_of(x.begin() + n, x.end(), [&](T v) { return v == guard; });
}

TEST(Kernels, LookUpEveryByteInBuffersOfEveryLength) {
  Random random;
  const auto table = random.bytes<uint8_t>(256);
  for (const KernelTable* level : tables()) {
    for (int64_t n = 0; n < 300; ++n) {
      std::vector<uint8_t> x = random.bytes<uint8_t>(n), y(static_cast<size_t>(n) + 1, 77);
      if (n == 256)
        for (size_t i = 0; i < 256; ++i) x[i] = static_cast<uint8_t>(i);
      level->lookup(x.data(), y.data(), n, table.data());
      for (size_t i = 0; i < x.size(); ++i) ASSERT_EQ(y[i], table[x[i]]) << "of " << n << " at " << i;
      EXPECT_EQ(y.back(), 77) << "wrote behind its end";
    }
  }
}

TEST(GemmF32, AgreesWithTheSumOnOddSizes) {
  Random random;
  for (int trial = 0; trial < 60; ++trial) {
    const int64_t m = random.integer(1, 33), n = random.integer(1, 70), k = random.integer(0, 40);
    const int64_t stride = k + random.integer(0, 3);
    const auto a = random.floats(m * stride + 1), b = random.floats(k * n + 1), bias = random.floats(n),
               residual = random.floats(m * n);
    for (const KernelTable* t : tables()) {
      std::vector<float> packed(static_cast<size_t>(packed_f32_size(*t, k, n)));
      pack_f32(*t, MatrixView<float>{b.data(), n, 1, k, n}, bias.data(), packed.data());
      auto c = guarded<float>(m * n, 77);
      const bool has_residual = trial % 2 == 0;
      t->gemm_f32({.m = m,
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
  for (const KernelTable* t : tables()) {
    std::vector<float> packed(static_cast<size_t>(packed_f32_size(*t, k, n)));
    pack_f32(*t, MatrixView<float>{b.data(), n, 1, k, n}, nullptr, packed.data());
    std::vector<float> c(static_cast<size_t>(m * n));
    t->gemm_f32({m, n, k, a.data(), k, packed.data(), c.data(), n, {-kInf, kInf, nullptr, 0}});
    for (int64_t i = 0; i < m * n; ++i) {
      double sum = 0;
      for (int64_t j = 0; j < k; ++j) sum += double(a[i / n * k + j]) * b[j * n + i % n];
      ASSERT_NEAR(c[i], sum, 1e-4) << isa_name(t->isa);
    }
  }
}

int32_t naive_requantize(int32_t acc, float scale, const EpilogueS8& e) {
  const float y = std::min(e.hi, std::max(e.lo, static_cast<float>(acc) * scale));
  return static_cast<int32_t>(std::nearbyint(y)) + e.zero_point;
}

// Rows of an image through pack_rows_s8 and gemm_s8: a convolution, against the plain loop, bit by bit.
TEST(GemmS8, ConvolvesBitIdenticallyOnEveryLevel) {
  Random random;
  for (int trial = 0; trial < 60; ++trial) {
    const bool is_unsigned = trial % 2 == 1;
    const int64_t h = random.integer(1, 7), w = random.integer(1, 7), c = random.integer(1, 19);
    const int64_t extra = random.integer(0, 2), kh = random.integer(1, 3), kw = random.integer(1, 3);
    const int64_t dh = random.integer(1, 2), dw = random.integer(1, 2), pad = random.integer(0, 2);
    const int64_t sh = random.integer(1, 2), sw = random.integer(1, 2), n = random.integer(1, 70);
    const int64_t oh = (h + 2 * pad - (kh - 1) * dh - 1) / sh + 1, ow = (w + 2 * pad - (kw - 1) * dw - 1) / sw + 1;
    if (h + 2 * pad < (kh - 1) * dh + 1 || w + 2 * pad < (kw - 1) * dw + 1) continue;
    const int64_t k = kh * kw * c, m = oh * ow;
    const int32_t zero = static_cast<int32_t>(is_unsigned ? random.integer(0, 255) : random.integer(-128, 127));
    const auto x = random.bytes<uint8_t>(h * w * (c + extra));
    const auto weights = random.bytes<int8_t>(n * k);
    const auto scale = random.floats(n, 1e-4f, 1e-2f);
    std::vector<int32_t> bias(static_cast<size_t>(n)), expected(static_cast<size_t>(m * n));
    for (auto& b : bias) b = static_cast<int32_t>(random.integer(-10000, 10000));
    const EpilogueS8 epilogue{-100, 120, 3};
    for (int64_t i = 0; i < m * n; ++i) {
      int32_t acc = bias[i % n];
      for (int64_t j = 0; j < k; ++j) {
        const int64_t y = i / n / ow * sh - pad + j / (kw * c) * dh, xx = i / n % ow * sw - pad + j / c % kw * dw;
        if (y < 0 || y >= h || xx < 0 || xx >= w) continue;
        const uint8_t byte = x[(y * w + xx) * (c + extra) + j % c];
        acc += ((is_unsigned ? byte : static_cast<int8_t>(byte)) - zero) * weights[i % n * k + j];
      }
      expected[i] = acc;
    }
    for (const KernelTable* t : tables()) {
      std::vector<int32_t> corrected = bias;
      for (int64_t j = 0; j < n; ++j) {
        for (int64_t i = 0; i < k; ++i) {
          corrected[j] -= packed_zero_point(*t, zero, is_unsigned) * weights[j * k + i];
        }
      }
      AlignedBuffer packed(static_cast<size_t>(packed_s8_size(*t, k, n)));
      pack_s8(*t, MatrixView<int8_t>{weights.data(), 1, k, k, n}, corrected.data(), scale.data(), packed.data());
      const int64_t row = packed_row_bytes(*t, k);
      auto rows = guarded<uint8_t>(m * row, 99);
      std::vector<int32_t> sums(static_cast<size_t>(m));
      const RowGather gather{x.data(), h, w, c, c + extra, ow, kh, kw, sh, sw, dh, dw, pad, pad};
      t->pack_rows_s8(gather, 0, m, rows.data(), row, is_unsigned, static_cast<uint8_t>(zero), sums.data());
      EXPECT_TRUE(is_intact<uint8_t>(rows, m * row, 99));
      auto out = guarded<uint8_t>(m * n, 55);
      GemmS8 g{m, n, k, rows.data(), row, packed.data(), nullptr, out.data(), n, epilogue, nullptr, 0};
      t->gemm_s8(g);
      EXPECT_TRUE(is_intact<uint8_t>(out, m * n, 55));
      auto raw = guarded<int32_t>(m * n, 5);
      g.raw = raw.data();
      g.raw_stride = n;
      g.row_add = sums.data();
      t->gemm_s8(g);
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
        if (t->tiles.s8_bytes == 2) std::memcpy(&wide, rows.data() + 2 * i, 2);
        sum += wide;
      }
      EXPECT_EQ(sums[0], sum);
    }
  }
}

TEST(PackRowsF32, GathersTapsAndZeros) {
  Random random;
  const int64_t h = 5, w = 6, c = 7, kh = 3, kw = 2, oh = 5, ow = 7;
  const auto x = random.floats(h * w * c);
  for (const KernelTable* t : tables()) {
    auto rows = guarded<float>(oh * ow * kh * kw * c, 9);
    t->pack_rows_f32({x.data(), h, w, c, c, ow, kh, kw, 1, 1, 1, 1, 1, 1}, 0, oh * ow, rows.data(), kh * kw * c);
    EXPECT_TRUE(is_intact(rows, oh * ow * kh * kw * c, 9.0f));
    for (int64_t i = 0; i < oh * ow * kh * kw * c; ++i) {
      const int64_t pixel = i / (kh * kw * c), tap = i / c % (kh * kw);
      const int64_t y = pixel / ow - 1 + tap / kw, xx = pixel % ow - 1 + tap % kw;
      const bool is_inside = y >= 0 && y < h && xx >= 0 && xx < w;
      ASSERT_EQ(rows[i], is_inside ? x[(y * w + xx) * c + i % c] : 0.0f) << isa_name(t->isa);
    }
  }
}

TEST(Depthwise, AgreesWithTheSumOnEveryLevel) {
  Random random;
  for (int trial = 0; trial < 60; ++trial) {
    const int64_t kh = random.integer(1, 4), kw = trial % 3 == 0 ? 3 : random.integer(1, 4);
    const int64_t kernel_h = kw == 3 ? 3 : kh, stride = random.integer(1, 3),
                  dilation = kw == 3 ? 1 : random.integer(1, 2);
    const int64_t c = random.integer(1, 75), pixels = random.integer(1, 17), taps = kernel_h * kw;
    const int64_t columns = (pixels - 1) * stride + (kw - 1) * dilation + 1;
    const auto x = random.floats(kernel_h * columns * c), w = random.floats(taps * c), bias = random.floats(c);
    const auto xq = random.bytes<uint8_t>(kernel_h * columns * c);
    std::vector<int16_t> wq(static_cast<size_t>(taps * c));
    for (auto& v : wq) v = static_cast<int16_t>(random.integer(-255, 255));
    std::vector<int32_t> bias_q(static_cast<size_t>(c), 17);
    const auto scale = random.floats(c, 1e-4f, 1e-2f);
    const bool is_unsigned = trial % 2 == 1;
    std::vector<const void*> pf, pq;
    for (int64_t i = 0; i < kernel_h * columns; ++i) {
      pf.push_back(x.data() + i * c);
      pq.push_back(xq.data() + i * c);
    }
    for (const KernelTable* t : tables()) {
      const AlignedBuffer packed = pack_depthwise_f32(*t, w.data(), bias.data(), taps, c);
      const AlignedBuffer packed_q = pack_depthwise_s8(*t, wq.data(), bias_q.data(), scale.data(), taps, c);
      auto out = guarded<float>(pixels * c, 3);
      DepthwiseRun d{.pixels = pixels,
                     .channels = c,
                     .kernel_h = kernel_h,
                     .kernel_w = kw,
                     .stride_w = stride,
                     .dilation_w = dilation,
                     .taps = pf.data(),
                     .taps_stride = columns,
                     .weights = packed.data(),
                     .out = out.data(),
                     .out_stride = c,
                     .is_unsigned = is_unsigned,
                     .f32 = {-kInf, kInf, nullptr, 0},
                     .s8 = {-90, 127, -5},
                     .raw = nullptr};
      t->depthwise_f32(d);
      EXPECT_TRUE(is_intact(out, pixels * c, 3.0f));
      auto bytes = guarded<uint8_t>(pixels * c, 66);
      auto raw = guarded<int32_t>(pixels * c, 4);
      d.taps = pq.data();
      d.weights = packed_q.data();
      d.out = bytes.data();
      t->depthwise_s8(d);
      d.raw = raw.data();
      t->depthwise_s8(d);
      EXPECT_TRUE(is_intact<uint8_t>(bytes, pixels * c, 66));
      EXPECT_TRUE(is_intact(raw, pixels * c, 4));
      for (int64_t i = 0; i < pixels * c; ++i) {
        double sum = bias[i % c];
        int32_t acc = 17;
        for (int64_t tap = 0; tap < taps; ++tap) {
          const int64_t at = (tap / kw * columns + i / c * stride + tap % kw * dilation) * c + i % c;
          sum += double(x[at]) * w[tap * c + i % c];
          acc += (is_unsigned ? xq[at] : static_cast<int8_t>(xq[at])) * wq[tap * c + i % c];
        }
        ASSERT_NEAR(out[i], sum, 1e-5) << isa_name(t->isa);
        ASSERT_EQ(raw[i], acc) << isa_name(t->isa) << " channels " << c;
        ASSERT_EQ(static_cast<int8_t>(bytes[i]), static_cast<int8_t>(naive_requantize(acc, scale[i % c], d.s8)))
            << isa_name(t->isa);
      }
    }
  }
}

TEST(DepthwiseU8, AgreesBitByBitWithTheSum) {
  Random random;
  for (int trial = 0; trial < 80; ++trial) {
    const int64_t kh = random.integer(1, 6), kw = trial % 3 == 0 ? 3 : random.integer(1, 5);
    const int64_t stride = random.integer(1, 3), dilation = trial % 3 == 0 ? 1 : random.integer(1, 2);
    const int64_t c = random.integer(1, 200), pixels = random.integer(1, 11), taps = kh * kw;
    const int64_t columns = (pixels - 1) * stride + (kw - 1) * dilation + 1;
    const auto x = random.bytes<uint8_t>(kh * columns * c);
    const auto w = random.bytes<int8_t>(taps * c);
    const std::vector<int16_t> wide(w.begin(), w.end());
    const auto scale = random.floats(c, 1e-4f, 1e-2f);
    const bool is_unsigned = trial % 2 == 1;
    std::vector<const void*> pixels_in;
    for (int64_t i = 0; i < kh * columns; ++i) pixels_in.push_back(x.data() + i * c);
    for (const KernelTable* t : tables()) {
      if (t->depthwise_u8 == nullptr) continue;
      std::vector<int32_t> bias(static_cast<size_t>(c), 17);
      for (int64_t i = 0; i < taps * c; ++i) bias[i % c] -= w[i] * packed_zero_point(*t, 0, is_unsigned);
      const AlignedBuffer packed = pack_depthwise_u8(wide.data(), bias.data(), scale.data(), kh, kw, c);
      auto out = guarded<uint8_t>(pixels * c, 66);
      const DepthwiseRun d{.pixels = pixels,
                           .channels = c,
                           .kernel_h = kh,
                           .kernel_w = kw,
                           .stride_w = stride,
                           .dilation_w = dilation,
                           .taps = pixels_in.data(),
                           .taps_stride = columns,
                           .weights = packed.data(),
                           .out = out.data(),
                           .out_stride = c,
                           .is_unsigned = is_unsigned,
                           .f32 = {},
                           .s8 = {-90, 120, trial % 2 == 1 ? 100 : -5},
                           .raw = nullptr};
      t->depthwise_u8(d);
      EXPECT_TRUE(is_intact<uint8_t>(out, pixels * c, 66));
      for (int64_t i = 0; i < pixels * c; ++i) {
        int32_t acc = 17;
        for (int64_t tap = 0; tap < taps; ++tap) {
          const uint8_t byte = x[(tap / kw * columns + i / c * stride + tap % kw * dilation) * c + i % c];
          acc += (is_unsigned ? byte : static_cast<int8_t>(byte)) * w[tap * c + i % c];
        }
        ASSERT_EQ(out[i], static_cast<uint8_t>(naive_requantize(acc, scale[i % c], d.s8))) << "channels " << c;
      }
    }
  }
}

struct UnaryCase {
  Unary op;
  double (*f)(double x);
  float a, b, low, high;
};

TEST(UnaryKernels, StayWithinTheirErrorBound) {
  const UnaryCase cases[] = {
      {Unary::kClamp, [](double x) { return std::clamp(x, -1.0, 2.0); }, -1, 2, -4, 4},
      {Unary::kLeakyRelu, [](double x) { return x < 0 ? 0.125 * x : x; }, 0.125f, 0, -4, 4},
      {Unary::kSigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }, 0, 0, -80, 80},
      {Unary::kTanh, [](double x) { return std::tanh(x); }, 0, 0, -12, 12},
      {Unary::kTanh, [](double x) { return std::tanh(x); }, 0, 0, -1, 1},
      {Unary::kHardSwish, [](double x) { return x * std::clamp(x + 3, 0.0, 6.0) / 6; }, 0, 0, -2.5, 4},
      {Unary::kHardSigmoid, [](double x) { return std::clamp(0.25 * x + 0.5, 0.0, 1.0); }, 0.25f, 0.5f, -1, 4},
      {Unary::kSilu, [](double x) { return x / (1 + std::exp(-x)); }, 1, 0, -20, 20},
      {Unary::kGelu, [](double x) { return x / 2 * std::erfc(-x / std::sqrt(2.0)); }, 0, 0, -3, 8},
      {Unary::kGeluTanh,
       [](double x) { return x / (1 + std::exp(-2 * std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))); }, 0, 0, -3, 8},
      {Unary::kElu, [](double x) { return x < 0 ? 2 * (std::exp(x) - 1) : x; }, 2, 0, -8, 8},
      {Unary::kExp, [](double x) { return std::exp(x); }, 0, 0, -87, 88},
      {Unary::kErf, [](double x) { return std::erf(x); }, 0, 0, -4, 4},
      {Unary::kErf, [](double x) { return std::erf(x); }, 0, 0, -0.6f, 0.6f},
      {Unary::kSqrt, [](double x) { return std::sqrt(x); }, 0, 0, 0.01f, 90},
      {Unary::kRsqrt, [](double x) { return 1 / std::sqrt(x); }, 0, 0, 0.01f, 90},
      {Unary::kReciprocal, [](double x) { return 1 / x; }, 0, 0, 0.01f, 90},
      {Unary::kNeg, [](double x) { return -x; }, 0, 0, -4, 4},
      {Unary::kAbs, [](double x) { return std::abs(x); }, 0, 0, -4, 4},
      {Unary::kSquare, [](double x) { return x * x; }, 0, 0, -4, 4},
      {Unary::kAffine, [](double x) { return 3 * x + 20; }, 3, 20, -4, 4},
  };
  Random random;
  for (const UnaryCase& c : cases) {
    const auto x = random.floats(4003, c.low, c.high);
    for (const KernelTable* t : tables()) {
      auto y = guarded<float>(4003, 1);
      t->unary[static_cast<int>(c.op)](x.data(), y.data(), 4003, c.a, c.b);
      EXPECT_TRUE(is_intact(y, 4003, 1.0f));
      for (size_t i = 0; i < x.size(); ++i) {
        const double expected = c.f(x[i]);
        // Elu near zero subtracts one: its bound is absolute.
        const double bound = c.op == Unary::kElu ? 1e-6 : 1.2e-6 * std::abs(expected) + 1e-37;
        ASSERT_NEAR(y[i], expected, bound) << isa_name(t->isa) << " op " << static_cast<int>(c.op) << " x " << x[i];
      }
    }
  }
}

TEST(UnaryKernels, ExpAndSigmoidReachTheirLimits) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float x[] = {kInf, -kInf, nan, 1000, -1000, 0};
  for (const KernelTable* t : tables()) {
    float y[6];
    t->unary[static_cast<int>(Unary::kExp)](x, y, 6, 0, 0);
    EXPECT_EQ(y[0], kInf);
    EXPECT_EQ(y[1], 0);
    EXPECT_TRUE(std::isnan(y[2]));
    EXPECT_EQ(y[3], kInf);
    EXPECT_EQ(y[4], 0);
    EXPECT_EQ(y[5], 1);
    t->unary[static_cast<int>(Unary::kSigmoid)](x, y, 6, 0, 0);
    EXPECT_EQ(y[0], 1);
    EXPECT_EQ(y[1], 0);
    EXPECT_TRUE(std::isnan(y[2]));
    t->unary[static_cast<int>(Unary::kTanh)](x, y, 6, 0, 0);
    EXPECT_EQ(y[0], 1);
    EXPECT_EQ(y[1], -1);
    EXPECT_TRUE(std::isnan(y[2]));
    t->unary[static_cast<int>(Unary::kClamp)](x, y, 6, -6, 6);
    EXPECT_TRUE(std::isnan(y[2]));
  }
}

TEST(BinaryKernels, PassNaNThroughMaxAndMin) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float x[] = {nan, 1, 2}, y[] = {1, nan, 3};
  for (const KernelTable* t : tables()) {
    for (Binary op : {Binary::kMax, Binary::kMin}) {
      float z[3];
      t->binary[static_cast<int>(op)](x, y, z, 3, -kInf, kInf);
      EXPECT_TRUE(std::isnan(z[0]));
      EXPECT_TRUE(std::isnan(z[1]));
      EXPECT_EQ(z[2], op == Binary::kMax ? 3 : 2);
    }
  }
}

TEST(ByteKernels, AreBitIdenticalOnEveryLevel) {
  Random random;
  const auto tables_here = tables();
  for (int trial = 0; trial < 20; ++trial) {
    const int64_t n = random.integer(1, 130);
    const auto x = random.bytes<uint8_t>(n), y = random.bytes<uint8_t>(n);
    const auto f = random.floats(n, -9, 9);
    BinaryQ q{static_cast<int32_t>(random.integer(-20, 20)), 5, -3, 0.7f, 0.31f, -100, 100, trial % 2 == 0, false};
    std::vector<std::vector<uint8_t>> results;
    for (const KernelTable* t : tables_here) {
      std::vector<uint8_t> all;
      auto z = guarded<uint8_t>(n, 1);
      const auto keep = [&] {
        EXPECT_TRUE(is_intact<uint8_t>(z, n, 1));
        all.insert(all.end(), z.begin(), z.end());
      };
      t->add_q(x.data(), y.data(), z.data(), n, q);
      keep();
      BinaryQ product = q;
      product.x_scale = 0.011f;
      t->mul_q(x.data(), y.data(), z.data(), n, product);
      keep();
      t->quantize(f.data(), z.data(), n, 0.061f, 4, trial % 2 == 0);
      keep();
      for (int64_t i = 0; i < n; ++i) {
        const int32_t expected = static_cast<int32_t>(std::nearbyint(f[i] / 0.061f)) + 4;
        EXPECT_EQ(z[i], static_cast<uint8_t>(trial % 2 == 0 ? std::clamp(expected, 0, 255)
                                                            : std::clamp(expected, -128, 127)));
      }
      const void* pixels[] = {x.data(), y.data(), x.data()};
      PoolPixel pool{.channels = n,
                     .count = 3,
                     .pixels = pixels,
                     .out = z.data(),
                     .min = trial % 2 == 0 ? 0.f : -128.f,
                     .max = trial % 2 == 0 ? 255.f : 127.f,
                     .scale = 0.3f,
                     .divisor = 3,
                     .offset = 30,
                     .zero_point = -7};
      t->max_pool_q(pool, trial % 2 == 0);
      keep();
      t->average_pool_q(pool, trial % 2 == 0);
      keep();
      pool.divisor = 0;
      t->average_pool_q(pool, trial % 2 == 0);
      keep();
      results.push_back(all);
    }
    for (const auto& r : results) EXPECT_EQ(r, results[0]);
  }
}

TEST(RowQuantization, RoundsHalvesAwayFromZero) {
  Random random;
  std::vector<float> x = random.floats(77, -150, 150);
  for (int i = -20; i < 20; ++i) x.push_back(static_cast<float>(i) + 0.5f);
  const auto n = static_cast<int64_t>(x.size());
  for (const KernelTable* t : tables()) {
    for (int32_t zero : {0, 7, -30}) {
      auto y = guarded<uint8_t>(n, 9);
      t->quantize_away(x.data(), y.data(), n, 0.5f, zero, -127);
      EXPECT_TRUE(is_intact<uint8_t>(y, n, 9));
      for (int64_t i = 0; i < n; ++i) {
        const float v = std::clamp(std::round(static_cast<float>(zero) + x[i] * 0.5f), -127.0f, 127.0f);
        ASSERT_EQ(static_cast<int8_t>(y[i]), static_cast<int8_t>(v)) << isa_name(t->isa) << " of " << x[i];
      }
    }
  }
}

TEST(RowQuantization, FindsRangesAndWhatHasNone) {
  Random random;
  for (const KernelTable* t : tables()) {
    for (int64_t n : {1, 5, 16, 40, 67}) {
      auto x = random.floats(n, -3, 5);
      const FloatRange range = t->range(x.data(), n);
      EXPECT_EQ(range.min, *std::min_element(x.begin(), x.end()));
      EXPECT_EQ(range.max, *std::max_element(x.begin(), x.end()));
      EXPECT_FALSE(range.has_nan);
      x[static_cast<size_t>(random.integer(0, n - 1))] = std::numeric_limits<float>::quiet_NaN();
      EXPECT_TRUE(t->range(x.data(), n).has_nan);
    }
  }
}

TEST(Transpose32, MovesEveryElementOnce) {
  for (const KernelTable* t : tables()) {
    for (const auto& [rows, columns] : {std::pair<int64_t, int64_t>{3, 50}, {37, 41}, {16, 32}, {64, 17}, {1, 9}}) {
      std::vector<uint32_t> x(static_cast<size_t>(rows * columns));
      for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<uint32_t>(i);
      auto y = guarded<uint32_t>(rows * columns, 7);
      t->transpose_32(x.data(), columns, y.data(), rows, rows, columns);
      EXPECT_TRUE(is_intact<uint32_t>(y, rows * columns, 7));
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t c = 0; c < columns; ++c) ASSERT_EQ(y[c * rows + r], x[r * columns + c]) << isa_name(t->isa);
      }
    }
  }
}

TEST(Softmax, SumsToOneAndAgreesWithTheFormula) {
  Random random;
  const int64_t n = 37;
  const auto x = random.floats(3 * n, -9, 9);
  for (const KernelTable* t : tables()) {
    std::vector<float> y(x.size());
    t->softmax(x.data(), y.data(), 3, n, 0.5f);
    for (int64_t r = 0; r < 3; ++r) {
      double total = 0;
      for (int64_t i = 0; i < n; ++i) total += std::exp(0.5 * x[r * n + i]);
      for (int64_t i = 0; i < n; ++i) {
        EXPECT_NEAR(y[r * n + i], std::exp(0.5 * x[r * n + i]) / total, 1e-6) << isa_name(t->isa);
      }
    }
  }
}

TEST(LayerNorm, NormalisesOddLengths) {
  Random random;
  const auto x = random.floats(35, 3, 5), scale = random.floats(35), bias = random.floats(35);
  double mean = 0, variance = 0;
  for (float v : x) mean += v / 35.0;
  for (float v : x) variance += (v - mean) * (v - mean) / 35.0;
  for (const KernelTable* t : tables()) {
    auto y = guarded<float>(35, 8);
    t->layer_norm(x.data(), y.data(), 35, 1e-5f, scale.data(), bias.data());
    EXPECT_TRUE(is_intact(y, 35, 8.0f));
    for (int i = 0; i < 35; ++i) {
      EXPECT_NEAR(y[i], (x[i] - mean) / std::sqrt(variance + 1e-5) * scale[i] + bias[i], 2e-5) << isa_name(t->isa);
    }
  }
}

TEST(LstmCell, FollowsTheGateEquations) {
  Random random;
  const int64_t h = 19;
  const auto gates = random.floats(4 * h, -3, 3), before = random.floats(h);
  const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  for (const KernelTable* t : tables()) {
    auto cell = before;
    std::vector<float> out(static_cast<size_t>(h));
    t->lstm_cell({h, gates.data(), cell.data(), out.data()});
    for (int64_t i = 0; i < h; ++i) {
      const double c = sigmoid(gates[2 * h + i]) * before[i] + sigmoid(gates[i]) * std::tanh(gates[3 * h + i]);
      EXPECT_NEAR(cell[i], c, 1e-6) << isa_name(t->isa);
      EXPECT_NEAR(out[i], sigmoid(gates[h + i]) * std::tanh(c), 1e-6) << isa_name(t->isa);
    }
  }
}

}  // namespace
}  // namespace hone::cpu

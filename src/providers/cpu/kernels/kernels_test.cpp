#include "providers/cpu/kernels/kernels_test.h"

#include <cstring>

#include "ops/fixed_point.h"

namespace hone::cpu {
namespace {

TEST(Interleave, MakesPixelsOfPlanes) {
  Random random;
  for (int64_t n : {1, 15, 16, 17, 50}) {
    const int64_t stride = n + 3;
    const auto x = random.bytes<uint8_t>(2 * stride + n);
    for (const KernelTable* level : tables()) {
      auto y = guarded<uint8_t>(3 * n, 9);
      level->interleave_3(x.data(), stride, y.data(), n);
      EXPECT_TRUE(is_intact<uint8_t>(y, 3 * n, 9));
      for (int64_t i = 0; i < 3 * n; ++i) ASSERT_EQ(y[i], x[i % 3 * stride + i / 3]) << isa_name(level->isa);
    }
  }
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

// Numbers at, beside and far from halves, infinities and NaN: double precision decides, halves go away from zero.
TEST(QuantizeFixed, IsTheReferencesQuotientInDouble) {
  Random random;
  for (const float scale : {0.5f, 0.061f, 1.0f / 255, 3e-42f, 1e30f}) {
    std::vector<float> x = random.floats(200, -300 * scale, 300 * scale);
    for (int i = -260; i <= 260; ++i) {
      const float half = (static_cast<float>(i) + 0.5f) * scale;
      x.insert(x.end(), {half, std::nextafter(half, -1e38f), std::nextafter(half, 1e38f)});
    }
    x.insert(x.end(), {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(), std::nanf(""),
                       -0.0f, 3e38f, -3e38f});
    const auto n = static_cast<int64_t>(x.size());
    for (const int32_t zero : {-128, -3, 0, 127}) {
      for (const bool is_unsigned : {false, true}) {
        const int32_t z = zero + (is_unsigned ? 128 : 0);
        const double low = is_unsigned ? 0 : -128;
        for (const KernelTable* t : tables()) {
          auto y = guarded<uint8_t>(n, 77);
          t->quantize_fixed(x.data(), y.data(), n, scale, z, is_unsigned);
          ASSERT_TRUE(is_intact(y, n, uint8_t{77}));
          for (size_t i = 0; i < x.size(); ++i) {
            const double v = std::round(double(x[i]) / double(scale)) + z;
            const auto expected = std::isnan(v) ? 0 : static_cast<int32_t>(std::clamp(v, low, low + 255));
            ASSERT_EQ(y[i], static_cast<uint8_t>(expected)) << isa_name(t->isa) << ": " << x[i] << " / " << scale;
          }
        }
      }
    }
  }
}

TEST(RequantizeFixed, IsTheReferencesFixedPointInRowsOfMultipliersBelowAHalf) {
  Random random;
  for (int trial = 0; trial < 40; ++trial) {
    const int64_t n = random.integer(1, 70), rows = random.integer(1, 9), stride = n + random.integer(0, 3);
    std::vector<int32_t> acc(static_cast<size_t>(n * rows)), multiplier(static_cast<size_t>(n)), left(multiplier),
        right(multiplier);
    for (int64_t i = 0; i < n; ++i) {
      multiplier[i] = i % 2 == 0 ? 1 << 30 : static_cast<int32_t>(random.integer(1 << 30, INT32_MAX));
      right[i] = static_cast<int32_t>(random.integer(1, trial < 20 ? 12 : 31));
    }
    for (auto& v : acc) {
      v = static_cast<int32_t>(trial % 8 == 7 ? random.integer(INT32_MIN, INT32_MAX)
                                              : random.integer(-400, 400) * (trial % 2 == 0 ? 64 : 1));
    }
    const bool is_unsigned = trial % 3 == 0;
    const int32_t zero = is_unsigned ? 7 : -7, low = is_unsigned ? 0 : -120, high = is_unsigned ? 250 : 119;
    for (const KernelTable* t : tables()) {
      for (bool halves_up : {false, true}) {
        auto y = guarded<uint8_t>((rows - 1) * stride + n, 3);
        t->requantize_fixed(acc.data(), n, rows, n, y.data(), stride,
                            {.multiplier = multiplier.data(),
                             .left = left.data(),
                             .right = right.data(),
                             .zero_point = zero,
                             .min = low,
                             .max = high,
                             .halves_up = halves_up,
                             .is_small = true});
        EXPECT_TRUE(is_intact<uint8_t>(y, (rows - 1) * stride + n, 3));
        for (int64_t i = 0; i < n * rows; ++i) {
          const FixedMultiplier m{multiplier[i % n], -right[i % n]};
          const int64_t v =
              halves_up ? multiply_by_quantized_multiplier_up(acc[i], m) : multiply_by_quantized_multiplier(acc[i], m);
          ASSERT_EQ(y[i / n * stride + i % n], static_cast<uint8_t>(std::clamp<int64_t>(v + zero, low, high)))
              << isa_name(t->isa) << " " << acc[i] << " · " << m.value << " shift " << m.shift << " up " << halves_up;
        }
      }
    }
  }
}

TEST(RequantizeFixed, IsTheReferencesFixedPoint) {
  Random random;
  for (int trial = 0; trial < 40; ++trial) {
    const int64_t n = random.integer(1, 70);
    std::vector<int32_t> acc(static_cast<size_t>(n)), multiplier(acc), left(acc), right(acc);
    std::vector<FixedMultiplier> fixed(static_cast<size_t>(n));
    for (size_t i = 0; i < acc.size(); ++i) {
      // Half of them products that end in exact halves.
      fixed[i] = {i % 2 == 0 ? 1 << 30 : static_cast<int32_t>(random.integer(1 << 30, INT32_MAX)),
                  static_cast<int>(trial < 20 ? random.integer(-12, 2) : random.integer(-31, 3))};
      acc[i] = static_cast<int32_t>(trial == 7 ? random.integer(INT32_MIN / 8, INT32_MAX / 8)
                                               : random.integer(-4000, 4000) * (i % 3 == 0 ? 64 : 1));
      multiplier[i] = fixed[i].value;
      left[i] = std::max(fixed[i].shift, 0);
      right[i] = std::max(-fixed[i].shift, 0);
    }
    for (const KernelTable* t : tables()) {
      for (bool halves_up : {false, true}) {
        auto y = guarded<uint8_t>(n, 3);
        t->requantize_fixed(acc.data(), n, 1, n, y.data(), n,
                            {.multiplier = multiplier.data(),
                             .left = left.data(),
                             .right = right.data(),
                             .zero_point = -7,
                             .min = -120,
                             .max = 119,
                             .halves_up = halves_up});
        EXPECT_TRUE(is_intact<uint8_t>(y, n, 3));
        for (size_t i = 0; i < acc.size(); ++i) {
          const int32_t v = halves_up ? multiply_by_quantized_multiplier_up(acc[i], fixed[i])
                                      : multiply_by_quantized_multiplier(acc[i], fixed[i]);
          ASSERT_EQ(static_cast<int8_t>(y[i]), std::clamp(v - 7, -120, 119))
              << isa_name(t->isa) << " " << acc[i] << " · " << fixed[i].value << " shift " << fixed[i].shift;
        }
      }
    }
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

#include "providers/cpu/kernels/kernels_test.h"

namespace hone::cpu {
namespace {

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
      const AlignedBuffer packed = pack_depthwise_f32(t->depthwise_f32, w.data(), bias.data(), taps, c);
      const DepthwiseS8Variant& variant = t->depthwise_s8.back();
      const AlignedBuffer packed_q = hone::cpu::packed(variant, {.w = wq.data(),
                                                                 .bias = bias_q.data(),
                                                                 .scale = scale.data(),
                                                                 .kernel_h = kernel_h,
                                                                 .kernel_w = kw,
                                                                 .channels = c});
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
      t->depthwise_f32.run(d);
      EXPECT_TRUE(is_intact(out, pixels * c, 3.0f));
      auto bytes = guarded<uint8_t>(pixels * c, 66);
      auto raw = guarded<int32_t>(pixels * c, 4);
      d.taps = pq.data();
      d.weights = packed_q.data();
      d.out = bytes.data();
      variant.run(d);
      d.raw = raw.data();
      variant.run(d);
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

TEST(DepthwiseS8, AgreesBitByBitWithTheSumInEveryVariant) {
  Random random;
  for (int trial = 0; trial < 120; ++trial) {
    const int64_t kh = random.integer(1, 6), kw = trial % 3 == 0 ? 3 : random.integer(1, 5);
    const int64_t stride = random.integer(1, 3), dilation = trial % 3 == 0 ? 1 : random.integer(1, 2);
    const int64_t c = random.integer(1, 200), pixels = random.integer(1, 11), taps = kh * kw;
    const int64_t columns = (pixels - 1) * stride + (kw - 1) * dilation + 1;
    auto x = random.bytes<uint8_t>(kh * columns * c);
    if (trial % 8 >= 5) std::fill(x.begin(), x.end(), uint8_t(trial % 2 == 1 ? 255 : 127));
    auto w = random.bytes<int8_t>(taps * c);
    // Weights whose sums leave 16 bits: all of them, or here and there.
    if (trial % 4 != 0) {
      for (auto& v : w) v = trial % 4 == 1 || random.integer(0, 9) == 0 ? (trial % 8 < 4 ? 127 : -128) : v / 2;
    }
    const std::vector<int16_t> wide(w.begin(), w.end());
    const auto scale = random.floats(c, 1e-4f, 1e-2f);
    const bool is_unsigned = trial % 2 == 1;
    std::vector<const void*> pixels_in;
    for (int64_t i = 0; i < kh * columns; ++i) pixels_in.push_back(x.data() + i * c);
    for (const KernelTable* t : tables())
      for (const auto* variant : usable(*t, t->depthwise_s8)) {
        std::vector<int32_t> bias(static_cast<size_t>(c), 17);
        for (int64_t i = 0; i < taps * c; ++i) bias[i % c] -= w[i] * variant->packed_zero_point(0, is_unsigned);
        const AlignedBuffer packed = hone::cpu::packed(*variant, {.w = wide.data(),
                                                                  .bias = bias.data(),
                                                                  .scale = scale.data(),
                                                                  .kernel_h = kh,
                                                                  .kernel_w = kw,
                                                                  .channels = c});
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
        variant->run(d);
        EXPECT_TRUE(is_intact<uint8_t>(out, pixels * c, 66));
        auto raw = guarded<int32_t>(pixels * c, 4);
        auto cut = guarded<uint8_t>(pixels * c, 66);
        DepthwiseRun fits = d;
        fits.out = cut.data();
        fits.s8.fits = true;
        variant->run(fits);
        EXPECT_EQ(cut, out) << isa_name(t->isa) << " " << variant->name;
        DepthwiseRun sums = d;
        sums.raw = raw.data();
        variant->run(sums);
        EXPECT_TRUE(is_intact(raw, pixels * c, 4));
        for (int64_t i = 0; i < pixels * c; ++i) {
          int32_t acc = 17;
          for (int64_t tap = 0; tap < taps; ++tap) {
            const uint8_t byte = x[(tap / kw * columns + i / c * stride + tap % kw * dilation) * c + i % c];
            acc += (is_unsigned ? byte : static_cast<int8_t>(byte)) * w[tap * c + i % c];
          }
          ASSERT_EQ(raw[i], acc) << isa_name(t->isa) << " " << variant->name << ", channels " << c;
          ASSERT_EQ(out[i], static_cast<uint8_t>(naive_requantize(acc, scale[i % c], d.s8)))
              << isa_name(t->isa) << " " << variant->name << ", channels " << c;
        }
      }
  }
}

}  // namespace
}  // namespace hone::cpu

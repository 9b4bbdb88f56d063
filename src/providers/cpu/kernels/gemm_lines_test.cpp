#include "providers/cpu/kernels/kernels_test.h"

namespace hone::cpu {
namespace {

// A convolution whose rows are read from lines of the padded image: every sum against the plain loop, at the ends of
// both ranges, with what fills up the runs set to the largest byte.
TEST(GemmS8, ConvolvesFromLinesBitIdenticallyOnEveryLevel) {
  Random random;
  for (int trial = 0; trial < 60; ++trial) {
    const bool is_unsigned = trial % 2 == 1;
    const int64_t in_h = random.integer(1, 6), in_w = random.integer(4, 20), c = random.integer(1, 9);
    const int64_t kh = random.integer(1, 3), kw = random.integer(1, 3), dh = random.integer(1, 2);
    const int64_t sh = random.integer(1, 2), sw = random.integer(1, 2), pad = random.integer(0, 2);
    const int64_t height = (kh - 1) * dh + 1, n = random.integer(1, 70);
    if (in_h + 2 * pad < height) continue;
    const int64_t out_h = (in_h + 2 * pad - height) / sh + 1, out_w = (in_w + 2 * pad - kw) / sw + 1;
    const int64_t width = (out_w - 1) * sw + kw, m = out_h * out_w, run = kw * c;
    const ConvShape shape{.in_h = in_h,
                          .in_w = in_w,
                          .in_c = c,
                          .out_h = out_h,
                          .out_w = out_w,
                          .out_c = n,
                          .kernel_h = kh,
                          .kernel_w = kw,
                          .stride_h = sh,
                          .stride_w = sw,
                          .dilation_h = dh,
                          .pad_top = pad,
                          .pad_left = pad};
    auto x = random.bytes<uint8_t>(in_h * in_w * c);
    auto w = random.bytes<int8_t>(n * kh * run);
    for (auto& v : x) v = random.integer(0, 1) == 0 ? v : is_unsigned ? 255 : 127;
    for (auto& v : w) v = random.integer(0, 2) == 0 ? v : random.integer(0, 1) == 0 ? int8_t{127} : int8_t{-128};
    const uint8_t fill = static_cast<uint8_t>(random.integer(0, 255));
    const auto value = [&](uint8_t byte) { return is_unsigned ? int32_t{byte} : int32_t{static_cast<int8_t>(byte)}; };
    std::vector<int32_t> expected(static_cast<size_t>(m * n));
    for (int64_t i = 0; i < m * n; ++i) {
      for (int64_t j = 0; j < kh * run; ++j) {
        const int64_t y = i / n / out_w * sh - pad + j / run * dh, at = i / n % out_w * sw - pad + j % run / c;
        const bool is_inside = y >= 0 && y < in_h && at >= 0 && at < in_w;
        expected[i] += value(is_inside ? x[(y * in_w + at) * c + j % c] : fill) * w[i % n * kh * run + j];
      }
    }
    for (const KernelTable* t : tables()) {
      for (const GemmS8Variant* gemm : usable(*t, t->gemms_s8)) {
        const int64_t filled = (run + gemm->kr - 1) / gemm->kr * gemm->kr, k = kh * filled;
        const int64_t line_bytes = width * c * gemm->element_bytes, count = (out_h - 1) * sh + height;
        std::vector<int8_t> runs(static_cast<size_t>(n * k));
        for (int64_t i = 0; i < n * kh * run; ++i) runs[i / run * filled + i % run] = w[i];
        std::vector<int32_t> bias(static_cast<size_t>(n));
        for (int64_t i = 0; i < n * k; ++i) bias[i / k] -= gemm->packed_zero_point(0, is_unsigned) * runs[i];
        const std::vector<float> scale(static_cast<size_t>(n), 0.01f);
        const AlignedBuffer weights = packed(*gemm, {.b = {runs.data(), 1, k, k, n},
                                                     .bias = bias.data(),
                                                     .scale = scale.data(),
                                                     .run = filled,
                                                     .run_stride = dh * line_bytes});
        auto lines = guarded<uint8_t>(count * line_bytes, 255);
        gemm->pack_lines({x.data(), shape, -pad, count, width}, lines.data(), line_bytes, is_unsigned, fill);
        EXPECT_TRUE(is_intact<uint8_t>(lines, count * line_bytes, 255));
        auto raw = guarded<int32_t>(m * n, 5);
        gemm->run({.m = m,
                   .n = n,
                   .k = k,
                   .a = lines.data(),
                   .a_stride = sw * c * gemm->element_bytes,
                   .b = weights.data(),
                   .row_add = nullptr,
                   .c = nullptr,
                   .c_stride = n,
                   .epilogue = {-128, 127, 0},
                   .raw = raw.data(),
                   .raw_stride = n,
                   .residual = {},
                   .line = out_w,
                   .line_stride = sh * line_bytes,
                   .run = filled,
                   .run_stride = dh * line_bytes});
        EXPECT_TRUE(is_intact(raw, m * n, 5));
        for (int64_t i = 0; i < m * n; ++i) {
          ASSERT_EQ(raw[i], expected[i]) << isa_name(t->isa) << " " << gemm->name << ", trial " << trial;
        }
      }
    }
  }
}

}  // namespace
}  // namespace hone::cpu

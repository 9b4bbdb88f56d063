#include "providers/cpu/convolution_q.h"
#include "providers/cpu/kernels/kernels_test.h"

namespace hone::cpu {
namespace {

// Few channels, any stride, padding on any side: accumulators against the plain loop, bit by bit, by one thread and by
// three.
TEST(DepthwiseFold, ConvolvesFewChannelsBitIdenticallyOnEveryLevel) {
  Random random;
  for (int trial = 0; trial < 80; ++trial) {
    const int64_t c = random.integer(1, 20), in_h = random.integer(1, 9), in_w = random.integer(1, 40);
    const int64_t kh = random.integer(1, 5), kw = random.integer(1, 5), dh = random.integer(1, 2);
    const int64_t sh = random.integer(1, 3), sw = random.integer(1, 3);
    const int64_t top = random.integer(0, kh - 1), left = random.integer(0, kw - 1), batch = random.integer(1, 2);
    const int64_t right = random.integer(0, 8);
    const ConvShape shape{.batch = batch,
                          .in_h = in_h,
                          .in_w = in_w,
                          .in_c = c,
                          .out_h = random.integer(1, (in_h + top) / sh + 1),
                          .out_w = random.integer(1, (in_w + left + right) / sw + 1),
                          .out_c = c,
                          .kernel_h = kh,
                          .kernel_w = kw,
                          .stride_h = sh,
                          .stride_w = sw,
                          .dilation_h = dh,
                          .pad_top = top,
                          .pad_left = left,
                          .groups = c};
    if (c == 1) continue;  // one group: not depthwise
    ConvQuant q;
    q.in_unsigned = trial % 2 == 0;
    q.in_zero = static_cast<int32_t>(q.in_unsigned ? random.integer(0, 255) : random.integer(-128, 127));
    q.w = random.bytes<int8_t>(c * kh * kw);
    q.w_scale.assign(static_cast<size_t>(c), 0.01f);
    q.bias.assign(static_cast<size_t>(c), 3);
    q.accumulates = true;
    const auto x = random.bytes<uint8_t>(batch * in_h * in_w * c);
    std::vector<int32_t> expected(static_cast<size_t>(batch * shape.pixels() * c));
    for (int64_t i = 0; i < static_cast<int64_t>(expected.size()); ++i) {
      const int64_t channel = i % c, ox = i / c % shape.out_w, oy = i / c / shape.out_w % shape.out_h;
      const uint8_t* image = x.data() + i / c / shape.pixels() * in_h * in_w * c;
      expected[i] = 3;
      for (int64_t t = 0; t < kh * kw; ++t) {
        const int64_t y = oy * sh - top + t / kw * dh, at = ox * sw - left + t % kw;
        if (y < 0 || y >= in_h || at < 0 || at >= in_w) continue;
        const uint8_t byte = image[(y * in_w + at) * c + channel];
        const int32_t value = q.in_unsigned ? byte : static_cast<int8_t>(byte);
        expected[i] += (value - q.in_zero) * q.w[channel * kh * kw + t];
      }
    }
    const std::vector<int32_t> zeros(static_cast<size_t>(batch), q.in_zero);
    for (const KernelTable* t : tables()) {
      for (int threads : {1, 3}) {
        const DepthwiseQ conv(*t, shape, q, threads);
        std::vector<std::byte> scratch(static_cast<size_t>(conv.scratch_bytes()));
        std::vector<int32_t> raw(expected.size());
        const AccumulatorSink sink = [&](int64_t row, int64_t rows, int64_t channel, int64_t n, const int32_t* acc) {
          ASSERT_EQ(channel, 0);
          std::copy_n(acc, rows * n, raw.begin() + row * n);
        };
        ThreadPool pool(threads);
        conv.accumulate(x.data(), zeros.data(), sink, pool, scratch.data());
        ASSERT_EQ(raw, expected) << isa_name(t->isa) << ", trial " << trial << ", channels " << c << ", strides " << sh
                                 << " " << sw;
      }
    }
  }
}

}  // namespace
}  // namespace hone::cpu

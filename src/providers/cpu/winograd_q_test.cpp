#include "providers/cpu/winograd_q.h"

#include "providers/cpu/kernels/kernels_test.h"
#include "providers/cpu/kernels/variants.h"

namespace hone::cpu {
namespace {

struct Case {
  ConvShape shape;
  ConvQuant quant;
  std::vector<uint8_t> x, residual;
  BinaryQ sum;
};

// Weights up to `largest`; bytes at the ends of their range as often as between.
Case make_case(Random& random, const ConvShape& shape, bool is_unsigned, int32_t w_zero, int32_t largest, float scale) {
  Case c{.shape = shape, .quant = {}, .x = {}, .residual = {}, .sum = {}};
  const int64_t n = shape.out_c;
  ConvQuant& q = c.quant;
  q.in_unsigned = is_unsigned;
  q.in_zero = static_cast<int32_t>(random.integer(0, 255)) - (is_unsigned ? 0 : 128);
  q.out_zero = 3;
  q.out_min = -100;
  q.w_zero = w_zero;
  q.w = random.bytes<int8_t>(n * shape.depth());
  for (auto& w : q.w)
    w = static_cast<int8_t>(random.integer(0, 2) == 0 ? largest * (w < 0 ? -1 : 1) : w % (largest + 1));
  q.w_scale.assign(static_cast<size_t>(n), scale);
  for (int64_t i = 0; i < n; ++i) q.bias.push_back(static_cast<int32_t>(random.integer(-5000, 5000)));
  c.x = random.bytes<uint8_t>(shape.batch * shape.in_h * shape.in_w * shape.in_c);
  for (auto& x : c.x) {
    const bool is_end = random.integer(0, 1) == 0;
    if (is_end) x = is_unsigned ? (x < 128 ? 0 : 255) : (x < 128 ? 127 : 128);
  }
  c.residual = random.bytes<uint8_t>(shape.batch * shape.pixels() * n);
  c.sum = {.x_zero = 3,
           .y_zero = -5,
           .z_zero = 7,
           .x_scale = 0.7f,
           .y_scale = 0.4f,
           .lo = -135,
           .hi = 120,
           .x_unsigned = false,
           .y_unsigned = false};
  return c;
}

template <class Layer>
std::vector<uint8_t> result(const Layer& layer, const Case& c, int threads, bool adds) {
  const auto n = static_cast<int64_t>(c.residual.size());
  auto y = guarded<uint8_t>(n, 77);
  std::copy(c.residual.begin(), c.residual.end(), y.begin());  // the residual may be the result's own place
  AlignedBuffer scratch(static_cast<size_t>(layer.scratch_bytes()));
  ThreadPool pool(threads);
  layer.run(c.x.data(), y.data(), pool, scratch.data(), adds ? y.data() : nullptr, c.sum);
  EXPECT_TRUE(is_intact(y, n, uint8_t{77})) << "wrote behind its end";
  y.resize(static_cast<size_t>(n));
  return y;
}

ConvShape shape_of(int64_t batch, int64_t h, int64_t w, int64_t c, int64_t n, int64_t pad) {
  return {.batch = batch,
          .in_h = h,
          .in_w = w,
          .in_c = c,
          .out_h = h + 2 * pad - 2,
          .out_w = w + 2 * pad - 2,
          .out_c = n,
          .kernel_h = 3,
          .kernel_w = 3,
          .pad_top = pad,
          .pad_left = pad};
}

// The plain product of every byte is the judge, on every level, for any number of threads.
TEST(WinogradQ, GivesTheBytesOfPlainSumsAtTheEndsOfBothRanges) {
  Random random;
  for (const ConvShape& s : {shape_of(2, 16, 16, 8, 8, 1), shape_of(1, 13, 18, 17, 33, 1),
                             shape_of(2, 19, 15, 20, 9, 0), shape_of(1, 15, 17, 40, 70, 2)}) {
    for (const int32_t w_zero : {0, 77}) {
      for (const float scale : {0.0004f, 1.0f}) {
        const Case c = make_case(random, s, w_zero != 0 || scale == 1, w_zero, 127, scale);
        ASSERT_TRUE(WinogradQ::suits(c.shape, c.quant));
        const KernelTable& portable = kernels_for(Isa::kPortable);
        for (const bool adds : {false, true}) {
          const std::vector<uint8_t> expected =
              result(DenseQ(portable, run_time_gemm_s8_of(portable), s, c.quant, 1), c, 1, adds);
          for (const KernelTable* t : tables()) {
            if (t->winograd_s8.gemm == nullptr) continue;
            for (int threads : {1, 3}) {
              ASSERT_EQ(result(WinogradQ(*t, s, c.quant, threads), c, threads, adds), expected)
                  << isa_name(t->isa) << ", " << threads << " threads, scale " << scale << ", zero " << w_zero;
            }
          }
        }
      }
    }
  }
}

TEST(WinogradQ, LeavesWeightsWhoseSumsCouldReachItsModulusToOthers) {
  const ConvShape s = shape_of(1, 16, 16, 128, 8, 1);
  ConvQuant q;
  q.in_zero = -128;
  q.w.assign(static_cast<size_t>(s.out_c * s.depth()), 113);  // 9 · 128 · 113 · 255 < 2²⁵
  EXPECT_TRUE(WinogradQ::suits(s, q));
  std::fill(q.w.begin(), q.w.begin() + 9 * 128, int8_t{115});
  EXPECT_FALSE(WinogradQ::suits(s, q));
}

}  // namespace
}  // namespace hone::cpu

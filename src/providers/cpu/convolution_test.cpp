#include "providers/cpu/convolution_test.h"

namespace hone::cpu {
namespace {

TEST(DenseF32, IsNearPlainSumsAndTheSameForAnyNumberOfThreads) {
  Random random;
  const ConvShape shapes[] = {
      {.batch = 2,
       .in_h = 5,
       .in_w = 6,
       .in_c = 70,
       .out_c = 90,
       .kernel_h = 3,
       .kernel_w = 3,
       .stride_h = 2,
       .stride_w = 2,
       .pad_top = 1,
       .pad_left = 1},
      {.in_h = 7, .in_w = 7, .in_c = 40, .out_c = 130},
      {.in_w = 1, .in_c = 300, .out_c = 70},
      {.in_w = 29, .in_c = 9, .out_c = 10},
  };
  for (const ConvShape& s : shapes) {
    const Layer l = layer(random, s, s.pad_top, s.pad_left);
    expect_right(l, 4e-7, [&](const KernelTable& t, int threads) {
      return DenseF32(gemm_f32_of(t), l.shape, l.w.data(), l.bias.data(), threads);
    });
  }
}

}  // namespace
}  // namespace hone::cpu

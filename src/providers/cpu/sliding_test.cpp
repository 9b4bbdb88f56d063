#include "providers/cpu/sliding.h"

#include "providers/cpu/convolution_test.h"

namespace hone::cpu {
namespace {

TEST(SlidingF32, IsNearPlainSumsAtEveryEdgeAndTheSameForAnyNumberOfThreads) {
  Random random;
  const ConvShape shapes[] = {
      {.batch = 2,
       .in_h = 17,
       .in_w = 23,
       .in_c = 3,
       .out_c = 20,
       .kernel_h = 3,
       .kernel_w = 3,
       .stride_h = 2,
       .stride_w = 2},
      {.in_h = 20,
       .in_w = 9,
       .in_c = 1,
       .out_c = 33,
       .kernel_h = 10,
       .kernel_w = 4,
       .stride_h = 2,
       .stride_w = 2,
       .pad_top = 4,
       .pad_left = 1},
      {.in_h = 11, .in_w = 12, .in_c = 18, .out_c = 7, .kernel_h = 2, .kernel_w = 3, .pad_top = 5, .pad_left = 5},
      {.in_h = 1, .in_w = 40, .in_c = 8, .out_c = 24, .kernel_w = 5, .stride_w = 3, .pad_left = 2},
  };
  for (const ConvShape& s : shapes) {
    for (int64_t more : {0, 2}) {
      const Layer l = layer(random, s, more, more);
      ASSERT_TRUE(SlidingF32::suits(l.shape));
      expect_right(l, 4e-7, [&](const KernelTable& t, int threads) {
        return SlidingF32(gemm_f32_of(t), l.shape, l.w.data(), l.bias.data(), threads);
      });
    }
  }
}

// Of a thousand lines that dilated rows reach over three are read: they are gathered.
TEST(SlidingF32, LeavesDilatedRowsToOthers) {
  ConvShape s{.in_h = 9, .in_w = 32, .in_c = 8, .out_h = 9, .out_w = 32, .out_c = 8, .kernel_h = 3, .kernel_w = 1};
  EXPECT_TRUE(SlidingF32::suits(s));
  s.dilation_h = 1000;
  EXPECT_FALSE(SlidingF32::suits(s));
}

}  // namespace
}  // namespace hone::cpu

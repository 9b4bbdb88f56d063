#include "providers/cpu/winograd.h"

#include <array>

#include "providers/cpu/convolution_test.h"

namespace hone::cpu {
namespace {

TEST(WinogradF32, IsNearPlainSumsAtEveryEdgeAndTheSameForAnyNumberOfThreads) {
  Random random;
  for (const auto& [h, w, c, n, pad] :
       {std::array<int64_t, 5>{16, 16, 8, 8, 1}, {13, 18, 17, 33, 1}, {19, 15, 20, 9, 0}, {15, 17, 40, 70, 2}}) {
    const ConvShape s{.batch = 2,
                      .in_h = h,
                      .in_w = w,
                      .in_c = c,
                      .out_c = n,
                      .kernel_h = 3,
                      .kernel_w = 3,
                      .pad_top = pad,
                      .pad_left = pad};
    const Layer l = layer(random, s, pad, pad / 2);
    ASSERT_TRUE(WinogradF32::suits(l.shape));
    expect_right(l, 3e-6, [&](const KernelTable& t, int threads) {
      return WinogradF32(t.winograd_f32, gemm_f32_of(t), l.shape, l.w.data(), l.bias.data(), threads);
    });
  }
}

TEST(WinogradF32, LeavesOtherConvolutionsToOthers) {
  const ConvShape right{.in_h = 32,
                        .in_w = 32,
                        .in_c = 32,
                        .out_h = 32,
                        .out_w = 32,
                        .out_c = 32,
                        .kernel_h = 3,
                        .kernel_w = 3,
                        .pad_top = 1,
                        .pad_left = 1};
  EXPECT_TRUE(WinogradF32::suits(right));
  for (auto change : {+[](ConvShape& s) { s.stride_w = 2; }, +[](ConvShape& s) { s.dilation_h = 2; },
                      +[](ConvShape& s) { s.kernel_h = 5; }, +[](ConvShape& s) { s.groups = 2; },
                      +[](ConvShape& s) { s.in_c = 3; }, +[](ConvShape& s) { s.out_h = s.out_w = 4; }}) {
    ConvShape other = right;
    change(other);
    EXPECT_FALSE(WinogradF32::suits(other));
  }
}

}  // namespace
}  // namespace hone::cpu

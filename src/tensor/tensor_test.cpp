#include "tensor/tensor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/error.h"

namespace hone {
namespace {

TEST(Half, ConvertsEveryBitPatternThereAndBack) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    Half h;
    h.bits = static_cast<uint16_t>(bits);
    const float f = h;
    if (std::isnan(f)) continue;
    EXPECT_EQ(Half(f).bits, h.bits) << bits;
  }
}

TEST(Half, RoundsToNearestEven) {
  EXPECT_EQ(float(Half(1.0f + 0x1p-11f)), 1.0f);
  EXPECT_EQ(float(Half(1.0f + 3 * 0x1p-11f)), 1.0f + 0x1p-9f);
  EXPECT_TRUE(std::isinf(float(Half(65520.0f))));
  EXPECT_EQ(float(Half(65519.0f)), 65504.0f);
}

TEST(Tensor, RefusesAnImpossibleSize) {
  EXPECT_THROW(Tensor::empty(DType::kF32, {int64_t(1) << 40, int64_t(1) << 40}), Error);
  EXPECT_THROW(Tensor::empty(DType::kF32, {-1}), Error);
}

TEST(Tensor, QuantizeRoundsHalfToEvenAndSaturates) {
  const Tensor x = Tensor::of<float>({5}, {0.25f, 0.75f, -100.0f, 100.0f, 0.0f});
  const Tensor q = quantize(x, DType::kI8, QuantParams::per_tensor(0.5f, 1));
  EXPECT_EQ(to_ints(q), (std::vector<int64_t>{1, 3, -128, 127, 1}));
}

TEST(Tensor, PerChannelQuantizationUsesItsAxis) {
  const Tensor x = Tensor::of<float>({2, 2}, {1, 1, 1, 1});
  const Tensor q = quantize(x, DType::kI8, QuantParams::per_channel({1.0f, 0.5f}, {0, 0}, 0));
  EXPECT_EQ(to_ints(q), (std::vector<int64_t>{1, 1, 2, 2}));
  EXPECT_EQ(to_doubles(q), (std::vector<double>{1, 1, 1, 1}));
}

TEST(Shape, BroadcastsOrSaysWhyNot) {
  EXPECT_EQ(broadcast(Dims{3, 1}, Dims{2, 1, 4}), (Dims{2, 3, 4}));
  EXPECT_THROW(broadcast(Dims{3}, Dims{4}), Error);
  EXPECT_EQ(to_text(broadcast(Shape{Dim("n"), 1}, Shape{1, 5})), "[n,5]");
}

TEST(Cast, SaturatesFloatsThatDoNotFit) {
  const Tensor x = Tensor::of<float>({3}, {1e20f, -1e20f, std::numeric_limits<float>::quiet_NaN()});
  EXPECT_EQ(to_ints(cast(x, DType::kI32)),
            (std::vector<int64_t>{std::numeric_limits<int32_t>::max(), std::numeric_limits<int32_t>::min(), 0}));
}

}  // namespace
}  // namespace hone

#include "ops/norm.h"

#include <cmath>
#include <limits>

#include "ops/inverse_sqrt.h"
#include "support/op_runner.h"

namespace hone {
namespace {

using namespace hone::testing;

TEST(BatchNorm, NormalizesWithGivenStatistics) {
  const Tensor x = counting({1, 2, 2}), scale = Tensor::of<float>({2}, {1, 2}), bias = Tensor::of<float>({2}, {0, 10});
  const Tensor mean = Tensor::of<float>({2}, {1, 2}), variance = Tensor::of<float>({2}, {4, 1});
  expect_near(run_op(BatchNorm{.epsilon = 0}, {x, scale, bias, mean, variance})[0], {1, 2, 2}, {0, 10, 1, 14});
}

TEST(BatchNorm, MovesRunningStatisticsWhenTraining) {
  const Tensor x = counting({2, 1}), one = Tensor::of<float>({1}, {1}), zero = Tensor::of<float>({1}, {0});
  const auto y =
      run_op(BatchNorm{.epsilon = 0, .momentum = 0.5f, .training = true}, {x, one, zero, zero, one}, {.outputs = 3});
  expect_near(y[0], {2, 1}, {-1, 1});
  expect_near(y[1], {1}, {0.75});
  expect_near(y[2], {1}, {0.625});
}

TEST(BatchNorm, RejectsVectorsOfOtherLength) {
  EXPECT_EQ(error_of([] {
              infer_op(BatchNorm{}, {f32({1, 4}), f32({4}), f32({3}), f32({4}), f32({4})});
            }),
            "batchnorm: bias has shape [3], expected [4]");
}

TEST(InstanceNorm, NormalizesEachImageAndChannel) {
  const Tensor x = Tensor::of<float>({2, 2, 1}, {1, 3, 10, 30});
  expect_near(run_op(InstanceNorm{.epsilon = 0}, {x, Tensor::of<float>({1}, {2}), Tensor::of<float>({1}, {1})})[0],
              {2, 2, 1}, {-1, 3, -1, 3});
}

TEST(GroupNorm, SharesStatisticsInsideAGroup) {
  const Tensor x = Tensor::of<float>({1, 1, 4}, {1, 3, 10, 30}), one = Tensor::of<float>({4}, {1, 1, 1, 1});
  const Tensor zero = Tensor::of<float>({4}, {0, 0, 0, 0});
  expect_near(run_op(GroupNorm{.groups = 2, .epsilon = 0}, {x, one, zero})[0], {1, 1, 4}, {-1, 1, -1, 1});
  EXPECT_EQ(error_of([&] {
              run_op(GroupNorm{.groups = 3}, {x, one, zero});
            }),
            "groupnorm: 4 channels do not divide into 3 groups");
}

TEST(LayerNorm, GivesMeanAndInverseDeviation) {
  const Tensor x = Tensor::of<float>({2, 2}, {1, 3, 10, 30}), scale = Tensor::of<float>({2}, {1, 2});
  const auto y = run_op(LayerNorm{.epsilon = 0}, {x, scale}, {.outputs = 3});
  expect_near(y[0], {2, 2}, {-1, 2, -1, 2});
  expect_near(y[1], {2, 1}, {2, 20});
  expect_near(y[2], {2, 1}, {1, 0.1});
}

TEST(LayerNorm, GivesStatisticsOfEmptyRows) {
  const auto y =
      run_op(LayerNorm{}, {Tensor::zeros(DType::kF32, {2, 0}), Tensor::zeros(DType::kF32, {0})}, {.outputs = 2});
  EXPECT_EQ(y[1].dims(), (Dims{2, 1}));
}

TEST(Lrn, SumsOverAWindowOfChannels) {
  const Tensor x = counting({1, 1, 3});
  expect_near(run_op(Lrn{.size = 2, .alpha = 2, .beta = 1, .bias = 0}, {x})[0], {1, 1, 3},
              {1.0 / 5, 2.0 / 13, 3.0 / 9});
}

TEST(Softmax, SumsToOneAlongItsAxis) {
  const double e = std::exp(1.0);
  expect_near(run_op(Softmax{}, {Tensor::of<float>({1, 2}, {1000, 1001})})[0], {1, 2}, {1 / (1 + e), e / (1 + e)});
  expect_near(run_op(Softmax{.axis = 0, .beta = 2}, {Tensor::of<float>({2, 1}, {0, 0.5f})})[0], {2, 1},
              {1 / (1 + e), e / (1 + e)});
  EXPECT_EQ(error_of([] {
              infer_op(Softmax{.axis = 2}, {f32({1, 2})});
            }),
            "softmax: axis 2 is outside a tensor of rank 2");
}

TEST(Softmax, RoundsStoredProbabilities) {
  const Tensor x = stored<int8_t>({1, 2}, {10, 20}, 0.1f, 0);
  const TensorType out{DType::kI8, {1, 2}, QuantParams::per_tensor(1.0f / 256, -128)};
  // 0.26894, 0.73106 in steps of 1/256: 68.85, 187.15
  EXPECT_EQ(to_ints(run_op(Softmax{}, {x}, {.output_types = {out}})[0].with_quant(nullptr)), (Dims{-59, 59}));
}

TEST(Softmax, LooksUpSixteenBitExponentials) {
  const Tensor x = stored<int16_t>({1, 2}, {0, 1000}, 0.001f, 0);
  const TensorType out{DType::kI16, {1, 2}, QuantParams::per_tensor(1.0f / 32768, 0)};
  const Dims y = to_ints(run_op(Softmax{}, {x}, {.output_types = {out}})[0].with_quant(nullptr));
  EXPECT_NEAR(static_cast<double>(y[0]), 32768 * 0.268941, 8);
  EXPECT_NEAR(static_cast<double>(y[1]), 32768 * 0.731059, 8);
  const Tensor one = stored<int16_t>({1, 1}, {-5}, 0.001f, 0);
  const TensorType single{DType::kI16, {1, 1}, out.quant};
  EXPECT_EQ(to_ints(run_op(Softmax{}, {one}, {.output_types = {single}})[0].with_quant(nullptr)), (Dims{32767}));
}

TEST(LogSoftmax, RoundsStoredLogarithms) {
  const Tensor x = stored<int8_t>({1, 2}, {10, 20}, 0.1f, 0);
  const TensorType out{DType::kI8, {1, 2}, QuantParams::per_tensor(16.0f / 256, 127)};
  // −1.31326, −0.31326 in steps of 1/16: −21.01, −5.01
  EXPECT_EQ(to_ints(run_op(LogSoftmax{}, {x}, {.output_types = {out}})[0].with_quant(nullptr)), (Dims{106, 122}));
  expect_near(run_op(LogSoftmax{}, {Tensor::of<float>({2}, {1, 2})})[0], {2}, {-1.313262, -0.313262});
}

TEST(Hardmax, MarksTheFirstMaximum) {
  expect_near(run_op(Hardmax{}, {Tensor::of<float>({1, 3}, {1, 3, 3})})[0], {1, 3}, {0, 1, 0});
}

TEST(InverseSqrt, IsCloseToTheRealOne) {
  for (int32_t x : {2, 3, 100, 65535, 1 << 20, std::numeric_limits<int32_t>::max()}) {
    const FixedMultiplier m = inverse_sqrt(x);
    EXPECT_NEAR(std::ldexp(m.value, m.shift - 31) * std::sqrt(static_cast<double>(x)), 1, 1e-5) << x;
  }
}

TEST(L2Normalize, DividesByTheNorm) {
  expect_near(run_op(L2Normalize{}, {Tensor::of<float>({1, 2}, {3, 4})})[0], {1, 2}, {0.6, 0.8});
  const Tensor x = stored<int8_t>({1, 2}, {3, 4}, 0.5f, 0);
  const TensorType out{DType::kI8, {1, 2}, QuantParams::per_tensor(1.0f / 128, 0)};
  EXPECT_EQ(to_ints(run_op(L2Normalize{}, {x}, {.output_types = {out}})[0].with_quant(nullptr)), (Dims{77, 102}));
  const Tensor u = stored<uint8_t>({1, 2}, {103, 104}, 0.5f, 100);
  const TensorType out_u{DType::kU8, {1, 2}, QuantParams::per_tensor(1.0f / 128, 128)};
  EXPECT_EQ(to_ints(run_op(L2Normalize{}, {u}, {.output_types = {out_u}})[0].with_quant(nullptr)), (Dims{205, 230}));
}

TEST(LpNormalize, LeavesAZeroVectorAlone) {
  expect_near(run_op(LpNormalize{.axis = 1, .p = 1}, {Tensor::of<float>({2, 2}, {1, -3, 0, 0})})[0], {2, 2},
              {0.25, -0.75, 0, 0});
  EXPECT_EQ(error_of([] { infer_op(LpNormalize{.p = 3}, {f32({2})}); }), "lpnormalize: p is 3, expected 1 or 2");
}

TEST(MeanVarianceNormalize, NormalizesOverItsAxes) {
  const Tensor x = Tensor::of<float>({2, 2}, {1, 10, 3, 30});
  expect_near(run_op(MeanVarianceNormalize{.axes = {0}}, {x})[0], {2, 2}, {-1, -1, 1, 1});
}

TEST(NllLoss, WeighsAndIgnoresTargets) {
  const Tensor p = Tensor::of<float>({2, 2}, {-1, -2, -3, -4}), t = Tensor::of<int64_t>({2}, {1, 0});
  const Tensor w = Tensor::of<float>({2}, {3, 1});
  expect_near(run_op(NllLoss{.reduction = LossReduction::none}, {p, t})[0], {2}, {2, 3});
  expect_near(run_op(NllLoss{}, {p, t, w})[0], {}, {(2 * 1 + 3 * 3) / 4.0});
  expect_near(run_op(NllLoss{.reduction = LossReduction::sum, .ignore_index = 0, .has_ignore_index = true}, {p, t})[0],
              {}, {2});
  EXPECT_EQ(error_of([&] {
              run_op(NllLoss{}, {p, Tensor::of<int64_t>({2}, {1, 2})});
            }),
            "nllloss: target 2 is not a class, expected 0 to 1");
}

TEST(SoftmaxCrossEntropyLoss, GivesLossAndLogProbabilities) {
  const Tensor x = Tensor::of<float>({1, 2}, {1, 2}), t = Tensor::of<int32_t>({1}, {0});
  const auto y = run_op(SoftmaxCrossEntropyLoss{}, {x, t}, {.outputs = 2});
  expect_near(y[0], {}, {1.313262});
  expect_near(y[1], {1, 2}, {-1.313262, -0.313262});
}

}  // namespace
}  // namespace hone

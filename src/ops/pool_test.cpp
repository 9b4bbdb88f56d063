#include "ops/pool.h"

#include <cmath>

#include "support/op_runner.h"

namespace hone {
namespace {

using namespace hone::testing;

TEST(MaxPool, TakesTheLargestAndSaysWhereItStood) {
  const Tensor x = Tensor::of<float>({1, 2, 2, 2}, {1, 8, 2, 7, 3, 6, 4, 5});
  const auto y = run_op(MaxPool{.kernel = {2, 2}}, {x}, {.outputs = 2});
  expect_near(y[0], {1, 1, 1, 2}, {4, 8});
  EXPECT_EQ(to_ints(y[1]), (Dims{3, 4}));  // channel 0 at (1,1); channel 1 at (0,0) of the NCHW tensor
}

TEST(MaxPool, CountsColumnsFirstWhenAsked) {
  const auto y = run_op(MaxPool{.kernel = {1, 2}, .column_major = true}, {counting({1, 2, 3, 1})}, {.outputs = 2});
  EXPECT_EQ(to_ints(y[1]), (Dims{2, 4, 3, 5}));
}

TEST(MaxPool, TakesATensorWithoutChannels) {
  const auto y = run_op(MaxPool{.kernel = {2}}, {Tensor::zeros(DType::kF32, {1, 3, 0})}, {.outputs = 2});
  EXPECT_EQ(y[0].dims(), (Dims{1, 2, 0}));
}

TEST(MaxPool, IgnoresPadding) {
  const Tensor x = Tensor::of<float>({1, 2, 1}, {-3, -2});
  expect_near(run_op(MaxPool{.kernel = {3}, .pads = {1, 1}}, {x})[0], {1, 2, 1}, {-2, -2});
}

TEST(MaxPool, PoolsStoredIntegers) {
  const Tensor x = stored<int8_t>({1, 2, 1}, {-3, 90}, 0.1f, 0);
  const TensorType out{DType::kI8, {1, 1, 1}, QuantParams::per_tensor(0.1f, 0)};
  EXPECT_EQ(to_ints(run_op(MaxPool{.kernel = {2}, .act_max = 6}, {x}, {.output_types = {out}})[0].with_quant(nullptr)),
            (Dims{60}));
}

TEST(MaxPool, RejectsWindowLargerThanInput) {
  EXPECT_EQ(error_of([] {
              infer_op(MaxPool{.kernel = {3}}, {f32({1, 2, 1})});
            }),
            "maxpool: window of size 3 does not fit into input of size 2 with padding 0 + 0");
  EXPECT_EQ(error_of([] {
              infer_op(MaxPool{.kernel = {3}}, {f32({1, 2, 2, 1})});
            }),
            "maxpool: kernel [3] has 1 entries, input has 2 spatial dimensions");
}

TEST(AveragePool, CountsPaddingOnlyWhenAsked) {
  const Tensor x = Tensor::of<float>({1, 2, 1}, {3, 6});
  expect_near(run_op(AveragePool{.kernel = {3}, .pads = {1, 1}}, {x})[0], {1, 2, 1}, {4.5, 4.5});
  expect_near(run_op(AveragePool{.kernel = {3}, .pads = {1, 1}, .count_include_pad = true}, {x})[0], {1, 2, 1}, {3, 3});
}

TEST(AveragePool, DoesNotCountWhatCeilModeAddsBeyondThePadding) {
  const Tensor x = counting({1, 3, 1});
  const AveragePool op{.kernel = {2}, .strides = {2}, .ceil_mode = true, .count_include_pad = true};
  expect_near(run_op(op, {x})[0], {1, 2, 1}, {1.5, 3});
}

TEST(AveragePool, RoundsStoredIntegersAwayFromZero) {
  const Tensor x = stored<int8_t>({1, 4, 1}, {1, 2, -1, -2}, 0.1f, 0);
  const TensorType out{DType::kI8, {1, 2, 1}, QuantParams::per_tensor(0.1f, 0)};
  const AveragePool op{.kernel = {2}, .strides = {2}};
  EXPECT_EQ(to_ints(run_op(op, {x}, {.output_types = {out}})[0].with_quant(nullptr)), (Dims{2, -2}));
}

TEST(AveragePool, SkipsTapsOutsideWithoutVisitingThem) {
  const AveragePool op{.kernel = {int64_t(1) << 31}, .auto_pad = AutoPad::same_upper};
  expect_near(run_op(op, {counting({1, 3, 1})})[0], {1, 3, 1}, {2, 2, 2});
}

TEST(LpPool, TakesNormsAndMeans) {
  const Tensor x = Tensor::of<float>({1, 2, 1}, {3, -4});
  expect_near(run_op(LpPool{.kernel = {2}}, {x})[0], {1, 1, 1}, {5});
  expect_near(run_op(LpPool{.kernel = {2}, .p = 1}, {x})[0], {1, 1, 1}, {7});
  expect_near(run_op(LpPool{.kernel = {2}, .mean = true}, {x})[0], {1, 1, 1}, {std::sqrt(12.5)});
}

TEST(MaxUnpool, PutsValuesBackWhereTheyStood) {
  const Tensor x = counting({1, 1, 1, 2}), at = Tensor::of<int64_t>({1, 1, 1, 2}, {3, 4});
  const MaxUnpool op{.kernel = {2, 2}, .strides = {2, 2}};
  expect_near(run_op(op, {x, at})[0], {1, 2, 2, 2}, {0, 2, 0, 0, 0, 0, 1, 0});
  EXPECT_EQ(error_of([&] {
              run_op(op, {x, Tensor::of<int64_t>({1, 1, 1, 2}, {3, 8})});
            }),
            "maxunpool: index 8 lies outside the result of shape [1, 2, 2, 2]");
}

TEST(RoiAlign, AveragesBilinearSamples) {
  const Tensor x = counting({1, 2, 2, 1}), rois = Tensor::of<float>({1, 4}, {0, 0, 2, 2});
  const Tensor batch = Tensor::of<int64_t>({1}, {0});
  const RoiAlign op{.output_height = 1, .output_width = 1, .sampling_ratio = 1};
  expect_near(run_op(op, {x, rois, batch})[0], {1, 1, 1, 1}, {2.5});
  EXPECT_EQ(error_of([&] { run_op(op, {x, rois, Tensor::of<int64_t>({1}, {5})}); }), "roialign: image 5 of 1");
  EXPECT_EQ(error_of([&] {
              run_op(op, {x, Tensor::of<float>({1, 4}, {0, 0, 1e30f, 2}), batch});
            }),
            "roialign: region coordinate 1.0000000150474662e+30");
}

TEST(MaxRoiPool, RoundsCornersToPixels) {
  const Tensor x = counting({1, 3, 3, 1}), rois = Tensor::of<float>({2, 5}, {0, 0, 0, 1.2f, 1, 0, 1, 1, 2, 2});
  expect_near(run_op(MaxRoiPool{.pooled_shape = {1, 1}}, {x, rois})[0], {2, 1, 1, 1}, {5, 9});
}

}  // namespace
}  // namespace hone

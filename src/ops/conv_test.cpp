#include "ops/conv.h"

#include "ops/window.h"
#include "support/op_runner.h"

namespace hone {
namespace {

using namespace hone::testing;

TEST(Window, SameUpperPutsTheOddElementAtTheEnd) {
  const int64_t kernel[] = {3}, strides[] = {2}, in[] = {4};
  WindowSpec spec{.kernel = kernel, .strides = strides, .auto_pad = AutoPad::same_upper};
  const WindowAxis upper = resolve_window("test", spec, in)[0];
  EXPECT_EQ(upper.out, 2);
  EXPECT_EQ(upper.pad_begin, 0);
  EXPECT_EQ(upper.pad_end, 1);
  spec.auto_pad = AutoPad::same_lower;
  EXPECT_EQ(resolve_window("test", spec, in)[0].pad_begin, 1);
}

TEST(Window, CeilModeDropsAWindowThatStartsInTheRightPadding) {
  const int64_t kernel[] = {2}, strides[] = {2}, pads[] = {0, 1}, in[] = {4}, odd[] = {5};
  const WindowSpec spec{.kernel = kernel, .strides = strides, .pads = pads, .ceil_mode = true};
  EXPECT_EQ(resolve_window("test", spec, in)[0].out, 2);
  EXPECT_EQ(resolve_window("test", spec, odd)[0].out, 3);
}

TEST(Window, KeepsASymbolWhenTheSizeDoesNotChange) {
  const int64_t kernel[] = {3}, pads[] = {1, 1}, strides[] = {2};
  const Shape x{Dim("n"), Dim("w"), 4};
  EXPECT_EQ(window_shape("test", {.kernel = kernel, .pads = pads}, x, 8), (Shape{Dim("n"), Dim("w"), 8}));
  EXPECT_EQ(window_shape("test", {.kernel = kernel, .strides = strides, .pads = pads}, x, 8),
            (Shape{Dim("n"), Dim(), 8}));
}

TEST(Conv, SumsAThreeByThreeWindow) {
  const Tensor x = counting({1, 3, 3, 1});
  const Tensor w = Tensor::of<float>({1, 3, 3, 1}, {1, 1, 1, 1, 1, 1, 1, 1, 1});
  expect_near(run_op(Conv{}, {x, w})[0], {1, 1, 1, 1}, {45});
  expect_near(run_op(Conv{.pads = {1, 1, 1, 1}}, {x, w})[0], {1, 3, 3, 1}, {12, 21, 16, 27, 45, 33, 24, 39, 28});
}

TEST(Conv, AddsBiasThenClamps) {
  const Tensor x = counting({1, 1, 2, 1});
  const Tensor w = Tensor::of<float>({2, 1, 1, 1}, {1, -1}), b = Tensor::of<float>({2}, {0.5f, 0});
  expect_near(run_op(Conv{.act_min = 0, .act_max = 2}, {x, w, b})[0], {1, 1, 2, 2}, {1.5, 0, 2, 0});
}

TEST(Conv, ComputesDepthwiseWithMultiplierAndGroups) {
  const Tensor x = Tensor::of<float>({1, 1, 1, 2}, {2, 3});
  const Tensor w = Tensor::of<float>({4, 1, 1, 1}, {1, 10, 100, 1000});
  expect_near(run_op(Conv{.groups = 2}, {x, w})[0], {1, 1, 1, 4}, {2, 20, 300, 3000});
  const Tensor x4 = counting({1, 1, 1, 4}), w4 = Tensor::of<float>({2, 1, 1, 2}, {1, 1, 1, -1});
  expect_near(run_op(Conv{.groups = 2}, {x4, w4})[0], {1, 1, 1, 2}, {3, -1});
}

TEST(Conv, WorksOverOneAndThreeSpatialAxes) {
  expect_near(
      run_op(Conv{.strides = {2}, .dilations = {2}}, {counting({1, 5, 1}), Tensor::of<float>({1, 2, 1}, {1, 10})})[0],
      {1, 2, 1}, {31, 53});
  expect_near(
      run_op(Conv{}, {counting({1, 2, 2, 2, 1}), Tensor::of<float>({1, 2, 2, 2, 1}, {1, 1, 1, 1, 1, 1, 1, 1})})[0],
      {1, 1, 1, 1, 1}, {36});
}

TEST(Conv, ComputesHalfPrecisionInFloat) {
  const Tensor y = run_op(Conv{}, {cast(counting({1, 1, 1, 2}), DType::kF16),
                                   cast(Tensor::of<float>({1, 1, 1, 2}, {0.5f, 2}), DType::kF16)})[0];
  EXPECT_EQ(y.dtype(), DType::kF16);
  expect_near(y, {1, 1, 1, 1}, {4.5});
}

TEST(Conv, SumsBytesInThirtyTwoBits) {
  const Tensor y =
      run_op(Conv{}, {Tensor::of<uint8_t>({1, 1, 1, 2}, {255, 255}), Tensor::of<int8_t>({1, 1, 1, 2}, {-128, 127})})[0];
  EXPECT_EQ(y.dtype(), DType::kI32);
  expect_near(y, {1, 1, 1, 1}, {-255});
}

TEST(Conv, RequantizesPerChannelInFixedPoint) {
  const Tensor x = stored<int8_t>({1, 1, 1, 2}, {13, -7}, 0.5f, 3);  // 5, -5
  const Tensor w = Tensor::of<int8_t>({2, 1, 1, 2}, {4, 2, 100, -100})
                       .with_quant(QuantParams::per_channel({0.25f, 0.01f}, {0, 0}, 0));  // 1, 0.5; 1, -1
  const Tensor b =
      Tensor::of<int32_t>({2}, {8, -200}).with_quant(QuantParams::per_channel({0.125f, 0.005f}, {0, 0}, 0));
  const TensorType out{DType::kI8, {1, 1, 1, 2}, QuantParams::per_tensor(0.1f, -10)};
  // 2.5 + 1 = 3.5 → 35 − 10; 10 − 1 = 9 → 90 − 10
  EXPECT_EQ(to_ints(run_op(Conv{}, {x, w, b}, {.output_types = {out}})[0].with_quant(nullptr)), (Dims{25, 80}));
  EXPECT_EQ(to_ints(run_op(Conv{.act_max = 6}, {x, w, b}, {.output_types = {out}})[0].with_quant(nullptr)),
            (Dims{25, 50}));
}

TEST(Conv, PadsQuantizedInputWithItsZeroPoint) {
  const Tensor x = stored<uint8_t>({1, 1, 1}, {130}, 1.0f, 128);
  const Tensor w = stored<uint8_t>({1, 3, 1}, {129, 129, 129}, 1.0f, 128);
  const TensorType out{DType::kU8, {1, 1, 1}, QuantParams::per_tensor(1.0f, 0)};
  EXPECT_EQ(to_ints(run_op(Conv{.pads = {1, 1}}, {x, w}, {.output_types = {out}})[0].with_quant(nullptr)), (Dims{2}));
}

TEST(Conv, AccumulatesSixteenBitActivationsInSixtyFourBits) {
  const Tensor x = stored<int16_t>({1, 1, 2}, {30000, 30000}, 1e-4f, 0);
  const Tensor w = stored<int8_t>({1, 1, 2}, {100, 100}, 0.01f, 0);
  const Tensor b = Tensor::of<int64_t>({1}, {int64_t(1) << 33});
  const TensorType out{DType::kI16, {1, 1, 1}, QuantParams::per_tensor(1.0f, 0)};
  EXPECT_EQ(to_ints(run_op(Conv{}, {x, w, b}, {.output_types = {out}})[0].with_quant(nullptr)), (Dims{8596}));
}

TEST(Conv, ComputesInFloatWhenTheResultIsNotQuantized) {
  const Tensor x = stored<int8_t>({1, 1, 1}, {10}, 0.5f, 0), w = stored<int8_t>({1, 1, 1}, {3}, 0.5f, 0);
  expect_near(run_op(Conv{}, {x, w})[0], {1, 1, 1}, {7.5});
}

TEST(Conv, RejectsWeightWithWrongChannels) {
  EXPECT_EQ(error_of([] {
              infer_op(Conv{}, {f32({1, 8, 8, 4}), f32({2, 3, 3, 3})});
            }),
            "conv: weight has 3 input channels, input x has 4");
}

TEST(Conv, RejectsBadAttributes) {
  const std::vector<TensorType> types{f32({1, 8, 8, 4}), f32({2, 3, 3, 4})};
  EXPECT_EQ(error_of([&] {
              infer_op(Conv{.strides = {0, 1}}, types);
            }),
            "conv: strides [0, 1] contains 0, expected 1 or more");
  EXPECT_EQ(error_of([&] { infer_op(Conv{.pads = {1, 1}}, types); }), "conv: pads [1, 1] has 2 entries, expected 4");
  EXPECT_EQ(error_of([&] {
              infer_op(Conv{.dilations = {8, 8}}, types);
            }),
            "conv: window of size 17 does not fit into input of size 8 with padding 0 + 0");
  EXPECT_EQ(error_of([&] { infer_op(Conv{.groups = 0}, types); }), "conv: groups is 0, expected 1 or more");
  EXPECT_EQ(error_of([&] {
              infer_op(Conv{}, {types[0], types[1], f32({3})});
            }),
            "conv: bias has shape [3], expected [2]");
  EXPECT_EQ(error_of([&] {
              infer_op(Conv{}, {f32({8, 4}), types[1]});
            }),
            "conv: x has shape [8,4], expected rank 3 to 5");
}

TEST(Conv, RefusesResultsThatNoMemoryHolds) {
  const Tensor x = stored<int8_t>({1, 1, 1, 1}, {1}, 1.0f, 0), w = stored<int8_t>({1, 1, 1, 1}, {1}, 1.0f, 0);
  const int64_t huge = int64_t(1) << 31;
  const TensorType out{DType::kI8, Shape::unranked(), QuantParams::per_tensor(1.0f, 0)};
  EXPECT_EQ(error_of([&] {
              run_op(Conv{.pads = {huge, huge, 0, 0}}, {x, w}, {.output_types = {out}});
            }),
            "a result of more than 2^36 elements");
}

TEST(Conv, CountsMultiplyAccumulates) {
  const TensorType x = f32({1, 4, 4, 8}), w = f32({16, 3, 3, 8}), y = f32({1, 2, 2, 16});
  const std::vector<const TensorType*> in = {&x, &w};
  const std::vector<const TensorType*> out = {&y};
  EXPECT_EQ(Conv::def.macs(Attrs::of(Conv{}), in, out), 2 * 2 * 16 * 3 * 3 * 8);
}

TEST(ConvTranspose, SpreadsEachInputOverItsWindow) {
  const Tensor x = counting({1, 2, 2, 1}), w = Tensor::of<float>({1, 2, 2, 1}, {1, 1, 1, 1});
  expect_near(run_op(ConvTranspose{}, {x, w})[0], {1, 3, 3, 1}, {1, 3, 2, 4, 10, 6, 3, 7, 4});
  expect_near(run_op(ConvTranspose{.strides = {2, 2}}, {x, w})[0], {1, 4, 4, 1},
              {1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4});
}

TEST(ConvTranspose, DerivesPadsFromTheWantedSize) {
  const Tensor x = counting({1, 2, 1}), w = Tensor::of<float>({1, 3, 1}, {1, 10, 100});
  // full result: 1 10 102 20 200
  expect_near(run_op(ConvTranspose{.strides = {2}, .auto_pad = AutoPad::same_upper}, {x, w})[0], {1, 4, 1},
              {1, 10, 102, 20});
  expect_near(run_op(ConvTranspose{.strides = {2}, .auto_pad = AutoPad::same_lower}, {x, w})[0], {1, 4, 1},
              {10, 102, 20, 200});
  expect_near(run_op(ConvTranspose{.strides = {2}, .output_shape = {6}}, {x, w})[0], {1, 6, 1},
              {1, 10, 102, 20, 200, 0});
  expect_near(run_op(ConvTranspose{.strides = {2}, .pads = {1, 1}, .output_padding = {1}}, {x, w})[0], {1, 4, 1},
              {10, 102, 20, 200});
}

TEST(ConvTranspose, KeepsGroupsApart) {
  const Tensor x = Tensor::of<float>({1, 1, 2}, {2, 3}), w = Tensor::of<float>({2, 1, 2}, {1, 10, 100, 1000});
  expect_near(run_op(ConvTranspose{.groups = 2}, {x, w})[0], {1, 1, 4}, {2, 20, 300, 3000});
}

TEST(ConvTranspose, RequantizesInFixedPoint) {
  const Tensor x = stored<int8_t>({1, 2, 1}, {2, 4}, 0.5f, 0), w = stored<int8_t>({1, 2, 1}, {1, 3}, 1.0f, 0);
  const TensorType out{DType::kI8, {1, 3, 1}, QuantParams::per_tensor(0.5f, 1)};
  EXPECT_EQ(to_ints(run_op(ConvTranspose{}, {x, w}, {.output_types = {out}})[0].with_quant(nullptr)),
            (Dims{3, 11, 13}));
}

TEST(ConvTranspose, RejectsWeightWithWrongChannels) {
  EXPECT_EQ(error_of([] {
              infer_op(ConvTranspose{}, {f32({1, 8, 4}), f32({3, 3, 2})});
            }),
            "convtranspose: weight has 3 input channels, input x has 4");
  EXPECT_EQ(error_of([] {
              infer_op(ConvTranspose{.pads = {9, 9}}, {f32({1, 8, 4}), f32({4, 3, 2})});
            }),
            "convtranspose: padding 9 + 9 leaves nothing of an output of size 10");
}

}  // namespace
}  // namespace hone

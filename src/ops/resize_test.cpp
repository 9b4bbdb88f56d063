#include "ops/resize.h"

#include "support/op_runner.h"

namespace hone {
namespace {

using namespace hone::testing;

Tensor scales(std::initializer_list<float> values) {
  return Tensor::of<float>({static_cast<int64_t>(values.size())}, values);
}
Tensor sizes(std::initializer_list<int64_t> values) {
  return Tensor::of<int64_t>({static_cast<int64_t>(values.size())}, values);
}

TEST(Resize, DoublesByNearestNeighbour) {
  expect_near(run_op(Resize{}, {counting({2, 2}), {}, scales({2, 2})})[0], {4, 4},
              {1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4});
}

TEST(Resize, RoundsTheNearestCoordinateAsAsked) {
  const Tensor x = counting({4});
  // coordinates 0.5, 2.5
  const auto half = [&](NearestMode mode) { return run_op(Resize{.nearest_mode = mode}, {x, {}, scales({0.5f})})[0]; };
  expect_near(half(NearestMode::round_prefer_floor), {2}, {1, 3});
  expect_near(half(NearestMode::round_prefer_ceil), {2}, {2, 4});
  expect_near(half(NearestMode::floor), {2}, {1, 3});
  expect_near(half(NearestMode::ceil), {2}, {2, 4});
}

TEST(Resize, InterpolatesLinearly) {
  const Tensor x = Tensor::of<float>({2}, {0, 4});
  const auto run = [&](ResizeCoordinates c, int64_t n) {
    return run_op(Resize{.mode = ResizeMode::linear, .coordinates = c}, {x, {}, {}, sizes({n})})[0];
  };
  expect_near(run(ResizeCoordinates::half_pixel, 4), {4}, {0, 1, 3, 4});
  expect_near(run(ResizeCoordinates::align_corners, 5), {5}, {0, 1, 2, 3, 4});
  expect_near(run(ResizeCoordinates::asymmetric, 4), {4}, {0, 2, 4, 4});
  expect_near(run(ResizeCoordinates::pytorch_half_pixel, 1), {1}, {0});
}

TEST(Resize, InterpolatesCubically) {
  const Tensor x = Tensor::of<float>({4}, {1, 2, 3, 4});
  expect_near(run_op(Resize{.mode = ResizeMode::cubic}, {x, {}, scales({0.5f})})[0], {2}, {1.40625, 3.59375});
  expect_near(
      run_op(Resize{.mode = ResizeMode::cubic, .exclude_outside = true}, {x, {}, scales({0.5f})})[0], {2},
      {(0.59375 * 1 + 0.59375 * 2 - 0.09375 * 3) / 1.09375, 5 - (0.59375 * 1 + 0.59375 * 2 - 0.09375 * 3) / 1.09375});
}

TEST(Resize, WidensItsKernelWhenAntialiasing) {
  const Tensor x = Tensor::of<float>({4}, {0, 0, 8, 8});
  expect_near(run_op(Resize{.mode = ResizeMode::linear, .antialias = true}, {x, {}, scales({0.5f})})[0], {2}, {1, 7});
}

TEST(Resize, KeepsTheAspectRatio) {
  const Resize smaller{.aspect = AspectPolicy::not_larger, .axes = {1, 0}};
  EXPECT_EQ(run_op(smaller, {counting({2, 4}), {}, {}, sizes({8, 6})})[0].dims(), (Dims{4, 8}));
  const Resize larger{.aspect = AspectPolicy::not_smaller, .axes = {0, 1}};
  EXPECT_EQ(run_op(larger, {counting({2, 4}), {}, {}, sizes({6, 8})})[0].dims(), (Dims{6, 12}));
}

TEST(Resize, FillsWhatACropLeavesOutside) {
  const Resize op{
      .mode = ResizeMode::linear, .coordinates = ResizeCoordinates::tf_crop_and_resize, .extrapolation_value = 9};
  expect_near(run_op(op, {Tensor::of<float>({3}, {1, 2, 3}), scales({0.5f, 1.5f}), {}, sizes({3})})[0], {3}, {2, 3, 9});
}

TEST(Resize, KnowsSizesOfAxesItKeeps) {
  Graph g;
  const ValueId x = g.add_input("x", f32({Dim("n"), 4, 4, 3}));
  const ValueId y = g.add(Resize{}, {x, ValueId{}, g.add_constant(scales({1, 2, 0.5f, 1}))});
  EXPECT_EQ(g.type(y).shape, (Shape{Dim("n"), 8, 2, 3}));
}

TEST(Resize, RoundsStoredBytesAsTfliteDoes) {
  const Tensor x = stored<int8_t>({1, 1, 2, 1}, {-10, 11}, 0.1f, 0),
               u = stored<uint8_t>({1, 1, 2, 1}, {10, 31}, 0.1f, 0);
  const Resize op{.mode = ResizeMode::linear, .coordinates = ResizeCoordinates::half_pixel};
  const auto run = [&](const Tensor& t) {
    const TensorType out{t.dtype(), {1, 1, 4, 1}, t.quant()};
    return to_ints(run_op(op, {t, {}, {}, sizes({1, 1, 4, 1})}, {.output_types = {out}})[0].with_quant(nullptr));
  };
  EXPECT_EQ(run(x), (Dims{-10, -5, 6, 11}));
  EXPECT_EQ(run(u), (Dims{10, 15, 26, 31}));
}

TEST(Resize, RejectsImpossibleScalesAndCounts) {
  const Tensor x = counting({2, 2});
  EXPECT_EQ(error_of([&] {
              run_op(Resize{}, {x, {}, scales({1, -2})});
            }),
            "resize: scale is -2, expected a positive number");
  EXPECT_EQ(error_of([&] { run_op(Resize{}, {x, {}, {}, sizes({4})}); }), "resize: sizes has 1 entries, expected 2");
  EXPECT_EQ(error_of([&] {
              infer_op(Resize{.axes = {0, 0}}, {f32({2, 2}), f32({0}), f32({2})});
            }),
            "resize: axes [0, 0] name an axis twice");
}

TEST(GridSample, ReadsBetweenPixels) {
  const Tensor x = counting({1, 2, 2, 1}), grid = Tensor::of<float>({1, 1, 3, 2}, {0, 0, -1, -1, 3, 3});
  expect_near(run_op(GridSample{.align_corners = true}, {x, grid})[0], {1, 1, 3, 1}, {2.5, 1, 0});
  expect_near(run_op(GridSample{.padding = GridPadding::border, .align_corners = true}, {x, grid})[0], {1, 1, 3, 1},
              {2.5, 1, 4});
  expect_near(run_op(GridSample{.padding = GridPadding::reflection, .align_corners = true}, {x, grid})[0], {1, 1, 3, 1},
              {2.5, 1, 1});
  expect_near(run_op(GridSample{.mode = GridMode::nearest}, {x, grid})[0], {1, 1, 3, 1}, {1, 1, 0});
}

TEST(GridSample, RejectsAGridWithoutPairs) {
  EXPECT_EQ(error_of([] {
              infer_op(GridSample{}, {f32({1, 2, 2, 1}), f32({1, 2, 2, 3})});
            }),
            "gridsample: x [1,2,2,1] and grid [1,2,2,3], expected [N,s…,C] and [N,s'…,k], k = 2 or 3");
}

}  // namespace
}  // namespace hone

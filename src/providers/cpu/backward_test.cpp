#include "ops/backward.h"

#include <gtest/gtest.h>

#include "ops/conv.h"
#include "ops/matmul.h"
#include "providers/cpu/compare_test.h"

namespace hone::cpu {
namespace {

struct Layer {
  Dims x, w;
  Dims strides = {1, 1}, dilations = {1, 1}, pads = {0, 0, 0, 0};
  int64_t groups = 1;
};

std::vector<Layer> layers() {
  return {{{2, 9, 7, 5}, {6, 3, 3, 5}, {1, 1}, {1, 1}, {1, 1, 1, 1}},
          {{3, 8, 8, 16}, {35, 3, 3, 16}, {2, 2}, {1, 1}, {0, 0, 1, 1}},
          {{9, 6, 6, 17}, {8, 1, 1, 17}},
          {{2, 6, 6, 17}, {8, 1, 1, 17}, {2, 2}},
          {{2, 12, 9, 4}, {6, 3, 2, 4}, {1, 2}, {2, 3}, {2, 1, 0, 3}},
          {{2, 7, 7, 18}, {18, 3, 3, 1}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 18},
          {{2, 7, 8, 5}, {10, 3, 3, 1}, {2, 2}, {1, 1}, {1, 1, 1, 1}, 5},
          {{2, 7, 8, 6}, {9, 3, 3, 2}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 3},
          {{2, 9, 7, 1}, {12, 5, 4, 1}, {2, 2}, {1, 1}, {2, 1, 2, 2}},
          {{2, 40, 40, 3}, {4, 5, 5, 3}, {1, 1}, {1, 1}, {2, 2, 2, 2}}};
}

Conv conv_of(const Layer& l) {
  return {.strides = l.strides, .dilations = l.dilations, .pads = l.pads, .groups = l.groups};
}

/// Builds with three inputs: x, w and something in the shape of the convolution's result.
template <class Build>
void compare(const Layer& l, const Build& build) {
  Graph g;
  const ValueId x = g.add_input("x", {DType::kF32, Shape(l.x), nullptr});
  const ValueId w = g.add_input("w", {DType::kF32, Shape(l.w), nullptr});
  const ValueId y = g.add(conv_of(l), {x, w});
  const Dims shape = g.type(y).shape.dims();
  const ValueId dy = g.add_input("dy", {DType::kF32, Shape(shape), nullptr});
  g.set_outputs({build(g, x, w, dy)});
  g.remove_dead();
  Random random;
  expect_close(g, {random.f32(l.x), random.f32(l.w), random.f32(shape)}, 1e-4);
}

TEST(CpuBackward, ConvolvesWithWeightsThatComeAtRunTime) {
  for (const Layer& l : layers()) {
    compare(l, [&](Graph& g, ValueId x, ValueId w, ValueId) {
      const ValueId bias = g.add_constant(Random().f32({l.w[0]}));
      Conv conv = conv_of(l);
      conv.act_min = 0;
      return g.add(conv, {x, w, bias});
    });
  }
}

TEST(CpuBackward, GivesTheGradientOfWeights) {
  for (const Layer& l : layers()) {
    compare(l, [&](Graph& g, ValueId x, ValueId, ValueId dy) {
      return g.add(ConvWeightGradient{.kernel = Dims(l.w.begin() + 1, l.w.end() - 1),
                                      .strides = l.strides,
                                      .dilations = l.dilations,
                                      .pads = l.pads,
                                      .groups = l.groups},
                   {x, dy});
    });
  }
}

TEST(CpuBackward, GivesTheGradientOfInputs) {
  for (const Layer& l : layers()) {
    compare(l, [&](Graph& g, ValueId, ValueId w, ValueId dy) {
      return g.add(ConvTranspose{.strides = l.strides, .dilations = l.dilations, .pads = l.pads, .groups = l.groups},
                   {dy, w});
    });
  }
}

TEST(CpuBackward, RoundsAsIntegersWould) {
  for (const Dims& scales : {Dims{}, Dims{1}, Dims{5, 1, 1}}) {
    Graph g;
    const ValueId x = g.add_input("x", {DType::kF32, Shape{5, 7, 33}, nullptr});
    const ValueId scale = g.add_input("scale", {DType::kF32, Shape(scales), nullptr});
    g.set_outputs({g.add(FakeQuantize{.low = -7, .high = 7}, {x, scale})});
    Random random;
    expect_close(g, {random.f32({5, 7, 33}), random.f32(scales, 0.05f, 0.2f)});
  }
}

TEST(CpuBackward, LeavesNothingOfALayerToTheReference) {
  for (const Layer& l : layers()) {
    Graph g;
    const ValueId x = g.add_input("x", {DType::kF32, Shape(l.x), nullptr});
    const ValueId w = g.add_input("w", {DType::kF32, Shape(l.w), nullptr});
    const ValueId y = g.add(conv_of(l), {x, w});
    const ValueId dx = g.add(
        ConvTranspose{.strides = l.strides, .dilations = l.dilations, .pads = l.pads, .groups = l.groups}, {y, w});
    const ValueId dw = g.add(ConvWeightGradient{.kernel = Dims(l.w.begin() + 1, l.w.end() - 1),
                                                .strides = l.strides,
                                                .dilations = l.dilations,
                                                .pads = l.pads,
                                                .groups = l.groups},
                             {x, y});
    g.set_outputs({g.add(ClampGradient{.min = 0}, {y, y}), dx, dw});
    const Provider* const providers[] = {&cpu_provider()};
    const auto plan = Plan::compile(g, providers);
    for (const PlannedStep& step : plan->steps()) EXPECT_EQ(step.provider, "cpu") << step.op;
  }
}

}  // namespace
}  // namespace hone::cpu

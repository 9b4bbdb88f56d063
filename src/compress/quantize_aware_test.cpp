#include "compress/quantize_aware.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "compress/recipe.h"
#include "compress/taught.h"
#include "ops/conv.h"
#include "ops/interpreter.h"
#include "ops/matmul.h"
#include "ops/movement.h"
#include "ops/norm.h"
#include "ops/pool.h"
#include "providers/cpu/provider.h"
#include "train/random.h"

namespace hone {
namespace {

Tensor noise(Dims dims, uint64_t seed, float scale) {
  Random random(seed);
  Tensor t = Tensor::empty(DType::kF32, std::move(dims));
  for (float& v : t.mutable_data<float>()) v = scale * static_cast<float>(2 * random.share() - 1);
  return t;
}

/// Four layers, so that two lie between the outer ones that keep eight bits.
Graph net(int64_t seed) {
  const auto s = static_cast<uint64_t>(seed);
  Graph g;
  ValueId y = g.add_input("x", {DType::kF32, Shape{1, 8, 8, 3}, nullptr});
  int64_t in = 3;
  for (uint64_t layer = 0; layer < 3; ++layer, in = 8) {
    const ValueId w = g.add_constant(noise({8, 3, 3, in}, s + layer, 0.4f), "w" + std::to_string(layer));
    const ValueId b = g.add_constant(noise({8}, s + 10 + layer, 0.1f));
    y = g.add(Conv{.pads = {1, 1, 1, 1}, .act_min = 0}, {y, w, b}, {.name = "conv" + std::to_string(layer)});
  }
  y = g.add(AveragePool{.kernel = {8, 8}}, {y});
  y = g.add(Reshape{}, {y, g.add_constant(Tensor::of<int64_t>({2}, {1, 8}))});
  y = g.add(FullyConnected{}, {y, g.add_constant(noise({4, 8}, s + 20, 0.8f))}, {.name = "dense"});
  g.set_outputs({g.add(Softmax{}, {y})});
  return g;
}

SampleSource samples(size_t count, uint64_t seed) {
  return {count, [seed](size_t i) { return std::vector<Tensor>{noise({1, 8, 8, 3}, seed + i, 1)}; }};
}

Evidence evidence() { return {samples(160, 100), {{&cpu_provider()}, {}}}; }

/// Mean difference of the probabilities on fresh samples.
double distance(const Graph& a, const Graph& b) {
  const SampleSource fresh = samples(24, 9000);
  double sum = 0;
  for (size_t i = 0; i < fresh.count; ++i) {
    const auto x = fresh.inputs(i);
    const auto p = to_doubles(evaluate(a, x)[0]), q = to_doubles(evaluate(b, x)[0]);
    for (size_t k = 0; k < p.size(); ++k) sum += std::abs(p[k] - q[k]);
  }
  return sum / static_cast<double>(fresh.count);
}

Recipe int8(Rounding rounding, int64_t weight_bits = 4) {
  return Recipe::of(Int8{.calibrator = "minmax", .weight_bits = weight_bits, .rounding = rounding, .epochs = 12});
}

TEST(QuantizeAware, FollowsTheFloatModelCloserThanRoundingToTheNearest) {
  const Graph g = net(1);
  const Evidence data = evidence();
  const Graph nearest = apply(int8(Rounding::nearest), g, data), trained = apply(int8(Rounding::trained), g, data);
  const double with_8 = distance(g, apply(int8(Rounding::nearest, 8), g, data)), with_4 = distance(g, nearest);
  EXPECT_LT(distance(g, trained), (with_8 + with_4) / 2);
  // The same integers throughout: what trained was not kept in float.
  size_t nearest_integers = 0, trained_integers = 0;
  for (const NodeId id : nearest.order()) nearest_integers += nearest.type(nearest.node(id).outputs[0]).is_quantized();
  for (const NodeId id : trained.order()) trained_integers += trained.type(trained.node(id).outputs[0]).is_quantized();
  EXPECT_EQ(trained_integers, nearest_integers);
}

TEST(QuantizeAware, SaysWhatItIsInTheRecipe) {
  const Recipe recipe = int8(Rounding::trained);
  EXPECT_EQ(recipe.label(), "int8 (minmax), 4-bit weights, trained for 12 epochs");
  EXPECT_EQ(parse_recipe(to_text(recipe)), recipe);
}

TEST(Taught, BringsADamagedModelBack) {
  const Graph g = net(1);
  Graph damaged = g;
  for (const NodeId id : damaged.order()) {
    if (damaged.node(id).name != "conv1") continue;
    Tensor w = damaged.value(damaged.node(id).inputs[1]).constant.clone();
    for (float& v : w.mutable_data<float>()) v *= 0.8f;
    damaged.set_constant(damaged.node(id).inputs[1], w);
  }
  EXPECT_LT(distance(g, taught(damaged, g, evidence(), 6)), 0.5 * distance(g, damaged));
}

TEST(Taught, NeedsSomeSamples) {
  const Graph g = net(1);
  EXPECT_THROW(taught(g, g, Evidence(samples(9, 1), {{&cpu_provider()}, {}}), 1), Error);
}

}  // namespace
}  // namespace hone

#include "compress/sensitivity.h"

#include <gtest/gtest.h>

#include "ir/text.h"
#include "ops/all.h"
#include "passes/check.h"

namespace hone {
namespace {

/// Two layers alike, but that one weight of the second is a thousand times the others.
Graph net() {
  Graph graph = parse_graph(R"(graph "net" {
  input %x: f32[1,4,4,4]
  const %w1: f32[4,1,1,4] = random(1)
  const %w2: f32[4,1,1,4] = random(2)
  %even = Conv(%x, %w1)
  %outlier = Conv(%even, %w2)
  output %outlier
})",
                            all_ops());
  for (size_t i = 0; i < graph.value_capacity(); ++i) {
    const ValueId id{static_cast<int32_t>(i)};
    if (graph.value(id).name != "w2") continue;
    Tensor w = graph.value(id).constant.clone();
    w.mutable_data<float>()[0] = 1000;
    graph.set_constant(id, w);
  }
  return graph;
}

TEST(Sensitivity, TheLayerThatLosesMostStandsFirstWithItsRange) {
  const Graph graph = net();
  const Engine engine{.providers = {&reference_provider()}, .plan = {}};
  const SampleSource samples{8, [&](size_t i) { return generate_inputs(graph, i, 1); }};
  const Statistics statistics = collect_statistics(graph, samples, engine);
  const Ranges ranges = to_ranges(statistics, find_calibrator("percentile"));
  int64_t seen = 0, total = 0;
  const std::vector<LayerSensitivity> layers =
      layer_sensitivity(graph, statistics, ranges, samples, engine,
                        {.samples = 4, .progress = [&](int64_t done, int64_t all) { seen = done, total = all; }});
  ASSERT_EQ(layers.size(), 2u);
  EXPECT_EQ(layers[0].layer, "outlier");
  EXPECT_EQ(layers[0].op, "Conv");
  EXPECT_LT(layers[0].sqnr_db, layers[1].sqnr_db);
  EXPECT_LE(layers[0].held.max, layers[0].seen.max);
  EXPECT_GE(layers[0].clipped, 0);
  EXPECT_LT(layers[0].clipped, 0.1);
  EXPECT_EQ(seen, total);
}

}  // namespace
}  // namespace hone

#include "compress/layer_matrix.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "compress/channel_groups.h"
#include "compress/evidence.h"
#include "compress/moments.h"
#include "compress/rebuild.h"
#include "compress/refit.h"
#include "compress/watcher.h"
#include "ir/text.h"
#include "measure/compare.h"
#include "ops/all.h"
#include "ops/interpreter.h"
#include "passes/check.h"

namespace hone {
namespace {

const Engine& engine() {
  static const Engine kEngine{.providers = {&reference_provider()}, .plan = {}};
  return kEngine;
}

Graph net() {
  return parse_graph(R"(graph "net" {
  input %x: f32[1,5,5,4]
  const %w1: f32[8,3,3,2] = random(1)
  const %b1: f32[8] = random(2)
  const %w2: f32[8,1,1,8] = random(3)
  const %w3: f32[3,8] = random(4)
  const %axes: i64[2] = {1, 2}
  const %flat: i64[2] = {-1, 8}
  %a = Conv(%x, %w1, %b1) {groups=2, act_min=0}
  %b = Conv(%a, %w2) {act_min=0}
  %p = ReduceMean(%b, %axes)
  %q = Reshape(%p, %flat)
  %y = FullyConnected(%q, %w3)
  output %y
})",
                     all_ops());
}

SampleSource samples(const Graph& graph, size_t count) {
  return {count, [&graph](size_t i) { return generate_inputs(graph, i, 1); }};
}

TEST(LayerMatrix, ConvolutionsAndFullyConnectedLayersAreMatricesOfTheirGroups) {
  const Graph graph = net();
  const std::vector<LayerMatrix> layers = matrix_layers(graph);
  ASSERT_EQ(layers.size(), 3u);
  EXPECT_EQ(layers[0].groups, 2);
  EXPECT_EQ(layers[0].rows, 4);
  EXPECT_EQ(layers[0].columns, 18);
  EXPECT_EQ(layers[0].channels, 2);
  EXPECT_EQ(layers[2].rows, 3);
  EXPECT_EQ(layers[2].columns, 8);
  EXPECT_EQ(outer_layers(graph), (std::set<std::string>{"a", "y"}));
}

TEST(LayerMatrix, PatchesTimesWeightsAreWhatTheLayerMakes) {
  const Graph graph = net();
  const LayerMatrix layer = matrix_layers(graph)[0];
  const std::vector<Tensor> inputs = generate_inputs(graph, 3);
  Watcher watcher(graph, {"x", "a"}, engine());
  const SeenValues seen = watcher.run(inputs);
  const Patches patches = patches_of(graph, layer, seen.at("x"), 100);
  ASSERT_EQ(patches.count, 9);  // 3 × 3 places
  const auto w = graph.value(graph.node(layer.node).inputs[1]).constant.data<float>();
  const auto b = graph.value(graph.node(layer.node).inputs[2]).constant.data<float>();
  const auto made = seen.at("a").data<float>();
  for (int64_t g = 0; g < 2; ++g)
    for (int64_t p = 0; p < 9; ++p)
      for (int64_t r = 0; r < 4; ++r) {
        const int64_t row = g * 4 + r;
        double sum = b[static_cast<size_t>(row)];
        for (int64_t k = 0; k < 18; ++k)
          sum += static_cast<double>(w[static_cast<size_t>(row * 18 + k)]) *
                 patches.data[static_cast<size_t>((g * 9 + p) * 18 + k)];
        ASSERT_NEAR(made[static_cast<size_t>(p * 8 + row)], std::max(sum, 0.0), 1e-5) << g << " " << p << " " << r;
      }
}

TEST(Moments, AreTheMeanAndScatterOfWhatALayerSees) {
  const Graph graph = net();
  const Evidence evidence(samples(graph, 4), engine());
  const Moments found = collect_moments(graph, evidence).at("y");
  ASSERT_EQ(found.count, 4);
  std::vector<std::vector<double>> rows;
  for (uint64_t i = 0; i < 4; ++i) {
    Watcher watcher(graph, {"q"}, engine());
    rows.push_back(to_doubles(watcher.run(generate_inputs(graph, i, 1)).at("q")));
  }
  for (size_t k = 0; k < 8; ++k) {
    double mean = 0, squares = 0;
    for (const auto& row : rows) mean += row[k] / 4, squares += row[k] * row[k];
    EXPECT_NEAR(found.mean()[k], mean, 1e-6);
    EXPECT_NEAR(found.scatter(0).row(k)[k], squares - 4 * mean * mean, 1e-5);
  }
}

TEST(Evidence, IsCollectedOnceForTheSameSteps) {
  const Graph graph = net();
  size_t loads = 0;
  const Evidence evidence({5, [&](size_t i) { return ++loads, generate_inputs(graph, i, 1); }}, engine());
  const Statistics& first = evidence.statistics("equalize", graph);
  EXPECT_EQ(loads, 5u);
  EXPECT_EQ(&evidence.statistics("equalize", graph), &first);
  EXPECT_EQ(loads, 5u);
  evidence.statistics("", graph);
  EXPECT_EQ(loads, 10u);
  EXPECT_TRUE(Evidence().is_empty());
}

TEST(Rebuild, CopiesNodeByNodeWhatItIsGiven) {
  const Graph graph = net();
  Rebuild rebuild(graph);
  for (const ValueId in : graph.inputs()) rebuild[in] = rebuild.graph.add_input(graph.value(in).name, graph.type(in));
  for (const NodeId id : graph.order()) {
    std::vector<ValueId> inputs;
    for (const ValueId in : graph.node(id).inputs)
      inputs.push_back(graph.is_constant(in) ? rebuild.constant(in) : rebuild[in]);
    rebuild.copy(graph.node(id), inputs);
  }
  rebuild.graph.set_outputs({rebuild[graph.outputs()[0]]});
  const std::vector<Tensor> inputs = generate_inputs(graph, 1);
  EXPECT_EQ(to_doubles(evaluate(rebuild.graph, inputs)[0]), to_doubles(evaluate(graph, inputs)[0]));
  EXPECT_EQ(rebuild.graph.node_count(), graph.node_count());
}

double noise(const Graph& a, const Graph& b) {
  std::vector<std::vector<Tensor>> sets;
  for (uint64_t i = 100; i < 116; ++i) sets.push_back(generate_inputs(a, i, 1));
  return compare_models(a, b, engine(), sets, {.layers = false}).outputs[0].error.noise;
}

TEST(Refit, MakesUpForChannelsThatAreGone) {
  const Graph graph = net();
  const ChannelGroups groups = channel_groups(graph);
  std::vector<std::vector<int64_t>> kept;
  bool is_cut = false;
  for (const ChannelGroup& group : groups.groups) {
    kept.emplace_back();
    const int64_t gone = is_cut || group.is_fixed || group.channels != 8 ? -1 : 5;
    is_cut |= gone >= 0;
    for (int64_t c = 0; c < group.channels; ++c)
      if (c != gone) kept.back().push_back(c);
  }
  ASSERT_TRUE(is_cut);
  const Graph pruned = with_channels(graph, groups, kept);
  const Graph refitted = refit(graph, pruned, groups, kept, Evidence(samples(graph, 64), engine()));
  EXPECT_LT(noise(graph, refitted), 0.5 * noise(graph, pruned));
}

}  // namespace
}  // namespace hone

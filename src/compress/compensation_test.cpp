// What makes int8 and int4 lose less without training: equalized channels, compensated rounding, corrected biases.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"
#include "compress/bias_correction.h"
#include "compress/equalize.h"
#include "compress/quantize.h"
#include "compress/recipe.h"
#include "compress/rounding.h"
#include "ir/text.h"
#include "measure/compare.h"
#include "ops/all.h"
#include "ops/interpreter.h"

namespace hone {
namespace {

/// The shape of MobileNetV2's blocks: expand, depthwise, project.
constexpr std::string_view kBlocks = R"(graph "blocks" {
  input %x: f32[1,6,6,4]
  const %w1: f32[24,1,1,4] = random(1)
  const %b1: f32[24] = random(2)
  const %w2: f32[24,3,3,1] = random(3)
  const %b2: f32[24] = random(4)
  const %w3: f32[8,1,1,24] = random(5)
  const %w4: f32[24,3,3,8] = random(6)
  const %b4: f32[24] = random(7)
  const %wf: f32[10,24] = random(8)
  const %axes: i64[2] = {1, 2}
  %expand = Conv(%x, %w1, %b1) {act_min=0}
  %depth = Conv(%expand, %w2, %b2) {groups=24, pads=[1, 1, 1, 1], act_min=0}
  %project = Conv(%depth, %w3)
  %wide = Conv(%project, %w4, %b4) {act_min=0}
  %pool = ReduceMean(%wide, %axes) {keepdims=false}
  %y = FullyConnected(%pool, %wf)
  output %y
})";

Tensor random_input(uint64_t seed) {
  Tensor x = Tensor::empty(DType::kF32, {1, 6, 6, 4});
  for (float& v : x.mutable_data<float>()) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    v = static_cast<float>(static_cast<double>(seed >> 11) * 0x1p-52 - 1);
  }
  return x;
}

Evidence evidence() {
  return {{48, [](size_t i) { return std::vector<Tensor>{random_input(i + 1)}; }},
          {.providers = {&reference_provider()}}};
}

ValueId value_named(const Graph& graph, const std::string& name) {
  for (size_t i = 0; i < graph.value_capacity(); ++i)
    if (graph.value({static_cast<int32_t>(i)}).name == name) return {static_cast<int32_t>(i)};
  return {};
}

/// Multiplies every number of constant `name` by factor(index).
template <class F>
void scale(Graph& graph, const std::string& name, const F& factor) {
  const ValueId id = value_named(graph, name);
  Tensor t = graph.value(id).constant.clone();
  for (size_t i = 0; i < t.data<float>().size(); ++i) t.mutable_data<float>()[i] *= factor(i);
  graph.set_constant(id, t);
}

/// The same function with channels between layers of very unlike range.
Graph hostile() {
  Graph graph = parse_graph(kBlocks, all_ops());
  const auto s = [](size_t c) { return std::pow(10.0f, static_cast<float>(c % 5) - 2); };
  scale(graph, "w1", [&](size_t i) { return s(i / 4); });
  scale(graph, "b1", s);
  scale(graph, "w2", [&](size_t i) { return s(i / 9 + 2) / s(i / 9); });
  scale(graph, "b2", [&](size_t i) { return s(i + 2); });
  scale(graph, "w3", [&](size_t i) { return 1 / s(i % 24 + 2); });
  scale(graph, "w3", [&](size_t i) { return s(i / 24); });
  scale(graph, "w4", [&](size_t i) { return 1 / s(i % 8); });
  return graph;
}

size_t top(const Tensor& scores) {
  const std::vector<double> v = to_doubles(scores);
  return static_cast<size_t>(std::max_element(v.begin(), v.end()) - v.begin());
}

/// Share of inputs that did not calibrate for which both say the same class.
double agreement(const Graph& a, const Graph& b) {
  constexpr int kCount = 200;
  int same = 0;
  for (uint64_t seed = 1000; seed < 1000 + kCount; ++seed) {
    const std::vector<Tensor> inputs = {random_input(seed)};
    same += top(evaluate(a, inputs)[0]) == top(evaluate(b, inputs)[0]);
  }
  return same / double{kCount};
}

double noise(const Graph& a, const Graph& b) {
  double sum = 0;
  for (uint64_t seed = 1000; seed < 1050; ++seed) {
    const std::vector<Tensor> inputs = {random_input(seed)};
    const auto x = to_doubles(evaluate(a, inputs)[0]), y = to_doubles(evaluate(b, inputs)[0]);
    for (size_t i = 0; i < x.size(); ++i) sum += (x[i] - y[i]) * (x[i] - y[i]);
  }
  return sum;
}

TEST(Equalize, KeepsTheFunction) {
  const Graph graph = hostile();
  const Graph equal = equalize(graph, evidence());
  verify(equal);
  for (uint64_t seed = 1; seed < 9; ++seed) {
    const std::vector<Tensor> inputs = {random_input(seed)};
    const auto a = to_doubles(evaluate(graph, inputs)[0]), b = to_doubles(evaluate(equal, inputs)[0]);
    for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-4 * (1 + std::fabs(a[i])));
  }
}

TEST(Equalize, ValuesOfOtherScalesAreNotCompared) {
  const Graph graph = hostile(), equal = equalize(graph, evidence());
  const Engine engine{.providers = {&reference_provider()}};
  const std::vector<std::vector<Tensor>> sets = {{random_input(1)}};
  const Comparison same = compare_models(graph, graph, engine, sets),
                   scaled = compare_models(graph, equal, engine, sets);
  EXPECT_GT(scaled.equalized, 0);
  EXPECT_EQ(scaled.layers.size() + static_cast<size_t>(scaled.equalized), same.layers.size());
  for (const LayerError& layer : scaled.layers) EXPECT_GT(layer.error.sqnr_db(), 80) << layer.name;
}

TEST(Equalize, RestoresAModelOnWhichMinMaxCollapses) {
  const Graph graph = hostile();
  const Evidence seen = evidence();
  const double before = agreement(graph, apply(parse_recipe("int8 {calibrator=\"minmax\"}"), graph, seen));
  const double after = agreement(graph, apply(parse_recipe("equalize | int8 {calibrator=\"minmax\"}"), graph, seen));
  EXPECT_LT(before, 0.6);
  EXPECT_GE(after, 0.97);
}

TEST(Equalize, NumbersThatAClampCutsStayCut) {
  Graph graph = parse_graph(R"(graph "six" {
    input %x: f32[1,6,6,4]
    const %w1: f32[6,1,1,4] = random(1)
    const %w2: f32[3,1,1,6] = random(2)
    %c = Conv(%x, %w1) {act_min=0, act_max=6}
    %y = Conv(%c, %w2)
    output %y
  })",
                            all_ops());
  scale(graph, "w1", [](size_t i) { return std::pow(8.0f, static_cast<float>(i / 4) - 3); });
  const Graph equal = equalize(graph, evidence());
  EXPECT_NE(to_text(equal, {.max_constant_elements = -1}), to_text(graph, {.max_constant_elements = -1}));
  for (size_t i = 1; i < 48; ++i) {
    const std::vector<Tensor> inputs = {random_input(i)};
    const auto a = to_doubles(evaluate(graph, inputs)[0]), b = to_doubles(evaluate(equal, inputs)[0]);
    for (size_t k = 0; k < a.size(); ++k) EXPECT_NEAR(a[k], b[k], 1e-4 * (1 + std::fabs(a[k])));
  }
}

TEST(Equalize, LeavesWhatSomethingElseReadsToo) {
  const Graph graph = parse_graph(R"(graph "shared" {
    input %x: f32[1,6,6,4]
    const %w1: f32[4,1,1,4] = random(1)
    const %w2: f32[4,1,1,4] = random(2)
    %c = Conv(%x, %w1) {act_min=0}
    %d = Conv(%c, %w2)
    %y = Add(%c, %d)
    output %y
  })",
                                  all_ops());
  EXPECT_EQ(to_text(equalize(graph, evidence()), {.max_constant_elements = -1}),
            to_text(graph, {.max_constant_elements = -1}));
}

TEST(Rounding, CompensationLeavesLessNoiseThanTheNearestWithFourBits) {
  const Graph graph = parse_graph(kBlocks, all_ops());
  const Evidence seen = evidence();
  const Graph nearest = apply(parse_recipe("int8 {weight_bits=4}"), graph, seen);
  const Graph compensated = apply(parse_recipe("int8 {weight_bits=4, rounding=compensated}"), graph, seen);
  verify(compensated);
  EXPECT_LT(noise(graph, compensated), 0.7 * noise(graph, nearest));
}

TEST(Rounding, LevelsAreAFewIntegersThatLeaveLittleNoise) {
  const Graph graph = parse_graph(kBlocks, all_ops());
  const Evidence seen = evidence();
  const Graph all = apply(parse_recipe("int8 {rounding=compensated}"), graph, seen);
  const Graph few = apply(parse_recipe("int8 {rounding=compensated, levels=32}"), graph, seen);
  const Graph four_bits = apply(parse_recipe("int8 {rounding=compensated, weight_bits=4}"), graph, seen);
  const auto integers = [](const Graph& g) {
    const Tensor& w = g.value(value_named(g, "w4")).constant;
    const auto* q = static_cast<const int8_t*>(w.raw());
    return std::set<int8_t>(q, q + w.elements());
  };
  EXPECT_LE(integers(few).size(), 32u);
  EXPECT_TRUE(integers(few).contains(0));
  EXPECT_GT(integers(all).size(), 100u);
  EXPECT_LT(noise(graph, few), noise(graph, four_bits));
  EXPECT_THROW(apply(parse_recipe("int8 {levels=32}"), graph, seen), Error);
}

TEST(Rounding, CorrectedBiasesTakeTheMeanErrorBack) {
  const Graph graph = parse_graph(kBlocks, all_ops());
  const Evidence seen = evidence();
  const Graph plain = apply(parse_recipe("int8 {weight_bits=4}"), graph, seen);
  const Graph corrected = apply(parse_recipe("int8 {weight_bits=4} | correct_bias"), graph, seen);
  verify(corrected);
  EXPECT_LT(noise(graph, corrected), 0.7 * noise(graph, plain));
}

}  // namespace
}  // namespace hone

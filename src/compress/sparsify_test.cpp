#include "compress/sparsify.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "ir/text.h"
#include "measure/compare.h"
#include "ops/all.h"
#include "passes/check.h"
#include "providers/cpu/provider.h"

namespace hone {
namespace {

const Engine& engine() {
  static const Engine kEngine{.providers = {&cpu_provider(), &reference_provider()}, .plan = {}};
  return kEngine;
}

Graph net() {
  return parse_graph(R"(graph "net" {
    input %x: f32[1,6,6,4]
    const %w1: f32[8,3,3,4] = random(1)
    const %w2: f32[8,3,3,8] = random(2)
    const %w3: f32[4,1,1,8] = random(3)
    %a = Conv(%x, %w1) {pads=[1, 1, 1, 1], act_min=0}
    %b = Conv(%a, %w2) {pads=[1, 1, 1, 1], act_min=0}
    %y = Conv(%b, %w3)
    output %y
  })",
                     all_ops());
}

Evidence evidence(const Graph& graph) {
  return Evidence({64, [&graph](size_t i) { return generate_inputs(graph, i, 1); }}, engine());
}

const Tensor& weights(const Graph& graph, const std::string& output) {
  for (const NodeId id : graph.order())
    if (graph.value(graph.node(id).outputs[0]).name == output) return graph.value(graph.node(id).inputs[1]).constant;
  throw std::runtime_error("no layer " + output);
}

double error(const Graph& a, const Graph& b) {
  std::vector<std::vector<Tensor>> sets;
  for (uint64_t i = 100; i < 116; ++i) sets.push_back(generate_inputs(a, i, 1));
  return compare_models(a, b, engine(), sets, {.layers = false}).outputs[0].error.noise;
}

TEST(Sparsify, LeavesTwoOfFourWeightsAndOuterLayersAlone) {
  const Graph graph = net(), sparse = sparsify(graph, evidence(graph));
  const auto w = weights(sparse, "b").data<float>();
  for (size_t i = 0; i < w.size(); i += 4) {
    int zeros = 0;
    for (size_t j = i; j < i + 4; ++j) zeros += w[j] == 0;
    ASSERT_EQ(zeros, 2) << "weights " << i << " to " << i + 3;
  }
  for (const char* outer : {"a", "y"}) {
    const auto kept = weights(sparse, outer).data<float>();
    EXPECT_EQ(std::count(kept.begin(), kept.end(), 0.0f), 0) << outer;
  }
}

TEST(Sparsify, TheWeightsThatStayMakeUpForThoseThatWent) {
  const Graph graph = net(), sparse = sparsify(graph, evidence(graph));
  Graph plain = graph;  // the two smallest of four to zero
  for (const NodeId id : plain.order()) {
    const Node& node = plain.node(id);
    if (plain.value(node.outputs[0]).name != "b") continue;
    Tensor w = plain.value(node.inputs[1]).constant.clone();
    auto data = w.mutable_data<float>();
    for (size_t i = 0; i < data.size(); i += 4)
      for (int k = 0; k < 2; ++k) {
        float* smallest = nullptr;
        for (size_t j = i; j < i + 4; ++j)
          if (data[j] != 0 && (smallest == nullptr || std::fabs(data[j]) < std::fabs(*smallest))) smallest = &data[j];
        *smallest = 0;
      }
    plain.set_constant(node.inputs[1], std::move(w));
  }
  EXPECT_LT(error(graph, sparse), 0.7 * error(graph, plain));
}

TEST(Sparsify, SaysWhatItCannotDo) {
  const Graph graph = net();
  EXPECT_THROW(sparsify(graph, evidence(graph), {.n = 4, .m = 4}), Error);
  EXPECT_THROW(sparsify(graph, evidence(graph), {.n = 1, .m = 16}), Error);
}

}  // namespace
}  // namespace hone

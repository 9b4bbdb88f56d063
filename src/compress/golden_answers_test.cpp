#include "compress/golden_answers.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "ir/text.h"
#include "ops/all.h"
#include "providers/cpu/provider.h"

namespace hone {
namespace {

constexpr std::string_view kNet = R"(graph "net" {
  input %x: f32[1,4,4,8]
  const %w: f32[16,3,3,8] = random(1)
  %c: f32[1,4,4,16] = Conv(%x, %w) {pads=[1, 1, 1, 1]}
  output %c
})";

Engine engine() { return {.providers = {&cpu_provider(), &reference_provider()}, .plan = {}}; }

std::string problem(const Json& answers, const Graph& graph) {
  try {
    repeat_golden_answers(answers, graph, engine());
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

TEST(GoldenAnswers, AreRepeatedByTheSameModelAndFitALine) {
  const Graph graph = parse_graph(kNet, all_ops());
  const Json answers = Json::parse(golden_answers(graph, engine()).dump());
  EXPECT_EQ(repeat_golden_answers(answers, graph, engine()), 2);
  EXPECT_EQ(answers.as_array()[0].find("outputs")->as_array()[0].find("numbers")->as_array().size(), 32u);
  EXPECT_LT(answers.dump().size(), 1200u);
}

TEST(GoldenAnswers, OneOtherOutputChannelIsNoticed) {
  const Graph graph = parse_graph(kNet, all_ops());
  const Json answers = golden_answers(graph, engine());
  Graph other = graph;
  for (size_t i = 0; i < other.value_capacity(); ++i) {
    const ValueId id{static_cast<int32_t>(i)};
    if (!other.is_constant(id)) continue;
    Tensor w = other.value(id).constant.clone();
    for (float& v : w.mutable_data<float>().subspan(0, 72)) v *= 1.1f;  // of the first
    other.set_constant(id, w);
  }
  EXPECT_NE(problem(answers, other).find("in output 'c' of golden sample 0"), std::string::npos);
}

TEST(GoldenAnswers, WhatIsNoAnswerIsAnErrorThatSaysSo) {
  const Graph graph = parse_graph(kNet, all_ops());
  EXPECT_NE(problem(Json::parse(R"([{"seed": 0}])"), graph).find("no 'outputs'"), std::string::npos);
  EXPECT_NE(problem(Json::parse(R"([{"seed": 0, "outputs": []}])"), graph).find("1 outputs, expected 0"),
            std::string::npos);
}

}  // namespace
}  // namespace hone

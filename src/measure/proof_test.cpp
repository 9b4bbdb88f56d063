#include "measure/proof.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "ir/text.h"
#include "ops/all.h"
#include "runtime/provider.h"

namespace hone {
namespace {

Engine engine() { return {.providers = {&reference_provider()}}; }
Graph text(const char* body) { return parse_graph(body, all_ops()); }

constexpr const char* kSum = R"(graph {
  input %x: f32[2]
  state %s: f32[2] = {1, 2}
  %t: f32[2] = Add(%x, %s)
  output %t
  next %s = %t
})";

TEST(Proof, HoldsForWhatIsTheSame) {
  const Graph graph = text("graph { input %x: f32[2] %y = Neg(%x) output %y }");
  const Proof proof = prove(graph, graph, engine());
  EXPECT_TRUE(proof.is_equal);
  EXPECT_GE(proof.inputs, 1);
  EXPECT_EQ(proof.worst.max_abs, 0);
}

TEST(Proof, TakesMoreDigitsThanF16HasForTheSame) {
  const Graph half = text(R"(graph {
    input %x: f16[8]
    %a = Exp(%x)
    %y = Sqrt(%a)
    output %y
  })");
  const auto wide = [](const char* op) {
    return text(
        cat("graph { input %x: f16[8] %c = Cast(%x) {to=f32} %a = Exp(%c) %y = ", op, "(%a) output %y }").c_str());
  };
  const Proof proof = prove(half, wide("Sqrt"), engine());
  EXPECT_TRUE(proof.is_finer);
  EXPECT_GT(proof.worst.max_abs, 0);
  EXPECT_TRUE(proof.is_equal);
  EXPECT_FALSE(prove(half, wide("Log"), engine()).is_equal);
  Graph fixed = wide("Sqrt");
  fixed.arithmetic = QuantArithmetic::kFixedPoint;
  EXPECT_TRUE(prove(half, fixed, engine()).is_equal);
  EXPECT_FALSE(prove(half, half, engine()).is_finer);
}

TEST(Proof, FailsForWhatIsNot) {
  const Graph graph = text("graph { input %x: f32[2] %y = Neg(%x) output %y }");
  const Graph other = text("graph { input %x: f32[2] %y = Abs(%x) output %y }");
  EXPECT_FALSE(prove(graph, other, engine()).is_equal);
}

TEST(Proof, AsksTheReferenceAboutTheInputThatDiffers) {
  const Graph graph = text("graph { input %x: f32[1] output %x }");
  const Graph other = text("graph { input %x: f32[1] const %c: f32[] = {0.5} %y = Minimum(%x, %c) output %y }");
  const Provider idle{.name = "idle", .description = "takes no node", .rows = {}};
  const Engine unjudged{.providers = {&idle}, .plan = {}};
  int64_t first = 0;
  while (generate_inputs(graph, static_cast<uint64_t>(first)).at(0).data<float>()[0] <= 0.5f) ASSERT_LT(++first, 64);
  const Proof proof = prove(graph, other, unjudged, {.inputs = first + 1, .progress = {}});
  EXPECT_FALSE(proof.is_equal);
  EXPECT_TRUE(proof.is_judged);
  EXPECT_TRUE(first == 0 || prove(graph, other, unjudged, {.inputs = first, .progress = {}}).is_equal);
}

TEST(Proof, RunsWhatRemembersSixTimes) {
  const Proof proof = prove(text(kSum), text(kSum), engine());
  EXPECT_TRUE(proof.is_equal);
  EXPECT_EQ(proof.inputs, 6);
  EXPECT_EQ(proof.states, 1);
}

TEST(Proof, FindsAModelThatForgets) {
  const Graph forgets = text(R"(graph {
    input %x: f32[2]
    const %s: f32[2] = {1, 2}
    %t: f32[2] = Add(%x, %s)
    output %t
  })");
  EXPECT_FALSE(prove(text(kSum), forgets, engine()).is_equal);
}

TEST(Proof, HandsOnStatesThatBecameInputsAndOutputs) {
  const Graph exposed = text(R"(graph {
    input %x: f32[2]
    input %s: f32[2]
    %t: f32[2] = Add(%x, %s)
    output %t, %t
  })");
  EXPECT_TRUE(prove(text(kSum), exposed, engine()).is_equal);
}

TEST(Proof, TriesOpenSizesUntilTheSourceRuns) {
  const Graph graph = text(R"(graph {
    input %x: f32[1,N,N,1]
    %y = MaxPool(%x) {kernel=[5, 5]}
    output %y
  })");
  EXPECT_TRUE(prove(graph, graph, engine()).is_equal);
}

TEST(Proof, RunsAsManyInputsAsAsked) {
  const Graph graph = text("graph { input %x: f32[2] %y = Neg(%x) output %y }");
  EXPECT_EQ(prove(graph, graph, engine(), {.inputs = 5}).inputs, 5);
}

}  // namespace
}  // namespace hone

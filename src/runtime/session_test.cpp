#include "runtime/session.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "ir/text.h"
#include "ops/all.h"
#include "ops/interpreter.h"

namespace hone {
namespace {

constexpr std::string_view kDiamond = R"(graph "diamond" {
  input %x: f32[n,4]
  const %w: f32[4] = {1, 2, 3, 4}
  %a: f32[n,4] = Mul(%x, %w)
  %b: f32[n,4] = Relu(%a)
  %c: f32[n,4] = Add(%a, %b)
  %d: f32[n,4] = Neg(%c)
  output %d, %b
})";

Tensor sample(int64_t n) {
  Tensor x = Tensor::empty(DType::kF32, {n, 4});
  for (int64_t i = 0; i < n * 4; ++i) x.mutable_data<float>()[static_cast<size_t>(i)] = static_cast<float>(i % 7) - 3;
  return x;
}

TEST(Session, RefusesAResultOfAnotherSizeThanTheModelDeclaresWhenAStepReadsIt) {
  const Graph graph = parse_graph(R"(graph "g" {
    input %x: f32[4096]
    %places: i64[1,1] = NonZero(%x)
    %y: i64[1,1] = Neg(%places)
    output %y
  })",
                                  all_ops());
  Session session(Program::as_is(graph, {.providers = {&reference_provider()}, .plan = {}}));
  const std::vector<Tensor> none = {Tensor::zeros(DType::kF32, {4096})};
  const std::vector<Tensor> all = {Tensor::of<float>({4096}, std::vector<float>(4096, 1))};
  EXPECT_THROW(session.run(all), Error);
  EXPECT_THROW(session.run(none), Error);
}

TEST(Session, GivesAResultThatNoStepReadsInTheSizeItHas) {
  const Graph graph = parse_graph(R"(graph "g" {
    input %x: f32[4096]
    %places: i64[1,1] = NonZero(%x)
    output %places
  })",
                                  all_ops());
  Session session(Program::as_is(graph, {.providers = {&reference_provider()}, .plan = {}}));
  const std::vector<Tensor> all = {Tensor::of<float>({4096}, std::vector<float>(4096, 1))};
  EXPECT_EQ(session.run(all)[0].dims(), (Dims{1, 4096}));
}

TEST(Session, GivesWhatTheInterpreterGives) {
  const Graph graph = parse_graph(kDiamond, all_ops());
  Runner runner(graph, {&reference_provider()});
  for (const int64_t n : {1, 5, 1, 3}) {
    const std::vector<Tensor> inputs = {sample(n)};
    const std::vector<Tensor> expected = evaluate(graph, inputs);
    const std::vector<Tensor>& actual = runner.run(inputs);
    ASSERT_EQ(actual.size(), 2u);
    EXPECT_TRUE(identical(actual[0], expected[0]));
    EXPECT_TRUE(identical(actual[1], expected[1]));
  }
}

TEST(Session, KeepsAReshapedValueWhoseShapeIsKnownOnlyWhileRunning) {
  const Graph graph = parse_graph(R"(graph "late" {
    input %x: f32[2,4]
    input %s: i64[1]
    %a: f32[2,4] = Neg(%x)
    %r = Reshape(%a, %s)
    %b: f32[2,4] = Exp(%x)
    %c: f32[2,4] = Neg(%b)
    output %r, %c
  })",
                                  all_ops());
  const std::vector<Tensor> inputs = {sample(2), Tensor::of<int64_t>({1}, {8})};
  const std::vector<Tensor> expected = evaluate(graph, inputs);
  Runner runner(graph, {&reference_provider()});
  const std::vector<Tensor>& actual = runner.run(inputs);
  EXPECT_TRUE(identical(actual[0], expected[0]));
  EXPECT_TRUE(identical(actual[1], expected[1]));
}

TEST(Session, RejectsInputsOfAnotherShapeOrType) {
  Graph graph = parse_graph(kDiamond, all_ops());
  graph.set_input_shape(graph.inputs()[0], {2, 4});
  const Provider* providers[] = {&reference_provider()};
  Session session(Plan::compile(graph, providers));
  const std::vector<Tensor> wrong_shape = {sample(3)}, wrong_type = {Tensor::zeros(DType::kI32, {2, 4})};
  EXPECT_THROW(session.run(wrong_shape), Error);
  EXPECT_THROW(session.run(wrong_type), Error);
  EXPECT_THROW(session.run({}), Error);
  const std::vector<Tensor> right = {sample(2)};
  EXPECT_NO_THROW(session.run(right));
}

TEST(Plan, KnowsItsMemoryBeforeRunning) {
  Graph graph = parse_graph(kDiamond, all_ops());
  graph.set_input_shape(graph.inputs()[0], {64, 4});
  const Provider* providers[] = {&reference_provider()};
  const auto plan = Plan::compile(graph, providers);
  EXPECT_GE(plan->arena_bytes(), 3 * 1024);
  EXPECT_LE(plan->arena_bytes(), 4 * 1024);
  EXPECT_EQ(plan->weight_bytes(), 16);
}

TEST(Plan, ComputesWhatDependsOnConstantsAloneOnce) {
  const Graph graph = parse_graph(R"(graph "half" {
    input %x: f32[2]
    const %h: f16[2] = {0.5, 2}
    %w: f32[2] = Cast(%h)
    %y: f32[2] = Mul(%x, %w)
    output %y
  })",
                                  all_ops());
  const Provider* providers[] = {&reference_provider()};
  const auto plan = Plan::compile(graph, providers);
  EXPECT_EQ(plan->steps().size(), 1u);
  Session session(plan);
  const std::vector<Tensor> inputs = {Tensor::of<float>({2}, {4, 4})};
  EXPECT_EQ(to_doubles(session.run(inputs)[0]), (std::vector<double>{2, 8}));
}

TEST(Plan, ListsEveryNodeThatNobodyRuns) {
  const Graph graph = parse_graph(R"(graph "odd" {
    input %x: f32[2]
    %a: f32[2] = Opaque(%x) {type="Mystery"}
    %b: f32[2] = Opaque(%a) {type="Enigma"}
    output %b
  })",
                                  all_ops());
  const Provider* providers[] = {&reference_provider()};
  try {
    Plan::compile(graph, providers);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kUnsupported);
    EXPECT_NE(std::string(e.what()).find("2 nodes cannot be executed"), std::string::npos) << e.what();
  }
}

TEST(Session, ObserversSeeEveryStep) {
  Graph graph = parse_graph(kDiamond, all_ops());
  graph.set_input_shape(graph.inputs()[0], {2, 4});
  const Provider* providers[] = {&reference_provider()};
  Session session(Plan::compile(graph, providers));
  std::vector<size_t> seen;
  session.set_observer([&](size_t step, double us, std::span<const Tensor* const> outputs) {
    seen.push_back(step);
    EXPECT_GE(us, 0);
    EXPECT_EQ(outputs.size(), 1u);
  });
  const std::vector<Tensor> inputs = {sample(2)};
  session.run(inputs);
  EXPECT_EQ(seen, (std::vector<size_t>{0, 1, 2, 3}));
}

}  // namespace
}  // namespace hone

#include "runtime/program.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "base/error.h"
#include "ir/text.h"
#include "ops/all.h"
#include "ops/interpreter.h"
#include "runtime/session.h"

namespace hone {
namespace {

Engine reference() { return {.providers = {&reference_provider()}, .plan = {}}; }

constexpr std::string_view kOpen = R"(graph "open" {
  input %x: f32[n,4]
  %s: i64[2] = ShapeOf(%x)
  %r = Reshape(%x, %s)
  %y = Relu(%r)
  output %y
})";

Tensor sample(int64_t n) {
  Tensor x = Tensor::empty(DType::kF32, {n, 4});
  for (int64_t i = 0; i < n * 4; ++i) x.mutable_data<float>()[static_cast<size_t>(i)] = static_cast<float>(i % 7) - 3;
  return x;
}

Tensor ones(int64_t n) {
  Tensor x = Tensor::empty(DType::kF32, {n});
  std::fill_n(x.mutable_data<float>().begin(), n, 1.0f);
  return x;
}

TEST(Program, CompilesAPlanForEachShapeOnceForAllSessions) {
  const auto program = Program::as_is(parse_graph(kOpen, all_ops()), reference());
  Session first(program), second(program);
  const std::vector<Tensor> two = {sample(2)}, three = {sample(3)};
  const Plan* plan = &first.plan_for(two);
  EXPECT_EQ(&second.plan_for(two), plan);
  EXPECT_NE(&second.plan_for(three), plan);
  EXPECT_EQ(&second.plan_for(two), plan);
}

TEST(Program, SessionsOfManyThreadsShareIt) {
  const Graph graph = parse_graph(kOpen, all_ops());
  const auto program = Program::as_is(graph, reference());
  std::atomic<int> wrong{0};
  std::vector<std::thread> users;
  for (int u = 0; u < 4; ++u)
    users.emplace_back([&, u] {
      Session session(program);
      for (int k = 0; k < 50; ++k) {
        const std::vector<Tensor> inputs = {sample(1 + (u + k) % 5)};
        wrong += !identical(session.run(inputs)[0], evaluate(graph, inputs)[0]);
      }
    });
  for (std::thread& user : users) user.join();
  EXPECT_EQ(wrong, 0);
}

/// Stands for kernels of its own: what is prepared for it goes through the passes.
constexpr Provider kNothing{"nothing", "declines every node", {}};

TEST(Program, WhatSizesUnlockIsDoneOnceTheyAreKnown) {
  const auto program = Program::prepared(parse_graph(kOpen, all_ops()), {.providers = {&kNothing}, .plan = {}});
  const std::vector<Dims> dims = {{3, 4}};
  const auto plan = program->plan_for(dims);
  ASSERT_EQ(plan->steps().size(), 1u);
  EXPECT_EQ(plan->steps()[0].op, "Relu");
  EXPECT_GT(plan->arena_bytes(), 0);
}

TEST(Program, RefusesShapesThatItsInputsCannotHave) {
  Session session(Program::as_is(parse_graph(kOpen, all_ops()), reference()));
  const std::vector<Tensor> flat = {Tensor::zeros(DType::kF32, {8})}, absent = {Tensor()};
  EXPECT_THROW(session.run(flat), Error);
  EXPECT_THROW(session.run(absent), Error);
  EXPECT_THROW(session.run({}), Error);
  const std::vector<Tensor> right = {sample(2)};
  EXPECT_NO_THROW(session.run(right));
}

constexpr std::string_view kFibonacci = R"(graph "fibonacci" {
  input %x: f32[n]
  state %a: f32[1] = {0}
  state %b: f32[1] = {1}
  %c: f32[1] = Add(%a, %b)
  %y: f32[n] = Mul(%x, %c)
  output %y, %a
  next %a = %b
  next %b = %c
})";

TEST(States, AreKeptFromRunToRunAndAcrossShapes) {
  Session session(Program::as_is(parse_graph(kFibonacci, all_ops()), reference()));
  for (const double expected : {1, 2, 3, 5, 8, 13}) {
    const int64_t n = static_cast<int64_t>(expected) % 3 + 1;
    const std::vector<Tensor> inputs = {ones(n)};
    EXPECT_EQ(to_doubles(session.run(inputs)[0])[0], expected);
  }
}

TEST(States, ThatLeaveAsResultsStayValidUntilTheNextRun) {
  Session session(Program::as_is(parse_graph(kFibonacci, all_ops()), reference()));
  const std::vector<Tensor> one = {ones(1)};
  for (const double expected : {0, 1, 1, 2, 3}) EXPECT_EQ(to_doubles(session.run(one)[1])[0], expected);
}

TEST(States, AreReadSetAndReset) {
  Session session(Program::as_is(parse_graph(kFibonacci, all_ops()), reference()));
  ASSERT_EQ(session.state_count(), 2u);
  EXPECT_EQ(session.state_name(1), "b");
  const std::vector<Tensor> one = {ones(1)};
  session.set_state(0, Tensor::of<float>({1}, {10}));
  EXPECT_EQ(to_doubles(session.run(one)[0])[0], 11);
  EXPECT_EQ(to_doubles(session.state(1))[0], 11);
  session.reset_states();
  EXPECT_EQ(to_doubles(session.run(one)[0])[0], 1);
  EXPECT_THROW(session.set_state(0, Tensor::of<float>({2}, {1, 2})), Error);
  EXPECT_THROW(session.set_state(2, Tensor::of<float>({1}, {1})), Error);
}

TEST(States, OfSessionsAreTheirOwn) {
  const auto program = Program::as_is(parse_graph(kFibonacci, all_ops()), reference());
  Session first(program), second(program);
  const std::vector<Tensor> one = {ones(1)};
  first.run(one);
  first.run(one);
  EXPECT_EQ(to_doubles(second.run(one)[0])[0], 1);
  EXPECT_EQ(to_doubles(first.run(one)[0])[0], 3);
}

/// What the control operators below give on the interpreter, for an engine that runs bodies as plans.
void expect_as_interpreted(std::string_view text, std::vector<Tensor> inputs) {
  const Graph graph = parse_graph(text, all_ops());
  Session session(Program::as_is(graph, {.providers = {&kNothing}, .plan = {}}));
  for (int run = 0; run < 3; ++run) {
    const std::vector<Tensor> expected = evaluate(graph, inputs);
    const std::vector<Tensor>& actual = session.run(inputs);
    ASSERT_EQ(actual.size(), expected.size());
    for (size_t i = 0; i < actual.size(); ++i) EXPECT_TRUE(identical(actual[i], expected[i])) << i;
    EXPECT_EQ(session.plan().steps()[0].step->kernel, "bodies");
  }
}

TEST(Bodies, OfALoopHandOnStateAndStackScans) {
  expect_as_interpreted(R"(graph "g" {
    input %n: i64[]
    input %x: f32[2]
    %s, %all = Loop(%n, _, %x, %x) {num_state=1} [
      graph "body" {
        input %i: i64[] input %go: bool[] input %s: f32[2] input %by: f32[2]
        %t = Add(%s, %by)
        %u = Neg(%t)
        output %go, %t, %u
      }
    ]
    output %s, %all
  })",
                        {Tensor::scalar<int64_t>(5), Tensor::of<float>({2}, {1, 2})});
}

TEST(Bodies, WhoseShapesKeepChangingAreInterpreted) {
  expect_as_interpreted(R"(graph "g" {
    input %n: i64[]
    input %x: f32[1]
    %s = Loop(%n, _, %x) {num_state=1} [
      graph "body" {
        input %i: i64[] input %go: bool[] input %s: f32[k]
        %t = Concat(%s, %s) {axis=0}
        output %go, %t
      }
    ]
    output %s
  })",
                        {Tensor::scalar<int64_t>(12), Tensor::of<float>({1}, {3})});
}

TEST(Bodies, OfAnIfRunTheBranchThatIsChosen) {
  for (const bool is_chosen : {true, false})
    expect_as_interpreted(R"(graph "g" {
    input %c: bool[]
    input %x: f32[2]
    %y = If(%c, %x) [
      graph "then" { input %a: f32[2] %b = Neg(%a) output %b },
      graph "else" { input %a: f32[2] %b = Exp(%a) output %b }
    ]
    output %y
  })",
                          {Tensor::scalar<bool>(is_chosen), Tensor::of<float>({2}, {1, -2})});
}

}  // namespace
}  // namespace hone

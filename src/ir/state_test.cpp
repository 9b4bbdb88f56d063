#include <gtest/gtest.h>

#include "base/error.h"
#include "ir/text.h"
#include "ops/all.h"
#include "ops/interpreter.h"

namespace hone {
namespace {

constexpr const char* kSum = R"(graph "sum" {
  input %x: f32[2]
  state %s: f32[2] = {1, 2}
  %sum: f32[2] = Add(%x, %s)
  %y: f32[2] = Neg(%sum)
  output %y
  next %s = %sum
}
)";

std::vector<float> numbers(const Tensor& t) { return {t.data<float>().begin(), t.data<float>().end()}; }

TEST(State, IsPrintedAndParsed) {
  const Graph graph = parse_graph(kSum, all_ops());
  EXPECT_EQ(to_text(graph), kSum);
  ASSERT_EQ(graph.states().size(), 1u);
  EXPECT_EQ(graph.value(graph.states()[0].next).name, "sum");
}

TEST(State, BeginsAtItsInitialValueAndIsKeptWhereTheCallerKeepsIt) {
  const Graph graph = parse_graph(kSum, all_ops());
  const Tensor x = Tensor::of<float>({2}, {10, 20});
  EXPECT_EQ(numbers(evaluate(graph, {{x}})[0]), (std::vector<float>{-11, -22}));
  EXPECT_EQ(numbers(evaluate(graph, {{x}})[0]), (std::vector<float>{-11, -22}));
  std::vector<Tensor> states;
  evaluate(graph, {{x}}, {.states = &states});
  EXPECT_EQ(numbers(evaluate(graph, {{x}}, {.states = &states})[0]), (std::vector<float>{-21, -42}));
  EXPECT_EQ(numbers(states.at(0)), (std::vector<float>{21, 42}));
}

TEST(State, KeepsWhatComputesItAlive) {
  Graph graph = parse_graph(R"(graph {
    input %x: f32[1]
    state %s: f32[1] = {0}
    %t: f32[1] = Add(%x, %s)
    output %s
    next %s = %t
  })",
                            all_ops());
  EXPECT_EQ(graph.remove_dead(), 0u);
  EXPECT_TRUE(graph.is_output(graph.states()[0].next));
}

TEST(State, BecomesAnInputAndAnOutputWhenExposed) {
  Graph graph = parse_graph(kSum, all_ops());
  graph.expose_states();
  EXPECT_TRUE(graph.states().empty());
  EXPECT_EQ(to_text(graph), R"(graph "sum" {
  input %x: f32[2]
  input %s: f32[2]
  %sum: f32[2] = Add(%x, %s)
  %y: f32[2] = Neg(%sum)
  output %y, %sum
}
)");
}

TEST(State, RefusesToBecomeAnotherType) {
  Graph graph = parse_graph(kSum, all_ops());
  const ValueId other = graph.add_constant(Tensor::of<int32_t>({2}, {1, 2}), "other");
  try {
    graph.set_next(graph.states()[0].now, other);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.message(), "state 's' is f32[2], cannot become 'other', which is i32[2]");
  }
  EXPECT_THROW(parse_graph("graph { input %x: f32[1] output %x next %x = %x }", all_ops()), Error);
}

}  // namespace
}  // namespace hone

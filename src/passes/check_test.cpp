#include "passes/check.h"

#include <gtest/gtest.h>

#include "ir/text.h"
#include "ops/all.h"

namespace hone {
namespace {

constexpr const char* kTwoRates = R"(graph "rates" {
  input %x: f32[2]
  input %rate: i64[]
  input %other: i64[]
  const %slow: i64[] = {8000}
  const %fast: i64[] = {16000}
  %is_fast: bool[] = Equal(%rate, %fast)
  %is_slow: bool[] = Equal(%slow, %rate)
  output %is_fast, %is_slow, %x, %other
})";

TEST(GeneratedInputs, AnIntegerThatIsComparedWithConstantsIsOneOfThemInTurn) {
  const Graph graph = parse_graph(kTwoRates, all_ops());
  const auto rate = [&](uint64_t seed) { return to_ints(generate_inputs(graph, seed)[1])[0]; };
  EXPECT_EQ(rate(0), 16000);
  EXPECT_EQ(rate(1), 8000);
  EXPECT_EQ(rate(2), 16000);
}

TEST(GeneratedInputs, AnIntegerThatNothingIsKnownOfIsZeroOrOne) {
  const Graph graph = parse_graph(kTwoRates, all_ops());
  for (uint64_t seed = 0; seed < 8; ++seed) {
    const int64_t other = to_ints(generate_inputs(graph, seed)[2])[0];
    EXPECT_TRUE(other == 0 || other == 1) << other;
  }
}

TEST(GeneratedInputs, AreTheSameForTheSameSeed) {
  const Graph graph = parse_graph(kTwoRates, all_ops());
  EXPECT_EQ(to_doubles(generate_inputs(graph, 5)[0]), to_doubles(generate_inputs(graph, 5)[0]));
  EXPECT_NE(to_doubles(generate_inputs(graph, 5)[0]), to_doubles(generate_inputs(graph, 6)[0]));
}

}  // namespace
}  // namespace hone

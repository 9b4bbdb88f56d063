#include "serve/batch.h"

#include <gtest/gtest.h>

#include "ir/text.h"
#include "ops/all.h"
#include "passes/check.h"
#include "providers/cpu/provider.h"
#include "runtime/provider.h"
#include "runtime/session.h"

namespace hone {
namespace {

std::shared_ptr<const Program> program(const std::string& text, const Provider& provider) {
  return Program::prepared(parse_graph(text, all_ops()), {.providers = {&provider}});
}

/// Two layers and a softmax over `axis`: over 1 rows are answered each by itself, over 0 they are not.
std::string two_layers(int axis) {
  return R"(graph "g" {
  input %x: f32[n,37]
  const %a: f32[37,64] = random(1)
  const %b: f32[64,10] = random(2)
  %h: f32[n,64] = MatMul(%x, %a)
  %r: f32[n,64] = Relu(%h)
  %s: f32[n,10] = MatMul(%r, %b)
  %y: f32[n,10] = Softmax(%s) {axis=)" +
         std::to_string(axis) + R"(}
  output %y
})";
}

constexpr const char* kInt8 = R"(graph "g" {
  input %x: i8[n,37]{scale=0.02, zero_point=3}
  const %w: i8[10,37]{scale=0.01, zero_point=0} = random(1)
  const %b: i32[10]{scale=0.0002, zero_point=0} = fill(5)
  %y: i8[n,10]{scale=0.1, zero_point=7} = FullyConnected(%x, %w, %b)
  output %y
})";

/// Eight requests together and each alone.
void expect_same_answers(const std::shared_ptr<const Program>& rows) {
  std::vector<std::vector<Tensor>> inputs;
  std::vector<const std::vector<Tensor>*> joined;
  for (uint64_t seed = 100; seed < 108; ++seed) inputs.push_back(generate_inputs(rows->graph(), seed, 1));
  for (const auto& input : inputs) joined.push_back(&input);
  Session together(rows), alone(rows);
  const std::vector<Tensor>& all = together.run(joined_rows(joined));
  for (size_t i = 0; i < inputs.size(); ++i)
    EXPECT_TRUE(identical(row_of(all, static_cast<int64_t>(i))[0], alone.run(inputs[i])[0])) << i;
}

TEST(Batch, RowsAreAnsweredTogetherWhereTheAnswersAreTheSameBits) {
  const auto exact = program(two_layers(1), reference_provider());
  EXPECT_EQ(proven_batch(exact, 8), 8);
  EXPECT_EQ(proven_batch(exact, 7), 4);
  EXPECT_EQ(proven_batch(exact, 1), 1);
  expect_same_answers(exact);
  const auto integers = program(kInt8, cpu_provider());
  EXPECT_EQ(proven_batch(integers, 1'000'000), kMaxBatch);
  expect_same_answers(integers);
}

TEST(Batch, RowsThatTellOnEachOtherAreNot) {
  EXPECT_EQ(proven_batch(program(two_layers(0), reference_provider()), 8), 1);
}

TEST(Batch, OnlyTheFirstSizeMayBeOpen) {
  const auto one = [](const std::string& in, const std::string& out, const std::string& node) {
    const std::string text = "graph \"g\" {\n  input %x: f32[" + in + "]\n  %y: f32[" + out + "] = " + node;
    return proven_batch(program(text + "\n  output %y\n}", cpu_provider()), 4);
  };
  EXPECT_EQ(one("n,3", "n,3", "Relu(%x)"), 4);
  EXPECT_EQ(one("2,3", "2,3", "Relu(%x)"), 1);
  EXPECT_EQ(one("n,m", "n,m", "Relu(%x)"), 1);
  EXPECT_EQ(one("n,3", "3,n", "Transpose(%x) {perm=[1,0]}"), 1);
}

}  // namespace
}  // namespace hone

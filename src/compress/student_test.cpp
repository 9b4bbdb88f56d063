#include <gtest/gtest.h>

#include "base/error.h"
#include "compress/match.h"
#include "compress/narrow.h"
#include "ops/conv.h"
#include "ops/interpreter.h"
#include "ops/pool.h"
#include "providers/cpu/provider.h"
#include "train/random.h"

namespace hone {
namespace {

Tensor noise(Dims dims, uint64_t seed) {
  Random random(seed);
  Tensor t = Tensor::empty(DType::kF32, std::move(dims));
  for (float& v : t.mutable_data<float>()) v = static_cast<float>(2 * random.share() - 1);
  return t;
}

/// x: [1,4,4,2] → Conv 1×1 to `inner` channels (row c of its weights: first[c]) → Conv 1×1 to 3.
Graph two_layers(const Tensor& first, const Tensor& second) {
  Graph g;
  const ValueId x = g.add_input("x", {DType::kF32, Shape{1, 4, 4, 2}, nullptr});
  const ValueId inner = g.add(Conv{}, {x, g.add_constant(first)}, {.name = "inner"});
  g.set_outputs({g.add(Conv{}, {inner, g.add_constant(second)}, {.name = "outer"})});
  return g;
}

Evidence evidence() {
  return {{16,
           [](size_t i) {
             return std::vector<Tensor>{noise({1, 4, 4, 2}, 100 + i)};
           }},
          Engine{{&cpu_provider()}, {.threads = 1}}};
}

std::string message(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

TEST(Narrow, KeepsTheChannelsWhoseWeightsAreLongest) {
  const Tensor first = Tensor::of<float>({4, 1, 1, 2}, {3, 0, 0.1f, 0, 0, 2, 0, 0.2f});
  const Graph half = narrowed(two_layers(first, noise({3, 1, 1, 4}, 1)), 0.5);
  const Node& inner = half.node(half.order()[0]);
  EXPECT_EQ(to_doubles(half.value(inner.inputs[1]).constant), (std::vector<double>{3, 0, 0, 2}));
  EXPECT_EQ(half.type(half.outputs()[0]).shape, (Shape{1, 4, 4, 3})) << "outputs keep their channels";
}

TEST(Narrow, SaysWhatItCannotDo) {
  const Graph g = two_layers(noise({4, 1, 1, 2}, 1), noise({3, 1, 1, 4}, 2));
  EXPECT_NE(message([&] { narrowed(g, 1.5); }).find("width 1.5"), std::string::npos);
  Graph one;
  const ValueId x = one.add_input("x", {DType::kF32, Shape{1, 4, 4, 2}, nullptr});
  one.set_outputs({one.add(Conv{}, {x, one.add_constant(noise({3, 1, 1, 2}, 1))})});
  EXPECT_NE(message([&] { narrowed(one, 0.5); }).find("no channel of this model may go"), std::string::npos);
}

/// The teacher's inner channels are a matrix times the student's: least squares finds it.
TEST(Match, FindsTheProjectorByLeastSquares) {
  const Tensor student = Tensor::of<float>({2, 1, 1, 2}, {1, 0, 0, 1});
  const Tensor teacher = Tensor::of<float>({3, 1, 1, 2}, {2, 0, 0, -1, 1, 1});
  const Graph s = two_layers(student, noise({3, 1, 1, 2}, 3)), t = two_layers(teacher, noise({3, 1, 1, 3}, 4));
  const std::string pairs[] = {"inner:inner"};
  const std::vector<Match> found = find_matches(pairs, t, s, evidence());
  ASSERT_EQ(found.size(), 1u);
  const std::vector<double> expected{2, 0, 1, 0, -1, 1}, w = to_doubles(found[0].projector);
  ASSERT_EQ(w.size(), expected.size());
  for (size_t i = 0; i < w.size(); ++i) EXPECT_NEAR(w[i], expected[i], 1e-3) << i;
}

TEST(Match, SaysWhichValuesDoNotFit) {
  const Graph g = two_layers(noise({4, 1, 1, 2}, 1), noise({3, 1, 1, 4}, 2));
  Graph pooled = g;
  pooled.set_outputs({pooled.add(AveragePool{.kernel = {4, 4}}, {pooled.outputs()[0]}, {.name = "pool"})});
  const auto of = [&](const char* pair) {
    const std::string pairs[] = {pair};
    return message([&] { find_matches(pairs, g, pooled, evidence()); });
  };
  EXPECT_NE(of("inner").find("no pair of values"), std::string::npos);
  EXPECT_NE(of("iner:inner").find("did you mean 'inner'"), std::string::npos);
  EXPECT_NE(of("inner:pool").find("expected the same sizes but for the channels"), std::string::npos);
}

}  // namespace
}  // namespace hone

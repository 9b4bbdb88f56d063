#include "data/spread.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"

namespace hone {
namespace {

/// 1,000 numbers of a wave between −1 and 1, moved by `shift`.
Tensor wave(float shift) {
  Tensor t = Tensor::empty(DType::kF32, {1, 1000});
  for (size_t i = 0; i < 1000; ++i) t.mutable_data<float>()[i] = shift + std::sin(0.1f * static_cast<float>(i));
  return t;
}

double stability(const Spread& expected, const Tensor& seen) {
  SpreadCounts counts;
  for (int64_t turn = 0; turn < 8; ++turn) count_numbers(seen, expected, 200, turn, counts);
  return population_stability(expected, counts);
}

TEST(Spread, NumbersThatMovedAreTold) {
  const Spread expected = deciles_of(spread_numbers(wave(0), 1000, 0));
  ASSERT_EQ(expected.edges.size(), 9u);
  EXPECT_NEAR(expected.shares[0], 0.1, 0.01);
  EXPECT_LT(stability(expected, wave(0)), 0.02);
  EXPECT_GT(stability(expected, wave(0.8f)), 0.25);
}

TEST(Spread, FewDifferentNumbersMakeFewBuckets) {
  const Spread zeros = deciles_of({0, 0, 0, 0, 0, 0, 0, 1, 1, 1});
  EXPECT_EQ(zeros.edges, (std::vector<double>{1}));
  EXPECT_EQ(zeros.shares, (std::vector<double>{0.7, 0.3}));
  EXPECT_TRUE(deciles_of({5, 5, 5}).edges.empty());
}

TEST(Spread, QuantizedNumbersCountAsTheRealOnesThatTheyStand) {
  const Tensor t = Tensor::of<int8_t>({4}, {-128, 0, 1, 127}).with_quant(QuantParams::per_tensor(0.5f, 1));
  EXPECT_EQ(spread_numbers(t, 100, 0), (std::vector<double>{-64.5, -0.5, 0, 63}));
  Spread expected;
  expected.limits = {-64.25, 62.75, 0};
  SpreadCounts counts;
  count_numbers(t, expected, 100, 0, counts);
  EXPECT_EQ(counts.numbers, 4);
  EXPECT_EQ(counts.clipped, 2);
}

TEST(Spread, TurnsComeByEveryNumber) {
  const Tensor t = Tensor::of<float>({5}, {0, 1, 2, 3, 4});
  std::vector<double> seen;
  for (int64_t turn = 0; turn < 3; ++turn)
    for (const double x : spread_numbers(t, 2, turn)) seen.push_back(x);
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(seen, (std::vector<double>{0, 1, 2, 3, 4}));
}

TEST(Spread, SurvivesJsonAndRefusesNonsense) {
  Spread d = deciles_of({1, 2, 3, 4, 5, 6, 7, 8, 9, 10.25});
  d.name = "x";
  d.limits = {-1, 11, 0.125};
  const Spread again = parse_spread(Json::parse(to_json(d).dump()));
  EXPECT_EQ(again.edges, d.edges);
  EXPECT_EQ(again.shares, d.shares);
  EXPECT_EQ(again.limits->clipped, 0.125);
  for (const char* wrong :
       {"{}", R"({"name":"x","edges":[1],"shares":[1]})", R"({"name":"x","edges":[2,1],"shares":[0,0,1]})",
        R"({"name":"x","low":1})", R"({"name":"x","edges":[1]})", R"({"name":7})"})
    EXPECT_THROW(parse_spread(Json::parse(wrong)), Error) << wrong;
}

}  // namespace
}  // namespace hone

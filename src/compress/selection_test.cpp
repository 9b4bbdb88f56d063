#include "compress/selection.h"

#include <gtest/gtest.h>

namespace hone {
namespace {

/// `count` samples of which those for which `is_right` holds are right.
template <class F>
Contender contender(size_t count, double cost, F is_right) {
  Contender c{.tallies = {.width = 1, .numbers = {}}, .cost = cost, .cost_interval = {cost, cost}, .size_bytes = 100};
  for (size_t i = 0; i < count; ++i) c.tallies.numbers.push_back(is_right(i) ? 1 : 0);
  return c;
}

const Metric& top1() {
  static const Metric metric = find_metric("top1", {.outputs = {{.name = "y", .dims = {1, 2}}}, .labels = {0, 1}});
  return metric;
}

SelectionRule rule_of(double max_drop, std::vector<size_t> references = {0}) {
  return {.metric = top1(), .budget = {.max_drop = max_drop}, .references = std::move(references)};
}

std::vector<double> accuracies(const std::vector<Contender>& contenders) {
  std::vector<double> out;
  for (const Contender& c : contenders) out.push_back(top1().value(c.tallies));
  return out;
}

TEST(Selection, TheCheapestInsideTheBudgetWins) {
  const std::vector<Contender> all = {contender(1000, 10, [](size_t i) { return i >= 100; }),
                                      contender(1000, 5, [](size_t i) { return i >= 130; }),
                                      contender(1000, 6, [](size_t i) { return i >= 108; })};
  EXPECT_EQ(rule_of(1).choose(all, accuracies(all)), 2u);
  EXPECT_EQ(rule_of(3).choose(all, accuracies(all)), 1u);
  EXPECT_EQ(rule_of(0.5).choose(all, accuracies(all)), 0u);
}

TEST(Selection, CostsWithinTwoPercentAreEqualAndAccuracyDecides) {
  const std::vector<Contender> all = {contender(1000, 10, [](size_t i) { return i >= 100; }),
                                      contender(1000, 5.00, [](size_t i) { return i >= 105; }),
                                      contender(1000, 5.05, [](size_t i) { return i >= 95; })};
  EXPECT_EQ(rule_of(1).choose(all, accuracies(all)), 2u);
}

TEST(Selection, SpeedInsideTheNoiseDoesNotBuyAccuracy) {
  std::vector<Contender> all = {contender(1000, 10, [](size_t i) { return i >= 100; }),
                                contender(1000, 4.85, [](size_t i) { return i >= 147; }),
                                contender(1000, 5.00, [](size_t i) { return i >= 100; })};
  EXPECT_EQ(rule_of(5).choose(all, accuracies(all)), 1u);  // 3 % faster beyond doubt
  all[1].cost_interval = {4.7, 5.1};
  all[2].cost_interval = {4.9, 5.2};
  EXPECT_EQ(rule_of(5).choose(all, accuracies(all)), 2u);
}

TEST(Selection, TheBudgetHoldsAgainstEveryReference) {
  const std::vector<Contender> all = {contender(1000, 10, [](size_t i) { return i >= 110; }),
                                      contender(1000, 10, [](size_t i) { return i >= 100; }),
                                      contender(1000, 5, [](size_t i) { return i >= 115; })};
  const SelectionRule one = rule_of(1), both = rule_of(1, {0, 1});
  EXPECT_TRUE(one.is_kept(accuracies(all), 2));
  EXPECT_FALSE(both.is_kept(accuracies(all), 2));
}

TEST(Selection, AChoiceAmongEqualsIsWorthNothingOnUnseenData) {
  // Twenty candidates that err on different twentieths of the samples, besides what the float model errs on: the best
  // of them looks better than the float model by luck alone.
  std::vector<Contender> all = {contender(2000, 10, [](size_t i) { return i % 10 != 0; })};
  uint64_t state = 1;
  for (int k = 0; k < 20; ++k)
    all.push_back(contender(2000, 5, [&](size_t i) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      const bool is_flipped = (state >> 40) % 20 == 0;
      return (i % 10 != 0) != is_flipped;
    }));
  // Flips hit right samples nine times as often as wrong ones: every candidate truly loses about four points.
  const SelectionRule rule = rule_of(100);
  const std::vector<double> accuracy = accuracies(all);
  const size_t winner = rule.choose(all, accuracy);
  const UnseenDrop unseen = unseen_drop(all, rule);
  double mean = 0;
  for (size_t c = 1; c < all.size(); ++c) mean += (accuracy[0] - accuracy[c]) * 100 / 20;
  const double seen = 100 * (accuracy[0] - accuracy[winner]);
  EXPECT_LT(seen, mean - 0.5);
  EXPECT_GT(unseen.drop, seen + 0.2);
  EXPECT_NEAR(unseen.drop, mean, 0.4);
  EXPECT_LT(unseen.interval.low, unseen.drop);
  EXPECT_GT(unseen.interval.high, unseen.drop);
  EXPECT_EQ(unseen_drop(all, rule).drop, unseen.drop);
}

TEST(Selection, OneCandidateFarAheadIsWhatItSeems) {
  const std::vector<Contender> all = {contender(1000, 10, [](size_t i) { return i >= 100; }),
                                      contender(1000, 5, [](size_t i) { return i >= 110; })};
  const UnseenDrop unseen = unseen_drop(all, rule_of(50));
  EXPECT_NEAR(unseen.drop, 1, 0.05);
  EXPECT_LT(unseen.interval.low, 0.8);
  EXPECT_GT(unseen.interval.high, 1.2);
}

TEST(Selection, AFewSamplesSayNothing) {
  const std::vector<Contender> all = {contender(30, 10, [](size_t) { return true; })};
  EXPECT_EQ(unseen_drop(all, rule_of(1)).repeats, 0);
}

}  // namespace
}  // namespace hone

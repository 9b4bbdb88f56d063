#include "compress/calibrator.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "base/error.h"
#include "compress/histogram.h"

namespace hone {
namespace {

std::vector<float> normal_values(size_t n, float spread, uint32_t seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> draw(0, spread);
  std::vector<float> values(n);
  for (float& v : values) v = draw(engine);
  return values;
}

void expect_same(const Histogram& a, const Histogram& b) {
  EXPECT_EQ(a.total(), b.total());
  EXPECT_EQ(a.radius(), b.radius());
  EXPECT_EQ(a.min(), b.min());
  EXPECT_EQ(a.max(), b.max());
  for (int i = 0; i < Histogram::kBins; ++i)
    EXPECT_EQ(a.bins()[static_cast<size_t>(i)], b.bins()[static_cast<size_t>(i)]) << i;
}

TEST(Histogram, DoesNotDependOnOrderOrOnMerging) {
  const std::vector<float> small = normal_values(1000, 0.01f, 1), large = normal_values(1000, 50, 2);
  Histogram forward, backward, left, right;
  forward.add(small);
  forward.add(large);
  backward.add(large);
  backward.add(small);
  left.add(small);
  right.add(large);
  expect_same(forward, backward);
  Histogram merged = left;
  merged.merge(right);
  expect_same(forward, merged);
  right.merge(left);
  expect_same(forward, right);
}

TEST(Histogram, CountsWhatIsNotFiniteApart) {
  Histogram h;
  const float values[] = {1, NAN, INFINITY, -2};
  h.add(values);
  EXPECT_EQ(h.total(), 2u);
  EXPECT_EQ(h.not_finite(), 2u);
  EXPECT_EQ(h.min(), -2);
  EXPECT_EQ(h.max(), 1);
}

TEST(Histogram, QuantilesOfANormalDistributionAreWhereTheyShouldBe) {
  Histogram h;
  h.add(normal_values(200000, 1, 3));
  EXPECT_NEAR(h.quantile(0.5), 0, 0.01);
  EXPECT_NEAR(h.quantile(0.975), 1.96, 0.03);
}

TEST(Calibrator, EveryRangeContainsZeroAndStaysInsideWhatWasSeen) {
  Histogram h;
  std::vector<float> positive = normal_values(10000, 1, 4);
  for (float& v : positive) v = 5 + std::fabs(v);
  h.add(positive);
  for (const Calibrator& c : all_calibrators()) {
    const Range r = c.range(h);
    EXPECT_EQ(r.min, 0) << c.name;
    EXPECT_GT(r.max, 4) << c.name;
    EXPECT_LE(r.max, h.max()) << c.name;
  }
}

TEST(Calibrator, OutliersAreCutByAllButMinMax) {
  Histogram h;
  std::vector<float> values = normal_values(100000, 1, 5);
  values.push_back(100);
  h.add(values);
  EXPECT_EQ(find_calibrator("minmax").range(h).max, 100);
  for (const char* name : {"percentile", "entropy", "mse"}) EXPECT_LT(find_calibrator(name).range(h).max, 95) << name;
}

TEST(Calibrator, MseNeverDoesWorseThanMinMaxOnItsOwnMeasure) {
  for (uint32_t seed = 0; seed < 5; ++seed) {
    Histogram h;
    h.add(normal_values(5000, 1 + static_cast<float>(seed), seed));
    EXPECT_LE(quantization_error(h, find_calibrator("mse").range(h)),
              quantization_error(h, find_calibrator("minmax").range(h)));
  }
}

TEST(Calibrator, EntropyDoesNotDependOnHowTheRangeMeetsTheBins) {
  // The same numbers at every scale between two powers of two: 256 levels are never a whole number of bins but once.
  double least = 1, most = 0;
  for (int k = 0; k < 16; ++k) {
    const float scale = std::exp2(static_cast<float>(k) / 16);
    std::vector<float> values = normal_values(200000, 1, 6);
    for (float& v : values) v = scale * std::max(v, 0.0f);
    Histogram h;
    h.add(values);
    const double part = find_calibrator("entropy").range(h).max / h.max();
    least = std::min(least, part);
    most = std::max(most, part);
  }
  EXPECT_GT(least, 0.6);
  EXPECT_LT(most - least, 0.15);
}

TEST(Calibrator, EntropyKeepsWhatStandsBesideManyZeros) {
  Histogram h;
  std::vector<float> values = normal_values(20000, 1, 8);
  for (float& v : values) v = std::min(std::fabs(v) * 4, 6.0f);  // ReLU6: much at the top
  values.resize(100000, 0.0f);
  h.add(values);
  EXPECT_GT(find_calibrator("entropy").range(h).max, 5.5);
}

TEST(Calibrator, UnknownNamesListTheKnownOnes) {
  try {
    find_calibrator("median");
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("minmax, percentile, entropy, mse"), std::string::npos);
  }
}

}  // namespace
}  // namespace hone

#include "train/augment.h"

#include <gtest/gtest.h>

#include <set>

#include "base/error.h"

namespace hone {
namespace {

Tensor counting(Dims dims) {
  Tensor t = Tensor::empty(DType::kF32, std::move(dims));
  float v = 0;
  for (float& x : t.mutable_data<float>()) x = v++;
  return t;
}

std::vector<double> changed(const char* how, Tensor t, bool planes, uint64_t seed) {
  Random random(seed);
  augment(t, planes, parse_augments(how), random);
  return to_doubles(t);
}

TEST(Augment, FlipsHalfOfTheSamplesInEitherLayout) {
  std::set<std::vector<double>> last, first;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    last.insert(changed("flip", counting({1, 1, 2, 2}), false, seed));
    first.insert(changed("flip", counting({1, 2, 1, 2}), true, seed));
  }
  EXPECT_EQ(last, (std::set<std::vector<double>>{{0, 1, 2, 3}, {2, 3, 0, 1}}));
  EXPECT_EQ(first, (std::set<std::vector<double>>{{0, 1, 2, 3}, {1, 0, 3, 2}}));
}

TEST(Augment, ShiftsWithinTheAmountAndRepeatsTheBorder) {
  std::set<std::vector<double>> seen;
  for (uint64_t seed = 0; seed < 40; ++seed) seen.insert(changed("time=1", counting({1, 3, 1, 1}), false, seed));
  EXPECT_EQ(seen, (std::set<std::vector<double>>{{0, 1, 2}, {0, 0, 1}, {1, 2, 2}}));
}

TEST(Augment, FillsWhatItCutsOutWithTheMean) {
  for (uint64_t seed = 0; seed < 10; ++seed) {
    const auto values = changed("cutout=1", counting({1, 3, 3, 1}), false, seed);
    int filled = 0;
    for (size_t i = 0; i < values.size(); ++i) filled += values[i] != static_cast<double>(i);
    EXPECT_LE(filled, 1);
  }
}

TEST(Augment, LeavesOtherTensorsAlone) {
  EXPECT_EQ(changed("flip,shift=2,contrast", counting({1, 4}), false, 3), (std::vector<double>{0, 1, 2, 3}));
}

TEST(Augment, ScalesEachChannelByItself) {
  const auto values = changed("color=0.5", counting({1, 1, 2, 2}), false, 1);
  const double first = values[2] / 2, second = values[3] / 3;
  EXPECT_NEAR(values[1], second, 1e-6);
  EXPECT_NE(first, second);
  for (const double factor : {first, second}) EXPECT_TRUE(factor >= 0.5 && factor <= 1.5) << factor;
}

TEST(Augment, RefusesAmountsThatLeaveNothingOfASample) {
  const auto message = [](const char* text, Dims dims, bool planes) -> std::string {
    try {
      require_fits(counting(std::move(dims)), planes, parse_augments(text));
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_EQ(message("shift=99", {1, 8, 6, 3}, false),
            "augment shift=99: samples have 8 rows and 6 columns, expected less than 6");
  EXPECT_NE(message("rows=8", {1, 3, 8, 6}, true).find("expected less than 8"), std::string::npos);
  EXPECT_NE(message("columns=6", {1, 8, 6, 3}, false), "");
  EXPECT_NE(message("cutout=6", {1, 8, 6, 3}, false), "");
  EXPECT_NE(message("time=8", {1, 8, 6}, false), "");
  EXPECT_EQ(message("time=7,columns=5,rows=7,shift=5,cutout=5,contrast,color", {1, 8, 6, 3}, false), "");
  EXPECT_EQ(message("shift=99", {1, 8}, false), "") << "there are no rows to move";
}

TEST(Augment, NamesWhatItDoesNotKnow) {
  const auto message = [](const char* text) -> std::string {
    try {
      parse_augments(text);
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_NE(message("flop").find("no augment is called 'flop', there are: flip"), std::string::npos);
  EXPECT_NE(message("shift=none").find("augment shift is 'none'"), std::string::npos);
  EXPECT_NE(message("flip=2").find("takes no number"), std::string::npos);
  EXPECT_NE(message("contrast=3").find("1 at most"), std::string::npos);
  EXPECT_EQ(parse_augments("flip, shift=2").size(), 2u);
}

}  // namespace
}  // namespace hone

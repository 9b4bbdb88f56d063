#include "compress/recipe.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace hone {
namespace {

const TransformRow& row_named(std::string_view name) {
  for (const TransformRow& row : all_transforms())
    if (row.type->op_name == name) return row;
  throw invalid_argument("no such row");
}

TEST(Recipe, ReadsBackWhatItPrints) {
  const Recipe recipe{{Attrs::of(FloatWeights{}),
                       Attrs::of(Int8{.calibrator = "entropy",
                                      .keep_float = {"a, b", "c|\"d\"", "e]"},
                                      .integer_io = true,
                                      .weight_bits = 4,
                                      .rounding = Rounding::compensated}),
                       Attrs::of(CorrectBias{})}};
  EXPECT_EQ(parse_recipe(to_text(recipe)), recipe) << to_text(recipe);
  EXPECT_EQ(to_text(Recipe::of(Float16Weights{})), "float16");
  EXPECT_EQ(parse_recipe(""), Recipe{});
}

TEST(Recipe, SaysWhatItDoesInWords) {
  const Recipe recipe = Recipe::of(Int8{.calibrator = "mse", .keep_float = {"a", "b"}});
  EXPECT_EQ(recipe.label(), "int8 (mse), 2 layers in float");
  EXPECT_EQ(recipe.id(), "int8-mse-2-layers-in-float");
  EXPECT_EQ(recipe.kind(), "int8");
  EXPECT_TRUE(recipe.needs_data());
  EXPECT_EQ(Recipe{}.kind(), "given");
}

TEST(Recipe, NamesTheTransformOrFieldThatDoesNotExist) {
  const auto message = [](const char* text) -> std::string {
    try {
      parse_recipe(text);
    } catch (const Error& e) {
      return e.message();
    }
    return "accepted";
  };
  EXPECT_NE(message("int9").find("float, float16, dynamic, int8"), std::string::npos);
  EXPECT_NE(message("int8 {calibratr=\"mse\"}").find("no field 'calibratr'"), std::string::npos);
  EXPECT_NE(message("int8 {calibrator=\"mse\"").find("expected }"), std::string::npos);
}

TEST(Recipe, EveryTransformIsARowThatSaysWhatItDoes) {
  for (const TransformRow& row : all_transforms()) {
    EXPECT_FALSE(row.about.empty()) << row.type->op_name;
    EXPECT_FALSE(row.label(Attrs(*row.type, row.type->create())).empty()) << row.type->op_name;
  }
}

TEST(Recipe, TheSearchTriesEveryCalibratorThenKeepsSensitiveLayersInFloat) {
  const std::vector<std::string> layers = {"a", "b", "c", "d", "e", "f", "g", "h"};
  std::vector<Attempt> attempts;
  std::vector<std::string> tried;
  for (;;) {
    SearchGround ground{.attempts = attempts, .calibrators = {"minmax", "mse"}};
    ground.sensitive_layers = [&](const std::string& calibrator) -> std::span<const std::string> {
      EXPECT_EQ(calibrator, "mse");
      return layers;
    };
    const std::optional<Recipe> next = row_named("int8").next(ground);
    if (!next) break;
    tried.push_back(next->label());
    attempts.push_back({*next, attempts.size() == 1 ? 0.75 : 0.5, false});
  }
  EXPECT_EQ(tried, (std::vector<std::string>{"int8 (minmax)", "int8 (mse)", "int8 (mse), 1 layer in float",
                                             "int8 (mse), 2 layers in float", "int8 (mse), 4 layers in float"}));
}
TEST(Recipe, WhatALossCallsForIsTriedOnceAndOnlyThen) {
  for (const bool is_loss : {false, true}) {
    std::vector<Attempt> attempts;
    std::vector<std::string> tried;
    for (const TransformRow& row : all_transforms())
      while (row.next != nullptr && row.type->op_name != "float16" && row.type->op_name != "dynamic") {
        const SearchGround ground{
            .attempts = attempts, .calibrators = {"minmax", "mse"}, .mixed = false, .is_size_wanted = is_loss};
        const std::optional<Recipe> next = row.next(ground);
        if (!next) break;
        tried.push_back(next->label());
        attempts.push_back({*next, next->steps.size() > 1 ? 0.9 : 0.5, true, is_loss});
      }
    std::vector<std::string> expected = {"int8 (minmax)", "int8 (mse)"};
    if (is_loss)
      expected.insert(expected.end(), {"int8 (minmax), compensated", "int8 (minmax), 4-bit weights, compensated",
                                       "equalized, int8 (minmax)", "equalized, int8 (minmax), biases corrected"});
    EXPECT_EQ(tried, expected);
  }
}

/// What the rows propose when value_of says what a recipe is worth and each epoch takes a second.
std::vector<std::string> training_tried(double seconds, double (*value_of)(const Recipe&)) {
  std::vector<Attempt> attempts;
  std::vector<std::string> tried;
  for (const TransformRow& row : all_transforms())
    while (row.next != nullptr && row.type->op_name != "float16" && row.type->op_name != "dynamic") {
      const SearchGround ground{
          .attempts = attempts, .calibrators = {"mse"}, .mixed = false, .prune = {0.5}, .recover_seconds = seconds};
      const std::optional<Recipe> next = row.next(ground);
      if (!next) break;
      double epochs = 0;
      for (const Attrs& step : next->steps) {
        if (step.type().op_name == "recover") epochs += static_cast<double>(step.as<Recover>().epochs);
        if (step.type().op_name == "int8" && next->trains() && step.as<Int8>().rounding == Rounding::trained)
          epochs += static_cast<double>(step.as<Int8>().epochs);
      }
      if (next->trains()) tried.push_back(to_text(*next));
      attempts.push_back({*next, value_of(*next), true, value_of(*next) < 0.9, epochs});
    }
  return tried;
}

/// Every epoch wins a little; the baseline has 0.9.
double grows(const Recipe& r) {
  double value = 0.8;
  for (const Attrs& step : r.steps) {
    if (step.type().op_name == "recover") value += 0.02 * static_cast<double>(step.as<Recover>().epochs);
    if (step.type().op_name == "int8" && step.as<Int8>().rounding == Rounding::trained)
      value += 0.001 * static_cast<double>(step.as<Int8>().epochs);
  }
  return value;
}

TEST(Recipe, TrainsTwiceAsLongWhileThatPaysAndTheTimeLasts) {
  EXPECT_TRUE(training_tried(0, grows).empty()) << "nobody asked for training";
  const std::vector<std::string> tried = training_tried(30, grows);
  ASSERT_FALSE(tried.empty());
  // 4 + 8 + 16 epochs of int8 leave 2 s, in which recovery begins; nothing begins after that.
  const std::vector<std::string> starts = {"int8", "int8", "int8", "prune {macs=0.5} | recover {epochs=4} | "};
  ASSERT_EQ(tried.size(), starts.size());
  for (size_t i = 0; i < starts.size(); ++i) EXPECT_TRUE(tried[i].starts_with(starts[i])) << tried[i];
}

TEST(Recipe, DropsTrainingThatDoesNotPay) {
  const auto flat = [](const Recipe&) { return 0.8; };
  const std::vector<std::string> tried = training_tried(1000, flat);
  ASSERT_EQ(tried.size(), 2u) << "four epochs of each show it";
  EXPECT_TRUE(tried[0].starts_with("int8")) << tried[0];
  EXPECT_TRUE(tried[1].starts_with("prune {macs=0.5} | recover {epochs=4}")) << tried[1];
  // What loses nothing is not trained.
  EXPECT_TRUE(training_tried(1000, [](const Recipe&) { return 0.95; }).empty());
}

TEST(Recipe, CombinesRecoveryWithTrainedRoundingWhereBothPay) {
  const auto both = [](const Recipe& r) {
    double value = 0.6;
    for (const Attrs& step : r.steps) {
      if (step.type().op_name == "recover") value += 0.1;
      if (step.type().op_name == "int8" && step.as<Int8>().rounding == Rounding::trained) value += 0.1;
    }
    return value;
  };
  const std::vector<std::string> tried = training_tried(1000, both);
  bool is_any = false;
  for (const std::string& recipe : tried)
    is_any |= recipe.find("recover") != std::string::npos && recipe.find("rounding=trained") != std::string::npos;
  EXPECT_TRUE(is_any) << testing::PrintToString(tried);
}

}  // namespace
}  // namespace hone

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

}  // namespace
}  // namespace hone

#include "compress/recipe.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace hone {
namespace {

TEST(Recipe, ReadsBackWhatItPrints) {
  const Recipe recipe{
      {Attrs::of(FloatWeights{}),
       Attrs::of(Int8{.calibrator = "entropy", .keep_float = {"a, b", "c|\"d\"", "e]"}, .integer_io = true})}};
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
    const std::optional<Recipe> next = all_transforms().back().next(ground);
    if (!next) break;
    tried.push_back(next->label());
    attempts.push_back({*next, 0.5, false, attempts.size() == 1});
  }
  EXPECT_EQ(tried, (std::vector<std::string>{"int8 (minmax)", "int8 (mse)", "int8 (mse), 1 layer in float",
                                             "int8 (mse), 2 layers in float", "int8 (mse), 4 layers in float"}));
}

}  // namespace
}  // namespace hone

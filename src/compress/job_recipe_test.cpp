#include "compress/job_recipe.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"

namespace hone {
namespace {

TEST(JobRecipe, ReadsBackWhatItWrites) {
  const JobRecipe given{.source_sha256 = "ab",
                        .recipe = parse_recipe("equalize | int8 {calibrator=\"mse\", keep_float=[\"a\", \"b\"]}"),
                        .calibration = 20,
                        .seed = 3,
                        .limit = 100,
                        .input_quant = "0.5,83",
                        .preprocess = R"({"scale":0.5})",
                        .metric = "sqnr",
                        .metric_command = "score {outputs}",
                        .output = "y",
                        .budget = {.max_drop = 2, .bound = 20}};
  const std::string text = to_json(given).dump(2);
  const JobRecipe read = parse_job_recipe(text);
  EXPECT_EQ(to_json(read).dump(2), text);
  EXPECT_EQ(read.recipe, given.recipe);
  EXPECT_EQ(read.preprocess, given.preprocess);
  EXPECT_EQ(read.budget.bound, 20);
}

TEST(JobRecipe, WhatIsLeftOutIsNotSet) {
  const JobRecipe read = parse_job_recipe(R"({"tool": "hone 0.1", "recipe": "", "data": {"calibration": 5}})");
  EXPECT_TRUE(read.recipe.steps.empty());
  EXPECT_EQ(read.seed, -1);
  EXPECT_TRUE(std::isnan(read.budget.bound));
}

TEST(JobRecipe, SaysWhichMemberIsWrong) {
  const auto problem = [](const char* json) -> std::string {
    try {
      parse_job_recipe(json);
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_NE(problem("{}").find("no member 'recipe'"), std::string::npos);
  EXPECT_NE(problem(R"({"recipe": 5})").find("in the recipe's 'recipe'"), std::string::npos);
  EXPECT_NE(problem(R"({"recipe": "", "data": {"seed": -1}})").find("-1 is less than 0"), std::string::npos);
}

}  // namespace
}  // namespace hone

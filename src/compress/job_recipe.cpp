#include "compress/job_recipe.h"

#include <cmath>

#include "base/error.h"
#include "base/text.h"

namespace hone {

Json to_json(const JobRecipe& recipe) {
  Json j = Json::object();
  const auto text = [&](const char* key, const std::string& value) {
    if (!value.empty()) j[key] = value;
  };
  text("source_sha256", recipe.source_sha256);
  j["recipe"] = to_text(recipe.recipe);
  j["data"]["calibration"] = recipe.calibration;
  if (recipe.seed >= 0) j["data"]["seed"] = recipe.seed;
  if (recipe.limit > 0) j["data"]["limit"] = recipe.limit;
  text("input_quant", recipe.input_quant);
  if (!recipe.preprocess.empty()) j["preprocess"] = Json::parse(recipe.preprocess);
  j["metric"] = recipe.metric;
  text("metric_command", recipe.metric_command);
  text("output", recipe.output);
  j["max_drop"] = recipe.budget.max_drop;
  if (!std::isnan(recipe.budget.bound)) j["bound"] = recipe.budget.bound;
  return j;
}

namespace {

/// `read` of the member called `key`, where there is one.
template <class Read>
void take(const Json& from, const char* key, const Read& read) {
  const Json* member = from.find(key);
  if (member == nullptr) return;
  with_context([&] { return cat("in the recipe's '", key, "'"); }, [&] { read(*member); });
}

int64_t at_least(int64_t least, const Json& number) {
  if (number.as_int() < least) throw invalid_argument(cat(number.as_int(), " is less than ", least));
  return number.as_int();
}

}  // namespace

JobRecipe parse_job_recipe(std::string_view json) {
  const Json j = Json::parse(json);
  if (j.find("recipe") == nullptr)
    throw invalid_argument("there is no member 'recipe'", "`hone optimize` writes recipe.json beside its results");
  JobRecipe out;
  const auto text = [&](const char* key, std::string& target) {
    take(j, key, [&](const Json& member) { target = member.as_string(); });
  };
  text("source_sha256", out.source_sha256);
  take(j, "recipe", [&](const Json& member) { out.recipe = parse_recipe(member.as_string()); });
  take(j, "data", [&](const Json& data) {
    take(data, "calibration", [&](const Json& n) { out.calibration = at_least(1, n); });
    take(data, "seed", [&](const Json& n) { out.seed = at_least(0, n); });
    take(data, "limit", [&](const Json& n) { out.limit = at_least(0, n); });
  });
  text("input_quant", out.input_quant);
  take(j, "preprocess", [&](const Json& member) { out.preprocess = member.dump(); });
  text("metric", out.metric);
  text("metric_command", out.metric_command);
  text("output", out.output);
  take(j, "max_drop", [&](const Json& member) { out.budget.max_drop = member.as_number(); });
  take(j, "bound", [&](const Json& member) { out.budget.bound = member.as_number(); });
  return out;
}

}  // namespace hone

#include "compress/manifest.h"

#include "container/json.h"

namespace hone {

namespace {

Json measured(const Metric& metric, const Score& score) {
  Json j = Json::object();
  j["text"] = metric.text(score.value);
  j["value"] = score.value;
  j["low"] = score.interval.low;
  j["high"] = score.interval.high;
  j["samples"] = score.samples();
  return j;
}

}  // namespace

JobRecipe recipe_of(const Job& job, const Outcome& outcome) {
  return {.source_sha256 = job.source.sha256,
          .recipe = outcome.best().recipe,
          .calibration = outcome.calibration_samples,
          .seed = job.seed,
          .limit = job.limit,
          .input_quant = job.input_quant,
          .preprocess = {},
          .metric = outcome.metric.name,
          .metric_command = job.metric_command,
          .output = job.output == 0 ? "" : job.source.graph.value(job.source.graph.outputs()[job.output]).name,
          .budget = job.budget};
}

std::string manifest_of(const Job& job, const Outcome& outcome, const Json& watch) {
  Json j = Json::object();
  j["tool"] = std::string("hone ") + HONE_VERSION;
  const Json recipe = to_json(recipe_of(job, outcome));
  for (const auto& [key, value] : recipe.as_object()) j[key] = value;
  j["data"]["test"] = outcome.test_samples;
  j["budget"] = outcome.budget.text(outcome.metric);
  j["runtime"] = outcome.runtime;
  j["before"] = measured(outcome.metric, outcome.baseline.score);
  j["after"] = measured(outcome.metric, outcome.best().score);
  j["watch"] = watch;
  return j.dump();
}

}  // namespace hone

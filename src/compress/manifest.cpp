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

std::string manifest_of(const Outcome& outcome) {
  Json j = Json::object();
  j["tool"] = std::string("hone ") + HONE_VERSION;
  if (!outcome.source_sha256.empty()) j["source_sha256"] = outcome.source_sha256;
  j["recipe"] = to_text(outcome.best().recipe);
  j["data"]["calibration"] = outcome.calibration_samples;
  j["data"]["test"] = outcome.test_samples;
  if (outcome.seed >= 0) j["data"]["seed"] = outcome.seed;
  j["budget"] = outcome.budget.text(outcome.metric);
  j["metric"] = outcome.metric.name;
  j["runtime"] = outcome.runtime;
  j["before"] = measured(outcome.metric, outcome.baseline.score);
  j["after"] = measured(outcome.metric, outcome.best().score);
  return j.dump();
}

}  // namespace hone

#include "compress/manifest.h"

#include "compress/sha256.h"
#include "data/json.h"

namespace hone {

namespace {

Json measured(const Candidate& c) {
  Json j = Json::object();
  j["value"] = c.score;
  j["low"] = c.interval.low;
  j["high"] = c.interval.high;
  j["samples"] = c.samples;
  return j;
}

}  // namespace

std::string manifest_of(const OptimizeResult& result, const DataSplit& data, const std::string& model_path,
                        double max_drop_points) {
  Json j = Json::object();
  j["tool"] = std::string("hone ") + HONE_VERSION;
  j["source_sha256"] = sha256_of_file(model_path);
  j["recipe"]["candidate"] = result.best().id;
  j["recipe"]["kind"] = result.best().kind;
  j["recipe"]["float_layers"] = Json::list(result.float_layers);
  j["data"]["calibration"] = static_cast<int64_t>(data.calibration.size());
  j["data"]["test"] = static_cast<int64_t>(data.test.size());
  if (!data.is_given) j["data"]["seed"] = data.seed;
  j["budget_points"] = max_drop_points;
  j["metric"] = result.metric;
  j["before"] = measured(result.baseline);
  j["after"] = measured(result.best());
  return j.dump();
}

}  // namespace hone

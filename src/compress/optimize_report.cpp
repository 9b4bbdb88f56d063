#include "compress/optimize_report.h"

#include <filesystem>

#include "base/text.h"
#include "compress/sha256.h"

namespace hone {

namespace {

Json interval(double value, const Interval& bounds) {
  Json j = Json::object();
  j["value"] = value;
  j["low"] = bounds.low;
  j["high"] = bounds.high;
  return j;
}

Json point(const Candidate& c, bool is_chosen) {
  Json j = Json::object();
  j["id"] = c.id;
  j["label"] = c.label;
  j["kind"] = c.kind;
  j["accuracy"] = interval(c.score, c.interval);
  j["accuracy"]["n"] = c.samples;
  j["drop_points"] = interval(c.drop_points(), {-100 * c.change.interval.high, -100 * c.change.interval.low});
  j["latency_us"]["median"] = c.latency_us.median;
  j["latency_us"]["p95"] = c.latency_us.p95;
  j["latency_us"]["min"] = c.latency_us.min;
  j["size_bytes"] = c.size_bytes;
  j["peak_memory_bytes"] = c.memory_bytes;
  j["status"] = is_chosen ? "chosen" : c.is_kept ? "kept" : "rejected";
  j["reason"] = c.reason;
  return j;
}

Json unseen(const UnseenDrop& drop) {
  if (drop.repeats == 0) return {};
  Json j = Json::object();
  j["drop_points"] = interval(drop.points, drop.interval);
  j["repeats"] = drop.repeats;
  return j;
}

Json sensitivity(const OptimizeResult& result) {
  Json list = Json::array();
  for (const LayerSensitivity& s : result.sensitivity) {
    Json j = Json::object();
    j["layer"] = s.layer;
    j["op"] = s.op;
    j["sqnr_db"] = s.sqnr_db;
    for (const std::string& name : result.float_layers)
      if (name == s.layer) j["kept_float"] = true;
    list.push_back(std::move(j));
  }
  return list;
}

}  // namespace

Json optimize_report(const OptimizeResult& result, const DataSplit& data, const std::vector<DeliveredFile>& files,
                     const ReportContext& context) {
  Json j = Json::object();
  j["schema_version"] = 1;
  j["tool_version"] = HONE_VERSION;
  j["created"] = context.created;
  j["command"] = context.command;
  j["model"]["name"] = std::filesystem::path(context.model_path).filename().string();
  j["model"]["sha256"] = sha256_of_file(context.model_path);
  j["model"]["bytes"] = static_cast<int64_t>(std::filesystem::file_size(context.model_path));
  j["model"]["nodes"] = static_cast<int64_t>(result.baseline.graph.node_count());
  j["machine"]["cpu"] = context.cpu;
  j["machine"]["isa"] = context.isa;
  j["machine"]["threads"] = context.threads;
  j["machine"]["os"] = context.os;
  j["data"]["dir"] = context.data_path;
  j["data"]["calibration_count"] = static_cast<int64_t>(data.calibration.size());
  j["data"]["test_count"] = static_cast<int64_t>(data.test.size());
  j["data"]["split_seed"] = data.is_given ? Json() : Json(data.seed);
  j["budget"]["max_drop_points"] = context.max_drop_points;
  j["budget"]["objective"] = to_string(context.objective);
  j["metric"] = result.metric;
  j["baseline"] = point(result.baseline, result.chosen < 0);
  j["chosen"] = result.chosen < 0 ? Json() : Json(result.best().id);
  j["unseen"] = unseen(result.unseen);
  j["candidates"] = Json::array();
  for (size_t i = 0; i < result.candidates.size(); ++i)
    j["candidates"].push_back(point(result.candidates[i], static_cast<int>(i) == result.chosen));
  j["sensitivity"] = sensitivity(result);
  j["outputs"] = Json::array();
  for (const DeliveredFile& f : files) {
    Json out = Json::object();
    out["path"] = f.path;
    out["bytes"] = f.bytes;
    out["sha256"] = f.sha256;
    out["verified"] = f.is_verified;
    out["accuracy"] = f.score;
    out["same_decisions"] = f.same_decisions;
    out["decisions"] = f.samples;
    if (!f.problem.empty()) out["problem"] = f.problem;
    j["outputs"].push_back(std::move(out));
  }
  return j;
}

}  // namespace hone

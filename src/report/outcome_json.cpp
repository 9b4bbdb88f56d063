#include "report/outcome_json.h"

#include <algorithm>
#include <filesystem>

#include "base/text.h"
#include "report/breakdown.h"

namespace hone {

namespace {

Json interval(double value, const Interval& bounds) {
  Json j = Json::object();
  j["value"] = value;
  j["low"] = bounds.low;
  j["high"] = bounds.high;
  return j;
}

Json latency(const Latency& l) {
  Json j = Json::object();
  j["median"] = l.runs.median;
  j["low"] = l.median.low;
  j["high"] = l.median.high;
  j["p95"] = l.runs.p95;
  j["p99"] = l.runs.p99;
  j["min"] = l.runs.min;
  return j;
}

Json score(const Score& s) {
  Json j = interval(s.value, s.interval);
  j["n"] = s.samples();
  return j;
}

Json memory(int64_t bytes) { return bytes > 0 ? Json(bytes) : Json(); }

Json form(const FileForm& f) {
  Json j = Json::object();
  j["format"] = f.format;
  j["runtime"] = f.runtime;
  j["bytes"] = f.bytes > 0 ? Json(f.bytes) : Json();
  j["latency_us"] = f.bytes > 0 ? latency(f.latency) : Json();
  j["peak_memory_bytes"] = memory(f.memory_bytes);
  if (!f.problem.empty()) j["problem"] = f.problem;
  return j;
}

Json candidate(const Candidate& c, bool is_chosen) {
  Json j = Json::object();
  j["id"] = c.id;
  j["label"] = c.label;
  j["kind"] = c.recipe.kind();
  j["recipe"] = to_text(c.recipe);
  j["score"] = score(c.score);
  j["drop"] = interval(c.verdict.drop, c.verdict.drop_interval);
  j["latency_us"] = latency(c.latency);
  j["size_bytes"] = c.size_bytes;
  j["peak_memory_bytes"] = memory(c.memory_bytes);
  j["files"] = Json::array();
  for (const FileForm& f : c.files) j["files"].push_back(form(f));
  j["status"] = is_chosen ? "chosen" : c.is_kept ? "kept" : "rejected";
  j["reason"] = c.reason;
  return j;
}

Json output(const Deliverable& d) {
  Json j = form(d.file);
  j["path"] = d.file.path;
  j["sha256"] = d.file.sha256;
  j["verified"] = d.is_verified;
  if (d.file.bytes == 0) return j;
  j["score"] = score(d.score);
  j["drop"] = interval(d.verdict.drop, d.verdict.drop_interval);
  j["same_samples"] = d.same_samples;
  j["samples"] = d.score.samples();
  return j;
}

Json sensitivity(const Outcome& outcome) {
  const std::vector<std::string> kept = outcome.best().recipe.float_layers();
  Json list = Json::array();
  for (const LayerSensitivity& s : outcome.sensitivity) {
    Json j = Json::object();
    j["layer"] = s.layer;
    j["op"] = s.op;
    j["sqnr_db"] = s.sqnr_db;
    j["seen"] = Json::list(std::vector<double>{s.seen.min, s.seen.max});
    j["held"] = Json::list(std::vector<double>{s.held.min, s.held.max});
    j["clipped"] = s.clipped;
    j["kept_float"] = std::find(kept.begin(), kept.end(), s.layer) != kept.end();
    list.push_back(std::move(j));
  }
  return list;
}

std::string_view name_of(Unit unit) {
  return unit == Unit::kShare ? "share" : unit == Unit::kDecibel ? "decibel" : "real";
}

}  // namespace

Json to_json(const Outcome& o, const ReportContext& context) {
  Json j = Json::object();
  j["schema_version"] = 2;
  j["tool_version"] = context.tool_version;
  j["created"] = context.created;
  j["command"] = context.command;
  j["model"]["name"] = std::filesystem::path(o.source_path).filename().string();
  j["model"]["sha256"] = o.source_sha256;
  j["model"]["bytes"] = o.source_bytes;
  j["model"]["nodes"] = o.source_nodes;
  j["machine"]["cpu"] = context.cpu;
  j["machine"]["isa"] = context.isa;
  j["machine"]["threads"] = context.threads;
  j["machine"]["os"] = context.os;
  j["runtime"] = o.runtime;
  j["data"]["dir"] = context.data_path;
  j["data"]["calibration_count"] = o.calibration_samples;
  j["data"]["test_count"] = o.test_samples;
  j["data"]["split_seed"] = o.seed < 0 ? Json() : Json(o.seed);
  j["metric"]["name"] = o.metric.name;
  j["metric"]["title"] = o.metric.title;
  j["metric"]["unit"] = name_of(o.metric.row->unit);
  j["metric"]["is_higher_better"] = o.metric.row->is_higher_better;
  j["budget"]["text"] = o.budget.text(o.metric);
  j["budget"]["max_drop"] = o.budget.max_drop;
  j["budget"]["bound"] = o.budget.bound_of(o.metric);
  j["budget"]["objective"] = to_string(o.objective);
  j["baseline"] = candidate(o.baseline, o.chosen < 0);
  j["chosen"] = o.chosen < 0 ? Json() : Json(o.best().id);
  j["unseen"] = Json();
  if (o.unseen.repeats > 0) {
    j["unseen"]["drop"] = interval(o.unseen.drop, o.unseen.interval);
    j["unseen"]["repeats"] = o.unseen.repeats;
  }
  j["candidates"] = Json::array();
  for (size_t i = 0; i < o.candidates.size(); ++i)
    j["candidates"].push_back(candidate(o.candidates[i], static_cast<int>(i) == o.chosen));
  j["sensitivity"] = sensitivity(o);
  j["operators"] = Json::array();
  for (const OperatorTime& t : operator_times(o)) {
    Json entry = Json::object();
    entry["op"] = t.op;
    entry["before_us"] = t.before_us;
    entry["after_us"] = o.chosen < 0 ? Json() : Json(t.after_us);
    j["operators"].push_back(std::move(entry));
  }
  j["classes"] = Json::array();
  for (const ClassChange& c : class_changes(o)) {
    Json entry = Json::object();
    entry["name"] = c.name;
    entry["samples"] = c.samples;
    entry["before"] = c.before;
    entry["after"] = c.after;
    j["classes"].push_back(std::move(entry));
  }
  j["outputs"] = Json::array();
  for (const Deliverable& d : o.files) j["outputs"].push_back(output(d));
  return j;
}

}  // namespace hone

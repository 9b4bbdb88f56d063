#include "measure/report_data.h"

#include <cmath>
#include <span>
#include <string_view>

#include "base/error.h"
#include "base/text.h"

namespace hone::report {
namespace {

// Outside this range no measurement lies, and no axis could show it.
constexpr double kLargest = 1e15, kSmallest = 1e-9;

/// The elements of the list under `key`; none when something else is there.
std::span<const Json> list(const Json& object, std::string_view key) {
  const Json* v = object.find(key);
  if (v == nullptr || !v->is_array()) return {};
  return v->as_array();
}

/// The object under `key`; a null when nothing is there.
Json member(const Json& object, std::string_view key) {
  const Json* v = object.find(key);
  return v == nullptr ? Json() : *v;
}

double number(const Json& object, std::string_view key) {
  const Json* v = object.find(key);
  if (v == nullptr || !v->is_number()) return kAbsent;
  const double d = v->as_number();
  if (!(std::fabs(d) <= kLargest)) return kAbsent;
  return std::fabs(d) < kSmallest ? 0 : d;
}

std::string text(const Json& object, std::string_view key) {
  const Json* v = object.find(key);
  return v != nullptr && v->is_string() ? v->as_string() : std::string();
}

bool flag(const Json& object, std::string_view key) {
  const Json* v = object.find(key);
  return v != nullptr && *v == Json(true);
}

Estimate estimate(const Json& object, std::string_view key) {
  const Json v = member(object, key);
  return {number(v, "value"), number(v, "low"), number(v, "high")};
}

Point parse_point(const Json& json) {
  Point p;
  p.id = text(json, "id");
  p.label = text(json, "label");
  if (p.label.empty()) p.label = p.id;
  p.reason = text(json, "reason");
  const std::string status = text(json, "status");
  if (status == "rejected") p.status = Status::kRejected;
  p.accuracy = estimate(json, "accuracy");
  p.samples = number(member(json, "accuracy"), "n");
  p.drop_points = estimate(json, "drop_points");
  p.latency_us = number(member(json, "latency_us"), "median");
  p.latency_p95_us = number(member(json, "latency_us"), "p95");
  p.size_bytes = number(json, "size_bytes");
  p.peak_memory_bytes = number(json, "peak_memory_bytes");
  return p;
}

void parse_candidates(const Json& json, Report& report) {
  const std::string chosen = text(json, "chosen");
  for (const Json& item : list(json, "candidates")) {
    Point p = parse_point(item);
    p.number = static_cast<int>(report.candidates.size()) + 1;
    if (p.label.empty()) p.label = cat("candidate ", p.number);
    if (!chosen.empty() && p.id == chosen && report.chosen() == nullptr) p.status = Status::kChosen;
    report.candidates.push_back(std::move(p));
  }
}

void parse_lists(const Json& json, Report& report) {
  for (const Json& item : list(json, "sensitivity")) {
    report.sensitivity.push_back({text(item, "layer"), text(item, "op"), number(item, "sqnr_db"),
                                  number(item, "drop_points"), flag(item, "kept_float")});
  }
  for (const Json& item : list(json, "outputs")) {
    report.outputs.push_back({text(item, "path"), text(item, "sha256"), number(item, "bytes"), flag(item, "verified")});
  }
}

void check(const Json& json) {
  if (!json.is_object()) throw invalid_argument(cat("report: found ", json.dump(), ", expected an object"));
  const Json* version = json.find("schema_version");
  if (version != nullptr && *version == Json(1)) return;
  throw unsupported(cat("report: schema_version is ", version == nullptr ? "absent" : version->dump(), ", expected 1"),
                    "write it again with this version of hone optimize");
}

}  // namespace

bool Estimate::has_value() const { return std::isfinite(value); }
bool Estimate::has_interval() const { return std::isfinite(low) && std::isfinite(high); }

const Point* Report::chosen() const {
  for (const Point& p : candidates) {
    if (p.status == Status::kChosen) return &p;
  }
  return nullptr;
}

Report parse_report(const Json& json) {
  check(json);
  Report r;
  r.tool_version = text(json, "tool_version");
  r.created = text(json, "created");
  r.command = text(json, "command");
  r.metric = text(json, "metric");
  const Json model = member(json, "model");
  r.model_name = text(model, "name");
  r.model_sha256 = text(model, "sha256");
  r.model_bytes = number(model, "bytes");
  r.model_nodes = number(model, "nodes");
  const Json machine = member(json, "machine");
  r.cpu = text(machine, "cpu");
  r.isa = text(machine, "isa");
  r.os = text(machine, "os");
  r.threads = number(machine, "threads");
  const Json data = member(json, "data");
  r.data_dir = text(data, "dir");
  r.calibration_count = number(data, "calibration_count");
  r.test_count = number(data, "test_count");
  r.split_seed = number(data, "split_seed");
  const Json budget = member(json, "budget");
  r.max_drop_points = number(budget, "max_drop_points");
  r.objective = text(budget, "objective");
  r.unseen_drop = estimate(member(json, "unseen"), "drop_points");
  r.baseline = parse_point(member(json, "baseline"));
  r.baseline.status = Status::kBaseline;
  if (r.baseline.label.empty()) r.baseline.label = "float";
  parse_candidates(json, r);
  parse_lists(json, r);
  r.is_sensitivity_at_output = text(json, "sensitivity_at") != "layer";
  return r;
}

}  // namespace hone::report

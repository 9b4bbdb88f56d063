#include "report/view.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/text.h"

namespace hone::report {
namespace {

// Outside this range no measurement lies, and no axis could show it.
constexpr double kLargest = 1e15, kSmallest = 1e-9;

double shown(double value) {
  if (!(std::fabs(value) <= kLargest)) return kAbsent;
  return std::fabs(value) < kSmallest ? 0 : value;
}

Estimate shown(double value, const Interval& interval, double scale = 1) {
  return {shown(scale * value), shown(scale * interval.low), shown(scale * interval.high)};
}

Point point_of(const Candidate& c, const Metric& metric, Status status) {
  const double scale = metric.row->unit == Unit::kShare ? 100 : 1;
  Point p;
  p.id = c.id;
  p.label = c.label;
  p.reason = c.reason;
  p.status = status;
  p.accuracy = shown(c.score.value, c.score.interval, scale);
  p.samples = static_cast<double>(c.score.samples());
  p.drop_points = shown(c.verdict.drop, c.verdict.drop_interval);
  if (c.size_bytes == 0) return p;
  p.latency_us = shown(c.latency.runs.median, c.latency.median);
  p.latency_p95_us = shown(c.latency.runs.p95);
  p.latency_p99_us = shown(c.latency.runs.p99);
  p.size_bytes = static_cast<double>(c.size_bytes);
  if (c.memory_bytes > 0) p.peak_memory_bytes = static_cast<double>(c.memory_bytes);
  return p;
}

Output output_of(const Deliverable& d, const Metric& metric) {
  Output o{.path = d.file.path,
           .sha256 = d.file.sha256,
           .format = d.file.format,
           .runtime = d.file.runtime,
           .problem = d.file.problem};
  if (d.file.bytes == 0) return o;
  o.bytes = static_cast<double>(d.file.bytes);
  o.latency_us = shown(d.file.latency.runs.median, d.file.latency.median);
  o.accuracy = shown((metric.row->unit == Unit::kShare ? 100 : 1) * d.score.value);
  o.same_samples = static_cast<double>(d.same_samples);
  o.samples = static_cast<double>(d.score.samples());
  o.is_verified = d.is_verified;
  return o;
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

double Report::floor() const {
  if (std::isfinite(bound)) return bound;
  return baseline.accuracy.value + (is_higher_better ? -max_drop_points : max_drop_points);
}

Report view_of(const Outcome& o, const ReportContext& context) {
  Report r;
  const Metric& metric = o.metric;
  r.tool_version = context.tool_version;
  r.created = context.created;
  r.command = context.command;
  r.metric_name = metric.name;
  r.metric_title = metric.title;
  r.unit = metric.row->unit;
  r.is_higher_better = metric.row->is_higher_better;
  r.objective = to_string(o.objective);
  r.model_name = std::filesystem::path(o.source_path).filename().string();
  r.model_sha256 = o.source_sha256;
  r.model_bytes = static_cast<double>(o.source_bytes);
  r.model_nodes = static_cast<double>(o.source_nodes);
  r.cpu = context.cpu;
  r.isa = context.isa;
  r.os = context.os;
  r.runtime = o.runtime;
  r.data_dir = context.data_path;
  r.threads = context.threads;
  r.calibration_count = static_cast<double>(o.calibration_samples);
  r.test_count = static_cast<double>(o.test_samples);
  if (o.seed >= 0) r.split_seed = static_cast<double>(o.seed);
  const double bound = o.budget.bound_of(metric);
  if (std::isnan(bound))
    r.max_drop_points = o.budget.max_drop;
  else
    r.bound = bound * (r.unit == Unit::kShare ? 100 : 1);
  if (o.unseen.repeats > 0) r.unseen_drop = shown(o.unseen.drop, o.unseen.interval);
  r.baseline = point_of(o.baseline, metric, Status::kBaseline);
  for (size_t i = 0; i < o.candidates.size(); ++i) {
    const Candidate& c = o.candidates[i];
    const Status status = static_cast<int>(i) == o.chosen ? Status::kChosen
                          : c.is_kept                     ? Status::kKept
                                                          : Status::kRejected;
    r.candidates.push_back(point_of(c, metric, status));
    r.candidates.back().number = static_cast<int>(i) + 1;
  }
  const std::vector<std::string> kept = o.best().recipe.float_layers();
  for (const LayerSensitivity& s : o.sensitivity)
    r.sensitivity.push_back({s.layer, s.op, s.sqnr_db, std::find(kept.begin(), kept.end(), s.layer) != kept.end()});
  r.operators = operator_times(o);
  r.classes = class_changes(o);
  for (const Deliverable& d : o.files) r.outputs.push_back(output_of(d, metric));
  return r;
}

}  // namespace hone::report

#pragma once

#include <limits>
#include <string>
#include <vector>

#include "compress/job.h"
#include "report/breakdown.h"
#include "report/context.h"

namespace hone::report {

inline constexpr double kAbsent = std::numeric_limits<double>::quiet_NaN();

/// A measured number with its 95 % interval; NaN where unknown.
struct Estimate {
  double value = kAbsent;
  double low = kAbsent;
  double high = kAbsent;

  bool has_value() const;
  bool has_interval() const;
};

enum class Status { kBaseline, kChosen, kKept, kRejected };

/// One measured model: the baseline or a candidate. `number` is its place in the table, 0 for the baseline.
struct Point {
  int number = 0;
  std::string id, label, reason;
  Status status = Status::kKept;
  Estimate accuracy;  ///< in the unit that the page shows: percent, dB, or the metric's own
  double samples = kAbsent;
  Estimate drop_points;  ///< in points, dB, or the metric's own unit; positive is worse
  Estimate latency_us;   ///< median, and its interval
  double latency_p95_us = kAbsent;
  double latency_p99_us = kAbsent;
  double size_bytes = kAbsent;
  double peak_memory_bytes = kAbsent;
};

struct Layer {
  std::string name, op;
  double sqnr_db = kAbsent;
  bool is_kept_float = false;
};

struct Output {
  std::string path, sha256, format, runtime, problem;
  double bytes = kAbsent;
  Estimate latency_us;
  double accuracy = kAbsent;
  double same_samples = kAbsent, samples = kAbsent;
  bool is_verified = false;
};

/// An outcome as the page shows it: numbers in the units of the page, absent ones as NaN, absent texts as "". Made
/// straight from the outcome; tests fill it by hand.
struct Report {
  std::string tool_version, created, command, metric_name, metric_title, objective, model_name, model_sha256;
  Unit unit = Unit::kShare;
  bool is_higher_better = true;
  double model_bytes = kAbsent;
  double model_nodes = kAbsent;
  std::string cpu, isa, os, runtime, data_dir;
  double threads = kAbsent;
  double calibration_count = kAbsent;
  double test_count = kAbsent;
  double split_seed = kAbsent;
  double max_drop_points = kAbsent;  ///< NaN when the budget is a bound
  double bound = kAbsent;            ///< worst value allowed, as accuracy is shown; NaN when the budget is a drop
  Estimate unseen_drop;              ///< as Point::drop_points, on samples that had no part in the choice
  Point baseline;
  std::vector<Point> candidates;
  std::vector<Layer> sensitivity;
  std::vector<OperatorTime> operators;
  std::vector<ClassChange> classes;
  std::vector<Output> outputs;

  /// The chosen candidate, or null.
  const Point* chosen() const;
  /// The worst accuracy that the budget allows, as accuracy is shown; NaN when unknown.
  double floor() const;
};

Report view_of(const Outcome& outcome, const ReportContext& context);

}  // namespace hone::report

#pragma once

#include <limits>
#include <string>
#include <vector>

#include "data/json.h"

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
  Estimate accuracy;
  double samples = kAbsent;
  Estimate drop_points;
  double latency_us = kAbsent;
  double latency_p95_us = kAbsent;
  double size_bytes = kAbsent;
  double peak_memory_bytes = kAbsent;
};

struct Layer {
  std::string name, op;
  double sqnr_db = kAbsent;
  double drop_points = kAbsent;
  bool is_kept_float = false;
};

struct Output {
  std::string path, sha256;
  double bytes = kAbsent;
  bool is_verified = false;
};

/// report.json with every absent number as NaN and every absent text as "".
struct Report {
  std::string tool_version, created, command, metric, objective, model_name, model_sha256;
  double model_bytes = kAbsent;
  double model_nodes = kAbsent;
  std::string cpu, isa, os, data_dir;
  double threads = kAbsent;
  double calibration_count = kAbsent;
  double test_count = kAbsent;
  double split_seed = kAbsent;
  double max_drop_points = kAbsent;
  Estimate unseen_drop;  ///< points, on samples that had no part in the choice
  Point baseline;
  std::vector<Point> candidates;
  std::vector<Layer> sensitivity;
  bool is_sensitivity_at_output = true;
  std::vector<Output> outputs;

  /// The chosen candidate, or null.
  const Point* chosen() const;
};

/// Reads the contract in report_html.h. A value of the wrong kind counts as absent, and so does one beyond ±1e15.
Report parse_report(const Json& json);

}  // namespace hone::report

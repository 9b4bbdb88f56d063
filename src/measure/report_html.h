#pragma once

#include <string>

#include "data/json.h"

namespace hone {

/// Renders the report of `hone optimize` (report.json) as one self-contained HTML page: no scripts, no outside
/// resources, plots as inline SVG. It reads on a phone, on a desktop, in the dark and on paper.
///
/// The contract of report.json, schema_version 1. Units are in the names; accuracies are fractions 0…1, drops are
/// percentage points with a positive number meaning worse; intervals are 95 %. Every key but schema_version may be
/// absent or null (NaN is written as null) and is then shown as a dash or left out.
///
///     schema_version   1
///     tool_version     "0.1.0"
///     created          ISO 8601 time
///     command          the command line as typed
///     model            {name, sha256, bytes, nodes}
///     machine          {cpu, isa, threads, os}
///     data             {dir, calibration_count, test_count, split_seed}
///     budget           {max_drop_points, objective: "latency" | "size" | "memory"}
///     metric           "top1" | "top5" | "agreement" | any short name, shown as it is
///     baseline         a point: the model as given, measured on the same machine and data
///     chosen           id of the chosen candidate; null when none beats the baseline within the budget
///     unseen           {drop_points {value, low, high}, repeats}: the drop to expect on samples that had no part in
///     the
///                      choice; null when there are too few samples to say
///     candidates       [point…], in the order they were tried
///     sensitivity      [{layer, op, sqnr_db, drop_points?, kept_float?}…]: one layer alone in int8
///     sensitivity_at   "output" (default: sqnr_db is taken at the model's outputs) | "layer" (at the layer's own)
///     outputs          [{path, bytes, sha256, verified}…]
///
///     point            {id, label, kind, accuracy {value, low, high, n}, drop_points {value, low, high},
///                       latency_us {median, p95, min}, size_bytes, peak_memory_bytes,
///                       status: "chosen" | "kept" | "rejected", reason}
///
/// Errors: invalid_argument when `report` is no object; unsupported when schema_version is not 1.
std::string render_report_html(const Json& report);

}  // namespace hone

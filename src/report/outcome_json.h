#pragma once

#include "compress/job.h"
#include "container/json.h"
#include "report/context.h"

namespace hone {

/// An outcome as report.json, schema_version 2. Units are in the names; intervals are 95 %. What was not measured is
/// null.
///
///     schema_version   2
///     tool_version, created (ISO 8601), command
///     model            {name, sha256, bytes, nodes}
///     machine          {cpu, isa, threads, os}
///     runtime          who was judged and timed: "hone", "ONNX Runtime 1.30.0"
///     data             {dir, calibration_count, test_count, split_seed}
///     metric           {name, title, unit: "share" | "decibel" | "real", is_higher_better}
///     budget           {text, max_drop (points for shares), bound (in the metric's unit), objective}
///     baseline         a candidate: the model as given, measured on the same machine and data
///     candidates       [candidate…], in the order they were tried
///     chosen           id of the chosen candidate; null when none beats the baseline within the budget
///     unseen           {drop {value, low, high}, repeats}: the drop to expect on samples that had no part in the
///                      choice; null when there are too few samples to say
///     sensitivity      [{layer, op, sqnr_db, seen [low, high], held [low, high], clipped, kept_float}…]: one layer
///                      alone in int8, at the model's outputs; its numbers, what int8 holds of them, the share beyond
///     operators        [{op, before_us, after_us}…]: median times by operator, of the baseline and the chosen one
///     classes          [{name, samples, before, after}…]: accuracy of each class
///     outputs          [{path, format, runtime, bytes, sha256, verified, problem, score, drop, latency_us,
///                       peak_memory_bytes, same_samples, samples}…]
///
///     candidate        {id, label, kind, recipe, score {value, low, high, n}, drop {value, low, high},
///                       latency_us {median, low, high, p95, p99, min}, size_bytes, peak_memory_bytes,
///                       files [{format, runtime, bytes, latency_us, peak_memory_bytes, problem}…],
///                       status: "chosen" | "kept" | "rejected", reason}
Json to_json(const Outcome& outcome, const ReportContext& context);

}  // namespace hone

#include "hone/optimize.h"

#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "compress/job.h"
#include "providers/cpu/provider.h"

namespace hone {

namespace {

/// What the command line's flags make sure of.
void require_sensible(const OptimizeOptions& options) {
  if (!std::isfinite(options.max_drop))
    throw invalid_argument(cat("max_drop ", options.max_drop, ": expected a finite number"));
  if (!(options.latency_seconds >= 0) || !std::isfinite(options.latency_seconds))
    throw invalid_argument(cat("latency_seconds ", options.latency_seconds, ": expected 0 or more"));
  if (options.stem.empty() || options.stem.find_first_of(std::string_view("/\0", 2)) != std::string::npos)
    throw invalid_argument(cat("stem '", options.stem, "': expected a file's name without a folder"));
}

}  // namespace

Optimized optimize(const Model& model, const Samples& calibration, const Samples& test,
                   const std::vector<int64_t>& labels, const OptimizeOptions& options) {
  require_sensible(options);
  Job job;
  job.source = source_model(model.graph());
  job.calibration = {calibration.count, calibration.inputs};
  job.test = {test.count, test.inputs};
  job.labels.of_samples = labels;
  job.budget = {.max_drop = options.max_drop, .bound = options.bound};
  job.metric = options.metric;
  job.objective = parse_objective(options.objective);
  job.calibrators = options.calibrators;
  job.formats = options.formats;
  if (options.runtime != "hone") {
    job.peer = open_peer(options.runtime);
    job.formats = {std::string(job.peer->format)};
  }
  job.mixed = options.mixed;
  job.latency_seconds = options.latency_seconds;
  job.output = options.output;
  job.directory = options.directory;
  job.stem = options.stem;
  const Engine engine{.providers = {&cpu_provider()}, .plan = {.threads = options.threads}};
  job.calibration_engine = {.providers = {&cpu::portable_provider()}, .plan = {.threads = options.threads}};
  const Outcome outcome = run_job(job, engine, {options.progress});
  const Candidate &before = outcome.baseline, &after = outcome.best();
  Optimized out{.model = Model(after.graph),
                .is_better = outcome.chosen >= 0,
                .recipe = to_text(after.recipe),
                .runtime = outcome.runtime,
                .metric = outcome.metric.name,
                .score_before = before.score.value,
                .score_after = after.score.value,
                .drop = after.verdict.drop,
                .drop_low = after.verdict.drop_interval.low,
                .drop_high = after.verdict.drop_interval.high,
                .latency_before_us = before.latency.runs.median,
                .latency_after_us = after.latency.runs.median,
                .bytes_before = before.size_bytes,
                .bytes_after = after.size_bytes,
                .files = {}};
  for (const Deliverable& d : outcome.files)
    out.files.push_back({d.file.path, d.file.format, d.file.bytes, d.file.latency.runs.median, d.score.value,
                         d.is_verified, d.file.problem});
  return out;
}

}  // namespace hone

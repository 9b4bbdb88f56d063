#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "container/json.h"
#include "measure/engine.h"

namespace hone {

/// Statistics of repeated measurements, all in the unit of the measurements.
struct Distribution {
  int64_t count = 0;
  double median = 0;
  double p95 = 0;
  double p99 = 0;
  double min = 0;
  double max = 0;
  double mean = 0;
  double stddev = 0;  ///< of the sample (n − 1)
};
/// Quantiles by linear interpolation between order statistics. All zero for no values.
Distribution distribution_of(std::vector<double> values);

/// Time of one step of a plan over all measured runs.
struct StepTime {
  std::string name;  ///< node
  std::string op;
  std::string provider;
  std::string kernel;
  double us = 0;     ///< median per run, µs
  double share = 0;  ///< of the sum over steps, 0 … 1
  int64_t macs = 0;
  int64_t output_bytes = 0;
  int64_t activation_bytes = 0;  ///< read and written, as far as shapes tell
  int64_t weight_bytes = 0;      ///< constants read
  bool is_int8 = false;          ///< its first input is quantized
};

struct BenchOptions {
  int64_t warmup_runs = 3;
  int64_t min_runs = 20;
  int64_t max_runs = 5'000'000;
  double min_seconds = 1;   ///< of measured runs
  double max_seconds = 20;  ///< stop even below min_runs, after at least three
  bool steps = false;       ///< also time every step, in separate runs
  Progress progress;        ///< in milliseconds of min_seconds
};

struct BenchResult {
  Distribution latency_us;
  double load_us = 0;          ///< from `load` to a compiled plan with its memory
  double first_us = 0;         ///< the first inference
  int64_t peak_rss_bytes = 0;  ///< resident memory of the process at its highest while loading and running
  int64_t arena_bytes = 0;     ///< planned activations
  int64_t weight_bytes = 0;
  int64_t macs = 0;
  std::string provider;  ///< of most steps; "cpu+reference" style when several run some
  int threads = 1;
  std::vector<StepTime> steps;  ///< in order of execution; empty unless asked for
};

/// Loads by `load`, compiles, runs once, warms up, then measures until both min_runs and min_seconds are reached.
/// `inputs` in graph order; empty: generated from seed 0.
BenchResult run_bench(const std::function<std::shared_ptr<const Program>()>& load, std::span<const Tensor> inputs = {},
                      const BenchOptions& options = {});

/// Peak resident memory since the last reset, bytes; 0 where the system does not tell.
int64_t peak_rss_bytes();
/// Starts a new peak where the system allows it (Linux clear_refs).
void reset_peak_rss();

/// {"latency_us":{"median":…,"p95":…,…},"load_us":…,"first_us":…,"peak_rss_bytes":…,"provider":…,…,"ops":[…]}.
Json to_json(const BenchResult& result);
Json to_json(const Distribution& distribution);

}  // namespace hone

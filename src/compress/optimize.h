#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "compress/candidate.h"
#include "compress/selection.h"
#include "compress/sensitivity.h"
#include "data/dataset.h"
#include "measure/engine.h"

namespace hone {

/// What "best" means among the candidates that keep the accuracy budget.
enum class Objective { kLatency, kSize, kMemory };
std::string_view to_string(Objective objective);
/// Throws Error(invalid_argument) naming the three.
Objective parse_objective(std::string_view text);

/// What the search looks at and where it stops.
struct OptimizeOptions {
  double max_drop_points = 1;  ///< percentage points of accuracy that may be lost on the test data
  Objective objective = Objective::kLatency;
  std::vector<std::string> calibrators;  ///< empty: all of them
  bool mixed = true;                     ///< also try int8 with the most sensitive layers in float
  double latency_seconds = 0.5;          ///< of measurement for each candidate
  size_t output = 0;                     ///< output that holds the scores
  Engine engine;                         ///< measures, calibrates and evaluates
  /// Called when a stage begins and as it proceeds.
  std::function<void(std::string_view stage, int64_t done, int64_t total)> progress;
};

/// Data that the ranges come from and data that judges; disjoint.
struct DataSplit {
  Dataset calibration;
  Dataset test;
  uint64_t seed = 0;
  bool is_given = false;  ///< the data folder itself has calibration/ and test/
};

/// DIR/calibration and DIR/test when both are there, else a split by `seed`: `calibration` samples (0: a fifth, at
/// most 500) for calibration, the rest for the test. Throws Error(invalid_argument) when less than two samples exist.
DataSplit split_data(const std::string& path, const DatasetOptions& options, size_t calibration, uint64_t seed);

struct OptimizeResult {
  std::string metric;                 ///< "top1", or "agreement" for data without labels
  Candidate baseline;                 ///< the model as given: what every drop is measured against
  std::vector<Candidate> candidates;  ///< in the order tried
  int chosen = -1;                    ///< index into candidates; −1: none beats the baseline within the budget
  std::vector<LayerSensitivity> sensitivity;
  std::vector<std::string> float_layers;  ///< left in float by the chosen candidate
  UnseenDrop unseen;                      ///< of choosing: what to expect on samples that had no part in it

  const Candidate& best() const { return chosen < 0 ? baseline : candidates[static_cast<size_t>(chosen)]; }
};

/// The main job on a simplified float graph: calibrate in one pass, try float16, dynamic range, int8 with each
/// calibrator and int8 with the most sensitive layers in float; measure accuracy on the held-out data, latency in
/// turns, size and memory; reject what breaks the budget; keep the best by the objective.
/// A model whose weights are stored as integers behind float arithmetic (dynamic range) is the baseline as it is; the
/// search starts from the real numbers that they stand for, which become a candidate too, and the budget holds against
/// both. Deterministic but for the latencies. Throws Error(invalid_argument) for a graph that computes in integers.
OptimizeResult optimize(const Graph& graph, const DataSplit& data, const std::vector<InputSpec>& inputs,
                        const OptimizeOptions& options);

}  // namespace hone

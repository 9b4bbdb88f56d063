#pragma once

#include <span>
#include <vector>

#include "measure/bench.h"

namespace hone {

struct PairedLatencyOptions {
  double seconds_each = 0.5;  ///< of measured runs for each model
  int64_t rounds = 20;        ///< how often the turn goes round
  Progress progress;          ///< in rounds
};

/// Latencies in µs of several models, measured in turns so that a disturbance of the machine falls on all of them
/// alike: in each round every model runs for the same short time. One distribution a model, over its single runs.
std::vector<Distribution> paired_latency(std::span<Session* const> sessions,
                                         std::span<const std::vector<Tensor>> inputs,
                                         const PairedLatencyOptions& options = {});

}  // namespace hone

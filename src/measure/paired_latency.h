#pragma once

#include <span>
#include <vector>

#include "measure/bench.h"
#include "measure/statistics.h"

namespace hone {

/// Time of one inference, µs.
struct Latency {
  Distribution runs;
  /// 95 % interval of the median over the rounds, by order statistics: what repeating the measurement would show.
  Interval median;
  std::vector<double> rounds = {};  ///< the median of each round
};

struct PairedLatencyOptions {
  double seconds_each = 0.5;  ///< of measured runs for each model
  int64_t rounds = 20;        ///< how often the turn goes round
  Progress progress;          ///< in rounds
};

/// Latencies of several models on the same inputs, measured in turns so that a disturbance of the machine falls on all
/// of them alike: in each round every model runs for the same short time, every other round in the opposite order.
std::vector<Latency> paired_latency(std::span<const Infer> models, std::span<const Tensor> inputs,
                                    const PairedLatencyOptions& options = {});

/// What "a is how much faster than b" can honestly say: "2.70x faster", "1.30x slower", "no faster", or "no faster:
/// within the noise" where the intervals of the medians meet.
std::string speed_text(const Latency& before, const Latency& after);

}  // namespace hone

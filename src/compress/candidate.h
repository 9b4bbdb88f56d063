#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "measure/accuracy.h"
#include "measure/bench.h"

namespace hone {

/// One way to make a model smaller or faster, with everything measured of it.
struct Candidate {
  std::string id;     ///< "int8-mse"
  std::string label;  ///< "int8 (mse)"
  std::string kind;   ///< "given", "float", "float16", "dynamic", "int8", "mixed"
  Graph graph;

  int64_t samples = 0;       ///< test samples (decisions, for agreement) behind `score`
  double score = 0;          ///< top-1 accuracy, or agreement with the baseline's decisions; 0…1
  Interval interval;         ///< 95 % of score
  PairedDifference change;   ///< against the baseline on the same samples
  std::vector<float> right;  ///< for each test sample the share of its decisions that are right
  Distribution latency_us;
  double typical_us = 0;     ///< mean of latency_us.median over all candidates that execute the same steps
  int64_t size_bytes = 0;    ///< of the smallest standard file that holds it
  int64_t memory_bytes = 0;  ///< planned peak: weights, activations and scratch
  bool is_kept = false;      ///< inside the accuracy budget
  std::string reason;        ///< why it was rejected, or not measured

  double drop_points() const { return 0 - 100 * change.difference; }  ///< percentage points lost; negative: gained
};

}  // namespace hone

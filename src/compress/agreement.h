#pragma once

#include <cstdint>
#include <vector>

#include "data/dataset.h"
#include "measure/accuracy.h"
#include "measure/engine.h"

namespace hone {

/// How often a model decides as another one does.
struct Agreement {
  int64_t decisions = 0;
  int64_t agreeing = 0;
  double share = 1;
  Interval interval;         ///< 95 %, Wilson
  std::vector<float> right;  ///< for each sample, the share of its decisions that agree
};

/// Decisions of a model on data without labels, and how other models agree with them. A decision is the index of
/// the largest value along the last axis of one output: one for a classifier, one per anchor or pixel for others.
class AgreementReference {
 public:
  /// Remembers the decisions of `graph`, which agrees with itself.
  Agreement learn(const Graph& graph, const Engine& engine, size_t output, const Dataset& data,
                  const std::vector<InputSpec>& inputs, const Progress& progress);
  /// Throws Error(invalid_argument) when output `output` does not exist.
  Agreement compare(const Graph& graph, const Engine& engine, size_t output, const Dataset& data,
                    const std::vector<InputSpec>& inputs, const Progress& progress) const;

 private:
  using Decisions = std::vector<std::vector<int32_t>>;
  static Decisions decide_all(const Graph& graph, const Engine& engine, size_t output, const Dataset& data,
                              const std::vector<InputSpec>& inputs, const Progress& progress);
  Agreement count(const Decisions& actual) const;

  Decisions expected_;
};

}  // namespace hone

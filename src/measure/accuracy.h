#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/dataset.h"
#include "measure/engine.h"

namespace hone {

/// A confidence interval, both ends in the unit of what it bounds.
struct Interval {
  double low = 0;
  double high = 0;
};

/// Wilson's score interval for a proportion (Wilson 1927), 95 % by default; [0, 1] for no samples.
Interval wilson_interval(int64_t hits, int64_t total, double z = 1.959964);

/// What a model decided about one sample.
struct Decision {
  int32_t predicted = -1;  ///< index of the largest output; the lowest of equals
  bool is_top1 = false;    ///< the label is the largest output
  bool is_top5 = false;    ///< the label is among the five largest
  bool is_finite = true;   ///< no output is NaN or infinite
};

/// Index of the largest value and whether `label` is first and among the five largest; equals rank by index.
Decision decide(std::span<const double> scores, int64_t label);

/// Proportions are in 0 … 1.
struct Accuracy {
  int64_t samples = 0;
  double top1 = 0;
  double top5 = 0;
  Interval top1_interval, top5_interval;  ///< 95 %
  int64_t non_finite = 0;                 ///< samples with NaN or infinite outputs
  std::vector<Decision> decisions;        ///< one a sample, in the data's order
};

struct AccuracyOptions {
  size_t output = 0;  ///< index of the output that holds the scores, one for each class
  int jobs = 0;       ///< samples in parallel, each on its own runner of engine.plan.threads threads; 0: all CPUs
  Progress progress;
};

/// Runs every sample. `inputs` belongs to the graph's inputs in order. Throws Error(invalid_argument) when a sample has
/// no label or its label is no index of the output.
Accuracy measure_accuracy(const Graph& graph, const Engine& engine, const Dataset& data,
                          std::span<const InputSpec> inputs, const AccuracyOptions& options = {});

/// The specs of every input of `graph`: preprocessing from its metadata and `over`.
std::vector<InputSpec> input_specs(const Graph& graph, const Preprocess& over = {}, const QuantPtr& stored = nullptr);

/// Accuracy of b minus that of a on the same samples, with its 95 % interval by the paired difference of proportions
/// (Agresti and Min 2005: one half added to each cell).
struct PairedDifference {
  double difference = 0;  ///< in −1 … 1
  Interval interval;
  int64_t gained = 0;  ///< right in b only
  int64_t lost = 0;    ///< right in a only
  int64_t agree = 0;   ///< samples on which both predict the same class
};
PairedDifference paired_difference(std::span<const Decision> a, std::span<const Decision> b);

}  // namespace hone

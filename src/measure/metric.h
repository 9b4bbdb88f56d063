#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/annotations.h"
#include "data/masks.h"
#include "measure/statistics.h"
#include "tensor/tensor.h"

namespace hone {

/// Real numbers of one output (or input) for one sample.
struct Numbers {
  Dims dims;
  std::vector<double> values;
};

/// What a metric sees of one sample. `expected` is the model taken as right, `actual` the one being judged.
struct Exhibit {
  std::span<const Numbers> inputs, expected, actual;
  int64_t label = -1;
  std::span<const Annotation> boxes = {};  ///< that somebody saw on the picture
  const Mask* mask = nullptr;              ///< what somebody saw at its pixels; null: nothing
};

/// What is known of one output before anything is judged: its numbers over some samples of the model taken as right.
struct OutputFacts {
  std::string name;
  Dims dims;  ///< of the first sample
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  bool is_integer_type = false;    ///< stored as plain integers, not as quantized reals
  bool sums_to_one_last = true;    ///< along the last axis longer than 1, on every sample
  bool sums_to_one_second = true;  ///< along axis 1

  int64_t elements() const;
  /// One row of two or more scores: no other axis is longer than 1.
  bool is_row() const;
  bool is_between(double from, double to) const { return low >= from && high <= to; }
};

/// The task as far as model and data show it.
struct Task {
  std::vector<Dims> inputs;
  std::vector<OutputFacts> outputs;
  std::vector<int64_t> labels;  ///< a sample each; empty when any has none
  int64_t named_classes = 0;    ///< names of classes that came with the data
  int64_t samples = 0;
  int64_t box_classes = 0;  ///< of annotated boxes; 0: there are none
  bool has_masks = false;
  size_t output = 0;  ///< the output that holds the scores

  bool has_labels() const { return !labels.empty(); }
  /// Different labels in the data.
  int64_t distinct_labels() const;
};

/// What a metric made of each sample: `width` numbers, whose meaning is the metric's own.
struct Tallies {
  size_t width = 0;
  std::vector<double> numbers;

  size_t samples() const { return width ? numbers.size() / width : 0; }
  std::span<const double> operator[](size_t i) const { return {&numbers[i * width], width}; }
};

enum class Unit { kShare, kDecibel, kReal };

struct Metric;
/// Indices of samples; a sample may stand there more than once.
using Which = std::span<const uint32_t>;

/// One way to say how good a model is. Rows of data: see metric.cpp.
struct MetricRow {
  std::string_view name;
  std::string_view title;  ///< "top-1 accuracy"
  Unit unit = Unit::kShare;
  bool is_higher_better = true;
  bool needs_labels = false;
  bool needs_boxes = false;  ///< annotations
  bool needs_masks = false;
  bool is_mean = false;  ///< the value is the mean over samples of tally[0], each in 0 … 1
  /// What the metric must reach when no other bound is given; NaN: it is judged by what is lost against the baseline.
  double bound = std::numeric_limits<double>::quiet_NaN();
  bool sees_inputs = false;
  /// How many numbers at the front of a tally are the answer, the rest being how sure it was; 0: all.
  size_t answer_width = 0;
  /// Why this task cannot be judged so; "" when it can.
  std::string (*applies)(const Metric&, const Task&);
  /// Whether it is the one to use when nobody says; the first row that says yes.
  bool (*is_default)(const Task&);
  /// Indices of the outputs that the metric judges itself; the judge compares all others by SQNR.
  std::vector<size_t> (*judges)(const Metric&, const Task&);
  std::vector<double> (*tally)(const Metric&, const Exhibit&);
  /// The value over `which` samples.
  double (*value)(const Metric&, const Tallies&, Which);
  /// Why the metric cannot tell a good model from a bad one on this data, given what the model taken as right gets;
  /// "" when it can. `bound` is what it must reach, or the share that it may lose.
  std::string (*undefined)(const Metric&, const Tallies& expected, double bound);
  std::string_view about;  ///< a sentence for the documentation

  /// Judges by what somebody said of the samples, not by the model taken as right.
  bool needs_truth() const { return needs_labels || needs_boxes || needs_masks; }
};

/// A row with its parameters for one task.
struct Metric {
  const MetricRow* row = nullptr;
  std::string name;   ///< "top5"
  std::string title;  ///< "top-5 accuracy"
  int64_t k = 1;      ///< of top-k
  double threshold = 0.5;
  Task task;
  std::string command;  ///< of --metric-cmd; else empty

  double value(const Tallies& tallies) const;
  double value(const Tallies& tallies, Which which) const { return row->value(*this, tallies, which); }
  /// `a` is better than `b`.
  bool is_better(double a, double b) const { return row->is_higher_better ? a > b : a < b; }
  /// 95 % interval of the value: Wilson for means of shares, else jackknife over samples.
  Interval interval(const Tallies& tallies) const;
  /// What `after` lost against `before` on the same samples, in the unit of the budget (shares in percentage points);
  /// negative: gained.
  double drop(double before, double after) const;
  /// 95 % interval of that, paired by sample. Unbounded where one sample is all there is to go by.
  Interval drop_interval(const Tallies& before, const Tallies& after) const;
  /// "98.25 %", "31.2 dB", "exact", "0.0125".
  std::string text(double value) const;
  /// A drop: "0.25 points", "1.2 dB", "0.01".
  std::string drop_text(double drop) const;
};

/// In the order in which a default is looked for.
std::span<const MetricRow* const> all_metrics();

/// The metric called `name` ("top3" is top-k with k = 3) for this task. Throws Error(invalid_argument) when there is
/// none of that name, or when it cannot judge this task, saying why.
Metric find_metric(const std::string& name, const Task& task);

/// The metrics that may judge this task when nobody says how, best first; SQNR stands last for every task.
std::vector<Metric> default_metrics(const Task& task);

/// A metric that a command computes (`--metric-cmd`): larger is better, the budget is in its own unit.
Metric command_metric(const std::string& command, const Task& task);

/// Index of the largest of `values`, the lowest of equals; −1 when one is NaN or there are none.
int64_t decide(std::span<const double> values);

}  // namespace hone

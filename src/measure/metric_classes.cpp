#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "base/text.h"
#include "measure/metric_rows.h"

namespace hone {

double mean_of_first(const Metric&, const Tallies& tallies, Which which) {
  double sum = 0;
  for (const uint32_t i : which) sum += tallies[i][0];
  return which.empty() ? std::numeric_limits<double>::quiet_NaN() : sum / static_cast<double>(which.size());
}

std::vector<size_t> only_the_output(const Metric&, const Task& task) { return {task.output}; }

std::vector<size_t> every_output(const Metric&, const Task& task) {
  std::vector<size_t> all;
  for (size_t o = 0; o < task.outputs.size(); ++o) all.push_back(o);
  return all;
}

namespace {

/// How often the most frequent of `keys` occurs, as a share of all.
template <class Keys>
double most_frequent(const Keys& keys) {
  std::map<typename Keys::value_type, int64_t> counts;
  int64_t most = 0;
  for (const auto& key : keys) most = std::max(most, ++counts[key]);
  return keys.empty() ? 1 : static_cast<double>(most) / static_cast<double>(keys.size());
}

/// Against labels: a model that gives the same answer whatever it sees must not stay inside the budget.
std::string undefined_for_labels(const Metric& m, const Tallies& expected, double allowed) {
  const double constant = m.k == 1 ? most_frequent(m.task.labels) : 0, value = m.value(expected);
  if (m.task.distinct_labels() < 2) return "all samples are of one class, which a model that always says so gets right";
  if (value - allowed > constant) return {};
  return cat("the model itself is right on ", m.text(value), " of the samples, always giving the same answer on ",
             m.text(constant),
             ": within the budget nothing tells a good model from a broken one (is the "
             "preprocessing right? see --preprocess, --scale, --mean, --std, --labels)");
}

// top-k: tally {right, index of the largest score, rank of the label}

std::string top_applies(const Metric&, const Task& task) {
  const OutputFacts& out = task.outputs[task.output];
  if (!out.is_row())
    return cat("output '", out.name, "' is ", to_text(std::span<const int64_t>(out.dims)),
               ", expected one row of scores, one for each class");
  const int64_t highest = *std::max_element(task.labels.begin(), task.labels.end());
  if (highest < out.elements()) return {};
  return cat("the data has class ", highest, ", output '", out.name, "' has ", out.elements(), " values");
}

bool top_is_default(const Task& task) { return task.has_labels() && task.outputs[task.output].is_row(); }

std::vector<double> top_tally(const Metric& m, const Exhibit& e) {
  const std::vector<double>& scores = e.actual[m.task.output].values;
  const int64_t predicted = decide(scores);
  if (predicted < 0 || e.label < 0 || e.label >= static_cast<int64_t>(scores.size()))
    return {0, static_cast<double>(predicted), 1e9};
  const size_t at = static_cast<size_t>(e.label);
  int64_t above = 0;
  for (size_t i = 0; i < scores.size(); ++i) above += scores[i] > scores[at] || (scores[i] == scores[at] && i < at);
  return {above < m.k ? 1.0 : 0.0, static_cast<double>(predicted), static_cast<double>(above)};
}

// binary: tally {right, decided class}

std::string binary_applies(const Metric&, const Task& task) {
  const OutputFacts& out = task.outputs[task.output];
  if (out.elements() != 1) return cat("output '", out.name, "' has ", out.elements(), " values, expected one score");
  for (const int64_t label : task.labels)
    if (label > 1) return cat("the data has class ", label, ", expected 0 and 1");
  return {};
}

bool binary_is_default(const Task& task) { return task.has_labels() && binary_applies({}, task).empty(); }

std::vector<double> binary_tally(const Metric& m, const Exhibit& e) {
  const double score = e.actual[m.task.output].values.at(0);
  const double decided = std::isnan(score) ? -1 : score > m.threshold ? 1 : 0;
  return {decided == static_cast<double>(e.label) ? 1.0 : 0.0, decided};
}

// agreement: tally {all decisions as expected, the decisions}

std::vector<size_t> rows_of(const Metric&, const Task& task) {
  std::vector<size_t> rows;
  for (size_t o = 0; o < task.outputs.size(); ++o)
    if (task.outputs[o].is_row()) rows.push_back(o);
  return rows;
}

std::string agreement_applies(const Metric& m, const Task& task) {
  return rows_of(m, task).empty() ? "no output is a row of scores, one for each class" : "";
}

/// The largest of a row means something where the row is a distribution over classes: probabilities, as many numbers
/// as the data names classes, or ImageNet's 1000 (1001 with background).
bool agreement_is_default(const Task& task) {
  const OutputFacts& out = task.outputs[task.output];
  if (!out.is_row()) return false;
  const int64_t n = out.elements();
  return (out.sums_to_one_last && out.is_between(-1e-6, 1 + 1e-6)) || n == task.named_classes || n == 1000 || n == 1001;
}

std::vector<double> agreement_tally(const Metric& m, const Exhibit& e) {
  std::vector<double> tally = {1};
  for (const size_t o : rows_of(m, m.task)) {
    const int64_t expected = decide(e.expected[o].values), actual = decide(e.actual[o].values);
    if (expected != actual || actual < 0) tally[0] = 0;
    tally.push_back(static_cast<double>(expected));
  }
  return tally;
}

std::string undefined_for_decisions(const Metric&, const Tallies& expected, double allowed) {
  std::vector<std::vector<double>> decisions;
  for (size_t i = 0; i < expected.samples(); ++i) decisions.emplace_back(expected[i].begin() + 1, expected[i].end());
  if (most_frequent(decisions) < 1 - allowed) return {};
  return decisions.size() == 1 ? "one sample is too few: a model that always decides so would agree"
                               : "the model decides nearly always the same on this data, and so would a broken one";
}

}  // namespace

constexpr MetricRow kTopMetric{
    .name = "topk",
    .title = "top-k accuracy",
    .needs_labels = true,
    .is_mean = true,
    .answer_width = 2,
    .applies = top_applies,
    .is_default = top_is_default,
    .judges = only_the_output,
    .tally = top_tally,
    .value = mean_of_first,
    .undefined = undefined_for_labels,
    .about = "share of samples whose label is among the k largest scores; top1, top5, …",
};

constexpr MetricRow kBinaryMetric{
    .name = "binary",
    .title = "accuracy",
    .needs_labels = true,
    .is_mean = true,
    .applies = binary_applies,
    .is_default = binary_is_default,
    .judges = only_the_output,
    .tally = binary_tally,
    .value = mean_of_first,
    .undefined = undefined_for_labels,
    .about =
        "share of samples that a single score puts on the side of their label, 0 or 1: above 0.5 for "
        "probabilities, above 0 for others",
};

constexpr MetricRow kAgreementMetric{
    .name = "agreement",
    .title = "agreement with the model as given",
    .is_mean = true,
    .applies = agreement_applies,
    .is_default = agreement_is_default,
    .judges = rows_of,
    .tally = agreement_tally,
    .value = mean_of_first,
    .undefined = undefined_for_decisions,
    .about = "share of samples on which every row of scores has its largest number where the model as given has it",
};

}  // namespace hone

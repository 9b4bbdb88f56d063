#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/text.h"
#include "measure/metric_rows.h"

namespace hone {
namespace {

int64_t elements_of(const Dims& dims) {
  return std::accumulate(dims.begin(), dims.end(), int64_t{1}, std::multiplies<>());
}

/// The output is as large as the only input: what comes out is the input, made again.
bool is_reconstruction(const Task& task) {
  return task.inputs.size() == 1 && task.outputs[task.output].elements() > 1 &&
         elements_of(task.inputs[0]) == task.outputs[task.output].elements();
}

std::string anomaly_applies(const Metric& m, const Task& task) {
  const OutputFacts& out = task.outputs[task.output];
  if (!is_reconstruction(task) && out.elements() != 1)
    return cat("output '", out.name, "' is neither one score nor as large as the input");
  for (const int64_t label : task.labels)
    if (m.row->needs_labels && label > 1) return cat("the data has class ", label, ", expected 0 (normal) and 1");
  return {};
}

bool auc_is_default(const Task& task) {
  return task.has_labels() && is_reconstruction(task) && anomaly_applies({.row = &kAucMetric}, task).empty();
}

/// How odd a sample looks: the score itself, or the mean squared error of the reconstruction.
double oddness(const Metric& m, const Exhibit& e, std::span<const Numbers> outputs) {
  const std::vector<double>& out = outputs[m.task.output].values;
  if (out.size() == 1) return out[0];
  const std::vector<double>& in = e.inputs[0].values;
  double sum = 0;
  for (size_t i = 0; i < in.size() && i < out.size(); ++i) sum += (in[i] - out[i]) * (in[i] - out[i]);
  return sum / static_cast<double>(std::max<size_t>(in.size(), 1));
}

/// tally {oddness by the judged model, by the model as given, label, oddness by a model that gives zeros}
std::vector<double> anomaly_tally(const Metric& m, const Exhibit& e) {
  double zeros = 0;
  for (const double x : e.inputs[0].values) zeros += x * x;
  return {oddness(m, e, e.actual), oddness(m, e, e.expected), static_cast<double>(e.label),
          zeros / static_cast<double>(std::max<size_t>(e.inputs[0].values.size(), 1))};
}

/// Places from 0, equal numbers sharing the mean of theirs; what is no number stands first.
std::vector<double> ranks(const std::vector<double>& values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto key = [&](size_t i) {
    return std::isnan(values[i]) ? -std::numeric_limits<double>::infinity() : values[i];
  };
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return key(a) < key(b); });
  std::vector<double> out(values.size());
  for (size_t begin = 0; begin < order.size();) {
    size_t end = begin + 1;
    while (end < order.size() && key(order[end]) == key(order[begin])) ++end;
    for (size_t i = begin; i < end; ++i) out[order[i]] = static_cast<double>(begin + end - 1) / 2;
    begin = end;
  }
  return out;
}

std::vector<double> column(const Tallies& t, Which which, size_t at) {
  std::vector<double> out;
  for (const uint32_t i : which) out.push_back(t[i][at]);
  return out;
}

/// The Mann–Whitney statistic: how often an anomalous sample looks odder than a normal one.
double auc_of(const Tallies& t, Which which, size_t at) {
  const std::vector<double> values = column(t, which, at), labels = column(t, which, 2), places = ranks(values);
  double sum = 0, odd = 0;
  for (size_t i = 0; i < places.size(); ++i)
    if (labels[i] == 1) {
      odd += 1;
      sum += std::isnan(values[i]) ? 0 : places[i];
    }
  const double normal = static_cast<double>(places.size()) - odd;
  if (odd == 0 || normal == 0) return std::numeric_limits<double>::quiet_NaN();
  return std::clamp((sum - odd * (odd - 1) / 2) / (odd * normal), 0.0, 1.0);
}

double auc(const Metric&, const Tallies& t, Which which) { return auc_of(t, which, 0); }

/// Spearman's: the correlation of places.
double correlation(const Tallies& t, Which which, size_t x, size_t y) {
  const std::vector<double> a = ranks(column(t, which, x)), b = ranks(column(t, which, y));
  const double mean = (static_cast<double>(a.size()) - 1) / 2;
  double ab = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    ab += (a[i] - mean) * (b[i] - mean);
    aa += (a[i] - mean) * (a[i] - mean);
    bb += (b[i] - mean) * (b[i] - mean);
  }
  return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : 0;
}

double rank(const Metric&, const Tallies& t, Which which) { return correlation(t, which, 0, 1); }

std::vector<uint32_t> every(const Tallies& t) {
  std::vector<uint32_t> which(t.samples());
  std::iota(which.begin(), which.end(), 0u);
  return which;
}

std::string auc_undefined(const Metric& m, const Tallies& expected, double allowed) {
  if (m.task.distinct_labels() < 2) return "all samples are of one class";
  const double value = m.value(expected);
  double broken = 0.5;
  if (is_reconstruction(m.task)) broken = std::max(broken, auc_of(expected, every(expected), 3));
  if (value - allowed > broken) return {};
  return cat("the model itself reaches ", m.text(value), ", a model that gives zeros ", m.text(broken));
}

std::string rank_undefined(const Metric& m, const Tallies& expected, double bound) {
  if (expected.samples() < 8) return cat(expected.samples(), " samples are too few to rank, expected 8 at least");
  if (is_reconstruction(m.task) && correlation(expected, every(expected), 3, 1) >= bound)
    return "a model that gives zeros ranks these samples as the model itself does";
  return m.value(expected) < 1 - 1e-9 ? "the model gives all samples the same score" : "";
}

}  // namespace

constexpr MetricRow kAucMetric{
    .name = "auc",
    .title = "area under the ROC curve",
    .needs_labels = true,
    .sees_inputs = true,
    .applies = anomaly_applies,
    .is_default = auc_is_default,
    .judges = only_the_output,
    .tally = anomaly_tally,
    .value = auc,
    .undefined = auc_undefined,
    .about =
        "how often an anomalous sample (class 1) scores above a normal one; the score is the only output, or the "
        "mean squared error of the reconstruction",
};

constexpr MetricRow kRankMetric{
    .name = "rank",
    .title = "rank correlation of the anomaly scores",
    .unit = Unit::kReal,
    .bound = 0.95,
    .sees_inputs = true,
    .applies = anomaly_applies,
    .is_default = never_by_default,
    .judges = only_the_output,
    .tally = anomaly_tally,
    .value = rank,
    .undefined = rank_undefined,
    .about = "Spearman's correlation of the scores with those of the model as given; the same scores as for auc",
};

}  // namespace hone

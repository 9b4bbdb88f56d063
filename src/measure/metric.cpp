#include "measure/metric.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "measure/metric_rows.h"

namespace hone {

int64_t OutputFacts::elements() const {
  int64_t n = 1;
  for (const int64_t d : dims) n *= d;
  return n;
}

bool OutputFacts::is_row() const {
  return elements() > 1 && std::count_if(dims.begin(), dims.end(), [](int64_t d) { return d > 1; }) == 1;
}

int64_t Task::distinct_labels() const {
  return static_cast<int64_t>(std::set<int64_t>(labels.begin(), labels.end()).size());
}

namespace {

std::vector<uint32_t> all_of(size_t count) {
  std::vector<uint32_t> which(count);
  std::iota(which.begin(), which.end(), 0u);
  return which;
}

std::vector<double> first_column(const Tallies& t) {
  std::vector<double> out;
  for (size_t i = 0; i < t.samples(); ++i) out.push_back(t[i][0]);
  return out;
}

double total(std::span<const double> values) { return std::accumulate(values.begin(), values.end(), 0.0); }

std::string formatted(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

/// "top3" → 3; 0 for anything else.
int64_t k_of(std::string_view name) { return name.starts_with("top") ? parse_int(name.substr(3)).value_or(0) : 0; }

// The order is that of the search for a default.
constexpr const MetricRow* kOrder[] = {
    &kBinaryMetric, &kAucMetric,       &kTopMetric,  &kMapMetric,    &kMap50Metric, &kDetectionMetric, &kMasksMetric,
    &kMiouMetric,   &kAgreementMetric, &kSqnrMetric, &kPixelsMetric, &kMaeMetric,   &kCosineMetric,    &kRankMetric};

}  // namespace

int64_t decide(std::span<const double> values) {
  int64_t best = values.empty() ? -1 : 0;
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i])) return -1;
    if (values[i] > values[static_cast<size_t>(best)]) best = static_cast<int64_t>(i);
  }
  return best;
}

double Metric::value(const Tallies& tallies) const { return value(tallies, all_of(tallies.samples())); }

Interval Metric::interval(const Tallies& tallies) const {
  if (row->is_mean) return wilson_interval(total(first_column(tallies)), static_cast<double>(tallies.samples()));
  const auto estimate = [&](const std::function<bool(int64_t)>& is_out) {
    std::vector<uint32_t> which;
    for (uint32_t i = 0; i < tallies.samples(); ++i)
      if (!is_out(i)) which.push_back(i);
    return value(tallies, which);
  };
  const Interval found = jackknife_interval(static_cast<int64_t>(tallies.samples()), estimate);
  return row->unit == Unit::kShare ? Interval{std::max(0.0, found.low), std::min(1.0, found.high)} : found;
}

double Metric::drop(double before, double after) const {
  if (before == after) return 0;
  const double lost = row->is_higher_better ? before - after : after - before;
  return row->unit == Unit::kShare ? 100 * lost : lost;
}

Interval Metric::drop_interval(const Tallies& before, const Tallies& after) const {
  if (before.samples() != after.samples())
    throw invalid_argument(cat("a paired difference of ", before.samples(), " and ", after.samples(), " samples"));
  const bool is_share = row->unit == Unit::kShare;
  const Interval few = is_share
                           ? paired_interval(std::vector<double>(after.samples()), std::vector<double>(after.samples()))
                           : Interval{};
  if (row->is_mean) {
    const Interval gain = paired_interval(first_column(before), first_column(after));
    return {-100 * gain.high, -100 * gain.low};
  }
  const auto estimate = [&](const std::function<bool(int64_t)>& is_out) {
    std::vector<uint32_t> which;
    for (uint32_t i = 0; i < after.samples(); ++i)
      if (!is_out(i)) which.push_back(i);
    return drop(value(before, which), value(after, which));
  };
  Interval found = jackknife_interval(static_cast<int64_t>(after.samples()), estimate);
  if (!is_share) return found;
  // Samples that do not differ say as little here as they do for proportions.
  const double middle = drop(value(before), value(after));
  return {std::max(-100.0, std::min(found.low, middle + 100 * few.low)),
          std::min(100.0, std::max(found.high, middle + 100 * few.high))};
}

std::string Metric::text(double value) const {
  if (std::isnan(value)) return "undefined";
  switch (row->unit) {
    case Unit::kShare:
      return formatted("%.2f %%", 100 * value);
    case Unit::kDecibel:
      return value >= kMostDecibels ? "exact" : value <= -kMostDecibels ? "no signal" : formatted("%.1f dB", value);
    case Unit::kReal:
      break;
  }
  return formatted("%.4g", value);
}

std::string Metric::drop_text(double drop) const {
  switch (row->unit) {
    case Unit::kShare:
      return formatted("%.2f points", drop);
    case Unit::kDecibel:
      return formatted("%.1f dB", drop);
    case Unit::kReal:
      break;
  }
  return formatted("%.4g", drop);
}

std::span<const MetricRow* const> all_metrics() { return kOrder; }

namespace {

Metric metric_of(const MetricRow& row, int64_t k, const Task& task) {
  const bool is_top = &row == &kTopMetric, is_probability = task.outputs[task.output].is_between(0, 1);
  return {.row = &row,
          .name = is_top ? cat("top", k) : std::string(row.name),
          .title = is_top ? cat("top-", k, " accuracy") : std::string(row.title),
          .k = k,
          .threshold = is_probability ? 0.5 : 0,
          .task = task};
}

}  // namespace

std::vector<Metric> default_metrics(const Task& task) {
  std::vector<Metric> found;
  for (const MetricRow* row : kOrder)
    if (row->is_default(task)) found.push_back(metric_of(*row, 1, task));
  return found;
}

Metric find_metric(const std::string& name, const Task& task) {
  std::vector<std::string> names;
  const MetricRow* found = k_of(name) > 0 ? &kTopMetric : nullptr;
  for (const MetricRow* row : kOrder) {
    names.emplace_back(row->name);
    if (name == row->name) found = row;
  }
  if (found == nullptr) {
    const std::string near = nearest(name, names);
    throw invalid_argument(cat("unknown metric '", name, "', expected one of ", join(names, ", ")),
                           near.empty() ? "" : cat("did you mean '", near, "'?"));
  }
  Metric metric = metric_of(*found, std::max<int64_t>(k_of(name), 1), task);
  if (metric.row->needs_labels && !metric.task.has_labels())
    throw invalid_argument(cat("the metric ", metric.name, " needs a label for every sample, the data has none"),
                           "accuracy needs a folder per class, a labels csv, or arrays x and y");
  if (metric.row->needs_boxes && metric.task.box_classes == 0)
    throw invalid_argument(cat("the metric ", metric.name, " needs annotated boxes, the data has none"),
                           "COCO's .json, VOC's .xml or YOLO's .txt beside the pictures");
  if (metric.row->needs_masks && !metric.task.has_masks)
    throw invalid_argument(cat("the metric ", metric.name, " needs the classes of pixels, the data has none"),
                           "masks/NAME.png beside the pictures' folder");
  const std::string reason = metric.row->applies(metric, metric.task);
  if (!reason.empty()) throw invalid_argument(cat("the metric ", metric.name, " is undefined here: ", reason));
  return metric;
}

Metric command_metric(const std::string& command, const Task& task) {
  return {
      .row = &kCommandMetric, .name = "command", .title = cat("score of ", command), .task = task, .command = command};
}

}  // namespace hone

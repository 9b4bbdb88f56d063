#include "measure/accuracy.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "base/text.h"

namespace hone {

Interval wilson_interval(int64_t hits, int64_t total, double z) {
  if (total <= 0) return {0, 1};
  const double n = static_cast<double>(total), p = static_cast<double>(hits) / n, zz = z * z;
  const double centre = (p + zz / (2 * n)) / (1 + zz / n);
  const double half = z / (1 + zz / n) * std::sqrt(p * (1 - p) / n + zz / (4 * n * n));
  return {hits == 0 ? 0 : std::max(0.0, centre - half), hits == total ? 1 : std::min(1.0, centre + half)};
}

Decision decide(std::span<const double> scores, int64_t label) {
  Decision out;
  double best = 0;
  for (size_t i = 0; i < scores.size(); ++i) {
    if (!std::isfinite(scores[i])) out.is_finite = false;
    if (std::isnan(scores[i])) continue;
    if (out.predicted >= 0 && scores[i] <= best) continue;
    best = scores[i];
    out.predicted = static_cast<int32_t>(i);
  }
  if (label < 0 || label >= static_cast<int64_t>(scores.size())) return out;
  const size_t at = static_cast<size_t>(label);
  int64_t above = 0;
  for (size_t i = 0; i < scores.size(); ++i) above += scores[i] > scores[at] || (scores[i] == scores[at] && i < at);
  out.is_top1 = out.predicted == label;
  out.is_top5 = !std::isnan(scores[at]) && above < 5;
  return out;
}

namespace {

Decision decide_sample(Runner& runner, const Dataset& data, size_t i, std::span<const InputSpec> inputs,
                       size_t output) {
  const int64_t label = data.label(i);
  if (label < 0)
    throw invalid_argument(cat("sample '", data.name(i), "' has no label"),
                           "accuracy needs a folder per class, a labels csv, or arrays x and y");
  const std::vector<Tensor>& results = runner.run(data.load(i, inputs));
  if (output >= results.size())
    throw invalid_argument(cat("output ", output, " does not exist, the model has ", results.size()));
  const Dims& dims = results[output].dims();
  if (std::count_if(dims.begin(), dims.end(), [](int64_t d) { return d > 1; }) > 1)
    throw invalid_argument(cat("output ", output, " is ", to_text(results[output].type()),
                               ", expected one row of scores, one for each class"),
                           "choose another with --output; without labels, compare and optimize judge by agreement");
  const std::vector<double> scores = to_doubles(results[output]);
  if (label >= static_cast<int64_t>(scores.size()))
    throw invalid_argument(
        cat("sample '", data.name(i), "' has class ", label, ", the model's output has ", scores.size(), " values"));
  return decide(scores, label);
}

}  // namespace

Accuracy measure_accuracy(const Graph& graph, const Engine& engine, const Dataset& data,
                          std::span<const InputSpec> inputs, const AccuracyOptions& options) {
  Accuracy out;
  out.samples = static_cast<int64_t>(data.size());
  out.decisions.resize(data.size());
  const int jobs = resolve_jobs(options.jobs, out.samples);
  std::vector<std::optional<Runner>> runners(static_cast<size_t>(jobs));
  parallel_samples(out.samples, jobs, options.progress, [&](int64_t i, int worker) {
    std::optional<Runner>& runner = runners[static_cast<size_t>(worker)];
    if (!runner) runner.emplace(engine.runner(graph));
    const size_t at = static_cast<size_t>(i);
    out.decisions[at] = decide_sample(*runner, data, at, inputs, options.output);
  });
  int64_t hits1 = 0, hits5 = 0;
  for (const Decision& d : out.decisions) {
    hits1 += d.is_top1;
    hits5 += d.is_top5;
    out.non_finite += !d.is_finite;
  }
  const double n = static_cast<double>(std::max<int64_t>(out.samples, 1));
  out.top1 = static_cast<double>(hits1) / n;
  out.top5 = static_cast<double>(hits5) / n;
  out.top1_interval = wilson_interval(hits1, out.samples);
  out.top5_interval = wilson_interval(hits5, out.samples);
  return out;
}

std::vector<InputSpec> input_specs(const Graph& graph, const Preprocess& over, const QuantPtr& stored) {
  std::vector<InputSpec> specs;
  for (const ValueId id : graph.inputs())
    specs.push_back(make_input_spec(graph.value(id).name, graph.type(id), graph.metadata, over, stored));
  return specs;
}

PairedDifference paired_difference(std::span<const Decision> a, std::span<const Decision> b) {
  if (a.size() != b.size())
    throw invalid_argument(cat("paired difference of ", a.size(), " and ", b.size(), " samples"));
  PairedDifference out;
  for (size_t i = 0; i < a.size(); ++i) {
    out.gained += b[i].is_top1 && !a[i].is_top1;
    out.lost += a[i].is_top1 && !b[i].is_top1;
    out.agree += a[i].predicted == b[i].predicted;
  }
  if (a.empty()) {
    out.interval = {-1, 1};
    return out;
  }
  const double n = static_cast<double>(a.size());
  out.difference = static_cast<double>(out.gained - out.lost) / n;
  const double m = n + 2, gained = static_cast<double>(out.gained) + 0.5, lost = static_cast<double>(out.lost) + 0.5;
  const double centre = (gained - lost) / m;
  const double half = 1.959964 / m * std::sqrt(gained + lost - (gained - lost) * (gained - lost) / m);
  out.interval = {std::max(-1.0, centre - half), std::min(1.0, centre + half)};
  return out;
}

}  // namespace hone

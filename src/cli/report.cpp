#include "cli/report.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "base/printable.h"
#include "base/text.h"
#include "cli/table.h"
#include "measure/input_scale.h"

namespace hone {

std::string score_text(const Metric& metric, const Score& score) {
  const Interval& i = score.interval;
  std::string out = metric.text(score.value);
  if (score.samples() < 2) return cat(out, " (one sample: no interval)");
  if (!(std::isfinite(i.low) && std::isfinite(i.high)) || i.low == i.high) return out;
  const bool is_share = metric.row->unit == Unit::kShare;
  const auto end = [&](double v) {
    return is_share || metric.row->unit == Unit::kDecibel ? fixed((is_share ? 100 : 1) * v, 1) : metric.text(v);
  };
  return cat(out, " (", end(i.low), " to ", end(i.high), ")");
}

Json to_json(double value, const Interval& interval) {
  Json json;
  json["value"] = value;
  json["low"] = interval.low;
  json["high"] = interval.high;
  return json;
}

void MetricArgs::declare(Args& args) {
  args.option("--metric", "NAME", metric, "how to judge, if not by the task: top1, top5, sqnr, boxes, miou, auc, ...");
  args.option("--metric-cmd", "COMMAND", command, "score the folder {outputs} by a command that prints a number");
}

namespace {

/// Multiply-accumulates a second, as GMAC/s.
std::string speed(int64_t macs, double us) {
  return macs > 0 && us > 0 ? fixed(static_cast<double>(macs) / us / 1e3, 1) : "";
}

}  // namespace

/// Length of the last axis of an output; −1 when unknown.
static int64_t classes_of(const Graph& graph, size_t output) {
  const Shape& shape = graph.type(graph.outputs()[output]).shape;
  const bool is_known = shape.has_rank() && shape.rank() > 0 && shape[shape.rank() - 1].is_known();
  return is_known ? shape[shape.rank() - 1].value() : -1;
}

void warn_of_folders(const Graph& graph, size_t output, const Dataset& data, Console& console) {
  const int64_t classes = classes_of(graph, output), folders = static_cast<int64_t>(data.classes().size());
  if (data.kind() != "a folder per class" || classes < 2 || folders == classes) return;
  console.note(
      cat("warning: '", data.path(), "' has ", counted(folders, "class folder"), ", the model ", classes,
          " classes: give the folder that holds the classes, and --labels with their names in the model's order"));
}

void warn_of_scale(const Graph& graph, const Engine& engine, const SampleSource& samples, const InputSpec& input,
                   const PreprocessArgs& stated, Console& console) {
  const bool is_image = !input.preprocess.color.empty();
  const bool is_default = !stated.is_given() && graph.metadata.count(std::string(kPreprocessKey)) == 0;
  if (!is_image || !is_default || !is_float(input.type.dtype)) return;
  const std::string doubt = input_scale_doubt(graph, engine, samples);
  if (!doubt.empty()) console.note(cat("warning: ", doubt));
}

std::string steps_table(const std::vector<StepTime>& steps, int64_t rows, int width) {
  std::vector<const StepTime*> order;
  for (const StepTime& step : steps) order.push_back(&step);
  std::stable_sort(order.begin(), order.end(), [](const StepTime* a, const StepTime* b) { return a->us > b->us; });
  Table table({{"node"},
               {"operator"},
               {"kernel"},
               {"time", Table::Align::kRight},
               {"share", Table::Align::kRight},
               {"GMAC/s", Table::Align::kRight}});
  double rest = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    const StepTime& step = *order[i];
    if (rows > 0 && static_cast<int64_t>(i) >= rows)
      rest += step.us;
    else
      table.add({step.name, step.op, step.kernel.empty() ? step.provider : step.kernel, human_us(step.us),
                 percent(step.share, 1), speed(step.macs, step.us)});
  }
  if (rest > 0) table.add({cat(order.size() - static_cast<size_t>(rows), " more"), "", "", human_us(rest), "", ""});
  return table.render(width);
}

std::string roofline_table(const std::vector<StepTime>& steps, const Roof& roof, int64_t rows, int width) {
  constexpr double kMatters = 0.02, kFar = 0.5;
  const std::vector<double> shares = shares_of_roof(steps, roof);
  std::vector<size_t> order(steps.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return steps[a].us > steps[b].us; });
  Table table({{"node"},
               {"operator"},
               {"time", Table::Align::kRight},
               {"share", Table::Align::kRight},
               {"GMAC/s", Table::Align::kRight},
               {"GB/s", Table::Align::kRight},
               {"of the roof", Table::Align::kRight}});
  std::string far;
  for (size_t k = 0; k < order.size(); ++k) {
    const StepTime& step = steps[order[k]];
    const double share = shares[order[k]];
    const double gigabytes =
        step.us > 0 ? static_cast<double>(step.activation_bytes + step.weight_bytes) / step.us / 1e3 : 0;
    if (rows == 0 || static_cast<int64_t>(k) < rows)
      table.add({step.name, step.op, human_us(step.us), percent(step.share, 1), speed(step.macs, step.us),
                 fixed(gigabytes, 1), share > 0 ? percent(share, 0) : ""});
    if (step.share >= kMatters && share > 0 && share < kFar)
      far += cat(far.empty() ? "" : ", ", printable_line(step.name), " (", percent(share, 0), ")");
  }
  return cat("roof  ", fixed(roof.f32_gmacs, 1), " GMAC/s f32, ", fixed(roof.int8_gmacs, 1), " int8, ",
             fixed(roof.cache_gigabytes, 1), " GB/s in cache, ", fixed(roof.memory_gigabytes, 1), " in memory\n\n",
             table.render(width), "\nfar from it: ", far.empty() ? "no node of 2 % of the time or more" : far, "\n");
}

std::string ops_table(const std::vector<StepTime>& steps, int width) {
  struct Sum {
    int64_t count = 0, macs = 0;
    double us = 0, share = 0;
  };
  std::map<std::string, Sum> sums;
  for (const StepTime& step : steps) {
    Sum& sum = sums[step.op];
    ++sum.count;
    sum.macs += step.macs;
    sum.us += step.us;
    sum.share += step.share;
  }
  std::vector<std::pair<std::string, Sum>> order(sums.begin(), sums.end());
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.second.us > b.second.us; });
  Table table({{"operator"},
               {"count", Table::Align::kRight},
               {"time", Table::Align::kRight},
               {"share", Table::Align::kRight},
               {"GMAC/s", Table::Align::kRight}});
  for (const auto& [op, sum] : order)
    table.add({op, cat(sum.count), human_us(sum.us), percent(sum.share, 1), speed(sum.macs, sum.us)});
  return table.render(width);
}

}  // namespace hone

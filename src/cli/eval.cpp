#include <algorithm>
#include <map>
#include <memory>

#include "base/error.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/model_args.h"
#include "cli/report.h"
#include "cli/table.h"
#include "runtime/program.h"

namespace hone {

namespace {

struct Options {
  ModelArgs model;
  EngineArgs engine;
  DataArgs data;
  PreprocessArgs preprocess;
  MetricArgs metric;
  std::string output;
  int64_t jobs = 0;
  bool is_json = false, is_per_class = false;
};

struct ClassCount {
  int64_t samples = 0;
  double right = 0;
};

/// What eval measures: the judge's metric, and beside top-1 also top-5.
struct Measured {
  Metric metric;
  Score score;
  std::string doubt;  ///< why the metric says nothing here
};

Metric top5_of(Metric metric) {
  metric.k = 5;
  return metric;
}

Score top5_score(const Measured& m) {
  Score score = m.score;
  for (size_t i = 0; i < score.tallies.samples(); ++i)
    score.tallies.numbers[i * score.tallies.width] = score.tallies[i][2] < 5 ? 1 : 0;
  const Metric metric = top5_of(m.metric);
  score.value = metric.value(score.tallies);
  score.interval = metric.interval(score.tallies);
  return score;
}

bool is_top1(const Measured& m) { return m.metric.name == "top1"; }

/// Empty for metrics that do not count right and wrong.
std::map<int64_t, ClassCount> per_class(const Dataset& data, const Measured& m) {
  std::map<int64_t, ClassCount> out;
  if (!m.metric.row->is_mean || m.score.tallies.samples() != data.size()) return out;
  for (size_t i = 0; i < data.size(); ++i) {
    ClassCount& count = out[data.label(i)];
    ++count.samples;
    count.right += m.score.tallies[i][0];
  }
  return out;
}

std::string class_name(const Dataset& data, int64_t label) {
  const auto& names = data.classes();
  return label >= 0 && static_cast<size_t>(label) < names.size() ? names[static_cast<size_t>(label)] : cat(label);
}

Json report_json(const Options& o, const Dataset& data, const Measured& m, const InputSpec& input) {
  Json json;
  json["model"] = o.model.path;
  json["data"] = o.data.path;
  json["samples"] = static_cast<int64_t>(data.size());
  json["metric"] = m.metric.name;
  json[m.metric.name] = to_json(m.score.value, m.score.interval);
  if (is_top1(m)) {
    const Score top5 = top5_score(m);
    json["top5"] = to_json(top5.value, top5.interval);
  }
  json["non_finite"] = m.score.non_finite;
  json["provider"] = o.engine.provider;
  if (!input.preprocess.color.empty()) json["preprocess"] = Json::parse(to_json(input.preprocess));
  Json& classes = json["classes"] = Json::array();
  for (const auto& [label, count] : per_class(data, m)) {
    Json entry;
    entry["class"] = label;
    entry["name"] = class_name(data, label);
    entry["samples"] = count.samples;
    entry[m.metric.name] = count.right / static_cast<double>(count.samples);
    classes.push_back(std::move(entry));
  }
  return json;
}

void print(const Options& o, const Dataset& data, const Measured& m, Console& console) {
  const int width = console.width();
  Facts facts;
  facts.add(is_top1(m) ? "top-1" : m.metric.title, score_text(m.metric, m.score));
  if (is_top1(m)) facts.add("top-5", score_text(top5_of(m.metric), top5_score(m)));
  facts.add("samples",
            cat(grouped(static_cast<int64_t>(data.size())), " (", data.kind(), "), intervals hold with 95 %"));
  if (m.score.non_finite > 0) facts.add("warning", cat(grouped(m.score.non_finite), " samples gave NaN"));
  console.out(facts.render(width));
  if (!o.is_per_class) return;
  Table table(
      {{"class"}, {"samples", Table::Align::kRight}, {is_top1(m) ? "top-1" : m.metric.name, Table::Align::kRight}});
  for (const auto& [label, count] : per_class(data, m))
    table.add(
        {class_name(data, label), grouped(count.samples), percent(count.right / static_cast<double>(count.samples))});
  console.out(cat("\n", table.render(width)));
}

/// Without a reference to compare with, only labels or a command can say how good a model is.
void require_own_measure(const Options& o, const Dataset& data, const Labels& labels) {
  if (!o.metric.command.empty() || !labels.boxes.empty() || !labels.masks.empty()) return;
  for (size_t i = 0; i < data.size(); ++i)
    if (data.label(i) < 0)
      throw invalid_argument(
          cat("sample '", data.name(i), "' has no label"),
          "accuracy needs a folder per class, a labels csv, arrays x and y, annotated boxes or masks; "
          "hone compare judges one "
          "model by another, --metric-cmd by a command");
}

int eval(const Options& o, Console& console) {
  const Engine engine = o.engine.engine();
  const Graph graph = prepare(o.model.load(), engine);
  const Dataset data = o.data.open();
  o.preprocess.note_unused(std::vector{data.name(0)}, console);
  const Labels labels = labels_of(data);
  require_own_measure(o, data, labels);
  const std::vector<InputSpec> inputs = input_specs(graph, o.preprocess.preprocess(), o.preprocess.stored());
  const JudgeOptions options{.metric = o.metric.metric,
                             .command = o.metric.command,
                             .output = find_output(graph, o.output),
                             .jobs = static_cast<int>(std::clamp<int64_t>(o.jobs, 0, 1024)),
                             .is_strict = false,
                             .progress = console.progress("evaluating")};
  const Judge judge(graph, engine, samples_of(data, inputs), labels, options);
  const Measured measured{judge.metric(), judge.reference(), judge.undefined()};
  if (!measured.metric.row->needs_truth() && measured.metric.command.empty())
    throw invalid_argument(
        cat("the labels do not fit the model's outputs; ", measured.metric.name, " compares with another model"),
        "hone compare A B judges by it; --output and --metric choose for hone eval");
  if (o.is_json)
    console.out(cat(report_json(o, data, measured, inputs.front()).dump(2), "\n"));
  else
    print(o, data, measured, console);
  warn_of_folders(graph, options.output, data, console);
  warn_of_scale(graph, engine, samples_of(data, inputs), inputs.front(), o.preprocess, console);
  if (!measured.doubt.empty()) {
    console.flush();  // what it is about stands above it
    console.note(cat("warning: ", measured.doubt));
  }
  return 0;
}

CommandBody setup(Args& args) {
  const auto o = std::make_shared<Options>();
  o->model.declare(args);
  o->data.declare(args);
  o->preprocess.declare(args);
  o->metric.declare(args);
  args.option("--output", "NAME", o->output, "the output that holds the scores, if not the first");
  args.flag("--per-class", o->is_per_class, "also show every class");
  args.option("--jobs", "N", o->jobs, "samples in parallel; 0: one a CPU", 0);
  args.flag("--json", o->is_json, "print JSON");
  o->engine.declare(args);
  return [o](Console& console) { return eval(*o, console); };
}

}  // namespace

const Command kEvalCommand{
    "eval", "how accurate a model is on labelled data, with a 95 % interval",
    "hone eval model.tflite --data photos/\n"
    "hone eval kws.tflite --data kws01 --input-quant 0.58470291,83",
    "Classifiers are judged by top-1 and top-5, a single score by its side of the threshold, a reconstruction by the "
    "area "
    "under the ROC curve; --metric chooses, --metric-cmd asks a command. "
    "Images are resized to the model's input; without other word an 8-bit input takes the pixels as they are, a float "
    "input 0...255. Preprocessing that the model's metadata carries is used unless flags say otherwise.",
    setup};

}  // namespace hone

#include <algorithm>
#include <map>
#include <memory>

#include "base/error.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/model_args.h"
#include "cli/report.h"
#include "cli/table.h"
#include "measure/prepare.h"

namespace hone {

namespace {

struct Options {
  ModelArgs model;
  EngineArgs engine;
  DataArgs data;
  PreprocessArgs preprocess;
  std::string output;
  int64_t jobs = 0;
  bool is_json = false, is_per_class = false;
};

struct ClassCount {
  int64_t samples = 0, hits = 0;
};

std::map<int64_t, ClassCount> per_class(const Dataset& data, const Accuracy& accuracy) {
  std::map<int64_t, ClassCount> out;
  for (size_t i = 0; i < data.size(); ++i) {
    ClassCount& count = out[data.label(i)];
    ++count.samples;
    count.hits += accuracy.decisions[i].is_top1;
  }
  return out;
}

std::string class_name(const Dataset& data, int64_t label) {
  const auto& names = data.classes();
  return label >= 0 && static_cast<size_t>(label) < names.size() ? names[static_cast<size_t>(label)] : cat(label);
}

Json report_json(const Options& o, const Dataset& data, const Accuracy& a, const InputSpec& input) {
  Json json;
  json["model"] = o.model.path;
  json["data"] = o.data.path;
  json["samples"] = a.samples;
  json["top1"] = to_json(a.top1, a.top1_interval);
  json["top5"] = to_json(a.top5, a.top5_interval);
  json["non_finite"] = a.non_finite;
  json["provider"] = o.engine.provider;
  if (!input.preprocess.color.empty()) json["preprocess"] = Json::parse(to_json(input.preprocess));
  Json& classes = json["classes"] = Json::array();
  for (const auto& [label, count] : per_class(data, a)) {
    Json entry;
    entry["class"] = label;
    entry["name"] = class_name(data, label);
    entry["samples"] = count.samples;
    entry["top1"] = static_cast<double>(count.hits) / static_cast<double>(count.samples);
    classes.push_back(std::move(entry));
  }
  return json;
}

void print(const Options& o, const Dataset& data, const Accuracy& a, Console& console) {
  const int width = console.width();
  Facts facts;
  facts.add("top-1", accuracy_text(a.top1, a.top1_interval));
  facts.add("top-5", accuracy_text(a.top5, a.top5_interval));
  facts.add("samples", cat(grouped(a.samples), " (", data.kind(), "), intervals hold with 95 %"));
  if (a.non_finite > 0) facts.add("warning", cat(grouped(a.non_finite), " samples gave NaN or infinite outputs"));
  console.out(facts.render(width));
  if (!o.is_per_class) return;
  Table table({{"class"}, {"samples", Table::Align::kRight}, {"top-1", Table::Align::kRight}});
  for (const auto& [label, count] : per_class(data, a))
    table.add({class_name(data, label), grouped(count.samples),
               percent(static_cast<double>(count.hits) / static_cast<double>(count.samples))});
  console.out(cat("\n", table.render(width)));
}

int eval(const Options& o, Console& console) {
  const Engine engine = o.engine.engine();
  const Graph graph = prepare(o.model.load(), engine);
  const Dataset data = o.data.open();
  const std::vector<InputSpec> inputs = input_specs(graph, o.preprocess.preprocess(), o.preprocess.stored());
  AccuracyOptions options;
  options.output = find_output(graph, o.output);
  options.jobs = static_cast<int>(std::clamp<int64_t>(o.jobs, 0, 1024));
  options.progress = console.progress("evaluating");
  const Accuracy accuracy = measure_accuracy(graph, engine, data, inputs, options);
  if (o.is_json)
    console.out(cat(report_json(o, data, accuracy, inputs.front()).dump(2), "\n"));
  else
    print(o, data, accuracy, console);
  warn_of_folders(graph, options.output, data, console);
  warn_of_chance(graph, options.output, accuracy.samples, accuracy.top1_interval, console);
  return 0;
}

CommandBody setup(Args& args) {
  const auto o = std::make_shared<Options>();
  o->model.declare(args);
  o->data.declare(args);
  o->preprocess.declare(args);
  args.option("--output", "NAME", o->output, "the output that holds the scores, if not the first");
  args.flag("--per-class", o->is_per_class, "also show every class");
  args.option("--jobs", "N", o->jobs, "samples in parallel; 0: one a CPU", 0);
  args.flag("--json", o->is_json, "print JSON");
  o->engine.declare(args);
  return [o](Console& console) { return eval(*o, console); };
}

}  // namespace

const Command kEvalCommand{
    "eval", "how accurate a classifier is: top-1 and top-5 with a 95 % interval",
    "hone eval model.tflite --data photos/\n"
    "hone eval kws.tflite --data kws01 --input-quant 0.58470291,83",
    "Images are resized to the model's input; without other word an 8-bit input takes the pixels as they are, a float "
    "input 0...255. Preprocessing that the model's metadata carries is used unless flags say otherwise.",
    setup};

}  // namespace hone

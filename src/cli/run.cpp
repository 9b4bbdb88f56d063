#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>

#include "base/error.h"
#include "base/file.h"
#include "base/printable.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/input_args.h"
#include "cli/output_names.h"
#include "cli/table.h"
#include "data/npy.h"
#include "passes/check.h"
#include "runtime/program.h"

namespace hone {

namespace {

struct Options {
  ModelArgs model;
  EngineArgs engine;
  InputArgs inputs;
  std::string output_dir, labels;
  int64_t top = 5, seed = 0;
  bool is_json = false, is_real = false;
};

std::vector<Tensor> load_inputs(const Options& o, const Graph& graph) {
  if (o.inputs.files.empty()) return generate_inputs(graph, static_cast<uint64_t>(o.seed), 1);
  std::vector<Tensor> inputs = o.inputs.load(graph);
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].exists()) continue;
    const Value& input = graph.value(graph.inputs()[i]);
    throw invalid_argument(cat("no file was given for input '", input.name, "', ", to_text(input.type)),
                           cat("--input ", input.name, "=FILE"));
  }
  return inputs;
}

/// Indices of the largest values, largest first; equals by index.
std::vector<size_t> largest(const std::vector<double>& values, size_t count) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t(0));
  count = std::min(count, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                    [&](size_t a, size_t b) { return values[a] != values[b] ? values[a] > values[b] : a < b; });
  order.resize(count);
  return order;
}

/// Scores of classes: one row of at least two numbers.
bool looks_like_scores(const Tensor& t) {
  return t.rank() >= 1 && t.rank() <= 4 && t.elements() >= 2 && t.dim(t.rank() - 1) == t.elements() &&
         t.elements() <= 100'000;
}

struct Summary {
  double min = 0, max = 0, mean = 0;
  int64_t non_finite = 0;
};

Summary summary_of(const std::vector<double>& values) {
  Summary s;
  bool is_first = true;
  double sum = 0;
  for (double v : values) {
    if (!std::isfinite(v)) {
      ++s.non_finite;
      continue;
    }
    s.min = is_first ? v : std::min(s.min, v);
    s.max = is_first ? v : std::max(s.max, v);
    sum += v;
    is_first = false;
  }
  const int64_t finite = static_cast<int64_t>(values.size()) - s.non_finite;
  s.mean = finite > 0 ? sum / static_cast<double>(finite) : 0;
  return s;
}

struct Report {
  const Options& options;
  std::vector<std::string> classes;
  Json json = Json::array();
  std::string text;

  std::string class_name(size_t i) const { return i < classes.size() ? classes[i] : ""; }

  void add(const std::string& name, const Tensor& tensor, const std::string& file, int width) {
    const std::vector<double> values = to_doubles(tensor);
    const Summary s = summary_of(values);
    Json output;
    output["name"] = name;
    output["type"] = to_text(tensor.type());
    if (!file.empty()) output["file"] = file;
    output["min"] = s.min;
    output["max"] = s.max;
    output["mean"] = s.mean;
    output["non_finite"] = s.non_finite;
    text += cat(printable_line(name), ": ", to_text(tensor.type()), "\n");
    text += cat("  min ", fixed(s.min, 6), ", max ", fixed(s.max, 6), ", mean ", fixed(s.mean, 6),
                s.non_finite ? cat(", ", s.non_finite, " not finite") : "", "\n");
    if (!file.empty()) text += cat("  written to ", file, "\n");
    if (looks_like_scores(tensor) && options.top > 0) {
      Table table({{"  class", Table::Align::kRight}, {"score", Table::Align::kRight}, {"name"}});
      Json& top = output["top"] = Json::array();
      for (size_t i : largest(values, static_cast<size_t>(options.top))) {
        table.add({cat(i), fixed(values[i], 6), class_name(i)});
        Json entry;
        entry["class"] = static_cast<int64_t>(i);
        entry["score"] = values[i];
        if (!class_name(i).empty()) entry["name"] = class_name(i);
        top.push_back(std::move(entry));
      }
      text += table.render(width);
    }
    json.push_back(std::move(output));
  }
};

int run(const Options& o, Console& console) {
  const Engine engine = o.engine.engine();
  const auto program = Program::prepared(o.model.load(), engine);
  const Graph& graph = program->graph();
  if (o.inputs.files.empty()) note_open_sizes(graph, console);
  o.inputs.preprocess.note_unused(o.inputs.files, console);
  const std::vector<Tensor> inputs = load_inputs(o, graph);
  check_interrupted();
  Report report{o, {}, Json::array(), ""};
  if (!o.labels.empty()) {
    const std::string names = read_file(o.labels);
    for (const std::string& line : split(names, '\n')) report.classes.emplace_back(trim(line));
  }
  Session session(program);
  session.set_seed(static_cast<uint64_t>(o.seed));
  const std::vector<Tensor>& outputs = session.run(inputs);
  const bool is_stream = o.output_dir == "-";
  if (is_stream && outputs.size() != 1)
    throw invalid_argument(cat("standard output takes one array, the model has ", outputs.size(), " outputs"),
                           "--output-dir DIR writes each to a file");
  if (!o.output_dir.empty() && !is_stream) make_directory(o.output_dir);
  std::vector<std::string> names;
  for (const ValueId id : graph.outputs()) names.push_back(graph.value(id).name);
  const std::vector<std::string> files = output_file_names(names);
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Tensor shown = o.is_real ? dequantize(outputs[i]) : outputs[i];
    std::string file;
    if (is_stream) console.bytes(npy_bytes(shown));
    if (!o.output_dir.empty() && !is_stream) {
      file = cat(o.output_dir, "/", files[i], ".npy");
      write_npy(file, shown);
    }
    report.add(names[i], shown, file, console.width());
  }
  if (o.inputs.files.empty()) console.note("note: no --input was given: the inputs are generated numbers");
  if (is_stream) return 0;
  if (o.is_json) {
    Json json;
    json["model"] = o.model.path;
    json["provider"] = o.engine.provider;
    json["outputs"] = std::move(report.json);
    console.out(cat(json.dump(2), "\n"));
  } else {
    console.out(report.text);
  }
  return 0;
}

CommandBody setup(Args& args) {
  const auto o = std::make_shared<Options>();
  o->model.declare(args);
  args.option("--output-dir", "DIR", o->output_dir,
              "write each output to DIR/NAME.npy; -: the only one to standard output");
  args.flag("--dequantize", o->is_real, "give real numbers where the model's outputs are quantized");
  args.option("--labels", "FILE", o->labels, "class names in order, one a line");
  args.option("--top", "K", o->top, "show the K largest scores of a classifier", 0);
  args.option("--seed", "N", o->seed, "of generated inputs and random operators", 0);
  args.flag("--json", o->is_json, "print JSON");
  o->engine.declare(args);
  o->inputs.declare(args);
  return [o](Console& console) { return run(*o, console); };
}

}  // namespace

const Command kRunCommand{"run", "run a model on files and write its outputs",
                          "hone run model.tflite --input photo.jpg --labels names.txt\n"
                          "hone run model.onnx --input input=x.npy --output-dir out",
                          "", setup};

}  // namespace hone

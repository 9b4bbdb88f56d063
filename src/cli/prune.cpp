#include "compress/prune.h"

#include <algorithm>
#include <memory>

#include "base/error.h"
#include "base/text.h"
#include "base/workshop.h"
#include "cli/commands.h"
#include "cli/model_args.h"
#include "cli/model_target.h"
#include "cli/report.h"
#include "cli/table.h"
#include "compress/dequantize.h"
#include "compress/layer_matrix.h"
#include "compress/sparsify.h"
#include "formats/formats.h"
#include "measure/samples.h"
#include "passes/pipelines.h"

namespace hone {

namespace {

struct Options {
  ModelArgs model;
  EngineArgs engine;
  DataArgs data;
  PreprocessArgs preprocess;
  std::string destination, format, pattern;
  double macs = 0.7;
  bool is_json = false, is_forced = false;
};

std::string change(int64_t before, int64_t after) {
  const double share = before > 0 ? static_cast<double>(after) / static_cast<double>(before) : 1;
  return cat(grouped(before), " -> ", grouped(after), " (", percent(share, 1), ")");
}

/// "2:4".
SparsifyOptions parse_pattern(const std::string& text) {
  const std::vector<std::string> parts = split(text, ':');
  const auto n = parse_int(parts.front()), m = parse_int(parts.back());
  if (parts.size() != 2 || !n || !m) throw invalid_argument(cat("--pattern '", text, "': expected N:M, as in 2:4"));
  return {.n = *n, .m = *m};
}

int64_t zeros_in(const Graph& graph) {
  int64_t zeros = 0;
  for (const LayerMatrix& layer : matrix_layers(graph)) {
    const auto w = graph.value(graph.node(layer.node).inputs[1]).constant.data<float>();
    zeros += std::count(w.begin(), w.end(), 0.0f);
  }
  return zeros;
}

/// What the command made, and what it tells of it.
struct Made {
  Graph graph;
  Json json = Json::object();
  std::vector<std::pair<std::string, std::string>> facts;
};

Made without_channels(const Options& o, const Graph& graph, const Evidence& evidence) {
  Pruned pruned = prune(graph, evidence, {.macs = o.macs});
  Made out;
  out.json["macs_before"] = pruned.macs_before;
  out.json["macs_after"] = pruned.macs_after;
  out.json["channels_before"] = pruned.channels_before;
  out.json["channels_after"] = pruned.channels_after;
  out.facts.emplace_back("MACs", change(pruned.macs_before, pruned.macs_after));
  out.facts.emplace_back("channels", change(pruned.channels_before, pruned.channels_after));
  if (static_cast<double>(pruned.macs_after) > o.macs * static_cast<double>(pruned.macs_before))
    out.facts.emplace_back("note", cat("--macs ", o.macs, " was not reached: no other channel may go"));
  out.graph = std::move(pruned.graph);
  return out;
}

Made with_zeros(const Options& o, const Graph& graph, const Evidence& evidence) {
  Made out{.graph = sparsify(graph, evidence, parse_pattern(o.pattern))};
  const int64_t zeros = zeros_in(out.graph);
  int64_t all = 0;
  for (const LayerMatrix& layer : matrix_layers(out.graph)) all += layer.all_rows() * layer.columns;
  out.json["weights"] = all;
  out.json["zeros"] = zeros;
  out.facts.emplace_back(
      "zeros", cat(grouped(zeros), " of ", grouped(all), " weights (",
                   percent(static_cast<double>(zeros) / static_cast<double>(std::max<int64_t>(all, 1)), 1), ")"));
  return out;
}

int prune_command(const Options& o, Console& console) {
  const ModelTarget target(o.destination, o.format);
  if (!o.is_forced && !target.is_stream())
    require_source_survives(o.model.path, o.destination, "give another name, or --force");
  Graph graph = o.model.load();
  run_pipeline(graph, standard_pipeline());
  graph = with_float_weights(graph);
  const std::vector<InputSpec> inputs = input_specs(graph, o.preprocess.preprocess(), o.preprocess.stored());
  const Dataset data = o.data.open();
  const Evidence evidence({data.size(), [&](size_t i) { return data.load(i, inputs); }}, o.engine.calibration_engine(),
                          console.progress("pruning"));
  Made made = o.pattern.empty() ? without_channels(o, graph, evidence) : with_zeros(o, graph, evidence);
  console.end_progress();
  if (o.preprocess.is_given() && !inputs.empty() && !inputs.front().preprocess.color.empty())
    made.graph.metadata[std::string(kPreprocessKey)] = to_json(inputs.front().preprocess);
  write_model(made.graph, {.path = target.path(), .extension = target.extension()});
  if (o.is_json) {
    Json json = Json::object();
    json["model"] = o.model.path;
    json["output"] = o.destination;
    json["samples"] = static_cast<int64_t>(data.size());
    for (const auto& [key, value] : made.json.as_object()) json[key] = value;
    target.finish(console, json.dump(2) + "\n");
    return 0;
  }
  Facts facts;
  facts.add("wrote", target.shown());
  for (const auto& [key, value] : made.facts) facts.add(key, value);
  target.finish(console, facts.render(console.width()));
  return 0;
}

CommandBody setup(Args& args) {
  const auto o = std::make_shared<Options>();
  o->model.declare(args);
  o->data.declare(args);
  args.option("--macs", "SHARE", o->macs, "of the multiply-accumulates to keep", 0.0);
  args.option("--pattern", "N:M", o->pattern,
              "no channels leave: of every M weights in a row along the input channels N stay, as in 2:4");
  args.option("-o,--output", "FILE", o->destination, "the model to write: .tflite or .onnx; -: standard output", true);
  args.option("--format", "NAME", o->format, "onnx, tflite or hone, where no extension says it: standard output");
  args.flag("--force", o->is_forced, "overwrite MODEL itself");
  o->preprocess.declare(args);
  args.flag("--json", o->is_json, "print JSON");
  o->engine.declare(args);
  return [o](Console& console) { return prune_command(*o, console); };
}

}  // namespace

const Command kPruneCommand{
    "prune", "remove channels, or weights in a pattern, that matter least and refit the rest, without training",
    "hone prune model.onnx --data photos/ --macs 0.7 -o model_small.onnx\n"
    "hone prune model.onnx --data photos/ --pattern 2:4 -o model_sparse.onnx",
    "The data needs no labels. Channels leave in the order of what they cost where they are "
    "read, the other weights making "
    "up for them; then each layer is refitted by least squares to what it made before. With "
    "--pattern single weights become zero instead, likewise, and sizes stay: for "
    "devices that skip zeros in such a pattern, and for smaller downloads. The "
    "result is a float model: hone "
    "eval says what it costs, hone quantize or hone optimize --prune makes integers of it.",
    setup};

}  // namespace hone

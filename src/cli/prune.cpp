#include "compress/prune.h"

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
  std::string destination, format;
  double macs = 0.7;
  bool is_json = false, is_forced = false;
};

std::string change(int64_t before, int64_t after) {
  const double share = before > 0 ? static_cast<double>(after) / static_cast<double>(before) : 1;
  return cat(grouped(before), " -> ", grouped(after), " (", percent(share, 1), ")");
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
  Pruned pruned = prune(graph, evidence, {.macs = o.macs});
  console.end_progress();
  if (o.preprocess.is_given() && !inputs.empty() && !inputs.front().preprocess.color.empty())
    pruned.graph.metadata[std::string(kPreprocessKey)] = to_json(inputs.front().preprocess);
  write_model(pruned.graph, {.path = target.path(), .extension = target.extension()});
  if (o.is_json) {
    Json json = Json::object();
    json["model"] = o.model.path;
    json["output"] = o.destination;
    json["samples"] = static_cast<int64_t>(data.size());
    json["macs_before"] = pruned.macs_before;
    json["macs_after"] = pruned.macs_after;
    json["channels_before"] = pruned.channels_before;
    json["channels_after"] = pruned.channels_after;
    target.finish(console, json.dump(2) + "\n");
    return 0;
  }
  Facts facts;
  facts.add("wrote", target.shown());
  facts.add("MACs", change(pruned.macs_before, pruned.macs_after));
  facts.add("channels", change(pruned.channels_before, pruned.channels_after));
  if (static_cast<double>(pruned.macs_after) > o.macs * static_cast<double>(pruned.macs_before))
    facts.add("note", cat("--macs ", o.macs, " was not reached: no other channel may go"));
  target.finish(console, facts.render(console.width()));
  return 0;
}

CommandBody setup(Args& args) {
  const auto o = std::make_shared<Options>();
  o->model.declare(args);
  o->data.declare(args);
  args.option("--macs", "SHARE", o->macs, "of the multiply-accumulates to keep", 0.0);
  args.option("-o,--output", "FILE", o->destination, "the model to write: .tflite or .onnx; -: standard output", true);
  args.option("--format", "NAME", o->format, "onnx, tflite or hone, where no extension says it: standard output");
  args.flag("--force", o->is_forced, "overwrite MODEL itself");
  o->preprocess.declare(args);
  args.flag("--json", o->is_json, "print JSON");
  o->engine.declare(args);
  return [o](Console& console) { return prune_command(*o, console); };
}

}  // namespace

const Command kPruneCommand{"prune", "remove channels that matter least and refit the rest, without training",
                            "hone prune model.onnx --data photos/ --macs 0.7 -o model_small.onnx",
                            "The data needs no labels. Channels leave in the order of what they cost where they are "
                            "read, the other weights making "
                            "up for them; then each layer is refitted by least squares to what it made before. The "
                            "result is a float model: hone "
                            "eval says what it costs, hone quantize or hone optimize --prune makes integers of it.",
                            setup};

}  // namespace hone

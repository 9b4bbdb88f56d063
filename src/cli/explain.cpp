#include "compress/explain.h"

#include <memory>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "base/workshop.h"
#include "cli/commands.h"
#include "cli/model_args.h"
#include "cli/table.h"
#include "compress/dequantize.h"
#include "compress/recipe.h"
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
  std::string quantized, calibrator = "mse", fixed;
  int64_t samples = 16, top = 10;
  bool is_json = false;
};

Graph simplified(const ModelArgs& model) {
  Graph graph = model.load();
  run_pipeline(graph, standard_pipeline());
  return graph;
}

/// The proposal with the layers' names in it.
std::string fix_of(const Culprit& c) {
  constexpr std::string_view kPlace = "--keep-float NODE";
  std::string fix(fix_for(c.mechanism));
  const size_t at = fix.find(kPlace);
  if (at == std::string::npos) return fix;
  std::vector<std::string> flags;
  for (const std::string& layer : c.layers) flags.push_back(cat("--keep-float '", layer, "'"));
  return fix.replace(at, kPlace.size(), join(flags, " "));
}

std::string report_json(const Options& o, const Explanation& found) {
  Json json = Json::object();
  json["model"] = o.model.path;
  json["quantized"] = o.quantized.empty() ? Json() : Json(o.quantized);
  json["samples"] = found.samples;
  json["sqnr_db"] = found.sqnr_db;
  json["places"] = found.places;
  json["unmatched"] = found.unmatched;
  Json& culprits = json["culprits"] = Json::array();
  for (const Culprit& c : found.culprits) {
    Json entry = Json::object();
    entry["node"] = c.node;
    entry["op"] = c.op;
    entry["mechanism"] = std::string(to_string(c.mechanism));
    entry["evidence"] = c.evidence;
    entry["gain_db"] = c.gain_db;
    entry["layers"] = Json::list(c.layers);
    entry["fix"] = fix_of(c);
    culprits.push_back(std::move(entry));
  }
  return json.dump(2) + "\n";
}

void print(const Options& o, const Explanation& found, Console& console) {
  const int width = console.width();
  console.out(wrapped(cat("the integers leave ", fixed(found.sqnr_db, 1), " dB at the outputs, over ", found.samples,
                          found.samples == 1 ? " sample" : " samples", "\n"),
                      width));
  if (found.unmatched > 0)
    console.out(wrapped(cat(found.unmatched, " of ", found.places + found.unmatched,
                            " quantized places have no namesake in the float model and were not looked at\n"),
                        width));
  if (found.culprits.empty()) {
    console.out("no place by itself costs as much as 0.1 dB\n");
    return;
  }
  int64_t rank = 0;
  for (const Culprit& c : found.culprits) {
    if (++rank > o.top) {
      console.out(cat(static_cast<int64_t>(found.culprits.size()) - o.top, " more below ", fixed(c.gain_db, 1),
                      " dB: --top\n"));
      return;
    }
    console.out(wrapped(cat(rank, ". ", c.node, " (", c.op, "): ", to_string(c.mechanism), "; exact it would win ",
                            fixed(c.gain_db, 1), " dB\n"),
                        width, 3));
    console.out(wrapped(cat("   ", c.evidence, "\n"), width, 3));
    console.out(wrapped(cat("   ", fix_of(c), "\n"), width, 3));
  }
}

/// Quantizes anew with what the culprits ask for, and says what it won. What won nothing is not written: exit code 1.
int fix(const Options& o, const Graph& real, const Explanation& found, const Evidence& evidence, Console& console) {
  const Recipe recipe = fixed_recipe(found, real, o.calibrator);
  const Graph better = apply(recipe, real, evidence);
  const double after =
      explain(real, better, evidence, {.samples = static_cast<size_t>(std::max<int64_t>(o.samples, 1))}).sqnr_db;
  console.end_progress();
  const std::string change = cat(to_text(recipe), ": ", fixed(found.sqnr_db, 1), " dB -> ", fixed(after, 1), " dB");
  if (after <= found.sqnr_db) {
    console.note(cat("nothing was written, it would be no better: ", change));
    return kExitNo;
  }
  write_model(better, o.fixed);
  console.note(cat("wrote ", o.fixed, " by ", change));
  return 0;
}

int explain_command(const Options& o, Console& console) {
  if (!o.fixed.empty()) {
    require_source_survives(o.model.path, o.fixed, "give --fix another name");
    require_written_format({.path = o.fixed});
  }
  Graph given = simplified(o.model);
  const std::vector<InputSpec> inputs = input_specs(given, o.preprocess.preprocess(), o.preprocess.stored());
  const Graph real = with_float_weights(given);
  const Dataset data = o.data.open();
  const Evidence evidence({data.size(), [&](size_t i) { return data.load(i, inputs); }}, o.engine.calibration_engine(),
                          console.progress("explaining"));
  Graph rounded;
  if (o.quantized.empty()) {
    find_calibrator(o.calibrator);
    rounded = apply(Recipe::of(Int8{.calibrator = o.calibrator}), real, evidence);
  } else {
    ModelArgs other = o.model;
    other.path = o.quantized;
    rounded = simplified(other);
  }
  const Explanation found =
      explain(real, rounded, evidence, {.samples = static_cast<size_t>(std::max<int64_t>(o.samples, 1))});
  console.end_progress();
  if (o.is_json)
    console.out(report_json(o, found));
  else
    print(o, found, console);
  return o.fixed.empty() ? 0 : fix(o, real, found, evidence, console);
}

CommandBody setup(Args& args) {
  const auto o = std::make_shared<Options>();
  o->model.declare(args);
  o->data.declare(args);
  args.positional("QUANTIZED", o->quantized, "the quantized form of MODEL; none: int8 as hone quantize makes it",
                  false);
  args.option("--calibrator", "NAME", o->calibrator, "without QUANTIZED: minmax, percentile, entropy or mse");
  args.option("--fix", "FILE", o->fixed, "also quantize MODEL anew, as int8 without the worst of it, and write that");
  args.option("--samples", "N", o->samples, "to measure with", 1);
  args.option("--top", "N", o->top, "places to show", 1);
  o->preprocess.declare(args);
  args.flag("--json", o->is_json, "print JSON");
  o->engine.declare(args);
  return [o](Console& console) { return explain_command(*o, console); };
}

}  // namespace

const Command kExplainCommand{
    "explain", "where and why a quantized model loses, and what helps",
    "hone explain model.onnx --data photos/\n"
    "hone explain model.tflite int8.tflite --data photos/",
    "Each rounding of activations, weights and biases is left out by itself and what that wins at the outputs is "
    "measured; "
    "the float model's numbers there say why: a clipped or too wide range, an outlier channel, merged scales, mixed "
    "units, other weights. The data needs no labels. Layers are matched by their names.",
    setup};

}  // namespace hone

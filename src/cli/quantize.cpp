#include "compress/quantize.h"

#include <algorithm>
#include <cmath>
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
#include "compress/fake_quant.h"
#include "compress/layer_names.h"
#include "compress/pixels.h"
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
  std::string destination, to = "int8", calibrator = "mse", target, format;
  std::vector<std::string> keep_float;
  bool integer_io = false, is_json = false, is_forced = false, equalize = false, correct_bias = false,
       compensate = false;
  int64_t weight_bits = 8, training = 0, levels = 0;
  std::string default_range;
  bool is_unsigned = false;
};

/// The layers of `graph` that flags name, by hone's names or by those of the file, whose graph is `source`.
std::vector<std::string> named_layers(const std::vector<std::string>& names, const Graph& source, const Graph& graph,
                                      const std::vector<std::string>& layers) {
  std::vector<std::string> found;
  for (const std::string& name : names) {
    found.push_back(find_layer(name, source, graph, layers));
    if (!found.back().empty()) continue;
    const std::string near = nearest(name, layers);
    throw not_found(cat("--keep-float ", name, ": no such layer among the ", layers.size(), " that int8 would take"),
                    near.empty() ? "hone inspect MODEL --text lists the nodes" : cat("did you mean ", near, "?"));
  }
  return found;
}

Graph to_int8(const Options& o, const Graph& source, const Graph& graph, Console& console, size_t& samples) {
  const Calibrator& calibrator = find_calibrator(o.calibrator);
  const std::vector<InputSpec> inputs = input_specs(graph, o.preprocess.preprocess(), o.preprocess.stored());
  const Dataset data = o.data.open();
  o.preprocess.note_unused(std::vector{data.name(0)}, console);
  samples = data.size();
  const SampleSource loaded{data.size(), [&](size_t i) { return data.load(i, inputs); }};
  if (!inputs.empty()) warn_of_scale(graph, o.engine.engine(), loaded, inputs.front(), o.preprocess, console);
  const Evidence evidence(loaded, o.engine.calibration_engine(), console.progress("calibrating"));
  const std::vector<std::string> layers =
      quantizable_layers(graph, to_ranges(evidence.statistics({}, graph), calibrator));
  const Int8 step{.calibrator = o.calibrator,
                  .keep_float = named_layers(o.keep_float, source, graph, layers),
                  .integer_io = o.integer_io,
                  .weight_bits = o.weight_bits,
                  .rounding = o.training > 0 ? Rounding::trained
                              : o.compensate ? Rounding::compensated
                                             : Rounding::nearest,
                  .epochs = o.training > 0 ? o.training : Int8{}.epochs,
                  .levels = o.levels};
  Recipe recipe;
  if (o.equalize) recipe.steps.push_back(Attrs::of(Equalize{}));
  recipe.steps.push_back(Attrs::of(step));
  if (o.correct_bias) recipe.steps.push_back(Attrs::of(CorrectBias{}));
  Graph out = apply(recipe, graph, evidence);
  console.end_progress();
  if (!inputs.empty() && !inputs.front().preprocess.color.empty())
    out.metadata[std::string(kPreprocessKey)] = to_json(inputs.front().preprocess);
  return out;
}

/// "-6,6".
Range parse_range(const std::string& text) {
  const std::vector<std::string> ends = split(text, ',');
  const auto min = parse_double(trim(ends.front())), max = parse_double(trim(ends.back()));
  if (ends.size() != 2 || !min || !max || !(*min < *max) || !std::isfinite(*min) || !std::isfinite(*max))
    throw invalid_argument(cat("--default-range '", text, "': expected MIN,MAX"));
  return {static_cast<float>(*min), static_cast<float>(*max)};
}

/// int8 over ranges that need no data: what training with fake quantization left in the model, and what flags say.
Graph to_int8_as_trained(const Options& o, const Graph& given) {
  Graph source = given;
  Ranges ranges = take_fake_quantization(source);
  if (ranges.empty() && o.default_range.empty())
    throw invalid_argument("int8 needs representative data, or a model trained with fake quantization",
                           "add --data DIR, or use --to dynamic or --to float16");
  run_pipeline(source, standard_pipeline());
  const Graph graph = with_float_weights(source);
  if (const QuantPtr input = o.preprocess.stored()) {
    const float scale = input->scales[0], zero = static_cast<float>(input->zero_points[0]);
    for (const ValueId id : graph.inputs()) ranges[graph.value(id).name] = {scale * (0 - zero), scale * (255 - zero)};
  }
  if (!o.default_range.empty()) add_default_range(ranges, graph, parse_range(o.default_range));
  const std::vector<std::string> layers = quantizable_layers(graph, ranges);
  QuantizeOptions options{.activations = o.is_unsigned ? DType::kU8 : DType::kI8, .quantize_io = o.integer_io};
  const std::vector<std::string> kept = named_layers(o.keep_float, given, graph, layers);
  options.keep_float.insert(kept.begin(), kept.end());
  return quantize_static(graph, ranges, options);
}

size_t count_quantized(const Graph& graph) {
  size_t count = 0;
  for (const NodeId id : graph.order())
    count += !graph.node(id).outputs.empty() && graph.type(graph.node(id).outputs[0]).quant != nullptr;
  return count;
}

/// Stated preprocessing goes along with the model, as calibration already saw to for int8.
void embed_preprocess(Graph& out, const Graph& source, const Options& o) {
  if (!o.preprocess.is_given() || o.to == "int8") return;
  const std::vector<InputSpec> inputs = input_specs(source, o.preprocess.preprocess());
  if (!inputs.empty() && !inputs.front().preprocess.color.empty())
    out.metadata[std::string(kPreprocessKey)] = to_json(inputs.front().preprocess);
}

int quantize_command(const Options& o, Console& console) {
  const ModelTarget target(o.destination, o.format);
  require_written_format({.path = target.path(), .target = o.target, .extension = target.extension()});
  if (!o.is_forced && !target.is_stream())
    require_source_survives(o.model.path, o.destination, "give another name, or --force");
  if (o.training > 0 && o.compensate)
    throw invalid_argument("--qat and --compensate both say how weights are rounded, expected one of them");
  if (o.weight_bits != 8 && o.weight_bits != 4)
    throw invalid_argument(cat("--weight-bits ", o.weight_bits, ": expected 8 or 4"));
  if (o.levels > 0 && !o.compensate)
    throw invalid_argument("--levels is for weights that --compensate rounds, expected both");
  Graph graph = o.model.load();
  const bool as_trained = o.to == "int8" && o.data.path.empty();
  if (!as_trained && (!o.default_range.empty() || o.is_unsigned))
    throw invalid_argument("--default-range and --unsigned are for --to int8 without --data");
  if ((as_trained || o.to != "int8") &&
      (o.equalize || o.compensate || o.correct_bias || o.training > 0 || o.weight_bits != 8 || o.levels != 0))
    throw invalid_argument(
        "--equalize, --compensate, --correct-bias, --qat, --weight-bits and --levels are for --to int8 with --data");
  const Graph source = graph;
  Graph out;
  if (as_trained) out = to_int8_as_trained(o, source);
  run_pipeline(graph, standard_pipeline());
  size_t samples = 0;
  if (as_trained) {
    // from the graph before its passes, which take fake quantization for integers
  } else if (o.to == "int8") {
    out = to_int8(o, source, with_float_weights(graph), console, samples);
  } else if (o.to == "dynamic") {
    out = apply(Recipe::of(DynamicRange{}), with_float_weights(graph), {});
  } else if (o.to == "float16") {
    out = apply(Recipe::of(Float16Weights{}), with_float_weights(graph), {});
  } else if (o.to == "float") {
    out = to_float(graph);
    keep_pixels(graph, out);
  } else {
    throw invalid_argument(cat("--to ", o.to, ": expected int8, dynamic, float16 or float"));
  }
  embed_preprocess(out, graph, o);
  std::vector<std::string> notes;
  write_model(out, {.path = target.path(), .target = o.target, .extension = target.extension(), .notes = &notes});
  if (o.is_json) {
    Json json = Json::object();
    json["model"] = o.model.path;
    json["output"] = o.destination;
    json["to"] = o.to;
    json["calibrator"] = o.to == "int8" && !as_trained ? Json(o.calibrator) : Json();
    json["notes"] = Json::list(notes);
    json["samples"] = static_cast<int64_t>(samples);
    json["nodes"] = static_cast<int64_t>(out.node_count());
    json["integer_nodes"] = static_cast<int64_t>(count_quantized(out));
    target.finish(console, json.dump(2) + "\n");
    return 0;
  }
  Facts facts;
  facts.add("wrote", target.shown());
  facts.add("to", as_trained ? "int8, over the ranges that the model has"
                  : o.to == "int8"
                      ? cat("int8, ", o.calibrator, " over ", counted(static_cast<int64_t>(samples), "sample"))
                      : o.to);
  for (const std::string& note : notes) facts.add("note", note);
  facts.add("nodes", cat(out.node_count(), ", ", count_quantized(out), " with integer results"));
  target.finish(console, facts.render(console.width()));
  return 0;
}

CommandBody setup(Args& args) {
  const auto o = std::make_shared<Options>();
  o->model.declare(args);
  o->data.declare(args, false);
  args.option("-o,--output", "FILE", o->destination, "the model to write: .tflite or .onnx; -: standard output", true);
  args.option("--format", "NAME", o->format, "onnx, tflite or hone, where no extension says it: standard output");
  args.flag("--force", o->is_forced, "overwrite MODEL itself");
  args.option("--to", "WHAT", o->to, "int8, dynamic, float16, or float (undoes a quantization)");
  args.option("--target", "NAME", o->target, "machines to write for: ort-vnni (.onnx for CPUs with VNNI)");
  args.option("--calibrator", "NAME", o->calibrator, "minmax, percentile, entropy or mse");
  args.option("--keep-float", "NODE", o->keep_float,
              "leave this layer in float, by its name here or in the file; may be given again");
  args.option("--default-range", "MIN,MAX", o->default_range,
              "int8 without data: the range of values that have none, to see speed alone");
  args.flag("--unsigned", o->is_unsigned, "int8 without data: activations and integer inputs and outputs are u8");
  args.flag("--integer-io", o->integer_io, "inputs and outputs become int8 too");
  args.flag("--equalize", o->equalize, "first scale channels between layers to like ranges");
  args.flag("--compensate", o->compensate, "round weights so that each makes up for the errors of others");
  args.option("--qat", "EPOCHS", o->training,
              "train weights and scales for so long to answer, rounded, as the float model does; 0: not", 0);
  args.option("--levels", "N", o->levels,
              "with --compensate: at most N different integers in a layer's weights, which compress well; 0: all", 0);
  args.option("--weight-bits", "N", o->weight_bits, "8, or 4: int4 weights under int8 activations", 4);
  args.flag("--correct-bias", o->correct_bias, "biases take back what rounding did to the means");
  o->preprocess.declare(args);
  args.flag("--json", o->is_json, "print JSON");
  o->engine.declare(args);
  return [o](Console& console) { return quantize_command(*o, console); };
}

}  // namespace

const Command kQuantizeCommand{
    "quantize", "write a model with int8 or float16 numbers",
    "hone quantize model.onnx --data photos/ -o model_int8.tflite\n"
    "hone quantize model.tflite --to float16 -o model_f16.tflite",
    "int8: activations per tensor from the ranges seen in the data, weights per output channel. dynamic: weights int8, "
    "activations float. Without --data int8 takes the ranges that training with fake quantization left in the model; "
    "--input-quant then says what integer inputs stand for. --qat needs no labels: docs/training.md. hone optimize "
    "tries them all and measures what each costs "
    "in accuracy.",
    setup};

}  // namespace hone

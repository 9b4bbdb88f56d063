#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>

#include "base/error.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/model_args.h"
#include "cli/table.h"
#include "base/workshop.h"
#include "formats/formats.h"
#include "ops/interpreter.h"
#include "ops/movement.h"
#include "ops/quantize.h"
#include "passes/check.h"
#include "passes/pipelines.h"

namespace hone {

namespace fs = std::filesystem;

namespace {

struct Options {
  ModelArgs model;
  PreprocessArgs preprocess;
  std::string output, second, pipeline = "standard", target;
  std::vector<std::string> dump_after;
  int64_t limit = -1, proofs = 2;
  double tolerance = 1e-4;
  bool is_check = false, is_json = false, is_verbose = false, is_forced = false;
};

/// Counts for the before-and-after report.
struct Counts {
  size_t nodes = 0, transposes = 0;
  explicit Counts(const Graph& graph) : nodes(graph.node_count()), transposes(count_nodes(graph, Transpose::def)) {}
};

/// Transposes that stand in the file a graph was read from, without those its reader wraps around operators.
int64_t transposes_in_file(const Graph& graph) {
  int64_t count = 0;
  for (const NodeId id : graph.order()) count += lower(graph.node(id).source.op) == "transpose";
  return count;
}

struct Proof {
  int64_t inputs = 0;
  Difference worst;       ///< under one arithmetic
  Difference arithmetic;  ///< when the formats' arithmetics differ: of the outputs, each under its own
  bool is_equal = true;
};

void take_worst(Difference& worst, const Difference& d) {
  worst.max_abs = std::max(worst.max_abs, d.max_abs);
  worst.max_relative = std::max(worst.max_relative, d.max_relative);
  worst.max_steps = std::max(worst.max_steps, d.max_steps);
}

/// Step of the quantized value that output `i` merely dequantizes; 0 for other outputs.
double dequantized_step(const Graph& graph, size_t i) {
  const Node* producer = graph.producer(graph.outputs()[i]);
  if (!producer || !producer->is<Dequantize>()) return 0;
  const QuantPtr& quant = graph.type(producer->inputs[0]).quant;
  return quant && quant->is_per_tensor() ? static_cast<double>(quant->scale()) : 0;
}

/// Compares output by output: floats within the tolerance, quantized ones within a step.
void compare_outputs(const Graph& graph, const std::vector<Tensor>& before, const std::vector<Tensor>& after,
                     double tolerance, Proof& proof) {
  if (before.size() != after.size())
    throw internal_error(cat("the written model has ", after.size(), " outputs, the source ", before.size()));
  for (size_t i = 0; i < before.size(); ++i) {
    Difference d = difference(std::span(&before[i], 1), std::span(&after[i], 1));
    const double step = dequantized_step(graph, i);
    bool is_equal = is_within(d, tolerance);
    if (!is_equal && step > 0 && !before[i].quant()) {
      d.max_steps = std::round(d.max_abs / step * 1e3) / 1e3;
      is_equal = d.max_steps <= 1;
    }
    proof.is_equal = proof.is_equal && is_equal;
    take_worst(proof.worst, d);
  }
}

/// Runs the source as read and the written file, read again, on the reference with the same inputs. Where the formats
/// round quantized numbers by different rules, equality is judged in float: TFLite's fixed point has rules of its own
/// for some orders of axes (the mean over height and width), so it may move by a step what is only laid out anew.
Proof prove(const Graph& source, const Graph& written, const Options& o, const Progress& progress) {
  Proof proof;
  const EvalOptions stoppable{.seed = 0, .observe = [](NodeId, std::span<const Tensor>) { check_interrupted(); }};
  const bool is_one_arithmetic = source.arithmetic == written.arithmetic;
  Graph source_judged = source, written_judged = written;
  if (!is_one_arithmetic) source_judged.arithmetic = written_judged.arithmetic = QuantArithmetic::kFloat;
  for (int64_t seed = 0; seed < o.proofs; ++seed) {
    progress(seed, o.proofs);
    const std::vector<Tensor> inputs = generate_inputs(source, static_cast<uint64_t>(seed));
    std::vector<Tensor> as_read;
    for (size_t i = 0; i < inputs.size() && i < written.inputs().size(); ++i)
      as_read.push_back(convert_input(inputs[i].with_quant(source.type(source.inputs()[i]).quant),
                                      written.type(written.inputs()[i])));
    const std::vector<Tensor> before = evaluate(source_judged, inputs, stoppable);
    progress(seed, o.proofs);
    const std::vector<Tensor> after = evaluate(written_judged, as_read, stoppable);
    if (!is_one_arithmetic) {
      const bool is_source_float = source.arithmetic == QuantArithmetic::kFloat;
      take_worst(proof.arithmetic, is_source_float ? difference(before, evaluate(written, as_read, stoppable))
                                                   : difference(evaluate(source, inputs, stoppable), after));
    }
    compare_outputs(source, before, after, o.tolerance, proof);
    ++proof.inputs;
  }
  return proof;
}

/// Embeds stated preprocessing, so that everything downstream uses the same.
void embed_preprocess(Graph& graph, const Options& o) {
  if (!o.preprocess.is_given() || graph.inputs().empty()) return;
  const TensorType& type = graph.type(graph.inputs().front());
  graph.metadata[std::string(kPreprocessKey)] =
      to_json(resolve_preprocess(type, graph.metadata, o.preprocess.preprocess()));
}

PassOptions pass_options(const Options& o, Console& console) {
  PassOptions options;
  options.check = o.is_check;
  options.check_tolerance = o.tolerance;
  if (o.limit >= 0) options.limit = o.limit;
  options.dump_after = o.dump_after;
  options.dump = [&console](std::string_view pass, const std::string& text) {
    console.out(cat("# after ", pass, "\n", text));
  };
  return options;
}

std::string steps_text(const Difference& d) {
  return cat(", ", to_text(static_cast<float>(d.max_steps)),
             d.max_steps == 1 ? " quantization step" : " quantization steps");
}

std::string proof_text(const Proof& p) {
  if (p.inputs == 0) return "not proven (--proofs 0)";
  std::string text = cat(p.is_equal ? "equal" : "DIFFERENT", " on ", counted(p.inputs, "generated input"),
                         ": largest difference ", to_text(static_cast<float>(p.worst.max_abs)));
  if (p.worst.max_steps > 0) text += steps_text(p.worst);
  if (p.arithmetic.max_steps > 0 || !is_within(p.arithmetic, 1e-4))
    text += cat("; the formats round differently, which moves outputs by up to ",
                to_text(static_cast<float>(p.arithmetic.max_abs)),
                p.arithmetic.max_steps > 0 ? steps_text(p.arithmetic) : "");
  return text;
}

Json report_json(const Options& o, const Counts& before, const Counts& after, const PipelineStats& stats,
                 const Proof& p, int64_t in_file, int64_t size_before, int64_t size_after) {
  Json json;
  json["source"] = o.model.path;
  json["output"] = o.output;
  json["nodes_before"] = static_cast<int64_t>(before.nodes);
  json["nodes_after"] = static_cast<int64_t>(after.nodes);
  json["transposes_before"] = static_cast<int64_t>(before.transposes);
  json["transposes_after"] = static_cast<int64_t>(after.transposes);
  json["transposes_in_file"] = in_file;
  json["bytes_before"] = size_before;
  json["bytes_after"] = size_after;
  json["rewrites"] = stats.changes;
  Json& proof = json["proof"];
  proof["inputs"] = p.inputs;
  proof["equal"] = p.is_equal;
  proof["max_abs"] = p.worst.max_abs;
  proof["max_relative"] = p.worst.max_relative;
  proof["max_steps"] = p.worst.max_steps;
  proof["arithmetic_max_abs"] = p.arithmetic.max_abs;
  proof["arithmetic_max_steps"] = p.arithmetic.max_steps;
  return json;
}

/// The model as its file says it.
Graph write_and_read(const Graph& graph, const WriteRequest& request, const Workshop& workshop) {
  try {
    write_model(graph, request);
    return with_context([&] { return cat("while reading back '", request.path, "'"); },
                        [&] { return read_model(request.path); });
  } catch (const Error& e) {
    throw workshop.with_final_names(e);
  }
}

int convert(Options& o, Console& console) {
  if (o.output.empty() == o.second.empty())
    throw invalid_argument(cat("convert: ", o.output.empty() ? "--output is missing" : "the output is given twice"),
                           "hone help convert");
  if (o.output.empty()) o.output = o.second;
  if (!o.is_forced) require_source_survives(o.model.path, o.output, "give another name, or --force");
  const Graph source = o.model.load();
  check_interrupted();
  Graph graph = source;
  PipelineStats stats;
  if (o.pipeline != "none") stats = run_pipeline(graph, find_pipeline(o.pipeline), pass_options(o, console));
  check_interrupted();
  embed_preprocess(graph, o);
  const fs::path place(o.output);
  Workshop workshop(place.parent_path());
  const std::string draft = workshop.file(place.filename().string());
  std::vector<std::string> notes;
  const Graph written = write_and_read(graph, {.path = draft, .target = o.target, .notes = &notes}, workshop);
  const Progress progress = console.progress("proving");
  const Proof proof = o.proofs > 0 ? prove(source, written, o, progress) : Proof();
  const Counts before(source), after(graph);
  const int64_t in_file = transposes_in_file(written);
  std::error_code unknown;  // of standard input
  const auto size_of = [&](const std::string& path) {
    const uintmax_t bytes = fs::file_size(path, unknown);
    return unknown ? int64_t{0} : static_cast<int64_t>(bytes);
  };
  const int64_t size_before = size_of(o.model.path), size_after = size_of(draft);
  if (proof.is_equal) workshop.publish();
  if (o.is_json) {
    Json json = report_json(o, before, after, stats, proof, in_file, size_before, size_after);
    json["notes"] = Json::list(notes);
    console.out(cat(json.dump(2), "\n"));
  } else {
    Facts facts;
    facts.add("nodes", cat(before.nodes, " -> ", after.nodes));
    facts.add("transposes", cat(before.transposes, " -> ", after.transposes, ", ", in_file, " in the file"));
    facts.add("size", cat(human_bytes(static_cast<uint64_t>(size_before)), " -> ",
                          human_bytes(static_cast<uint64_t>(size_after))));
    facts.add("outputs", proof_text(proof));
    for (const std::string& note : notes) facts.add("note", note);
    facts.add("written", proof.is_equal ? o.output : cat("nothing: ", o.output, " is as it was"));
    console.out(facts.render(console.width()));
    if (o.is_verbose) console.out(cat("\n", to_text(stats)));
  }
  return proof.is_equal ? 0 : kExitNo;
}

CommandBody setup(Args& args) {
  const auto o = std::make_shared<Options>();
  o->model.declare(args, "SRC");
  args.positional("DST", o->second, "the file to write: .onnx, .tflite or .hone (text)", false);
  args.option("-o,--output", "DST", o->output, "another way to name it");
  args.flag("--force", o->is_forced, "overwrite SRC itself");
  args.option("--target", "NAME", o->target, "machines to write for: ort-vnni (.onnx for CPUs with VNNI)");
  args.option("--pipeline", "NAME", o->pipeline, "passes to run: none, simplify, canonical, fuse, layout or standard");
  args.option("--proofs", "N", o->proofs, "generated inputs on which the written file must equal the source", 0);
  args.option("--tolerance", "T", o->tolerance, "relative difference of float outputs that counts as equal", 0);
  args.flag("--check", o->is_check, "compare outputs before and after each pass");
  args.option("--limit", "N", o->limit, "stop after N rewrites, to find a bad one by bisection; -1: no limit");
  args.option("--dump-after", "PASS", o->dump_after, "print the graph after a pass, or 'all'");
  args.flag("--verbose", o->is_verbose, "print what each pass did");
  args.flag("--json", o->is_json, "print JSON");
  o->preprocess.declare(args);
  return [o](Console& console) { return convert(*o, console); };
}

}  // namespace

const Command kConvertCommand{
    "convert", "simplify a model and write it in another format, with proof",
    "hone convert model.onnx model.tflite --shape input=1x3x224x224",
    "What was written is read back and compared with the source on generated inputs before it takes its place; when "
    "they differ nothing is written and the exit code is 1. Preprocessing flags are embedded in the written model's "
    "metadata.",
    setup};

}  // namespace hone

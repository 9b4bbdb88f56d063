#include <algorithm>
#include <filesystem>
#include <memory>

#include "base/error.h"
#include "base/text.h"
#include "base/workshop.h"
#include "cli/commands.h"
#include "cli/model_args.h"
#include "cli/model_target.h"
#include "cli/table.h"
#include "formats/formats.h"
#include "measure/proof.h"
#include "ops/movement.h"
#include "passes/pipelines.h"

namespace hone {

namespace fs = std::filesystem;

namespace {

struct Options {
  ModelArgs model;
  PreprocessArgs preprocess;
  std::string output, second, format, pipeline = "standard", target;
  std::vector<std::string> dump_after;
  int64_t limit = -1, proofs = -1;
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

/// Of a file, or of the files in a folder; 0 for standard input.
int64_t bytes_on_disk(const std::string& path) {
  std::error_code unknown;
  if (!fs::is_directory(path, unknown)) {
    const uintmax_t bytes = fs::file_size(path, unknown);
    return unknown ? 0 : static_cast<int64_t>(bytes);
  }
  int64_t sum = 0;
  for (auto it = fs::recursive_directory_iterator(path, unknown); !unknown && it != fs::end(it); it.increment(unknown))
    if (it->is_regular_file(unknown)) sum += static_cast<int64_t>(it->file_size(unknown));
  return sum;
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
  const std::string runs =
      p.states > 0 ? cat(counted(p.inputs, "run"), " one after another, which remember ", counted(p.states, "state"))
                   : counted(p.inputs, "generated input");
  std::string text = cat(p.is_equal ? "equal" : "DIFFERENT", " on ", runs, p.is_judged ? " of the reference" : "",
                         ": largest difference ", to_text(static_cast<float>(p.worst.max_abs)));
  if (p.worst.max_steps > 0) text += steps_text(p.worst);
  if (p.is_finer) text += "; the source computes in f16, the written model in f32";
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
  proof["states"] = p.states;
  proof["equal"] = p.is_equal;
  proof["max_abs"] = p.worst.max_abs;
  proof["max_relative"] = p.worst.max_relative;
  proof["max_steps"] = p.worst.max_steps;
  proof["arithmetic_max_abs"] = p.arithmetic.max_abs;
  proof["arithmetic_max_steps"] = p.arithmetic.max_steps;
  return json;
}

/// Fast, with integers as the reference has them.
Engine proof_engine() { return EngineArgs{.threads = 0, .is_exact = true}.engine(); }

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
  if (!o.is_forced && o.output != "-") require_source_survives(o.model.path, o.output, "give another name, or --force");
  const Graph source = o.model.load();
  check_interrupted();
  Graph graph = source;
  PipelineStats stats;
  if (o.pipeline != "none") stats = run_pipeline(graph, find_pipeline(o.pipeline), pass_options(o, console));
  check_interrupted();
  embed_preprocess(graph, o);
  const ModelTarget target(o.output, o.format);
  const fs::path place(target.path());
  Workshop workshop(place.parent_path());
  const std::string draft = workshop.file(place.filename().string());
  std::vector<std::string> notes;
  const Graph written = write_and_read(
      graph, {.path = draft, .target = o.target, .extension = target.extension(), .notes = &notes}, workshop);
  Proof proof;
  if (o.proofs != 0)
    proof = prove(source, written, proof_engine(),
                  {.tolerance = o.tolerance, .inputs = o.proofs, .progress = console.progress("proving")});
  const Counts before(source), after(graph);
  const int64_t in_file = transposes_in_file(written);
  const int64_t size_before = bytes_on_disk(o.model.path), size_after = bytes_on_disk(draft);
  if (proof.is_equal) workshop.publish();
  if (o.is_json) {
    Json json = report_json(o, before, after, stats, proof, in_file, size_before, size_after);
    json["notes"] = Json::list(notes);
    target.finish(console, cat(json.dump(2), "\n"), proof.is_equal);
  } else {
    const std::string given = o.model.path == "-" ? "" : cat(human_bytes(static_cast<uint64_t>(size_before)), " -> ");
    Facts facts;
    facts.add("nodes", cat(before.nodes, " -> ", after.nodes));
    facts.add("transposes", cat(before.transposes, " -> ", after.transposes, ", ", in_file, " in the file"));
    facts.add("size", cat(given, human_bytes(static_cast<uint64_t>(size_after))));
    facts.add("outputs", proof_text(proof));
    for (const std::string& note : notes) facts.add("note", note);
    facts.add("written", proof.is_equal       ? target.shown()
                         : target.is_stream() ? "nothing"
                                              : cat("nothing: ", o.output, " is as it was"));
    target.finish(console, cat(facts.render(console.width()), o.is_verbose ? cat("\n", to_text(stats)) : ""),
                  proof.is_equal);
  }
  return proof.is_equal ? 0 : kExitNo;
}

CommandBody setup(Args& args) {
  const auto o = std::make_shared<Options>();
  o->model.declare(args, "SRC");
  args.positional("DST", o->second, "the file to write: .onnx, .tflite or .hone (text)", false);
  args.option("-o,--output", "DST", o->output, "another way to name it; -: standard output");
  args.option("--format", "NAME", o->format, "onnx, tflite or hone, where no extension says it: standard output");
  args.flag("--force", o->is_forced, "overwrite SRC itself");
  args.option("--target", "NAME", o->target, "machines to write for: ort-vnni (.onnx for CPUs with VNNI)");
  args.option("--pipeline", "NAME", o->pipeline, "passes to run: none, simplify, canonical, fuse, layout or standard");
  args.option("--proofs", "N", o->proofs,
              "generated inputs on which the written file must equal the source; -1: two as far as 2 seconds allow");
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

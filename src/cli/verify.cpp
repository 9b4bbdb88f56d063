#include <filesystem>
#include <memory>

#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/model_args.h"
#include "cli/table.h"
#include "compress/data_split.h"
#include "compress/golden_answers.h"
#include "compress/manifest.h"
#include "compress/repeat.h"
#include "serve/golden.h"
#include "serve/served_model.h"
#include "serve/signature.h"

namespace hone {

namespace fs = std::filesystem;

namespace {

struct Options {
  ModelArgs model;
  EngineArgs engine;
  DataArgs data;
  std::string source, key;
  bool is_rebuild = false, is_json = false;
};

/// What one of the checks found.
struct Check {
  std::string name, text;
  bool is_good = false;
};

/// Runs `check`, which returns what it found; an Error(invalid_model) is the answer no.
template <class Body>
Check checked(const std::string& name, const Body& check) {
  try {
    return {name, check(), true};
  } catch (const Error& e) {
    if (e.code() != ErrorCode::kInvalidModel) throw;
    return {name, e.frames().empty() ? e.message() : cat(join(e.frames(), ", "), ": ", e.message()), false};
  }
}

/// The manifest in the model; null where there is none.
Json manifest_in(const Graph& graph) {
  const auto found = graph.metadata.find(std::string(kManifestKey));
  return found == graph.metadata.end() ? Json() : Json::parse(found->second);
}

Check check_answers(const Json& answers, const Graph& graph, const Engine& engine) {
  return checked("answers", [&] {
    return cat(counted(repeat_golden_answers(answers, graph, engine), "golden sample"), " of the manifest repeated");
  });
}

Check check_golden_file(const std::string& path, const Graph& graph, const Engine& engine) {
  return checked("golden file", [&] {
    const std::vector<GoldenSample> samples = read_golden(path, graph);
    replay_golden(Program::as_is(graph, engine), samples);
    return cat(counted(static_cast<int64_t>(samples.size()), "golden sample"), " of '", path, "' repeated");
  });
}

Check check_signature(const Options& o) {
  return checked("signature", [&] {
    const auto count =
        static_cast<int64_t>(require_signed(o.model.path, companions_of(o.model.path), o.key, [&] { o.model.load(); }));
    return cat(counted(count, "file"), " as signed with the key of '", o.key, "'");
  });
}

Check check_source(const Options& o, const JobRecipe& recipe) {
  return checked("source", [&] {
    const std::string sha256 = sha256_of_file(o.source);
    if (recipe.source_sha256 != sha256)
      throw invalid_model(cat("'", o.source, "' has SHA-256 ", sha256, ", the model was made from ",
                              recipe.source_sha256.empty() ? "none that is known" : recipe.source_sha256));
    return cat("'", o.source, "' is what it was made from");
  });
}

/// Everything again from the source and the data, held against the file byte for byte.
Check check_rebuild(const Options& o, const Graph& written, const JobRecipe& recipe, Console& console) {
  ModelArgs other = o.model;
  other.path = o.source;
  const SourceModel source = source_model(other.load(), o.source);
  PreprocessArgs flags;
  flags.input_quant = recipe.input_quant;
  const auto pixels = written.metadata.find(std::string(kPreprocessKey));
  const Preprocess preprocess = pixels == written.metadata.end() ? Preprocess() : parse_preprocess(pixels->second);
  const std::vector<InputSpec> inputs = input_specs(source.graph, preprocess, flags.stored());
  const DataSplit data =
      split_data(o.data.path, {.labels = o.data.labels, .limit = recipe.limit}, static_cast<size_t>(recipe.calibration),
                 static_cast<uint64_t>(std::max<int64_t>(recipe.seed, 0)));
  const std::string extension = fs::path(o.model.path).extension().string();
  const std::string again =
      repeated_file(written, recipe, source, samples_of(data.calibration, inputs), o.engine.calibration_engine(),
                    extension.empty() ? extension : extension.substr(1), console.progress("repeating the recipe"));
  console.end_progress();
  return checked("rebuild", [&] {
    if (const auto found = static_cast<int64_t>(data.calibration.size()); found != recipe.calibration)
      throw invalid_model(cat("the recipe calibrated on ", counted(recipe.calibration, "sample"), ", the data has ",
                              found, " for that"));
    const std::string bytes = read_file(o.model.path);
    if (bytes != again) {
      const auto at = std::mismatch(bytes.begin(), bytes.end(), again.begin(), again.end()).first - bytes.begin();
      throw invalid_model(cat("repeating the recipe gives other bytes: ", grouped(static_cast<int64_t>(again.size())),
                              " of them, the file has ", grouped(static_cast<int64_t>(bytes.size())),
                              ", the first difference is at byte ", at));
    }
    return cat("repeating the recipe gives the same ", grouped(static_cast<int64_t>(bytes.size())), " bytes");
  });
}

std::string accuracy_text(const Json& manifest) {
  const auto score = [&](const char* when) {
    const Json* j = manifest.find(when);
    const Json* text = j ? j->find("text") : nullptr;
    return text && text->is_string() ? text->as_string() : std::string("?");
  };
  return cat(score("before"), " -> ", score("after"), ", as measured when it was made");
}

int report(const Options& o, const Json& manifest, const JobRecipe& recipe, const std::vector<Check>& checks,
           Console& console) {
  bool is_good = true;
  for (const Check& check : checks) is_good &= check.is_good;
  if (o.is_json) {
    Json json = Json::object();
    json["model"] = o.model.path;
    json["manifest"] = manifest;
    json["verified"] = is_good;
    Json& list = json["checks"] = Json::array();
    for (const Check& check : checks) {
      Json entry = Json::object();
      entry["check"] = check.name;
      entry["good"] = check.is_good;
      entry["found"] = check.text;
      list.push_back(std::move(entry));
    }
    console.out(json.dump(2) + "\n");
    return is_good ? 0 : kExitNo;
  }
  Facts facts;
  if (!manifest.is_null()) {
    facts.add("recipe", recipe.recipe.label());
    facts.add(recipe.metric, accuracy_text(manifest));
  }
  for (const Check& check : checks) facts.add(check.name, cat(check.is_good ? "" : "NO: ", check.text));
  facts.add("verdict", is_good ? "verified" : "NOT VERIFIED");
  console.out(facts.render(console.width()));
  return is_good ? 0 : kExitNo;
}

int verify_command(const Options& o, Console& console) {
  if (o.is_rebuild && (o.source.empty() || o.data.path.empty()))
    throw invalid_argument("--rebuild needs --source and --data: what the model was made from");
  std::vector<Check> checks;
  if (!o.key.empty()) {
    checks.push_back(check_signature(o));
    if (!checks.back().is_good) return report(o, Json(), JobRecipe(), checks, console);  // its file is not read
  }
  const Graph graph = o.model.load();
  const Json manifest = manifest_in(graph);
  const JobRecipe recipe = manifest.is_null() ? JobRecipe() : parse_job_recipe(manifest.dump());
  if (manifest.is_null() && (!o.source.empty() || o.is_rebuild))
    throw invalid_argument(cat("'", o.model.path, "' has no manifest that would say what it was made from"));
  const Engine engine = o.engine.engine();
  if (const Json* answers = manifest.find("golden"); answers && !answers->as_array().empty())
    checks.push_back(check_answers(*answers, graph, engine));
  std::error_code ignored;
  const std::string golden = golden_path_of(o.model.path);
  if (fs::exists(golden, ignored)) checks.push_back(check_golden_file(golden, graph, engine));
  if (!o.source.empty()) checks.push_back(check_source(o, recipe));
  if (o.is_rebuild && checks.back().is_good) checks.push_back(check_rebuild(o, graph, recipe, console));
  if (checks.empty())
    throw not_found(cat("'", o.model.path, "' brings no golden samples, and there is no '", golden, "'"),
                    "models that `hone optimize` writes bring them");
  return report(o, manifest, recipe, checks, console);
}

CommandBody setup(Args& args) {
  const auto o = std::make_shared<Options>();
  o->model.declare(args);
  args.option("--key", "FILE", o->key, "public key in PEM that must have signed the model and what is beside it");
  args.option("--source", "FILE", o->source,
              "the model that it was made from: must be the one that the manifest names");
  args.flag("--rebuild", o->is_rebuild, "make it again from --source and --data and compare the bytes");
  o->data.declare(args, false);
  args.flag("--json", o->is_json, "print JSON");
  o->engine.declare(args);
  return [o](Console& console) { return verify_command(*o, console); };
}

}  // namespace

const Command kVerifyCommand{
    "verify", "whether a model answers here as it did where it was made, and is made so again",
    "hone verify out/model.tflite\n"
    "hone verify image/rootfs/models/model/1/model.tflite --key public.pem\n"
    "hone verify out/model.onnx --rebuild --source model.onnx --data photos/",
    "Repeats the golden samples in the model's manifest and those of the file beside it (model.golden.npz). --rebuild "
    "applies the manifest's recipe to the source and the calibration samples anew, on any number of threads and any "
    "processor, and compares the bytes; preprocessing and accuracies are taken from the manifest. --key "
    "holds the signature beside the model (model.sig) against it before anything else is read. The exit code is 1 "
    "when an answer, the source, a byte or who signed is another.",
    setup};

}  // namespace hone

#include <algorithm>
#include <filesystem>
#include <optional>

#include "base/error.h"
#include "base/sha256.h"
#include "base/text.h"
#include "base/workshop.h"
#include "compress/deliver.h"
#include "compress/dequantize.h"
#include "compress/file_forms.h"
#include "compress/job.h"
#include "compress/manifest.h"
#include "compress/search.h"
#include "compress/watch.h"
#include "passes/pipelines.h"
#include "runtime/program.h"

namespace hone {

std::string_view to_string(Objective objective) {
  return objective == Objective::kLatency ? "latency" : objective == Objective::kSize ? "size" : "memory";
}

Objective parse_objective(std::string_view text) {
  for (const Objective o : {Objective::kLatency, Objective::kSize, Objective::kMemory})
    if (to_string(o) == text) return o;
  throw invalid_argument(cat("unknown objective '", text, "', expected latency, size or memory"));
}

SourceModel source_model(Graph graph, const std::string& path) {
  SourceModel source{.path = path};
  if (!path.empty()) {
    source.sha256 = sha256_of_file(path);
    source.bytes = static_cast<int64_t>(std::filesystem::file_size(path));
  }
  run_pipeline(graph, standard_pipeline());
  source.graph = std::move(graph);
  return source;
}

bool Outcome::is_proven() const {
  return std::all_of(files.begin(), files.end(),
                     [](const Deliverable& d) { return d.file.bytes == 0 || d.is_verified; });
}

namespace {

/// What a peer can and cannot be asked for.
void require_peer_fits(const Job& job) {
  if (!job.peer) return;
  for (const std::string& format : job.formats)
    if (format != job.peer->format)
      throw invalid_argument(cat(job.peer->title, " runs ", job.peer->format, " files, not ", format));
  if (job.objective == Objective::kMemory)
    throw invalid_argument(cat("the objective memory: ", job.peer->title, " does not tell what its plans need"));
  if (!job.source.graph.states().empty())
    throw unsupported(cat("a model with states cannot be judged in ", job.peer->title), "judge it in hone");
}

/// The results are called after the source.
void require_other_place(const Job& job) {
  for (const std::string& format : job.formats)
    require_source_survives(job.source.path,
                            (std::filesystem::path(job.directory) / cat(job.stem, ".", format)).string(),
                            "give another folder with -o");
}

/// Median times of the steps, in separate runs from those that give the latency.
std::vector<StepTime> step_times(const Graph& graph, const Job& job, const Engine& engine) {
  const std::vector<Tensor> sample = job.test.inputs(0);
  const double seconds = std::min(job.latency_seconds, 0.2);
  const BenchOptions options{.warmup_runs = 1, .min_runs = 5, .min_seconds = seconds, .steps = true};
  return run_bench([&] { return Program::prepared(graph, engine); }, sample, options).steps;
}

/// The model as given, as it will be run.
struct Given {
  TemporaryFolder folder;
  InferMaker inference;

  Given(const Job& job, const Engine& engine) {
    if (!job.peer) {
      inference = infer_of(job.source.graph, engine);
      return;
    }
    FileForm form = source_form(job.source, &*job.peer, std::string(job.peer->format), folder.path());
    if (form.bytes == 0)
      throw unsupported(cat("the model as given has no file for ", job.peer->title, ": ", form.problem));
    inference = FileRuntime(engine, &*job.peer).open(form, job.source.graph, job.test.inputs(0));
  }
};

}  // namespace

Outcome run_job(const Job& job, const Engine& engine, const Sink& sink) {
  has_integer_weights(job.source.graph);  // throws for what computes in integers
  require_peer_fits(job);
  if (!job.directory.empty()) require_other_place(job);
  for (const std::string& name : job.calibrators) find_calibrator(name);
  std::optional<ResultFolder> folder;
  if (!job.directory.empty()) folder.emplace(job.directory);
  JudgeOptions options{.metric = job.metric,
                       .command = job.metric_command,
                       .budget = job.budget,
                       .output = job.output,
                       .progress = [&](int64_t done, int64_t total) {
                         if (sink.progress) sink.progress("evaluating the model as given", done, total);
                       }};
  const Given given(job, engine);
  const Judge judge(job.source.graph, given.inference, job.test, job.labels, options);
  Outcome outcome;
  outcome.metric = judge.metric();
  outcome.budget = job.budget;
  outcome.objective = job.objective;
  outcome.source_path = job.source.path;
  outcome.source_sha256 = job.source.sha256;
  outcome.source_bytes = job.source.bytes;
  outcome.source_nodes = static_cast<int64_t>(job.source.graph.node_count());
  outcome.calibration_samples = static_cast<int64_t>(job.calibration.count);
  outcome.test_samples = static_cast<int64_t>(job.test.count);
  outcome.seed = job.seed;
  outcome.runtime = job.peer ? job.peer->title : "hone";
  outcome.labels = job.labels;
  search(job, engine, judge, sink, outcome);
  if (!job.peer) outcome.steps_before = step_times(outcome.baseline.graph, job, engine);
  if (!job.peer && outcome.chosen >= 0) outcome.steps_after = step_times(outcome.best().graph, job, engine);
  if (!folder) return outcome;
  Graph result = outcome.best().graph;
  const Engine& counting = job.calibration_engine.providers.empty() ? engine : job.calibration_engine;
  result.metadata[std::string(kManifestKey)] = manifest_of(job, outcome, watched(result, job.calibration, counting));
  outcome.files = deliver(result, job, engine, judge, outcome, folder->workshop(), sink);
  for (Deliverable& d : outcome.files) d.file.path = folder->final_path(d.file.path);
  if (sink.report) sink.report(outcome, folder->workshop());
  folder->publish();
  return outcome;
}

}  // namespace hone

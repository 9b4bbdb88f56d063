#include "compress/deliver.h"

#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "compress/file_forms.h"
#include "compress/golden_answers.h"
#include "compress/manifest.h"
#include "formats/formats.h"

namespace hone {

namespace fs = std::filesystem;

ResultFolder::ResultFolder(const std::string& path) : path_(path) {
  std::error_code ignored;
  is_new_ = !fs::exists(path, ignored);
  make_directory(path);
  workshop_.emplace(path_);
}

ResultFolder::~ResultFolder() {
  workshop_.reset();
  std::error_code ignored;
  if (is_new_) fs::remove(path_, ignored);  // only an empty folder goes
}

std::string ResultFolder::final_path(const std::string& path) const {
  return (path_ / fs::path(path).filename()).string();
}

namespace {

/// Samples whose tallies begin with the same answer.
int64_t same_answers(const Metric& metric, const Tallies& a, const Tallies& b) {
  int64_t same = 0;
  const size_t width = metric.row->answer_width > 0 ? metric.row->answer_width : a.width;
  for (size_t i = 0; i < a.samples() && i < b.samples(); ++i)
    same += std::equal(a[i].begin(), a[i].begin() + static_cast<int64_t>(width), b[i].begin());
  return same;
}

/// Writes `graph` with the answers that its file gives, read back, in the manifest: what a format makes of the graph
/// may round otherwise than the next one.
FileForm write_with_answers(Graph graph, const std::string& format, const std::string& directory, const Job& job,
                            const Engine& engine) {
  const FileForm form = write_form(graph, format, directory, job.stem);
  if (form.bytes == 0) return form;
  const Engine& asked = job.calibration_engine.providers.empty() ? engine : job.calibration_engine;
  std::string& manifest = graph.metadata[std::string(kManifestKey)];
  Json j = Json::parse(manifest);
  j["golden"] = golden_answers(read_model(form.path), asked);
  manifest = j.dump();
  return write_form(graph, format, directory, job.stem);
}

}  // namespace

std::vector<Deliverable> deliver(const Graph& graph, const Job& job, const Engine& engine, const Judge& judge,
                                 const Outcome& outcome, const std::string& directory, const Sink& sink) {
  make_directory(directory);
  std::vector<Deliverable> files;
  FileTimer timer(job.test.inputs(0));
  const FileRuntime runtime(engine, job.peer ? &*job.peer : nullptr);
  const auto progress = [&](const std::string& stage) {
    return Progress([&sink, stage](int64_t done, int64_t total) {
      if (sink.progress) sink.progress(stage, done, total);
    });
  };
  std::string problem;
  for (const std::string& format : job.formats) {
    Deliverable d{.file = write_with_answers(graph, format, directory, job, engine)};
    if (d.file.bytes > 0) {
      d.file.sha256 = sha256_of_file(d.file.path);
      const InferMaker file = runtime.open(d.file, graph, timer.sample());
      timer.add(d.file, file);
      d.score = judge.score(file, progress("reading back and proving"));
      d.verdict = judge.allows(d.score);
      d.is_verified = d.verdict.is_allowed;
      if (!d.is_verified) d.file.problem = cat("read back it ", d.verdict.reason);
      d.same_samples = same_answers(judge.metric(), outcome.best().score.tallies, d.score.tallies);
    } else if (problem.empty()) {
      problem = d.file.problem;
    }
    files.push_back(std::move(d));
  }
  const bool is_any = std::any_of(files.begin(), files.end(), [](const Deliverable& d) { return d.file.bytes > 0; });
  if (!is_any) throw unsupported(cat("no format can hold the result: ", problem));
  timer.measure(job.latency_seconds, progress("timing the files"));
  for (Deliverable& d : files) d.file.latency = timer.latency_of(d.file);
  return files;
}

}  // namespace hone

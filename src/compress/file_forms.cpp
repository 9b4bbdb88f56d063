#include "compress/file_forms.h"

#include <stdlib.h>

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/text.h"
#include "formats/formats.h"
#include "runtime/program.h"

namespace hone {

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "hone-XXXXXX").string();
  if (!::mkdtemp(name.data())) throw io_error(cat("cannot create a temporary folder '", name, "'"), "set TMPDIR");
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

FileForm write_form(const Graph& graph, const std::string& format, const std::string& directory,
                    const std::string& stem) {
  FileForm form{.format = format, .runtime = "hone"};
  form.path = (std::filesystem::path(directory) / cat(stem, ".", format)).string();
  try {
    write_model(graph, form.path);
    form.bytes = static_cast<int64_t>(std::filesystem::file_size(form.path));
  } catch (const Error& e) {
    if (e.code() != ErrorCode::kUnsupported) throw;
    form.problem = e.message();
  }
  return form;
}

Graph read_form(const FileForm& form, const Engine& engine) { return prepare(read_model(form.path), engine); }

namespace {

/// What a plan executes: models that differ in numbers alone take the same time, whatever a measurement says.
std::string steps_of(const Plan& plan) {
  std::string text;
  for (const PlannedStep& step : plan.steps())
    text += cat(step.op, " ", step.provider, " ", step.step->kernel, " ", step.macs, " ", step.output_bytes, "\n");
  return text;
}

}  // namespace

FileTimer::FileTimer(const Engine& engine, std::vector<Tensor> sample) : engine_(engine), sample_(std::move(sample)) {}

void FileTimer::add(const Graph& graph, FileForm& form) {
  Graph fixed = graph;
  for (size_t i = 0; i < sample_.size(); ++i)
    if (!fixed.type(fixed.inputs()[i]).shape.is_static())
      fixed.set_input_shape(fixed.inputs()[i], Shape(sample_[i].dims()));
  const auto plan = Plan::compile(fixed, engine_.providers, engine_.plan);
  form.memory_bytes = plan->arena_bytes() + plan->scratch_bytes() + plan->weight_bytes();
  form.steps = steps_of(*plan);
  if (std::find(steps_.begin(), steps_.end(), form.steps) != steps_.end()) return;
  steps_.push_back(form.steps);
  sessions_.emplace_back(plan);
}

void FileTimer::measure(double seconds_each, const Progress& progress) {
  std::vector<Session*> pointers;
  for (Session& session : sessions_) pointers.push_back(&session);
  const std::vector<std::vector<Tensor>> inputs(sessions_.size(), sample_);
  latencies_ = paired_latency(pointers, inputs, {.seconds_each = seconds_each, .progress = progress});
}

Latency FileTimer::latency_of(const FileForm& form) const {
  const auto found = std::find(steps_.begin(), steps_.end(), form.steps);
  return found == steps_.end() ? Latency{} : latencies_[static_cast<size_t>(found - steps_.begin())];
}

void summarize_files(Candidate& candidate) {
  for (const FileForm& form : candidate.files) {
    if (form.bytes == 0) continue;
    if (form.latency.runs.median > candidate.latency.runs.median) candidate.latency = form.latency;
    const bool is_smaller = candidate.size_bytes == 0 || form.bytes < candidate.size_bytes;
    if (is_smaller) candidate.size_bytes = form.bytes;
    candidate.memory_bytes = std::max(candidate.memory_bytes, form.memory_bytes);
  }
}

}  // namespace hone

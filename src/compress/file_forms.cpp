#include "compress/file_forms.h"

#include <stdlib.h>

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/sha256.h"
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
  FileForm form{.format = format};
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

FileForm source_form(const SourceModel& source, const Peer* peer, const std::string& format,
                     const std::string& directory) {
  if (peer && std::filesystem::path(source.path).extension() == cat(".", format))
    return {.format = format, .path = source.path, .bytes = source.bytes};
  return write_form(source.graph, format, directory, "model");
}

namespace {

/// What a plan executes: models that differ in numbers alone take the same time, whatever a measurement says.
std::string steps_of(const Plan& plan) {
  std::string text;
  for (const PlannedStep& step : plan.steps())
    text += cat(step.op, " ", step.provider, " ", step.step->kernel, " ", step.macs, " ", step.output_bytes, "\n");
  return text;
}

/// What a peer's integers stand for.
Infer with_output_quant(Infer run, const std::vector<QuantPtr>& quant) {
  if (std::all_of(quant.begin(), quant.end(), [](const QuantPtr& q) { return q == nullptr; })) return run;
  return [run, quant, outputs = std::vector<Tensor>()](std::span<const Tensor> inputs) mutable {
    const std::span<const Tensor> plain = run(inputs);
    outputs.assign(plain.begin(), plain.end());
    for (size_t i = 0; i < outputs.size() && i < quant.size(); ++i)
      if (quant[i] && !is_float(outputs[i].dtype())) outputs[i] = outputs[i].with_quant(quant[i]);
    return std::span<const Tensor>(outputs);
  };
}

}  // namespace

InferMaker FileRuntime::open(FileForm& form, const Graph& graph, std::span<const Tensor> sample) const {
  if (peer_ == nullptr) {
    const auto program = Program::prepared(read_model(form.path), engine_);
    std::vector<Dims> shapes;
    for (const Tensor& t : sample) shapes.push_back(t.dims());
    const auto plan = program->plan_for(shapes);
    form.runtime = "hone";
    form.memory_bytes = plan->arena_bytes() + plan->scratch_bytes() + plan->weight_bytes();
    form.steps = steps_of(*plan);
    return infer_of(program);
  }
  form.runtime = peer_->title;
  form.steps = cat(form.bytes, " ", sha256_of_file(form.path));
  std::vector<QuantPtr> quant;
  for (const ValueId id : graph.outputs()) quant.push_back(graph.type(id).quant);
  return [load = peer_->load, path = form.path, threads = engine_.plan.threads, quant]() -> Infer {
    return with_output_quant(load(path, threads), quant);
  };
}

void FileTimer::add(const FileForm& form, const InferMaker& file) {
  if (std::find(steps_.begin(), steps_.end(), form.steps) != steps_.end()) return;
  models_.push_back(file());  // throws where a peer refuses the file: then it has no time either
  steps_.push_back(form.steps);
}

void FileTimer::measure(double seconds_each, const Progress& progress) {
  latencies_ = paired_latency(models_, sample_, {.seconds_each = seconds_each, .progress = progress});
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

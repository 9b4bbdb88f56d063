#include "serve/served_model.h"

#include <chrono>
#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "passes/check.h"
#include "serve/batch.h"
#include "serve/golden.h"
#include "serve/signature.h"

namespace hone {

namespace {

namespace fs = std::filesystem;

Signature signature_of(const Graph& graph) {
  const auto port = [&](ValueId id) { return Port{graph.value(id).name, graph.type(id)}; };
  Signature signature;
  for (const ValueId id : graph.inputs()) signature.inputs.push_back(port(id));
  for (const ValueId id : graph.outputs()) signature.outputs.push_back(port(id));
  return signature;
}

std::string labels_path_of(const std::string& model_path) {
  return fs::path(model_path).replace_extension(".labels.txt").string();
}

std::vector<std::string> read_labels(const std::string& model_path) {
  const std::string path = labels_path_of(model_path);
  std::vector<std::string> labels;
  if (!fs::exists(path)) return labels;
  const std::string text = read_file(path);
  for (const std::string& line : split(text, '\n')) labels.emplace_back(trim(line));
  while (!labels.empty() && labels.back().empty()) labels.pop_back();
  return labels;
}

std::string extension_of(const std::string& path) {
  const std::string extension = fs::path(path).extension().string();
  return extension.empty() ? "folder" : lower(extension.substr(1));
}

void try_out(ServedModel& model) {
  const std::string golden = golden_path_of(model.path);
  if (fs::exists(golden)) {
    const std::vector<GoldenSample> samples = read_golden(golden, model.program->graph());
    replay_golden(model.program, samples);
    model.golden_samples = samples.size();
  } else {
    Session(model.program).run(generate_inputs(model.program->graph(), 0, 1));
  }
}

}  // namespace

std::vector<std::string> companions_of(const std::string& model_path) {
  return {golden_path_of(model_path), labels_path_of(model_path)};
}

Session& ServedModel::session(int worker) {
  std::unique_ptr<Session>& own = sessions[static_cast<size_t>(worker)];
  if (!own) own = std::make_unique<Session>(program);
  return *own;
}

std::shared_ptr<ServedModel> load_served_model(const LoadRequest& request, const ModelReader& read,
                                               const Engine& engine) {
  return with_context(
      [&] {
        return cat("while loading version ", request.version, " of '", request.name, "' from '", request.path, "'");
      },
      [&] {
        const auto start = std::chrono::steady_clock::now();
        auto model = std::make_shared<ServedModel>();
        model->name = request.name;
        model->path = request.path;
        model->version = request.version;
        model->format = extension_of(request.path);
        const auto prepare = [&] { model->program = Program::prepared(read(request.path), engine); };
        if (request.key.empty())
          prepare();
        else
          require_signed(request.path, companions_of(request.path), request.key, prepare);
        const Graph& graph = model->program->graph();
        model->signature = signature_of(graph);
        for (const Port& port : model->signature.inputs)
          model->specs.push_back(make_input_spec(port.name, port.type, graph.metadata));
        model->labels = read_labels(request.path);
        model->sessions.resize(static_cast<size_t>(request.workers));
        model->drift = std::make_unique<DriftWatch>(graph);
        try_out(*model);
        model->batch = proven_batch(model->program, request.batch);
        model->load_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        return model;
      });
}

}  // namespace hone

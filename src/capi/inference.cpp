#include "hone/inference.h"

#include "base/error.h"
#include "base/text.h"
#include "passes/pipelines.h"
#include "providers/cpu/provider.h"
#include "runtime/plan.h"

namespace hone {

namespace {

std::vector<const Provider*> providers_named(const std::string& name) {
  if (name == "cpu") return {&cpu_provider()};
  if (name == "reference") return {};
  throw invalid_argument(cat("unknown provider '", name, "', expected cpu or reference"));
}

/// The graph as its providers are to run it: as it was read for the reference, which judges the others.
Graph prepared(const Model& model, std::span<const Provider* const> providers) {
  Graph graph = model.graph();
  if (!providers.empty()) run_pipeline(graph, standard_pipeline(), {.verify = false, .fold_widening = true});
  return graph;
}

Runner make_runner(const Model& model, const InferenceOptions& options) {
  const std::vector<const Provider*> providers = providers_named(options.provider);
  return Runner(prepared(model, providers), providers, {.threads = options.threads, .exact = options.exact});
}

}  // namespace

struct Inference::State {
  Runner runner;
};

Inference::Inference(const Model& model, const InferenceOptions& options)
    : state_(new State{make_runner(model, options)}) {
  state_->runner.session();
}
Inference::~Inference() = default;
Inference::Inference(Inference&&) noexcept = default;

const std::vector<Tensor>& Inference::run(const std::vector<Tensor>& inputs) { return state_->runner.run(inputs); }

}  // namespace hone

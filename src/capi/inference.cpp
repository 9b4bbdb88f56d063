#include "hone/inference.h"

#include "base/error.h"
#include "base/text.h"
#include "providers/cpu/provider.h"
#include "runtime/plan.h"

namespace hone {

namespace {

std::vector<const Provider*> providers_named(const std::string& name) {
  if (name == "cpu") return {&cpu_provider()};
  if (name == "reference") return {};
  throw invalid_argument(cat("unknown provider '", name, "', expected cpu or reference"));
}

}  // namespace

struct Inference::State {
  Runner runner;
};

Inference::Inference(const Model& model, const InferenceOptions& options)
    : state_(new State{Runner(model.simplified().graph(), providers_named(options.provider),
                              {.threads = options.threads, .exact = options.exact})}) {
  state_->runner.session();
}
Inference::~Inference() = default;
Inference::Inference(Inference&&) noexcept = default;

const std::vector<Tensor>& Inference::run(const std::vector<Tensor>& inputs) { return state_->runner.run(inputs); }

}  // namespace hone

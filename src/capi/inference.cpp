#include "hone/inference.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "providers/cpu/provider.h"
#include "runtime/session.h"

namespace hone {

namespace {

std::vector<const Provider*> providers_named(const std::string& name) {
  if (name == "cpu") return {&cpu_provider()};
  if (name == "reference") return {};
  throw invalid_argument(cat("unknown provider '", name, "', expected cpu or reference"));
}

bool has_static_inputs(const Graph& graph) {
  return std::all_of(graph.inputs().begin(), graph.inputs().end(),
                     [&](ValueId id) { return graph.type(id).shape.is_static(); });
}

}  // namespace

struct Inference::State {
  Session session;
};

Inference::Inference(const Model& model, const InferenceOptions& options) {
  const Engine engine{providers_named(options.provider), {.threads = options.threads, .exact = options.exact}};
  const std::shared_ptr<const Program> program = Program::prepared(model.graph(), engine);
  state_.reset(new State{Session(program)});
  // What no kernel runs is said here. Open sizes are known with the first inputs; 1 may be none that the model takes.
  if (has_static_inputs(program->graph())) state_->session.plan();
}
Inference::~Inference() = default;
Inference::Inference(Inference&&) noexcept = default;

const std::vector<Tensor>& Inference::run(const std::vector<Tensor>& inputs) { return state_->session.run(inputs); }

std::vector<Port> Inference::states() const {
  std::vector<Port> states;
  const Session& session = state_->session;
  for (size_t i = 0; i < session.state_count(); ++i) states.push_back({session.state_name(i), session.state(i).type()});
  return states;
}

const Tensor& Inference::state(size_t i) const { return state_->session.state(i); }
void Inference::set_state(size_t i, const Tensor& value) { state_->session.set_state(i, value); }
void Inference::reset_state() { state_->session.reset_states(); }

}  // namespace hone

#include "runtime/session.h"

#include <algorithm>
#include <list>

#include "base/error.h"
#include "base/text.h"
#include "runtime/fits.h"

namespace hone {

struct Session::State {
  static constexpr size_t kKept = 4;

  std::shared_ptr<const Program> program;  ///< null: one plan alone
  ThreadPool pool;
  std::list<Execution> executions;  ///< most recently used first
  HeldStates states;
  StepObserver observer;
  uint64_t seed = 0;

  State(std::shared_ptr<const Program> p, int threads) : program(std::move(p)), pool(threads) {}

  void use(const std::shared_ptr<const Plan>& plan) {
    const auto at = std::find_if(executions.begin(), executions.end(),
                                 [&](const Execution& execution) { return &execution.plan() == plan.get(); });
    if (at == executions.begin() && at != executions.end()) return;
    if (at != executions.end()) return executions.splice(executions.begin(), executions, at);
    executions.emplace_front(plan);
    if (executions.size() > kKept) executions.pop_back();
    if (states.size() != plan->states().size()) states.reset(plan->states());
  }

  /// Makes the plan for these inputs the current one.
  void choose(std::span<const Tensor> inputs) {
    if (!program) return;
    if (inputs.size() != program->graph().inputs().size())
      throw invalid_argument(cat("found ", inputs.size(), " inputs, expected ", program->graph().inputs().size()));
    if (!executions.empty() && are_for(executions.front().plan(), inputs)) return;
    std::vector<Dims> shapes;
    for (const Tensor& t : inputs) {
      if (!t.exists()) throw invalid_argument(cat("input ", shapes.size(), " is absent"));
      shapes.push_back(t.dims());
    }
    use(program->plan_for(shapes));
  }

  /// Whether the plan's inputs have exactly these shapes.
  static bool are_for(const Plan& plan, std::span<const Tensor> inputs) {
    for (size_t i = 0; i < inputs.size(); ++i) {
      const Shape& shape = plan.slots()[static_cast<size_t>(plan.inputs()[i])].type.shape;
      if (!shape.is_static() || !inputs[i].exists() || !fits(shape, inputs[i].dims())) return false;
    }
    return true;
  }

  Execution& current() {
    if (executions.empty()) use(program->plan());
    return executions.front();
  }
};

Session::Session(std::shared_ptr<const Program> program) {
  const int threads = program->engine().plan.threads;
  state_ = std::make_unique<State>(std::move(program), threads);
}

Session::Session(std::shared_ptr<const Plan> plan) : state_(std::make_unique<State>(nullptr, plan->threads())) {
  state_->use(plan);
}

Session::~Session() = default;
Session::Session(Session&&) noexcept = default;

const Plan& Session::plan_for(std::span<const Tensor> inputs) {
  state_->choose(inputs);
  return plan();
}

const std::vector<Tensor>& Session::run(std::span<const Tensor> inputs) {
  State& s = *state_;
  s.choose(inputs);
  return s.current().run(inputs, s.states, s.pool, s.observer, s.seed);
}

void Session::set_observer(StepObserver observer) { state_->observer = std::move(observer); }
void Session::set_seed(uint64_t seed) { state_->seed = seed; }
const Plan& Session::plan() const { return state_->current().plan(); }

size_t Session::state_count() const { return plan().states().size(); }

const std::string& Session::state_name(size_t i) const {
  return plan().slots()[static_cast<size_t>(plan().states()[i].now)].name;
}

const Tensor& Session::state(size_t i) const {
  if (i >= state_count()) throw invalid_argument(cat("state ", i, " does not exist, there are ", state_count()));
  return state_->states[i];
}

void Session::set_state(size_t i, const Tensor& value) {
  state(i);
  state_->states.set(i, value);
}

Runner Engine::runner(const Graph& graph) const { return Runner(Program::as_is(graph, *this)); }

void Session::reset_states() { state_->states.reset(plan().states()); }

}  // namespace hone

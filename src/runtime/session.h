#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "runtime/execution.h"
#include "runtime/program.h"

namespace hone {

/// Runs a program: owns the memory of its runs and what the graph remembers between them. One per thread of use; all
/// sessions of a process share its threads, those of a program its plans.
class Session {
 public:
  explicit Session(std::shared_ptr<const Program> program);
  /// Runs one plan, for inputs of its shapes alone.
  explicit Session(std::shared_ptr<const Plan> plan);
  ~Session();
  Session(Session&&) noexcept;

  /// Inputs in graph order; dtypes and known dims must match, else Error(invalid_argument). The outputs are views that
  /// stay valid until the next run of this session; clone() what must live longer. States change only when a run ends
  /// well.
  const std::vector<Tensor>& run(std::span<const Tensor> inputs);
  /// The plan that inputs of these shapes run on, from now on the present one.
  const Plan& plan_for(std::span<const Tensor> inputs);
  void set_observer(StepObserver observer);
  void set_seed(uint64_t seed);
  /// The plan that ran last; before the first run the one for the graph's own shapes, open sizes taken as 1.
  const Plan& plan() const;

  size_t state_count() const;
  const std::string& state_name(size_t i) const;
  /// What state i holds, valid until the next run. States stand in the order of Graph::states().
  const Tensor& state(size_t i) const;
  /// Throws Error(invalid_argument) when dtype or dims are not the state's.
  void set_state(size_t i, const Tensor& value);
  /// Every state as before the first run.
  void reset_states();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// A session of a graph as it is.
class Runner : public Session {
 public:
  Runner(Graph graph, std::vector<const Provider*> providers, PlanOptions options = {})
      : Runner(Program::as_is(std::move(graph), {std::move(providers), options})) {}
  explicit Runner(std::shared_ptr<const Program> program) : Session(program), program_(std::move(program)) {}
  const Graph& graph() const { return program_->graph(); }
  Session& session_for(std::span<const Tensor> inputs) { return plan_for(inputs), *this; }
  Session& session() { return plan(), *this; }

 private:
  std::shared_ptr<const Program> program_;
};

}  // namespace hone

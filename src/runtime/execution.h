#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "runtime/plan.h"

namespace hone {

/// Watches a run step by step: called after each with its index and duration. Times are taken only when set.
using StepObserver = std::function<void(size_t step, double microseconds, std::span<const Tensor* const> outputs)>;

/// What a graph remembers, held by a session. What a run leaves is written beside what it read, so that results which
/// are states stay valid until the next run.
class HeldStates {
 public:
  /// Every state as it is before the first run.
  void reset(std::span<const PlannedState> planned);
  size_t size() const { return held_.size(); }
  const Tensor& operator[](size_t i) const { return held_[i].now; }
  /// `value` must have the state's dtype and dims.
  void set(size_t i, const Tensor& value);
  /// Every state becomes what `values` holds in its slot `next`.
  void advance(std::span<const PlannedState> planned, std::span<const Tensor> values);

 private:
  struct Held {
    Tensor now, spare;
  };
  std::vector<Held> held_;
};

/// A plan bound to memory: arena, scratch, states of steps. For one thread.
class Execution {
 public:
  explicit Execution(std::shared_ptr<const Plan> plan);
  ~Execution();
  Execution(const Execution&) = delete;
  Execution& operator=(const Execution&) = delete;

  /// Inputs in graph order; dtypes and known dims must match, else Error(invalid_argument). `observer` may be empty.
  const std::vector<Tensor>& run(std::span<const Tensor> inputs, HeldStates& states, ThreadPool& pool,
                                 const StepObserver& observer, uint64_t seed);
  const Plan& plan() const { return *plan_; }

 private:
  struct Bound {
    std::vector<const Tensor*> inputs;
    std::vector<Tensor*> outputs;
    std::vector<size_t> dying;  ///< allocated values that no later step reads
    std::unique_ptr<StepState> state;
  };

  Bound bind(size_t step);
  std::byte* arena_of(const MemoryKind* memory);
  void settle() const noexcept;  ///< nothing is queued any more
  void take_inputs(std::span<const Tensor> inputs);
  void run_step(size_t k, ThreadPool& pool, const StepObserver& observer, uint64_t seed);

  std::shared_ptr<const Plan> plan_;
  Tensor arena_, scratch_;
  std::vector<std::pair<const MemoryKind*, std::shared_ptr<void>>> device_arenas_;
  std::vector<Tensor> values_;  ///< one per slot; addresses are stable
  std::vector<Bound> bound_;
  std::vector<Tensor> results_;
  const Tensor absent_;
};

}  // namespace hone

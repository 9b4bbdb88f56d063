#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "runtime/provider.h"

namespace hone {

/// Chooses among steps that do the same for a node, the kernel's own guess first; returns an index. Every candidate
/// gives a right result, integers the same one.
using Tuner = std::function<size_t(const KernelRequest&, std::span<const std::unique_ptr<Step>> candidates)>;

struct PlanOptions {
  int threads = 1;     ///< 0: all usable CPUs
  bool exact = false;  ///< fixed-point requantization, bit-equal to the reference
  /// Every value of the graph is computed by a step of its own, for observers that look at all of them; otherwise a
  /// provider may run two nodes as one step.
  bool keeps_all_values = false;
  Tuner tuner = {};  ///< none: each kernel's own guess
};

/// A step with its place in the graph and the values it reads and writes.
struct PlannedStep {
  std::unique_ptr<Step> step;
  std::string name;  ///< of the node, the last of them where a step runs two
  std::string_view op;
  std::string_view provider;
  std::vector<int32_t> inputs;  ///< value slots, −1 for absent
  std::vector<int32_t> outputs;
  int64_t macs = 0;
  int64_t output_bytes = 0;  ///< 0 when not known before running
};

/// Where a value lives.
struct Slot {
  enum Kind : uint8_t { kConstant, kInput, kArena, kAllocated } kind = kAllocated;
  TensorType type;
  std::string name;
  int64_t offset = -1;  ///< in the arena, 64-byte aligned
  Tensor constant;
  int32_t last_use = -1;  ///< index of the last step that reads it; steps.size() for graph outputs
};

/// A graph made executable: kernels chosen, weights packed, memory planned. Immutable and shared by threads.
class Plan {
 public:
  /// Kernels come from the first provider whose row takes a node, the reference behind them all.
  /// Throws Error(unsupported) listing every node that nobody runs.
  static std::shared_ptr<const Plan> compile(const Graph& graph, std::span<const Provider* const> providers,
                                             const PlanOptions& options = {});

  std::span<const PlannedStep> steps() const { return steps_; }
  std::span<const Slot> slots() const { return slots_; }
  std::span<const int32_t> inputs() const { return inputs_; }
  std::span<const int32_t> outputs() const { return outputs_; }
  int64_t arena_bytes() const { return arena_bytes_; }  ///< peak activation memory, known before running
  int64_t scratch_bytes() const { return scratch_bytes_; }
  int64_t weight_bytes() const { return weight_bytes_; }  ///< constants that steps read
  int threads() const { return threads_; }

 private:
  std::vector<PlannedStep> steps_;
  std::vector<Slot> slots_;
  std::vector<int32_t> inputs_, outputs_;
  int64_t arena_bytes_ = 0, scratch_bytes_ = 0, weight_bytes_ = 0;
  int threads_ = 1;
};

/// Watches a run step by step: called after each with its index and duration. Times are taken only when set.
using StepObserver = std::function<void(size_t step, double microseconds, std::span<const Tensor* const> outputs)>;

/// Executes a plan: owns the arena and the threads. One per thread of use.
class Session {
 public:
  explicit Session(std::shared_ptr<const Plan> plan);
  ~Session();
  Session(Session&&) noexcept;

  /// Inputs in graph order; dtypes and known dims must match, else Error(invalid_argument). The outputs are views that
  /// stay valid until the next run of this session; clone() what must live longer.
  const std::vector<Tensor>& run(std::span<const Tensor> inputs);
  void set_observer(StepObserver observer);
  void set_seed(uint64_t seed);
  const Plan& plan() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// A graph that runs on inputs of any shape: compiles a plan for each combination of input shapes it meets and keeps
/// the last few. Not thread-safe.
class Runner {
 public:
  Runner(Graph graph, std::vector<const Provider*> providers, PlanOptions options = {});
  ~Runner();
  Runner(Runner&&) noexcept;
  /// As Session::run.
  const std::vector<Tensor>& run(std::span<const Tensor> inputs);
  const Graph& graph() const;
  /// The session that runs these inputs' shapes, made when not there yet; valid until run or session_for meets others.
  Session& session_for(std::span<const Tensor> inputs);
  /// The session for the graph's own input shapes, symbols taken as 1.
  Session& session();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace hone

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
  /// What an observer refuses, for reasons of its own; null: nothing.
  bool (*refuses)(const Provider&, const Claim&) = nullptr;
  Tuner tuner = {};  ///< none: each kernel's own guess
};

/// Whether a claim hides values from an observer on the host: those between its nodes, or all when they lie elsewhere.
bool hides_values(const Provider& provider, const Claim& claim);

/// A step with its place in the graph and the values it reads and writes.
struct PlannedStep {
  std::unique_ptr<Step> step;
  std::string name;  ///< of the node, the last of them where a step runs two
  std::string_view op;
  std::string_view provider;
  const MemoryKind* memory = nullptr;  ///< where its values are; null: the host's
  std::vector<int32_t> inputs;         ///< value slots, −1 for absent
  std::vector<int32_t> outputs;
  int64_t macs = 0;
  int64_t output_bytes = 0;  ///< 0 when not known before running
};

/// Where a value lives.
struct Slot {
  enum Kind : uint8_t { kConstant, kInput, kState, kArena, kAllocated } kind = kAllocated;
  TensorType type;
  std::string name;
  const MemoryKind* memory = nullptr;  ///< null: the host's
  int64_t offset = -1;                 ///< in that memory's arena, 64-byte aligned
  Tensor constant;
  int32_t last_use = -1;  ///< index of the last step that reads it; steps.size() for graph outputs
};

struct DeviceArena {
  const MemoryKind* memory;
  int64_t bytes = 0;
};

/// Memory of a session from run to run: the slot that shows it to the steps and the one that it is taken from after.
struct PlannedState {
  int32_t now = -1, next = -1;
  Tensor initial;
};

/// A graph made executable: kernels chosen, weights packed, memory planned. Immutable and shared by threads.
class Plan {
 public:
  /// Nodes go to the providers in their order: to what one claims, then to its rows; the reference stands behind them
  /// all. Where values cross from one memory to another the plan copies and waits.
  /// Throws Error(unsupported) listing every node that nobody runs.
  static std::shared_ptr<const Plan> compile(Graph graph, std::span<const Provider* const> providers,
                                             const PlanOptions& options = {});

  std::span<const PlannedStep> steps() const { return steps_; }
  std::span<const Slot> slots() const { return slots_; }
  std::span<const int32_t> inputs() const { return inputs_; }
  std::span<const int32_t> outputs() const { return outputs_; }
  std::span<const PlannedState> states() const { return states_; }  ///< in the graph's order
  int64_t arena_bytes() const { return arena_bytes_; }              ///< peak activation memory, known before running
  /// What is to be allocated in memories other than the host's.
  std::span<const DeviceArena> device_arenas() const { return device_arenas_; }
  int64_t scratch_bytes() const { return scratch_bytes_; }
  int64_t weight_bytes() const { return weight_bytes_; }  ///< constants that steps read
  int threads() const { return threads_; }

 private:
  void plan_arenas();

  std::vector<PlannedStep> steps_;
  std::vector<Slot> slots_;
  std::vector<int32_t> inputs_, outputs_;
  std::vector<PlannedState> states_;
  std::vector<DeviceArena> device_arenas_;
  int64_t arena_bytes_ = 0, scratch_bytes_ = 0, weight_bytes_ = 0;
  int threads_ = 1;
};

}  // namespace hone

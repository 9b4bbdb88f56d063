#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/thread_pool.h"
#include "ir/graph.h"

namespace hone {

class Program;

/// What a step keeps for one session from run to run: caches, queues, sessions of subgraphs.
class StepState {
 public:
  virtual ~StepState() = default;
};

/// What a step sees on each run. Tensors of absent optional inputs do not exist(). Outputs that the plan has placed in
/// the arena are bound before: write through mutable_raw(). Outputs of an allocating step are assigned by it.
struct RunContext {
  std::span<const Tensor* const> inputs;
  std::span<Tensor* const> outputs;
  void* scratch = nullptr;     ///< 64-byte aligned, Step::scratch_bytes long, contents undefined
  ThreadPool* pool = nullptr;  ///< never null
  StepState* state = nullptr;  ///< what make_state() gave, one for each session
  uint64_t seed = 0;
};

/// One executable node of a plan, immutable after it was made: packed weights and everything precomputed live here.
class Step {
 public:
  virtual ~Step() = default;
  /// Thread-safe for distinct contexts.
  virtual void run(RunContext& context) const = 0;
  /// What run() is to find in RunContext::state; null: nothing.
  virtual std::unique_ptr<StepState> make_state() const { return nullptr; }

  int64_t scratch_bytes = 0;  ///< at run time
  bool allocates = false;     ///< outputs are not placed in the arena: run() assigns them (unknown shapes)
  int in_place_input = -1;    ///< output 0 may share the bytes of this input when it dies here
  std::string_view kernel;    ///< name of the kernel that made it, for profiles
};

/// A node about to be compiled.
struct KernelRequest {
  const Graph& graph;
  NodeId id;
  bool exact = false;  ///< requantize in fixed point as the reference does
  int threads = 1;
  int variant = 0;  ///< of the kernel's ways to do the same, by its own guess of the best; see Kernel::variants

  const Node& node() const { return graph.node(id); }
  bool has_input(size_t i) const { return node().input(i).exists(); }
  const TensorType& input(size_t i) const { return graph.type(node().inputs[i]); }
  const TensorType& output(size_t i = 0) const { return graph.type(node().outputs[i]); }
  /// Constant value of input i, or a Tensor that does not exist().
  Tensor constant(size_t i) const { return has_input(i) ? graph.value(node().inputs[i]).constant : Tensor(); }
  /// All present inputs and all outputs have static shapes.
  bool is_static() const;
};

/// A way to run an operator. `make` returns null when it does not take this node.
struct Kernel {
  std::string_view name;
  std::unique_ptr<Step> (*make)(const KernelRequest&);
  int variants = 1;  ///< make may be asked for this many KernelRequest::variant; null where a node has fewer
};

/// Two nodes about to be compiled as one step: `first` feeds `last` alone and its result is no output of the graph.
struct PairRequest {
  KernelRequest first, last;
  size_t at = 0;  ///< the input of `last` that `first` computes
};

/// A way to run a node together with the one that feeds it. The step's inputs are those of the first node, then the
/// other inputs of the last; its results must be what the two nodes give one after the other. `make` returns null when
/// it does not take these two.
struct PairKernel {
  const OpDef* first;
  const OpDef* last;
  std::string_view op;  ///< for profiles: "Conv+Add"
  std::string_view name;
  std::unique_ptr<Step> (*make)(const PairRequest&);
};

/// The kernels of one operator, best first. The reference stands behind every row, implicitly.
struct KernelRow {
  const OpDef* op;
  std::span<const Kernel> kernels;
};

/// A set of kernels for one kind of machine. Plain data: a new provider is a new folder with one of these.
struct Provider {
  std::string_view name;  ///< "cpu", "reference"
  std::string_view description;
  std::span<const KernelRow> rows;
  /// Optional machine-dependent rewriting before kernels are chosen; the result is never saved as a model.
  void (*lower)(Graph&) = nullptr;
  /// Optional: what runs as one step before single nodes are asked for, best first.
  std::span<const PairKernel> pairs = {};
};

/// Runs every operator by its reference kernel.
const Provider& reference_provider();

/// A step that evaluates the node by the reference interpreter; takes anything that has eval. The subgraphs of a
/// control operator run as `bodies`, one each; without, on the interpreter.
std::unique_ptr<Step> make_reference_step(const KernelRequest& request,
                                          std::vector<std::shared_ptr<const Program>> bodies = {});

}  // namespace hone

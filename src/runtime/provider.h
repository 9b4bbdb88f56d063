#pragma once

#include <cstdint>
#include <functional>
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
  int variant = 0;       ///< of the kernel's ways to do the same, by its own guess of the best; see Kernel::variants
  void* self = nullptr;  ///< Provider::self

  const Node& node() const { return graph.node(id); }
  bool has_input(size_t i) const { return node().input(i).exists(); }
  const TensorType& input(size_t i) const { return graph.type(node().inputs[i]); }
  const TensorType& output(size_t i = 0) const { return graph.type(node().outputs[i]); }
  /// Constant value of input i, or a Tensor that does not exist().
  Tensor constant(size_t i) const { return has_input(i) ? graph.value(node().inputs[i]).constant : Tensor(); }
  /// All present inputs and all outputs have static shapes.
  bool is_static() const;
  /// The shapes of all outputs follow from the types of the inputs. Where they are only declared, a step must check
  /// what it computes: the reference does.
  bool is_promised() const;
};

/// A way to run an operator. `make` returns null when it does not take this node.
struct Kernel {
  std::string_view name;
  std::unique_ptr<Step> (*make)(const KernelRequest&);
  int variants = 1;  ///< make may be asked for this many KernelRequest::variant; null where a node has fewer
};

/// The kernels of one operator, best first. The reference stands behind every row, implicitly.
struct KernelRow {
  const OpDef* op;
  std::span<const Kernel> kernels;
};

/// A graph about to be compiled.
struct ClaimRequest {
  const Graph& graph;
  bool exact = false;
  int threads = 1;
  void* self = nullptr;

  KernelRequest node(NodeId id) const {
    return {.graph = graph, .id = id, .exact = exact, .threads = threads, .self = self};
  }
};

/// Nodes that a provider would run as one step. A kernel of a row is the claim of one node.
struct Claim {
  std::vector<NodeId> nodes;     ///< in the graph's order
  std::vector<ValueId> inputs;   ///< what the step reads, in its order
  std::vector<ValueId> outputs;  ///< what it computes; values between the nodes are nobody else's
  std::string_view op;           ///< for profiles: "Conv+Add"
  std::string_view kernel;
  std::function<std::unique_ptr<Step>()> make;  ///< while the request lives; null: not these after all
};

/// Memory other than the host's. Work on it may be queued: one queue, in the order of the calls, until wait().
struct MemoryKind {
  std::string_view name;
  void* self;
  /// 64-byte aligned; freed with its last owner. Throws Error(resource).
  std::shared_ptr<void> (*allocate)(void* self, int64_t bytes);
  /// `from` may change when the call returns.
  void (*upload)(void* self, void* to, const void* from, int64_t bytes);
  /// `to` is filled after wait().
  void (*download)(void* self, void* to, const void* from, int64_t bytes);
  /// Returns when everything queued is done. Throws what failed since the last wait; the queue is empty then.
  void (*wait)(void* self);
};

/// A set of kernels for one kind of machine. Plain data: a new provider is a new folder with one of these.
struct Provider {
  std::string_view name;  ///< "cpu", "reference"
  std::string_view description;
  std::span<const KernelRow> rows;
  /// Optional: what runs as one step before single nodes are asked for, best first. The plan takes those whose nodes
  /// are free when their turn comes.
  std::vector<Claim> (*claim)(const ClaimRequest&) = nullptr;
  /// Where its steps find their inputs and leave their outputs; null: the host's. Constants are the host's always: a
  /// step that wants them elsewhere copies them when it is made. Only steps whose shapes are static are asked for
  /// elsewhere.
  const MemoryKind* memory = nullptr;
  void* self = nullptr;  ///< the provider's own, handed to its functions
};

/// Runs every operator by its reference kernel.
const Provider& reference_provider();

/// A step that evaluates the node by the reference interpreter; takes anything that has eval. The subgraphs of a
/// control operator run as `bodies`, one each; without, on the interpreter.
std::unique_ptr<Step> make_reference_step(const KernelRequest& request,
                                          std::vector<std::shared_ptr<const Program>> bodies = {});

}  // namespace hone

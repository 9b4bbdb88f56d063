#include "runtime/plan.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "passes/pass.h"
#include "passes/simplify.h"
#include "runtime/memory_plan.h"
#include "runtime/program.h"

namespace hone {

namespace {

/// What depends on constants alone is computed once, while compiling: f16 weights become f32, transposed weights lie
/// ready.
void fold(Graph& graph) {
  static const Pipeline kFold{"compile",
                              {{.name = "fold", .run = fold_constants}, {.name = "dead", .run = remove_dead_nodes}}};
  run_pipeline(graph, kFold, {.verify = false, .fold_widening = true});
}

/// Builds a Plan from a graph step by step; lives only inside Plan::compile.
class Compiler {
 public:
  Compiler(Graph graph, std::span<const Provider* const> providers, const PlanOptions& options)
      : graph_(std::move(graph)), providers_(providers.begin(), providers.end()), options_(options) {
    for (const Provider* p : providers_)
      if (p->lower) p->lower(graph_);
    fold(graph_);
    release_files();
    slot_of_.assign(graph_.value_capacity(), -1);
  }

  void make_steps(std::vector<PlannedStep>& steps) {
    std::vector<std::string> missing;
    std::map<NodeId, Pair> pairs = options_.keeps_all_values ? std::map<NodeId, Pair>() : find_pairs();
    for (const NodeId id : graph_.order()) {
      if (absorbed_.contains(id)) continue;
      const Node& node = graph_.node(id);
      const auto pair = pairs.find(id);
      PlannedStep planned = pair == pairs.end() ? make_step(id) : std::move(pair->second.planned);
      if (!planned.step) {
        missing.push_back(cat(node.def->name, " in ", describe(node)));
        continue;
      }
      planned.name = node.name;
      planned.macs += count_macs(node);
      steps.push_back(std::move(planned));
      inputs_.push_back(pair == pairs.end() ? node.inputs : std::move(pair->second.inputs));
      outputs_.push_back(node.outputs);
    }
    if (missing.empty()) return;
    std::string list;
    for (const std::string& m : missing) list += "\n    " + m;
    throw unsupported(cat(missing.size(), " nodes cannot be executed:", list), "hone inspect MODEL lists them");
  }

  void make_slots(std::vector<PlannedStep>& steps, std::vector<Slot>& slots) {
    for (const ValueId in : graph_.inputs()) slot(in, Slot::kInput, slots);
    for (const GraphState& state : graph_.states()) slot(state.now, Slot::kState, slots);
    for (size_t s = 0; s < steps.size(); ++s) {
      for (const ValueId in : inputs_[s]) {
        const int32_t index =
            in.exists() ? slot(in, graph_.is_constant(in) ? Slot::kConstant : Slot::kAllocated, slots) : -1;
        steps[s].inputs.push_back(index);
        if (index >= 0) slots[static_cast<size_t>(index)].last_use = static_cast<int32_t>(s);
      }
      for (const ValueId out : outputs_[s]) {
        const bool in_arena = !steps[s].step->allocates && graph_.type(out).shape.is_static();
        const int32_t index = slot(out, in_arena ? Slot::kArena : Slot::kAllocated, slots);
        slots[static_cast<size_t>(index)].last_use =
            std::max(slots[static_cast<size_t>(index)].last_use, static_cast<int32_t>(s));
        steps[s].outputs.push_back(index);
        if (in_arena) steps[s].output_bytes += bytes_of(graph_.type(out));
      }
    }
  }

  std::vector<int32_t> outputs(std::vector<Slot>& slots, int32_t end) {
    std::vector<int32_t> indices;
    for (const ValueId out : graph_.outputs()) {
      indices.push_back(slot(out, graph_.is_constant(out) ? Slot::kConstant : Slot::kAllocated, slots));
      slots[static_cast<size_t>(indices.back())].last_use = end;
    }
    return indices;
  }

  std::vector<PlannedState> states(std::vector<Slot>& slots, int32_t end) {
    std::vector<PlannedState> states;
    for (const GraphState& state : graph_.states()) {
      const auto kind = graph_.is_constant(state.next) ? Slot::kConstant : Slot::kAllocated;
      states.push_back({slot(state.now, Slot::kState, slots), slot(state.next, kind, slots), state.initial});
      for (const int32_t index : {states.back().now, states.back().next})
        slots[static_cast<size_t>(index)].last_use = end;
    }
    return states;
  }

  std::vector<int32_t> inputs(std::vector<Slot>& slots) {
    std::vector<int32_t> indices;
    for (const ValueId in : graph_.inputs()) indices.push_back(slot(in, Slot::kInput, slots));
    return indices;
  }

  static int64_t bytes_of(const TensorType& type) { return type.shape.elements() * size_of(type.dtype); }

 private:
  /// Weights of a mapped file that passes have rearranged or folded away were read for the last time.
  void release_files() const {
    for (const NodeId id : graph_.order())
      for (const ValueId in : graph_.node(id).inputs)
        if (in.exists() && graph_.is_constant(in)) graph_.value(in).constant.release_file();
  }

  /// Kernels keep packed copies of large constants; the few that steps read as they are come back by themselves.
  void release_constants(const std::vector<ValueId>& inputs) const {
    constexpr int64_t kLarge = 64 * 1024;
    for (const ValueId in : inputs)
      if (in.exists() && graph_.is_constant(in) && graph_.value(in).constant.byte_size() >= kLarge)
        graph_.value(in).constant.release_pages();
  }

  /// A step that runs two nodes, kept under the last of them.
  struct Pair {
    PlannedStep planned;
    std::vector<ValueId> inputs;
  };

  KernelRequest request_for(NodeId id) const { return {graph_, id, options_.exact, options_.threads}; }

  std::map<NodeId, Pair> find_pairs() {
    std::map<NodeId, Pair> found;
    std::map<NodeId, size_t> place;
    const std::vector<NodeId> order = graph_.order();
    for (size_t i = 0; i < order.size(); ++i) place[order[i]] = i;
    for (const NodeId id : order) {
      const Node& last = graph_.node(id);
      std::vector<std::pair<size_t, size_t>> candidates;  // place of the first node, input of the last
      for (size_t at = 0; at < last.inputs.size(); ++at) {
        if (feeds_alone(last.inputs[at]) && !found.contains(graph_.value(last.inputs[at]).producer))
          candidates.emplace_back(place[graph_.value(last.inputs[at]).producer], at);
      }
      // The latest: what it reads lives least longer.
      std::sort(candidates.rbegin(), candidates.rend());
      for (const auto& [before, at] : candidates) {
        std::optional<Pair> pair = make_pair({request_for(order[before]), request_for(id), at});
        if (!pair) continue;
        absorbed_.insert(order[before]);
        found.emplace(id, std::move(*pair));
        break;
      }
    }
    return found;
  }

  /// Computed by a node with one result that one node reads, once.
  bool feeds_alone(ValueId id) const {
    if (!id.exists() || !graph_.value(id).producer.exists() || graph_.value(id).users.size() != 1) return false;
    return graph_.node(graph_.value(id).producer).outputs.size() == 1 && !graph_.is_output(id);
  }

  std::optional<Pair> make_pair(const PairRequest& request) {
    const Node& first = request.first.node();
    const Node& last = request.last.node();
    for (const Provider* provider : providers_) {
      for (const PairKernel& kernel : provider->pairs) {
        if (kernel.first != first.def || kernel.last != last.def) continue;
        Pair pair;
        pair.planned.step =
            with_context([&] { return cat("in ", describe(last)); }, [&] { return kernel.make(request); });
        if (!pair.planned.step) continue;
        pair.planned.step->kernel = kernel.name;
        pair.planned.op = kernel.op;
        pair.planned.provider = provider->name;
        pair.planned.macs = count_macs(first);
        pair.inputs = first.inputs;
        for (size_t i = 0; i < last.inputs.size(); ++i)
          if (i != request.at) pair.inputs.push_back(last.inputs[i]);
        release_constants(pair.inputs);
        return pair;
      }
    }
    return std::nullopt;
  }

  /// The tuner's choice among the variants of a kernel, of which `first` is made.
  std::unique_ptr<Step> tuned(const KernelRequest& request, const Kernel& kernel, std::unique_ptr<Step> first) {
    std::vector<std::unique_ptr<Step>> candidates;
    candidates.push_back(std::move(first));
    for (KernelRequest other = request; ++other.variant < kernel.variants;) {
      auto step = kernel.make(other);
      if (!step) break;
      candidates.push_back(std::move(step));
    }
    return std::move(candidates.at(options_.tuner(request, candidates)));
  }

  PlannedStep make_step(NodeId id) {
    const KernelRequest request = request_for(id);
    PlannedStep planned;
    planned.op = request.node().def->name;
    for (const Provider* provider : providers_) {
      for (const KernelRow& row : provider->rows) {
        if (row.op != request.node().def) continue;
        for (const Kernel& kernel : row.kernels) {
          planned.step =
              with_context([&] { return cat("in ", describe(request.node())); }, [&] { return kernel.make(request); });
          if (!planned.step) continue;
          if (options_.tuner && kernel.variants > 1) planned.step = tuned(request, kernel, std::move(planned.step));
          planned.step->kernel = kernel.name;
          planned.provider = provider->name;
          release_constants(request.node().inputs);
          return planned;
        }
      }
    }
    planned.step = make_reference_step(request, bodies_of(request.node()));
    planned.provider = reference_provider().name;
    return planned;
  }

  /// The subgraphs of a control operator, for the providers of the graph around it.
  std::vector<std::shared_ptr<const Program>> bodies_of(const Node& node) const {
    const Engine engine{providers_, options_};
    std::vector<std::shared_ptr<const Program>> bodies;
    if (node.subgraphs.empty() || engine.is_reference() || !node.def->eval) return bodies;
    for (const Graph& body : node.subgraphs) bodies.push_back(Program::prepared(body, engine));
    return bodies;
  }

  int64_t count_macs(const Node& node) const {
    std::vector<const TensorType*> in, out;
    bool is_static = true;
    for (const ValueId id : node.inputs) {
      in.push_back(id.exists() ? &graph_.type(id) : nullptr);
      is_static &= !id.exists() || graph_.type(id).shape.is_static();
    }
    for (const ValueId id : node.outputs) {
      out.push_back(&graph_.type(id));
      is_static &= graph_.type(id).shape.is_static();
    }
    if (!is_static) return 0;
    if (node.def->macs) return node.def->macs(node.attrs, in, out);
    return out.empty() || node.def->moves_data ? 0 : out[0]->shape.elements();
  }

  int32_t slot(ValueId id, Slot::Kind kind, std::vector<Slot>& slots) {
    int32_t& index = slot_of_[static_cast<size_t>(id.index)];
    if (index >= 0) return index;
    index = static_cast<int32_t>(slots.size());
    slots.push_back(
        {.kind = kind, .type = graph_.type(id), .name = graph_.value(id).name, .constant = graph_.value(id).constant});
    return index;
  }

  Graph graph_;
  std::vector<const Provider*> providers_;
  PlanOptions options_;
  std::set<NodeId> absorbed_;                           ///< nodes that run in the step of the one they feed
  std::vector<std::vector<ValueId>> inputs_, outputs_;  ///< by step
  std::vector<int32_t> slot_of_;
};

/// Arena slots that share one block: an in-place step hands the bytes of its dying input on to its output.
std::vector<int32_t> merge_in_place(std::span<const PlannedStep> steps, std::span<const Slot> slots) {
  std::vector<int32_t> owner(slots.size());
  for (size_t i = 0; i < owner.size(); ++i) owner[i] = static_cast<int32_t>(i);
  for (size_t s = 0; s < steps.size(); ++s) {
    const int at = steps[s].step->in_place_input;
    if (at < 0 || static_cast<size_t>(at) >= steps[s].inputs.size() || steps[s].outputs.empty()) continue;
    const int32_t in = steps[s].inputs[static_cast<size_t>(at)], out = steps[s].outputs[0];
    if (in < 0) continue;
    const Slot& from = slots[static_cast<size_t>(in)];
    const Slot& to = slots[static_cast<size_t>(out)];
    if (from.kind != Slot::kArena || to.kind != Slot::kArena || from.last_use != static_cast<int32_t>(s)) continue;
    if (Compiler::bytes_of(from.type) != Compiler::bytes_of(to.type)) continue;
    if (std::count(steps[s].inputs.begin(), steps[s].inputs.end(), in) > 1) continue;
    owner[static_cast<size_t>(out)] = owner[static_cast<size_t>(in)];
  }
  return owner;
}

int64_t place(std::span<const PlannedStep> steps, std::vector<Slot>& slots) {
  const std::vector<int32_t> owner = merge_in_place(steps, slots);
  std::vector<int32_t> first(slots.size(), -1);
  for (size_t s = 0; s < steps.size(); ++s)
    for (const int32_t out : steps[s].outputs) first[static_cast<size_t>(out)] = static_cast<int32_t>(s);
  std::map<int32_t, Lifetime> blocks;
  for (size_t i = 0; i < slots.size(); ++i) {
    if (slots[i].kind != Slot::kArena) continue;
    Lifetime life{Compiler::bytes_of(slots[i].type), first[i], slots[i].last_use};
    const auto [at, fresh] = blocks.try_emplace(owner[i], life);
    if (fresh) continue;
    at->second.first = std::min(at->second.first, life.first);
    at->second.last = std::max(at->second.last, life.last);
  }
  std::vector<Lifetime> lifetimes;
  for (const auto& [id, life] : blocks) lifetimes.push_back(life);
  const MemoryPlan plan = plan_memory(lifetimes);
  std::map<int32_t, int64_t> offsets;
  size_t next = 0;
  for (const auto& [id, life] : blocks) offsets[id] = plan.offsets[next++];
  for (size_t i = 0; i < slots.size(); ++i)
    if (slots[i].kind == Slot::kArena) slots[i].offset = offsets[owner[i]];
  return plan.total;
}

}  // namespace

std::shared_ptr<const Plan> Plan::compile(const Graph& graph, std::span<const Provider* const> providers,
                                          const PlanOptions& options) {
  auto plan = std::make_shared<Plan>();
  PlanOptions resolved = options;
  if (resolved.threads == 0) resolved.threads = usable_cpus();
  plan->threads_ = resolved.threads;
  Compiler compiler(graph, providers, resolved);
  compiler.make_steps(plan->steps_);
  compiler.make_slots(plan->steps_, plan->slots_);
  plan->inputs_ = compiler.inputs(plan->slots_);
  const auto end = static_cast<int32_t>(plan->steps_.size());
  plan->outputs_ = compiler.outputs(plan->slots_, end);
  plan->states_ = compiler.states(plan->slots_, end);
  plan->arena_bytes_ = place(plan->steps_, plan->slots_);
  for (const PlannedStep& s : plan->steps_)
    plan->scratch_bytes_ = std::max(plan->scratch_bytes_, s.step->scratch_bytes);
  for (const Slot& s : plan->slots_)
    if (s.kind == Slot::kConstant) plan->weight_bytes_ += s.constant.byte_size();
  return plan;
}

}  // namespace hone

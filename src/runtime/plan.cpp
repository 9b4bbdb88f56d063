#include "runtime/plan.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/text.h"
#include "passes/pass.h"
#include "passes/simplify.h"
#include "runtime/choose.h"
#include "runtime/copy_step.h"
#include "runtime/memory_plan.h"

namespace hone {

namespace {

/// What depends on constants alone is computed once, while compiling: f16 weights become f32, transposed weights lie
/// ready.
void fold(Graph& graph) {
  static const Pipeline kFold{"compile",
                              {{.name = "fold", .run = fold_constants}, {.name = "dead", .run = remove_dead_nodes}}};
  run_pipeline(graph, kFold, {.verify = false, .compact = true, .fold_widening = true});
}

/// Weights of a mapped file that passes have rearranged or folded away were read for the last time.
void release_files(const Graph& graph) {
  for (const NodeId id : graph.order())
    for (const ValueId in : graph.node(id).inputs)
      if (in.exists() && graph.is_constant(in)) graph.value(in).constant.release_file();
}

int64_t bytes_of(const TensorType& type) { return type.shape.elements() * size_of(type.dtype); }

/// Gives every value a slot in each memory it is needed in, and puts copies and waits where it crosses.
class Placer {
 public:
  Placer(const Graph& graph, size_t steps)
      : graph_(graph), home_(graph.value_capacity(), nullptr), host_slot_(graph.value_capacity(), -1) {
    slots_.reserve(graph.value_capacity());
    steps_.reserve(steps);
    for (const ValueId in : graph.inputs()) slot(in, Slot::kInput);
    for (const GraphState& state : graph.states()) slot(state.now, Slot::kState);
  }

  void place(ChosenStep chosen) {
    PlannedStep& step = chosen.planned;
    std::vector<const MemoryKind*> queued;  // downloads that the step waits for
    for (const ValueId in : chosen.inputs) step.inputs.push_back(in.exists() ? bring(in, step.memory, queued) : -1);
    wait(queued);
    for (const ValueId out : chosen.outputs) {
      home_[static_cast<size_t>(out.index)] = step.memory;
      const bool in_arena = !step.step->allocates && graph_.type(out).shape.is_static();
      step.outputs.push_back(slot(out, in_arena ? Slot::kArena : Slot::kAllocated, step.memory));
      if (in_arena) step.output_bytes += bytes_of(graph_.type(out));
    }
    add(std::move(step));
  }

  /// The slots of what leaves the graph, on the host.
  std::vector<int32_t> bring_home(std::span<const ValueId> values) {
    std::vector<const MemoryKind*> queued;
    std::vector<int32_t> indices;
    for (const ValueId id : values) indices.push_back(bring(id, nullptr, queued));
    wait(queued);
    leaving_.insert(leaving_.end(), indices.begin(), indices.end());
    return indices;
  }

  std::vector<int32_t> inputs() {
    std::vector<int32_t> indices;
    for (const ValueId in : graph_.inputs()) indices.push_back(slot(in, Slot::kInput));
    return indices;
  }

  std::vector<PlannedState> states() {
    std::vector<ValueId> next;
    for (const GraphState& state : graph_.states()) next.push_back(state.next);
    const std::vector<int32_t> slots = bring_home(next);
    std::vector<PlannedState> states;
    for (const GraphState& state : graph_.states()) {
      const int32_t now = slot(state.now, Slot::kState);
      leaving_.push_back(now);
      states.push_back({now, slots[states.size()], state.initial});
    }
    return states;
  }

  std::vector<PlannedStep> take_steps() { return std::move(steps_); }
  std::vector<Slot> take_slots() {
    for (const int32_t index : leaving_) at(index).last_use = step_count_;
    return std::move(slots_);
  }

 private:
  Slot& at(int32_t index) { return slots_[static_cast<size_t>(index)]; }

  int32_t slot(ValueId id, Slot::Kind kind, const MemoryKind* memory = nullptr) {
    int32_t& index = slot_of(id, memory);
    if (index >= 0) return index;
    slots_.push_back({.kind = kind,
                      .type = graph_.type(id),
                      .name = graph_.value(id).name,
                      .memory = memory,
                      .constant = graph_.value(id).constant});
    return index = static_cast<int32_t>(slots_.size()) - 1;
  }

  /// Which slot a value has in `memory`; −1: none yet.
  int32_t& slot_of(ValueId id, const MemoryKind* memory) {
    return memory ? device_slot_.try_emplace({id, memory}, -1).first->second
                  : host_slot_[static_cast<size_t>(id.index)];
  }

  /// The slot of a value in `memory`, copied there when it is not. Downloads are done after a wait for `queued`.
  int32_t bring(ValueId id, const MemoryKind* memory, std::vector<const MemoryKind*>& queued) {
    if (graph_.is_constant(id)) return slot(id, Slot::kConstant);
    const MemoryKind* home = home_[static_cast<size_t>(id.index)];
    if (const int32_t index = slot_of(id, memory); index >= 0) return index;
    if (home && home != memory) {
      copy(id, home, nullptr);
      queued.push_back(home);
      if (memory) wait(queued);
    }
    if (memory && home != memory) copy(id, nullptr, memory);
    return slot(id, Slot::kAllocated, memory);
  }

  void copy(ValueId id, const MemoryKind* from, const MemoryKind* to) {
    if (slot_of(id, to) >= 0) return;
    PlannedStep step{.step = make_copy(from, to), .name = graph_.value(id).name, .op = "Copy"};
    step.provider = from ? from->name : to->name;
    step.memory = to;
    step.inputs = {slot(id, Slot::kArena, from)};
    step.outputs = {slot(id, Slot::kArena, to)};
    step.output_bytes = bytes_of(graph_.type(id));
    add(std::move(step));
  }

  void wait(std::vector<const MemoryKind*>& queued) {
    std::sort(queued.begin(), queued.end());
    queued.erase(std::unique(queued.begin(), queued.end()), queued.end());
    for (const MemoryKind* memory : queued)
      add({.step = make_wait(*memory), .name = cat("wait for ", memory->name), .op = "Wait", .provider = memory->name});
    queued.clear();
  }

  void add(PlannedStep step) {
    for (const auto* list : {&step.inputs, &step.outputs})
      for (const int32_t index : *list)
        if (index >= 0) at(index).last_use = step_count_;
    steps_.push_back(std::move(step));
    ++step_count_;
  }

  const Graph& graph_;
  std::vector<const MemoryKind*> home_;  ///< where each value is computed
  std::vector<int32_t> host_slot_;
  std::map<std::pair<ValueId, const MemoryKind*>, int32_t> device_slot_;
  std::vector<Slot> slots_;
  std::vector<PlannedStep> steps_;
  int32_t step_count_ = 0;
  std::vector<int32_t> leaving_;  ///< slots that are read after the last step
};

/// Which slot's block each arena slot uses: its own, or the one it takes over in place.
std::vector<int32_t> merge_in_place(std::span<const PlannedStep> steps, std::span<const Slot> slots) {
  std::vector<int32_t> owner(slots.size());
  for (size_t i = 0; i < owner.size(); ++i) owner[i] = static_cast<int32_t>(i);
  for (size_t s = 0; s < steps.size(); ++s) {
    const int input = steps[s].step->in_place_input;
    if (input < 0 || static_cast<size_t>(input) >= steps[s].inputs.size() || steps[s].outputs.empty()) continue;
    const int32_t in = steps[s].inputs[static_cast<size_t>(input)], out = steps[s].outputs[0];
    if (in < 0) continue;
    const Slot& from = slots[static_cast<size_t>(in)];
    const Slot& to = slots[static_cast<size_t>(out)];
    if (from.kind != Slot::kArena || to.kind != Slot::kArena || from.last_use != static_cast<int32_t>(s)) continue;
    if (from.memory != to.memory || bytes_of(from.type) != bytes_of(to.type)) continue;
    if (std::count(steps[s].inputs.begin(), steps[s].inputs.end(), in) > 1) continue;
    owner[static_cast<size_t>(out)] = owner[static_cast<size_t>(in)];
  }
  return owner;
}

/// Offsets of the slots in one memory's arena; returns its size in bytes.
int64_t pack(const MemoryKind* memory, std::span<const int32_t> owner, std::span<const int32_t> first,
             std::vector<Slot>& slots) {
  const auto is_here = [&](size_t i) { return slots[i].kind == Slot::kArena && slots[i].memory == memory; };
  std::vector<size_t> block_of(slots.size());  // of slots that are their own owner
  std::vector<Lifetime> blocks;
  for (size_t i = 0; i < slots.size(); ++i) {
    if (!is_here(i) || static_cast<size_t>(owner[i]) != i) continue;
    block_of[i] = blocks.size();
    blocks.push_back({bytes_of(slots[i].type), first[i], slots[i].last_use});
  }
  for (size_t i = 0; i < slots.size(); ++i) {
    if (!is_here(i)) continue;
    Lifetime& block = blocks[block_of[static_cast<size_t>(owner[i])]];
    block.first = std::min(block.first, first[i]);
    block.last = std::max(block.last, slots[i].last_use);
  }
  const MemoryPlan plan = plan_memory(blocks);
  for (size_t i = 0; i < slots.size(); ++i)
    if (is_here(i)) slots[i].offset = plan.offsets[block_of[static_cast<size_t>(owner[i])]];
  return plan.total;
}

}  // namespace

void Plan::plan_arenas() {
  const std::vector<int32_t> owner = merge_in_place(steps_, slots_);
  std::vector<int32_t> first(slots_.size(), -1);
  for (size_t s = 0; s < steps_.size(); ++s)
    for (const int32_t out : steps_[s].outputs) first[static_cast<size_t>(out)] = static_cast<int32_t>(s);
  arena_bytes_ = pack(nullptr, owner, first, slots_);
  for (const Slot& slot : slots_) {
    const auto is_it = [&](const DeviceArena& arena) { return arena.memory == slot.memory; };
    if (slot.memory && std::none_of(device_arenas_.begin(), device_arenas_.end(), is_it))
      device_arenas_.push_back({slot.memory});
  }
  for (DeviceArena& arena : device_arenas_) arena.bytes = pack(arena.memory, owner, first, slots_);
}

std::shared_ptr<const Plan> Plan::compile(Graph graph, std::span<const Provider* const> providers,
                                          const PlanOptions& options) {
  auto plan = std::make_shared<Plan>();
  PlanOptions resolved = options;
  if (resolved.threads == 0) resolved.threads = usable_cpus();
  plan->threads_ = resolved.threads;
  fold(graph);
  release_files(graph);
  std::vector<ChosenStep> chosen = choose_steps(graph, providers, resolved);
  Placer placer(graph, chosen.size());
  for (ChosenStep& step : chosen) placer.place(std::move(step));
  plan->inputs_ = placer.inputs();
  plan->outputs_ = placer.bring_home(graph.outputs());
  plan->states_ = placer.states();
  plan->steps_ = placer.take_steps();
  plan->slots_ = placer.take_slots();
  plan->plan_arenas();
  for (const PlannedStep& s : plan->steps_)
    plan->scratch_bytes_ = std::max(plan->scratch_bytes_, s.step->scratch_bytes);
  for (const Slot& s : plan->slots_)
    if (s.kind == Slot::kConstant) plan->weight_bytes_ += s.constant.byte_size();
  return plan;
}

}  // namespace hone

#include "runtime/execution.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "base/cancel.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/text.h"
#include "runtime/fits.h"

namespace hone {

void HeldStates::reset(std::span<const PlannedState> planned) {
  held_.resize(planned.size());
  for (size_t i = 0; i < held_.size(); ++i) {
    held_[i].now = planned[i].initial;
    held_[i].spare = Tensor();
  }
}

void HeldStates::set(size_t i, const Tensor& value) {
  Held& held = held_.at(i);
  if (!value.exists() || value.dtype() != held.now.dtype() || value.dims() != held.now.dims())
    throw invalid_argument(cat("state ", i, " is ", to_text(held.now.type()), ", found ",
                               value.exists() ? to_text(value.type()) : "nothing"));
  held.now = value.clone().with_quant(held.now.quant());
  held.spare = Tensor();
}

void HeldStates::advance(std::span<const PlannedState> planned, std::span<const Tensor> values) {
  // A spare may be the initial value that others share: then, and the first time, it is made.
  for (size_t i = 0; i < held_.size(); ++i) {
    Held& held = held_[i];
    const Tensor& next = values[static_cast<size_t>(planned[i].next)];
    if (planned[i].next == planned[i].now) continue;
    if (next.dtype() != held.now.dtype() || next.dims() != held.now.dims())
      throw invalid_argument(
          cat("state ", i, " is ", to_text(held.now.type()), ", cannot become ", to_text(next.type())));
    if (!held.spare.exists()) held.spare = Tensor::empty(held.now.dtype(), held.now.dims(), held.now.quant());
    if (next.byte_size() > 0) std::memcpy(held.spare.mutable_raw(), next.raw(), static_cast<size_t>(next.byte_size()));
  }
  for (size_t i = 0; i < held_.size(); ++i) {
    if (planned[i].next == planned[i].now) continue;
    std::swap(held_[i].now, held_[i].spare);
    if (held_[i].spare.raw() == planned[i].initial.raw()) held_[i].spare = Tensor();
  }
}

namespace {

/// Before anything is touched: the kernel's way to say that memory does not suffice is to end the process.
void require_arena(const Plan& plan) {
  const Slot* largest = nullptr;
  const auto bytes_of = [](const Slot& s) { return s.type.shape.elements() * size_of(s.type.dtype); };
  for (const Slot& s : plan.slots())
    if (s.kind == Slot::kArena && (!largest || bytes_of(s) > bytes_of(*largest))) largest = &s;
  require_memory(plan.arena_bytes() + plan.scratch_bytes(), [&] {
    return largest ? cat("a run, with '", largest->name, "' of ", to_text(largest->type), " as its largest value,")
                   : std::string("a run");
  });
}

}  // namespace

Execution::Execution(std::shared_ptr<const Plan> plan) : plan_(std::move(plan)) {
  require_arena(*plan_);
  arena_ = Tensor::empty(DType::kU8, {plan_->arena_bytes()});
  scratch_ = Tensor::empty(DType::kU8, {plan_->scratch_bytes()});
  for (const DeviceArena& arena : plan_->device_arenas())
    device_arenas_.emplace_back(arena.memory, arena.memory->allocate(arena.memory->self, arena.bytes));
  values_.resize(plan_->slots().size());
  for (size_t i = 0; i < values_.size(); ++i) {
    const Slot& s = plan_->slots()[i];
    if (s.kind == Slot::kConstant) values_[i] = s.constant;
    if (s.kind == Slot::kArena)
      values_[i] =
          Tensor::view(s.type.dtype, s.type.shape.dims(), arena_of(s.memory) + s.offset, nullptr, s.type.quant);
  }
  for (size_t k = 0; k < plan_->steps().size(); ++k) bound_.push_back(bind(k));
  results_.resize(plan_->outputs().size());
}

std::byte* Execution::arena_of(const MemoryKind* memory) {
  for (const auto& [kind, bytes] : device_arenas_)
    if (kind == memory) return static_cast<std::byte*>(bytes.get());
  return static_cast<std::byte*>(arena_.mutable_raw());
}

void Execution::settle() const noexcept {
  for (const auto& [memory, bytes] : device_arenas_) try {
      memory->wait(memory->self);
    } catch (...) {
      // The run has failed already; what else failed with it is not another failure.
    }
}

Execution::~Execution() { settle(); }

Execution::Bound Execution::bind(size_t step) {
  const PlannedStep& planned = plan_->steps()[step];
  Bound b;
  for (const int32_t i : planned.inputs) b.inputs.push_back(i < 0 ? &absent_ : &values_[static_cast<size_t>(i)]);
  for (const int32_t o : planned.outputs) b.outputs.push_back(&values_[static_cast<size_t>(o)]);
  for (const auto* list : {&planned.inputs, &planned.outputs})
    for (const int32_t i : *list) {
      if (i < 0) continue;
      const Slot& slot = plan_->slots()[static_cast<size_t>(i)];
      if (slot.kind == Slot::kAllocated && slot.last_use == static_cast<int32_t>(step))
        b.dying.push_back(static_cast<size_t>(i));
    }
  b.state = planned.step->make_state();
  return b;
}

void Execution::take_inputs(std::span<const Tensor> inputs) {
  if (inputs.size() != plan_->inputs().size())
    throw invalid_argument(cat("found ", inputs.size(), " inputs, expected ", plan_->inputs().size()));
  for (size_t i = 0; i < inputs.size(); ++i) {
    const auto index = static_cast<size_t>(plan_->inputs()[i]);
    const Slot& s = plan_->slots()[index];
    if (!inputs[i].exists() || inputs[i].dtype() != s.type.dtype || !fits(s.type.shape, inputs[i].dims()))
      throw invalid_argument(cat("input '", s.name, "' is ", inputs[i].exists() ? to_text(inputs[i].type()) : "absent",
                                 ", expected ", to_text(s.type)));
    if (same_quant(inputs[i].quant(), s.type.quant))
      values_[index] = inputs[i];
    else
      values_[index] = inputs[i].with_quant(s.type.quant);
  }
}

void Execution::run_step(size_t k, ThreadPool& pool, const StepObserver& observer, uint64_t seed) {
  check_interrupted();
  Bound& bound = bound_[k];
  RunContext context{bound.inputs, bound.outputs, scratch_.mutable_raw(), &pool, bound.state.get(), seed + k};
  const PlannedStep& step = plan_->steps()[k];
  try {
    if (observer) {
      const auto start = std::chrono::steady_clock::now();
      step.step->run(context);
      const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
      const std::vector<const Tensor*> outputs(bound.outputs.begin(), bound.outputs.end());
      observer(k, took.count(), outputs);
    } else {
      step.step->run(context);
    }
  } catch (Error& e) {
    if (e.frames().empty()) e.add_frame(cat("in node '", step.name, "' (", step.op, ")"));
    throw;
  }
  for (const size_t i : bound.dying) values_[i] = Tensor();
}

const std::vector<Tensor>& Execution::run(std::span<const Tensor> inputs, HeldStates& states, ThreadPool& pool,
                                          const StepObserver& observer, uint64_t seed) {
  take_inputs(inputs);
  std::fill(results_.begin(), results_.end(), Tensor());  // after an error there is no result, not the one before
  for (size_t i = 0; i < plan_->states().size(); ++i) values_[static_cast<size_t>(plan_->states()[i].now)] = states[i];
  try {
    for (size_t k = 0; k < bound_.size(); ++k) run_step(k, pool, observer, seed);
  } catch (...) {
    settle();
    throw;
  }
  check_interrupted();
  for (size_t i = 0; i < results_.size(); ++i) results_[i] = values_[static_cast<size_t>(plan_->outputs()[i])];
  states.advance(plan_->states(), values_);
  return results_;
}

}  // namespace hone

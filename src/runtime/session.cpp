#include <algorithm>
#include <chrono>
#include <cstring>
#include <list>

#include "base/cancel.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/text.h"
#include "runtime/plan.h"

namespace hone {

struct Session::State {
  explicit State(std::shared_ptr<const Plan> p) : plan(std::move(p)), pool(plan->threads()) {}

  struct Bound {
    std::vector<const Tensor*> inputs;
    std::vector<Tensor*> outputs;
    std::vector<size_t> dying;  ///< allocated values that no later step reads
  };

  std::shared_ptr<const Plan> plan;
  ThreadPool pool;
  Tensor arena, scratch;
  std::vector<Tensor> values;  ///< one per slot; addresses are stable
  std::vector<Bound> bound;
  std::vector<Tensor> results;
  StepObserver observer;
  uint64_t seed = 0;
  const Tensor absent;

  void bind() {
    require_arena();
    arena = Tensor::empty(DType::kU8, {plan->arena_bytes()});
    scratch = Tensor::empty(DType::kU8, {plan->scratch_bytes()});
    auto* base = static_cast<std::byte*>(arena.mutable_raw());
    values.resize(plan->slots().size());
    for (size_t i = 0; i < values.size(); ++i) {
      const Slot& s = plan->slots()[i];
      if (s.kind == Slot::kConstant) values[i] = s.constant;
      if (s.kind == Slot::kArena)
        values[i] = Tensor::view(s.type.dtype, s.type.shape.dims(), base + s.offset, nullptr, s.type.quant);
    }
    for (size_t k = 0; k < plan->steps().size(); ++k) {
      const PlannedStep& step = plan->steps()[k];
      Bound b;
      for (const int32_t i : step.inputs) b.inputs.push_back(i < 0 ? &absent : &values[static_cast<size_t>(i)]);
      for (const int32_t o : step.outputs) b.outputs.push_back(&values[static_cast<size_t>(o)]);
      for (const auto* list : {&step.inputs, &step.outputs})
        for (const int32_t i : *list)
          if (i >= 0 && plan->slots()[static_cast<size_t>(i)].kind == Slot::kAllocated &&
              plan->slots()[static_cast<size_t>(i)].last_use == static_cast<int32_t>(k))
            b.dying.push_back(static_cast<size_t>(i));
      bound.push_back(std::move(b));
    }
    results.resize(plan->outputs().size());
  }

  void take_inputs(std::span<const Tensor> inputs) {
    if (inputs.size() != plan->inputs().size())
      throw invalid_argument(cat("found ", inputs.size(), " inputs, expected ", plan->inputs().size()));
    for (size_t i = 0; i < inputs.size(); ++i) {
      const size_t index = static_cast<size_t>(plan->inputs()[i]);
      const Slot& s = plan->slots()[index];
      if (!inputs[i].exists() || inputs[i].dtype() != s.type.dtype ||
          !compatible(s.type.shape, Shape(inputs[i].dims())))
        throw invalid_argument(cat("input '", s.name, "' is ",
                                   inputs[i].exists() ? to_text(inputs[i].type()) : "absent", ", expected ",
                                   to_text(s.type)));
      values[index] = same_quant(inputs[i].quant(), s.type.quant) ? inputs[i] : inputs[i].with_quant(s.type.quant);
    }
  }

  /// Before anything is touched: the kernel's way to say that memory does not suffice is to end the process.
  void require_arena() const {
    const Slot* largest = nullptr;
    const auto bytes_of = [](const Slot& s) { return s.type.shape.elements() * size_of(s.type.dtype); };
    for (const Slot& s : plan->slots())
      if (s.kind == Slot::kArena && (!largest || bytes_of(s) > bytes_of(*largest))) largest = &s;
    require_memory(plan->arena_bytes() + plan->scratch_bytes(), [&] {
      return largest ? cat("a run, with '", largest->name, "' of ", to_text(largest->type), " as its largest value,")
                     : std::string("a run");
    });
  }

  void run_step(size_t k) {
    check_interrupted();
    RunContext context{bound[k].inputs, bound[k].outputs, scratch.mutable_raw(), &pool, seed + k};
    const PlannedStep& step = plan->steps()[k];
    try {
      if (observer) {
        const auto start = std::chrono::steady_clock::now();
        step.step->run(context);
        const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
        const std::vector<const Tensor*> outputs(bound[k].outputs.begin(), bound[k].outputs.end());
        observer(k, took.count(), outputs);
      } else {
        step.step->run(context);
      }
    } catch (Error& e) {
      if (e.frames().empty()) e.add_frame(cat("in node '", step.name, "' (", step.op, ")"));
      throw;
    }
    for (const size_t i : bound[k].dying) values[i] = Tensor();
  }
};

Session::Session(std::shared_ptr<const Plan> plan) : state_(std::make_unique<State>(std::move(plan))) {
  state_->bind();
}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;

const std::vector<Tensor>& Session::run(std::span<const Tensor> inputs) {
  State& s = *state_;
  s.take_inputs(inputs);
  std::fill(s.results.begin(), s.results.end(), Tensor());  // after an error there is no result, not the one before
  for (size_t k = 0; k < s.bound.size(); ++k) s.run_step(k);
  check_interrupted();
  for (size_t i = 0; i < s.results.size(); ++i) s.results[i] = s.values[static_cast<size_t>(s.plan->outputs()[i])];
  return s.results;
}

void Session::set_observer(StepObserver observer) { state_->observer = std::move(observer); }
void Session::set_seed(uint64_t seed) { state_->seed = seed; }
const Plan& Session::plan() const { return *state_->plan; }

struct Runner::State {
  static constexpr size_t kKeep = 4;
  struct Entry {
    std::vector<Dims> shapes;
    Session session;
  };
  Graph graph;
  std::vector<const Provider*> providers;
  PlanOptions options;
  std::list<Entry> entries;  ///< most recently used first

  Session& session_for(std::vector<Dims> shapes) {
    for (auto at = entries.begin(); at != entries.end(); ++at) {
      if (at->shapes != shapes) continue;
      if (at != entries.begin()) entries.splice(entries.begin(), entries, at);
      return entries.front().session;
    }
    Graph fixed = graph;
    for (size_t i = 0; i < shapes.size(); ++i)
      if (!fixed.type(fixed.inputs()[i]).shape.is_static()) fixed.set_input_shape(fixed.inputs()[i], Shape(shapes[i]));
    entries.push_front({std::move(shapes), Session(Plan::compile(fixed, providers, options))});
    if (entries.size() > kKeep) entries.pop_back();
    return entries.front().session;
  }
};

Runner::Runner(Graph graph, std::vector<const Provider*> providers, PlanOptions options)
    : state_(new State{std::move(graph), std::move(providers), options, {}}) {}
Runner::~Runner() = default;
Runner::Runner(Runner&&) noexcept = default;

Session& Runner::session_for(std::span<const Tensor> inputs) {
  State& s = *state_;
  if (inputs.size() != s.graph.inputs().size())
    throw invalid_argument(cat("found ", inputs.size(), " inputs, expected ", s.graph.inputs().size()));
  std::vector<Dims> shapes;
  for (const Tensor& t : inputs) shapes.push_back(t.dims());
  return s.session_for(std::move(shapes));
}

const std::vector<Tensor>& Runner::run(std::span<const Tensor> inputs) { return session_for(inputs).run(inputs); }

const Graph& Runner::graph() const { return state_->graph; }

Session& Runner::session() {
  std::vector<Dims> shapes;
  for (const ValueId in : state_->graph.inputs()) {
    const Shape& shape = state_->graph.type(in).shape;
    Dims dims;
    if (shape.has_rank())
      for (const Dim& d : shape.list()) dims.push_back(d.is_known() ? d.value() : 1);
    shapes.push_back(std::move(dims));
  }
  return state_->session_for(std::move(shapes));
}

}  // namespace hone

#include "compress/watcher.h"

namespace hone {

namespace {

PlanOptions all_visible(PlanOptions options) {
  options.refuses = hides_values;
  return options;
}

}  // namespace

Watcher::Watcher(const Graph& graph, std::set<std::string> values, const Engine& engine)
    : runner_(graph, engine.providers, all_visible(engine.plan)), values_(std::move(values)) {}

SeenValues Watcher::run(std::span<const Tensor> inputs) {
  SeenValues seen;
  const Graph& graph = runner_.graph();
  for (size_t i = 0; i < inputs.size(); ++i) {
    const std::string& name = graph.value(graph.inputs()[i]).name;
    if (values_.count(name)) seen[name] = inputs[i].clone();
  }
  Session& session = runner_.session_for(inputs);
  const Plan& plan = session.plan();
  session.set_observer([&](size_t step, double, std::span<const Tensor* const> outputs) {
    for (size_t o = 0; o < outputs.size(); ++o) {
      const std::string& name = plan.slots()[static_cast<size_t>(plan.steps()[step].outputs[o])].name;
      if (outputs[o]->exists() && values_.count(name)) seen[name] = outputs[o]->clone();
    }
  });
  session.run(inputs);
  session.set_observer({});
  return seen;
}

}  // namespace hone

#include "runtime/program.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/text.h"
#include "ops/control.h"
#include "passes/fix_shapes.h"
#include "passes/pipelines.h"

namespace hone {

namespace {

constexpr size_t kKeptPlans = 8;

void collect_opaque(const Graph& graph, std::map<std::string, std::vector<std::string>>& out) {
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (node.is<Opaque>()) out[cat(node.as<Opaque>().format, " ", node.as<Opaque>().type)].push_back(node.name);
    for (const Graph& inner : node.subgraphs) collect_opaque(inner, out);
  }
}

void require_runnable(const Graph& graph) {
  std::map<std::string, std::vector<std::string>> unknown;
  collect_opaque(graph, unknown);
  if (unknown.empty()) return;
  std::string list;
  for (const auto& [op, nodes] : unknown)
    list += cat(list.empty() ? "" : ", ", op, " (", nodes.size(),
                nodes.size() == 1 ? " node: " : " nodes, first: ", nodes.front(), ")");
  throw unsupported(cat("the model has operators hone does not run: ", list), "hone inspect MODEL lists every node");
}

void simplify_for_running(Graph& graph, const Engine& engine) {
  if (!engine.is_reference())
    run_pipeline(graph, standard_pipeline(), {.verify = false, .compact = true, .fold_widening = true});
}

}  // namespace

bool Engine::is_reference() const {
  return std::all_of(providers.begin(), providers.end(), [](const Provider* p) { return p == &reference_provider(); });
}

Graph prepare(Graph graph, const Engine& engine) {
  require_runnable(graph);
  simplify_for_running(graph, engine);
  return graph;
}

std::shared_ptr<const Program> Program::prepared(Graph graph, Engine engine) {
  Graph ready = prepare(std::move(graph), engine);
  return std::shared_ptr<const Program>(new Program(std::move(ready), std::move(engine), true));
}

std::shared_ptr<const Program> Program::as_is(Graph graph, Engine engine) {
  return std::shared_ptr<const Program>(new Program(std::move(graph), std::move(engine), false));
}

Program::Program(Graph graph, Engine engine, bool is_prepared)
    : graph_(std::move(graph)), engine_(std::move(engine)), is_prepared_(is_prepared) {
  for (const ValueId in : graph_.inputs()) is_open_ |= !graph_.type(in).shape.is_static();
}

Graph Program::specialized(std::span<const Dims> shapes) const {
  Graph graph = with_input_shapes(graph_, shapes);
  if (is_prepared_) simplify_for_running(graph, engine_);
  return graph;
}

std::shared_ptr<Program::Entry> Program::entry_for(std::vector<Dims> shapes) const {
  const std::lock_guard lock(mutex_);
  const auto at = std::find_if(entries_.begin(), entries_.end(), [&](const auto& e) { return e->shapes == shapes; });
  if (at != entries_.end()) {
    entries_.splice(entries_.begin(), entries_, at);
    return entries_.front();
  }
  entries_.push_front(std::make_shared<Entry>());
  entries_.front()->shapes = std::move(shapes);
  if (entries_.size() > kKeptPlans) entries_.pop_back();
  return entries_.front();
}

std::shared_ptr<const Plan> Program::plan_for(std::span<const Dims> shapes) const {
  // A graph of static shapes has one plan: inputs of others are refused when it runs.
  const std::shared_ptr<Entry> entry =
      entry_for(is_open_ ? std::vector(shapes.begin(), shapes.end()) : std::vector<Dims>());
  const std::lock_guard lock(entry->mutex);
  if (!entry->plan)
    entry->plan = Plan::compile(is_open_ ? specialized(shapes) : graph_, engine_.providers, engine_.plan);
  return entry->plan;
}

std::shared_ptr<const Plan> Program::plan() const { return plan_for(smallest_input_shapes(graph_)); }

}  // namespace hone

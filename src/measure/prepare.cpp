#include "measure/prepare.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/text.h"
#include "ops/control.h"
#include "passes/pipelines.h"

namespace hone {

namespace {

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

}  // namespace

Graph prepare(Graph graph, const Engine& engine) {
  require_runnable(graph);
  const bool is_reference = std::all_of(engine.providers.begin(), engine.providers.end(),
                                        [](const Provider* p) { return p == &reference_provider(); });
  if (is_reference) return graph;
  PassOptions options;
  options.fold_widening = true;
  options.verify = false;
  run_pipeline(graph, standard_pipeline(), options);
  return graph;
}

}  // namespace hone

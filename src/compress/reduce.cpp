#include "compress/reduce.h"

#include <algorithm>
#include <vector>

#include "compress/rebuild.h"

namespace hone {

Graph part_of(const Graph& graph, std::span<const NodeId> nodes) {
  std::vector<bool> is_kept(graph.node_capacity());
  for (const NodeId id : nodes) is_kept[static_cast<size_t>(id.index)] = true;
  Rebuild part(graph);
  std::vector<ValueId> outputs;
  for (const NodeId id : graph.order()) {
    if (!is_kept[static_cast<size_t>(id.index)]) continue;
    const Node& node = graph.node(id);
    std::vector<ValueId> inputs;
    for (const ValueId old : node.inputs) {
      if (graph.is_constant(old)) part.constant(old);
      if (old.exists() && !part[old].exists()) part[old] = part.graph.add_input(graph.value(old).name, graph.type(old));
      inputs.push_back(old.exists() ? part[old] : old);
    }
    part.copy(node, std::move(inputs));
    for (const ValueId made : node.outputs) {
      const UseList& users = graph.value(made).users;
      const bool is_read =
          std::any_of(users.begin(), users.end(), [&](NodeId u) { return is_kept[static_cast<size_t>(u.index)]; });
      if (!is_read || graph.is_output(made)) outputs.push_back(part[made]);
    }
  }
  part.graph.set_outputs(std::move(outputs));
  return std::move(part.graph);
}

Reduction reduce(const Graph& graph, const std::function<bool(const Graph&)>& fails, int64_t max_checks) {
  Reduction out{.graph = graph};
  std::vector<NodeId> kept = graph.order();
  for (size_t chunk = std::max<size_t>(kept.size() / 2, 1);; chunk = std::max<size_t>(chunk / 2, 1)) {
    bool is_smaller = false;
    // From the end: what is cut there leaves the names of inputs as they are.
    for (size_t end = kept.size(); end > 0 && kept.size() > 1; end -= std::min(chunk, end)) {
      const size_t begin = end - std::min(chunk, end);
      std::vector<NodeId> fewer(kept.begin(), kept.begin() + static_cast<int64_t>(begin));
      fewer.insert(fewer.end(), kept.begin() + static_cast<int64_t>(end), kept.end());
      if (fewer.empty()) continue;
      if (out.checks == max_checks) {
        out.is_finished = false;
        return out;
      }
      ++out.checks;
      Graph part = part_of(graph, fewer);
      if (!fails(part)) continue;
      kept = std::move(fewer);
      out.graph = std::move(part);
      is_smaller = true;
    }
    if (chunk == 1 && !is_smaller) return out;
  }
}

}  // namespace hone

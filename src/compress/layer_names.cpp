#include "compress/layer_names.h"

#include <algorithm>
#include <map>
#include <set>

namespace hone {

namespace {

/// Follows a node of the file to the layer that it is part of.
class LayerFinder {
 public:
  LayerFinder(const Graph& source, const Graph& prepared, std::span<const std::string> layers)
      : source_(source), layers_(layers) {
    for (const NodeId id : prepared.order())
      for (const ValueId out : prepared.node(id).outputs)
        if (out.exists()) producers_[prepared.value(out).name] = prepared.node(id).name;
  }

  bool is_layer(const std::string& name) const {
    return std::find(layers_.begin(), layers_.end(), name) != layers_.end();
  }

  /// A node whose result is still there is what computes it; one whose result is gone went on into its users.
  std::string follow(NodeId id) {
    const Node& node = source_.node(id);
    if (is_layer(node.name)) return node.name;
    if (!seen_.insert(id.index).second) return {};
    for (const ValueId out : node.outputs) {
      if (!out.exists()) continue;
      if (const auto at = producers_.find(source_.value(out).name); at != producers_.end())
        return is_layer(at->second) ? at->second : std::string();
    }
    for (const ValueId out : node.outputs) {
      if (!out.exists()) continue;
      for (const NodeId user : source_.value(out).users)
        if (std::string found = follow(user); !found.empty()) return found;
    }
    return {};
  }

 private:
  const Graph& source_;
  std::span<const std::string> layers_;
  std::map<std::string, std::string> producers_;  ///< value → node, in the prepared graph
  std::set<int32_t> seen_;
};

bool is_called(const Graph& graph, const Node& node, const std::string& name) {
  if (node.name == name || node.source.name == name) return true;
  return std::any_of(node.outputs.begin(), node.outputs.end(),
                     [&](ValueId out) { return out.exists() && graph.value(out).name == name; });
}

}  // namespace

std::string find_layer(const std::string& name, const Graph& source, const Graph& prepared,
                       std::span<const std::string> layers) {
  LayerFinder finder(source, prepared, layers);
  if (finder.is_layer(name)) return name;
  for (const Graph* graph : {&prepared, &source})
    for (const NodeId id : graph->order()) {
      if (!is_called(*graph, graph->node(id), name)) continue;
      if (std::string found = graph == &source ? finder.follow(id) : graph->node(id).name; finder.is_layer(found))
        return found;
    }
  return {};
}

}  // namespace hone

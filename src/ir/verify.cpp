#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "ir/graph.h"

namespace hone {

namespace {

/// Who reads each value, by the nodes' inputs, must be who the value lists. Linear in uses.
void verify_uses(const Graph& graph, const std::vector<NodeId>& order) {
  std::vector<std::vector<NodeId>> users(graph.value_capacity());
  for (const NodeId id : order)
    for (const ValueId in : graph.node(id).inputs) {
      if (!in.exists()) continue;
      if (static_cast<size_t>(in.index) >= users.size())
        throw internal_error(cat(describe(graph.node(id)), " reads value ", in.index, ", which does not exist"));
      users[static_cast<size_t>(in.index)].push_back(id);
    }
  for (size_t i = 0; i < users.size(); ++i) {
    const Value& v = graph.value(ValueId{static_cast<int32_t>(i)});
    std::vector<NodeId> listed(v.users.begin(), v.users.end());
    std::sort(listed.begin(), listed.end());
    std::sort(users[i].begin(), users[i].end());
    if (listed != users[i])
      throw internal_error(cat("value '", v.name, "' lists ", listed.size(), " uses, its nodes ", users[i].size(),
                               ", and they are not the same"));
    if (!listed.empty() && !v.producer.exists() && !v.constant.exists() && !v.is_input)
      throw internal_error(cat(describe(graph.node(listed[0])), " reads '", v.name, "', which nothing produces"));
  }
}

void verify_outputs(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    const Value& v = graph.value(node.outputs[i]);
    if (v.producer != id || v.output_index != static_cast<int32_t>(i))
      throw internal_error(cat("value '", v.name, "' does not know its producer ", describe(node)));
  }
}

void verify_names(const Graph& graph) {
  std::set<std::string> names;
  for (size_t i = 0; i < graph.value_capacity(); ++i) {
    const Value& v = graph.value(ValueId{static_cast<int32_t>(i)});
    const bool is_live = v.is_input || v.constant.exists() || v.producer.exists();
    if (is_live && !names.insert(v.name).second) throw internal_error(cat("two values are named '", v.name, "'"));
  }
}

}  // namespace

void verify(const Graph& graph) {
  const std::vector<NodeId> order = graph.order();
  verify_uses(graph, order);
  for (const NodeId id : order) verify_outputs(graph, id);
  verify_names(graph);
  for (const ValueId out : graph.outputs())
    if (!out.exists() || static_cast<size_t>(out.index) >= graph.value_capacity())
      throw internal_error("a graph output does not exist");
  Graph again = graph;
  for (const GraphState& state : graph.states()) again.set_next(state.now, state.next);
  again.infer_all();
  for (const NodeId id : order)
    for (const ValueId out : graph.node(id).outputs)
      if (!(again.type(out) == graph.type(out)))
        throw internal_error(cat("type of '", graph.value(out).name, "' is ", to_text(graph.type(out)),
                                 ", inference says ", to_text(again.type(out)), "\n  in ", describe(graph.node(id))));
  for (const NodeId id : order)
    for (const Graph& sub : graph.node(id).subgraphs) {
      if (!sub.states().empty()) throw internal_error(cat("graph '", sub.name, "' of a control operator has states"));
      verify(sub);
    }
}

}  // namespace hone

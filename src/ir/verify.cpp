#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "ir/graph.h"

namespace hone {

namespace {

void verify_uses(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  for (const ValueId in : node.inputs) {
    if (!in.exists()) continue;
    if (static_cast<size_t>(in.index) >= graph.value_capacity())
      throw internal_error(cat(describe(node), " reads value ", in.index, ", which does not exist"));
    const Value& v = graph.value(in);
    const auto uses = std::count(v.users.begin(), v.users.end(), id);
    if (uses != std::count(node.inputs.begin(), node.inputs.end(), in))
      throw internal_error(cat("value '", v.name, "' lists ", uses, " uses by ", describe(node), ", which is not so"));
    if (!v.producer.exists() && !v.constant.exists() && !v.is_input)
      throw internal_error(cat(describe(node), " reads '", v.name, "', which nothing produces"));
  }
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
  for (const NodeId id : order) verify_uses(graph, id);
  verify_names(graph);
  for (const ValueId out : graph.outputs())
    if (!out.exists() || static_cast<size_t>(out.index) >= graph.value_capacity())
      throw internal_error("a graph output does not exist");
  Graph again = graph;
  again.infer_all();
  for (const NodeId id : order)
    for (const ValueId out : graph.node(id).outputs)
      if (!(again.type(out) == graph.type(out)))
        throw internal_error(cat("type of '", graph.value(out).name, "' is ", to_text(graph.type(out)),
                                 ", inference says ", to_text(again.type(out)), "\n  in ", describe(graph.node(id))));
  for (const NodeId id : order)
    for (const Graph& sub : graph.node(id).subgraphs) verify(sub);
}

}  // namespace hone

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "container/json.h"
#include "measure/inspect.h"

namespace hone {

namespace {

std::string short_type(const Graph& graph, ValueId id) {
  const TensorType& type = graph.type(id);
  const TensorType plain{type.dtype, type.shape, nullptr};
  if (!type.quant) return to_text(plain);
  if (!type.quant->is_per_tensor()) return cat(to_text(plain), "{per channel}");
  return to_text(type);
}

Error no_node(const Graph& graph, const std::string& name) {
  std::vector<std::string> names;
  for (const NodeId id : graph.order()) {
    names.push_back(graph.node(id).name);
    for (const ValueId out : graph.node(id).outputs)
      if (out.exists()) names.push_back(graph.value(out).name);
  }
  const std::string near = nearest(name, names);
  return not_found(cat("no node or value is called '", name, "'"),
                   near.empty() ? "hone inspect MODEL --text lists them all" : cat("did you mean '", near, "'?"));
}

std::set<int32_t> neighbours(const Graph& graph, NodeId centre, int hops) {
  std::set<int32_t> found{centre.index}, border{centre.index};
  for (int hop = 0; hop < hops; ++hop) {
    std::set<int32_t> next;
    for (const int32_t index : border) {
      const Node& node = graph.node(NodeId{index});
      for (const ValueId in : node.inputs)
        if (in.exists() && graph.value(in).producer.exists()) next.insert(graph.value(in).producer.index);
      for (const ValueId out : node.outputs)
        if (out.exists())
          for (const NodeId user : graph.value(out).users) next.insert(user.index);
    }
    border.clear();
    for (const int32_t index : next)
      if (found.insert(index).second) border.insert(index);
  }
  return found;
}

void print_node(const Graph& graph, const Node& node, bool is_centre, std::string& out) {
  out += cat(is_centre ? "> " : "  ", node.name, "  ", node.def->name, to_text(node.attrs));
  if (!node.source.op.empty()) out += cat("  (", node.source.format, " ", node.source.op, ")");
  out += "\n";
  for (const ValueId in : node.inputs) {
    if (!in.exists()) continue;
    const Node* producer = graph.producer(in);
    out += cat("      in   ", graph.value(in).name, ": ", graph.is_constant(in) ? "const " : "", short_type(graph, in));
    out += producer ? cat("  <- ", producer->name, "\n") : graph.is_constant(in) ? "\n" : "  <- graph input\n";
  }
  for (const ValueId id : node.outputs) {
    if (!id.exists()) continue;
    out += cat("      out  ", graph.value(id).name, ": ", short_type(graph, id), "  ->");
    for (const NodeId user : graph.value(id).users) out += cat(" ", graph.node(user).name);
    out += graph.is_output(id) ? " graph output\n" : "\n";
  }
}

}  // namespace

NodeId find_node(const Graph& graph, const std::string& name) {
  NodeId by_value, by_source;
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (node.name == name) return id;
    if (node.source.name == name) by_source = id;
    for (const ValueId out : node.outputs)
      if (out.exists() && graph.value(out).name == name) by_value = id;
  }
  return by_value.exists() ? by_value : by_source;
}

std::string describe_around(const Graph& graph, const std::string& name, int hops) {
  const NodeId centre = find_node(graph, name);
  if (!centre.exists()) throw no_node(graph, name);
  const std::set<int32_t> shown = neighbours(graph, centre, hops);
  std::string out;
  for (const NodeId id : graph.order())
    if (shown.count(id.index)) print_node(graph, graph.node(id), id == centre, out);
  return out;
}

std::string to_dot(const Graph& graph) {
  const auto quoted = [](std::string_view text) { return json_quoted(text); };
  std::string out = cat("digraph ", quoted(graph.name.empty() ? "model" : graph.name),
                        " {\n  rankdir=TB;\n  node [shape=box, style=rounded, fontname=\"sans-serif\"];\n");
  for (const ValueId id : graph.inputs())
    out += cat("  v", id.index, " [shape=ellipse, label=", quoted(graph.value(id).name), "];\n");
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    out += cat("  n", id.index, " [label=", quoted(cat(node.def->name, "\n", node.name)), "];\n");
    for (const ValueId in : node.inputs) {
      if (!in.exists() || graph.is_constant(in)) continue;
      const NodeId producer = graph.value(in).producer;
      out += producer.exists() ? cat("  n", producer.index) : cat("  v", in.index);
      out += cat(" -> n", id.index, " [label=", quoted(short_type(graph, in)), "];\n");
    }
  }
  for (const ValueId id : graph.outputs()) {
    const NodeId producer = graph.value(id).producer;
    out += cat("  o", id.index, " [shape=ellipse, label=", quoted(graph.value(id).name), "];\n");
    if (producer.exists())
      out += cat("  n", producer.index, " -> o", id.index, " [label=", quoted(short_type(graph, id)), "];\n");
  }
  return out + "}\n";
}

}  // namespace hone

#include "measure/model_diff.h"

#include <cmath>
#include <cstring>
#include <map>

#include "base/text.h"
#include "measure/compare.h"

namespace hone {

namespace {

/// What a value is called in every format: hone's ONNX reader and writer add where they change layout or storage.
std::string plain_name(std::string name) {
  for (bool is_shorter = true; is_shorter;) {
    is_shorter = false;
    for (const std::string_view added : {"/channels_first", "/channels_last", "/real"})
      if (name.ends_with(added) && name.size() > added.size()) {
        name.resize(name.size() - added.size());
        is_shorter = true;
      }
  }
  return name;
}

/// A node with the plain name of what it makes first; its whole name where an earlier node has that.
struct Named {
  std::string name;
  const Node* node;
};

struct Names {
  std::vector<Named> nodes;  ///< in execution order
  std::map<std::string, const Node*> by_name;

  explicit Names(const Graph& graph) {
    for (const NodeId id : graph.order()) {
      const Node& node = graph.node(id);
      if (node.outputs.empty()) continue;
      const std::string& whole = graph.value(node.outputs[0]).name;
      std::string name = plain_name(whole);
      if (!by_name.emplace(name, &node).second) by_name[name = whole] = &node;
      nodes.push_back({std::move(name), &node});
    }
  }
};

bool is_same(const Tensor& a, const Tensor& b) {
  return a.type() == b.type() && std::memcmp(a.raw(), b.raw(), static_cast<size_t>(a.byte_size())) == 0;
}

std::string weights_text(const std::string& name, const Tensor& a, const Tensor& b) {
  std::string out = cat("'", name, "'");
  const std::string before = to_text(a.type()), after = to_text(b.type());
  if (before != after) out += cat(" ", before, " -> ", after);
  if (a.elements() != b.elements()) return out;
  ErrorSums error;
  error.add(a, b);
  const double db = error.sqnr_db();
  if (db == INFINITY) return cat(out, ": the same numbers");
  return cat(out, ": SQNR ", to_text(std::round(db * 10) / 10), " dB, at most ", to_text(static_cast<float>(error.max)),
             " off");
}

std::string input_text(const Graph& graph, const Node& node, size_t i) {
  const ValueId id = node.input(i);
  return !id.exists() ? "none" : graph.is_constant(id) ? "a constant" : cat("'", plain_name(graph.value(id).name), "'");
}

std::vector<std::string> changes(const Graph& a, const Node& x, const Graph& b, const Node& y) {
  std::vector<std::string> out;
  if (x.def != y.def) out.push_back(cat("operator ", x.def->name, " -> ", y.def->name));
  if (x.def == y.def && !equal(x.attrs, y.attrs)) out.push_back(cat(to_text(x.attrs), " -> ", to_text(y.attrs)));
  for (size_t i = 0; i < std::min(x.outputs.size(), y.outputs.size()); ++i) {
    const std::string before = to_text(a.type(x.outputs[i])), after = to_text(b.type(y.outputs[i]));
    if (before != after) out.push_back(cat("stored as ", before, " -> ", after));
  }
  for (size_t i = 0; i < std::max(x.inputs.size(), y.inputs.size()); ++i) {
    const ValueId before = x.input(i), after = y.input(i);
    if (a.is_constant(before) && b.is_constant(after)) {
      const Tensor &p = a.value(before).constant, &q = b.value(after).constant;
      if (!is_same(p, q)) out.push_back(weights_text(b.value(after).name, p, q));
    } else if (const std::string p = input_text(a, x, i), q = input_text(b, y, i); p != q) {
      out.push_back(cat("input ", i, " ", p, " -> ", q));
    }
  }
  return out;
}

}  // namespace

ModelDiff diff_models(const Graph& a, const Graph& b) {
  const Names of_a(a), of_b(b);
  ModelDiff out;
  for (const auto& [name, node] : of_b.nodes) {
    NodeDiff diff{NodeDiff::Kind::added, name, std::string(node->def->name), {}};
    if (const auto found = of_a.by_name.find(name); found != of_a.by_name.end()) {
      diff.kind = NodeDiff::Kind::changed;
      diff.what = changes(a, *found->second, b, *node);
    }
    if (diff.kind == NodeDiff::Kind::changed && diff.what.empty())
      ++out.same;
    else
      out.nodes.push_back(std::move(diff));
  }
  for (const auto& [name, node] : of_a.nodes)
    if (!of_b.by_name.contains(name))
      out.nodes.push_back({NodeDiff::Kind::removed, name, std::string(node->def->name), {}});
  return out;
}

}  // namespace hone

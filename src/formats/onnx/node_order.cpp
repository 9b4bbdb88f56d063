#include "formats/onnx/node_order.h"

#include <functional>
#include <numeric>
#include <queue>
#include <unordered_map>
#include <unordered_set>

#include "base/error.h"
#include "base/text.h"

namespace hone::onnx {

namespace {

/// What a node reads: its inputs, and what the graphs inside it take from outside.
std::vector<std::string_view> used_names(const Decoder& decoder, const NodeProto& node, int depth) {
  std::vector<std::string_view> names;
  for (const std::string_view name : node.inputs)
    if (!name.empty()) names.push_back(name);
  for (const AttributeProto& attribute : node.attributes)
    for (const std::string_view inner : attribute.graphs)
      for (const std::string_view name : free_names(decoder, inner, depth + 1)) names.push_back(name);
  return names;
}

}  // namespace

std::vector<std::string_view> free_names(const Decoder& decoder, std::string_view graph_bytes, int depth) {
  if (depth > kMaxDepth) throw invalid_model(cat("onnx: subgraphs are nested more than ", kMaxDepth, " deep"));
  const GraphProto graph = decoder.graph(graph_bytes);
  std::unordered_set<std::string_view> told;  // defined here, or already found
  for (const auto& input : graph.inputs) told.insert(input.name);
  for (const auto& tensor : graph.initializers) told.insert(tensor.name);
  for (const auto& tensor : graph.sparse_initializers) told.insert(tensor.values.name);
  for (const NodeProto& node : graph.nodes) told.insert(node.outputs.begin(), node.outputs.end());
  std::vector<std::string_view> found;
  for (const NodeProto& node : graph.nodes)
    for (const std::string_view name : used_names(decoder, node, depth))
      if (told.insert(name).second) found.push_back(name);
  for (const auto& output : graph.outputs)
    if (!output.name.empty() && told.insert(output.name).second) found.push_back(output.name);
  return found;
}

std::vector<size_t> order_of(const Decoder& decoder, const std::vector<NodeProto>& nodes, int depth) {
  std::unordered_map<std::string_view, size_t> maker;
  maker.reserve(nodes.size());
  for (size_t i = 0; i < nodes.size(); ++i)
    for (const std::string_view name : nodes[i].outputs) maker.emplace(name, i);
  const auto for_each_maker = [&](size_t i, const auto& visit) {
    for (const std::string_view name : used_names(decoder, nodes[i], depth))
      if (const auto made = maker.find(name); made != maker.end()) visit(made->second);
  };

  std::vector<size_t> order(nodes.size());
  std::iota(order.begin(), order.end(), size_t{0});
  bool is_sorted = true;
  for (size_t i = 0; i < nodes.size() && is_sorted; ++i)
    for_each_maker(i, [&](size_t made) { is_sorted = is_sorted && made < i; });
  if (is_sorted) return order;

  std::vector<std::vector<size_t>> users(nodes.size());
  std::vector<size_t> missing(nodes.size());
  for (size_t i = 0; i < nodes.size(); ++i)
    for_each_maker(i, [&](size_t made) {
      users[made].push_back(i);
      ++missing[i];
    });
  order.clear();
  std::priority_queue<size_t, std::vector<size_t>, std::greater<>> ready;
  for (size_t i = 0; i < nodes.size(); ++i)
    if (missing[i] == 0) ready.push(i);
  while (!ready.empty()) {
    const size_t i = ready.top();
    ready.pop();
    order.push_back(i);
    for (const size_t user : users[i])
      if (--missing[user] == 0) ready.push(user);
  }
  for (size_t i = 0; i < nodes.size(); ++i)
    if (missing[i] > 0) order.push_back(i);
  return order;
}

}  // namespace hone::onnx

#include "formats/onnx/writer.h"

#include <protozero/pbf_writer.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "formats/onnx/expand.h"
#include "formats/onnx/graph_writer.h"
#include "formats/onnx/rows.h"
#include "formats/onnx/saturation.h"
#include "ops/control.h"

namespace hone::onnx {

namespace {

/// The oldest IR version that may hold an operator set (ONNX's table of versions).
int64_t ir_version(int opset) { return opset >= 23 ? 11 : opset >= 21 ? 10 : opset >= 19 ? 9 : 8; }

int64_t constant_bytes(const Graph& graph) {
  int64_t bytes = 0;
  for (size_t i = 0; i < graph.value_capacity(); ++i) {
    const Value& value = graph.value(ValueId{static_cast<int32_t>(i)});
    if (value.constant.exists()) bytes += value.constant.byte_size();
  }
  return bytes;
}

void add_domains(const Graph& graph, std::map<std::string, int64_t>& domains) {
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (node.is<Opaque>() && !node.as<Opaque>().domain.empty())
      domains[node.as<Opaque>().domain] = node.as<Opaque>().version;
    for (const Graph& inner : node.subgraphs) add_domains(inner, domains);
  }
}

/// ONNX has no memory: what a graph remembers becomes the last of its inputs and outputs, which the caller hands on.
/// The metadata tells which output each of these inputs is to be next.
Graph without_states(Graph graph) {
  for (const GraphState& state : graph.states())
    graph.metadata[cat("hone.state.", graph.value(state.now).name)] = graph.value(state.next).name;
  graph.expose_states();
  return graph;
}

std::string encode(const Graph& graph, ExternalData& external) {
  TargetOpset target{kWrittenOpset, kWrittenOpset};
  std::string body = GraphWriter(graph, external, target).write();
  while (target.needed > target.version) {
    target.version = target.needed;
    external.bytes.clear();
    body = GraphWriter(graph, external, target).write();
  }
  std::string out;
  protozero::pbf_writer model(out);
  model.add_int64(1, ir_version(target.version));
  model.add_string(2, "hone");
  model.add_message(7, body);
  std::map<std::string, int64_t> domains{{"", target.version}};
  for (const std::string_view domain : target.domains) domains.emplace(domain, 1);
  add_domains(graph, domains);
  for (const auto& [domain, version] : domains) {
    protozero::pbf_writer import(model, 8);
    import.add_string(1, domain);
    import.add_int64(2, version);
  }
  for (const auto& [key, value] : graph.metadata) {
    protozero::pbf_writer entry(model, 14);
    entry.add_string(1, key);
    entry.add_string(2, value);
  }
  return out;
}

/// The graph as it is written. States become inputs and outputs first: those keep their types, whatever is turned.
Graph prepared(const Graph& graph, const WriteOptions& options, std::vector<std::string>* notes) {
  Graph plain = without_states(graph);
  expand(plain);
  const std::vector<NodeId> products = options.may_saturate ? std::vector<NodeId>() : saturating_products(plain);
  if (!products.empty() && notes)
    notes->push_back(cat(products.size(), products.size() == 1 ? " integer layer" : " integer layers",
                         " with weights as u8 (zero point 128): as s8, pairs of their products can overflow 16 bits in "
                         "ONNX Runtime on CPUs without VNNI; --target ort-vnni keeps them s8"));
  return with_unsigned_products(std::move(plain), products);
}

}  // namespace

std::string encode_model(const Graph& graph, const WriteOptions& options) {
  ExternalData external;
  return encode(prepared(graph, options, nullptr), external);
}

void write_model(const Graph& graph, const WriteRequest& request, const WriteOptions& options) {
  with_context([&] { return cat("while writing '", request.path, "'"); },
               [&] {
                 const Graph safe = prepared(graph, options, request.notes);
                 ExternalData external;
                 if (constant_bytes(safe) > options.max_inline_bytes) {
                   const size_t slash = request.path.rfind('/');
                   external.location = cat(request.path.substr(slash == std::string::npos ? 0 : slash + 1), ".data");
                 }
                 const std::string bytes = encode(safe, external);
                 if (!external.location.empty())
                   write_file(cat(request.path, ".data"), std::string_view(external.bytes));
                 write_file(request.path, std::string_view(bytes));
               });
}

}  // namespace hone::onnx

#include "formats/onnx/census.h"

#include "base/error.h"
#include "base/text.h"
#include "formats/onnx/proto.h"

namespace hone::onnx {

namespace {

constexpr int kDeepest = 64;

struct Counter {
  const Decoder& decoder;
  Census found;

  void count(const std::vector<NodeProto>& nodes, int depth) {
    if (depth > kDeepest) throw resource_error(cat("onnx: graphs are nested deeper than ", kDeepest));
    for (const NodeProto& node : nodes) {
      const bool is_standard = node.domain.empty() || node.domain == "ai.onnx";
      ++found[is_standard ? std::string(node.op_type) : cat(node.domain, ".", node.op_type)];
      for (const AttributeProto& attribute : node.attributes)
        for (const std::string_view graph : attribute.graphs) count(decoder.graph(graph).nodes, depth + 1);
    }
  }
};

}  // namespace

Census count_operators(const ReadRequest& request) {
  const std::string_view bytes(reinterpret_cast<const char*>(request.bytes.data()), request.bytes.size());
  const Decoder decoder(bytes);
  const ModelProto model = decoder.model(bytes);
  Counter counter{decoder, {}};
  if (model.graph) counter.count(decoder.graph(*model.graph).nodes, 0);
  for (const std::string_view function : model.functions) counter.count(decoder.function(function).nodes, 0);
  return counter.found;
}

}  // namespace hone::onnx

#include "formats/onnx/reader.h"

#include <new>
#include <stdexcept>

#include "base/error.h"
#include "base/text.h"
#include "formats/onnx/graph_reader.h"
#include "formats/onnx/qdq.h"

namespace hone::onnx {

namespace {

void check_versions(const ModelProto& model) {
  if (model.opsets.empty() && model.ir_version >= 3) throw invalid_model("onnx: the model imports no operator set");
  for (const OpsetImport& import : model.opsets) {
    if (!is_onnx_domain(import.domain)) continue;
    if (import.version < 1 || import.version > kNewestOpset) {
      throw unsupported(cat("onnx: operator set ", import.version, ", hone reads 7 to ", kNewestOpset),
                        "convert the model with onnx.version_converter or export it again");
    }
  }
}

void copy_metadata(const ModelProto& model, Graph& graph) {
  for (const auto& [key, value] : model.metadata) graph.metadata[std::string(key)] = std::string(value);
  if (!model.producer.empty() && !graph.metadata.contains("producer"))
    graph.metadata["producer"] = cat(model.producer, model.producer_version.empty() ? "" : " ", model.producer_version);
}

}  // namespace

namespace {

Graph read_bytes(const ReadRequest& request) {
  const std::string_view bytes(reinterpret_cast<const char*>(request.bytes.data()), request.bytes.size());
  const Decoder decoder(bytes);
  const ModelProto proto = decoder.model(bytes);
  if (!proto.graph)
    throw invalid_model("onnx: the file holds no graph", "is this an ONNX model? hone tells by content and name");
  check_versions(proto);
  ModelReader model(proto, decoder, TensorReader(decoder, request.path, request.owner));
  Graph graph = model.read_main(*proto.graph);
  copy_metadata(proto, graph);
  fold_qdq(graph);
  graph.remove_dead();
  return graph;
}

}  // namespace

Graph read_model(const ReadRequest& request) {
  return with_context([&] { return cat("while importing '", request.path, "'"); },
                      [&] {
                        try {
                          return read_bytes(request);
                        } catch (const std::bad_alloc&) {
                          throw resource_error("onnx: the model asks for more memory than there is");
                        } catch (const std::logic_error& e) {
                          throw invalid_model(cat("onnx: the model breaks a rule the reader relies on: ", e.what()));
                        }
                      });
}

}  // namespace hone::onnx

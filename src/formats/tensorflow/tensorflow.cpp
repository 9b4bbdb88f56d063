#include "formats/tensorflow/tensorflow.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "formats/tensorflow/graph_reader.h"

namespace hone {

namespace {

using namespace tensorflow;

constexpr std::string_view kExtensions[] = {".pb"};
constexpr std::string_view kSavedModel = "saved_model.pb", kDefaultSignature = "serving_default";

bool sniff(const ModelSource& source) { return source.has(kSavedModel) || source.path.ends_with(kSavedModel); }

/// Open sizes become symbols, as in the other formats.
Shape named_shape(Shape shape, size_t number) {
  if (!shape.has_rank()) return shape;
  for (int64_t i = 0; i < shape.rank(); ++i)
    if (!shape[i].is_known())
      shape[i] = Dim(cat(i == 0 ? std::string("batch") : cat("d", i), number ? cat("_", number) : ""));
  return shape;
}

const MetaGraph& choose_graph(const std::vector<MetaGraph>& graphs, std::vector<std::string> tags) {
  if (tags.empty()) tags = {"serve"};
  std::sort(tags.begin(), tags.end());
  std::string known;
  for (const MetaGraph& graph : graphs) {
    std::vector<std::string> own = graph.tags;
    std::sort(own.begin(), own.end());
    if (own == tags) return graph;
    known += cat(known.empty() ? "" : "; ", join(own, ","));
  }
  if (graphs.empty()) throw invalid_model("a SavedModel without a graph");
  throw not_found(cat("no graph has the tags ", join(tags, ",")), cat("choose one with --tag-set: ", known));
}

const Signature& choose_signature(const MetaGraph& graph, const std::string& wanted) {
  std::vector<std::string> names;
  for (const auto& [name, signature] : graph.signatures)
    if (!name.starts_with("__")) names.push_back(name);
  std::string name = wanted.empty() ? std::string(kDefaultSignature) : wanted;
  if (wanted.empty() && names.size() == 1) name = names.front();
  const auto found = graph.signatures.find(name);
  if (found == graph.signatures.end())
    throw not_found(cat("no signature is called '", name, "'"),
                    names.empty() ? "" : cat("choose one with --signature: ", join(names, ", ")));
  return found->second;
}

Graph read_saved(const ReadRequest& request) {
  if (!request.has(kSavedModel))
    throw invalid_argument(cat("'", request.path, "' is a part of a SavedModel"), "give the folder that it lies in");
  const Bytes file = request.open(std::string(kSavedModel));
  const std::vector<MetaGraph> graphs = read_saved_model(file.text());
  const MetaGraph& meta = choose_graph(graphs, request.options.tags);
  const Signature& signature = choose_signature(meta, request.options.signature);
  const GraphDef def = read_graph_def(meta.graph);
  const Checkpoint variables(request);
  std::vector<GraphReader::Port> inputs, outputs;
  for (const auto& [name, info] : signature.inputs)
    inputs.push_back(
        {name, std::string(info.name), {dtype_of(info.type), named_shape(info.shape, inputs.size()), nullptr}});
  for (const auto& [name, info] : signature.outputs) outputs.push_back({name, std::string(info.name), {}});
  return GraphReader(def, variables, file.owner).read(inputs, outputs);
}

/// Placeholders are the inputs, what nobody takes the outputs.
Graph read_frozen(const ReadRequest& request) {
  const GraphDef def = read_graph_def(request.text());
  std::set<std::string_view> used;
  for (const NodeDef& node : def.nodes)
    for (const std::string_view input : node.inputs) used.insert(input.substr(0, input.find(':')));
  std::vector<GraphReader::Port> inputs, outputs;
  for (const NodeDef& node : def.nodes) {
    const std::string name(node.name);
    if (node.op == "Placeholder") {
      const auto shape = node.attributes.find("shape"), type = node.attributes.find("dtype");
      if (type == node.attributes.end()) throw invalid_model(cat("input '", name, "' has no type"));
      TensorType port{dtype_of(type->second.type()), Shape::unranked(), nullptr};
      if (shape != node.attributes.end()) port.shape = named_shape(read_shape(shape->second.shape()), inputs.size());
      if (const auto given = request.options.shapes.find(name); given != request.options.shapes.end())
        port.shape = Shape(given->second);
      inputs.push_back({name, name, std::move(port)});
    } else if (!used.contains(node.name) && node.op != "NoOp" && node.op != "Assert" && node.op != "Const") {
      outputs.push_back({name, name, {}});
    }
  }
  if (outputs.empty()) throw invalid_model("a graph without outputs", "is this a TensorFlow GraphDef?");
  ModelSource nothing{.path = request.path};
  return GraphReader(def, Checkpoint(nothing), request.owner).read(inputs, outputs);
}

Graph read(const ReadRequest& request) {
  return with_context([&] { return cat("while importing '", request.path, "'"); },
                      [&] { return sniff(request) ? read_saved(request) : read_frozen(request); });
}

}  // namespace

constinit const Format kTensorflowFormat{.name = "tensorflow", .extensions = kExtensions, .sniff = sniff, .read = read};

}  // namespace hone

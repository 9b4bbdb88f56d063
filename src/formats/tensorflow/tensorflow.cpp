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

/// "x" of "x:0": what GraphDefs call a node's first output.
std::string node_name(const std::string& tensor) {
  return tensor.ends_with(":0") ? tensor.substr(0, tensor.size() - 2) : tensor;
}

/// Those of a signature's `ports` that `wanted` names, by the signature's words or the graph's; all when it names none.
std::vector<GraphReader::Port> chosen(std::vector<GraphReader::Port> ports, const std::vector<std::string>& wanted,
                                      std::string_view what) {
  if (wanted.empty()) return ports;
  std::vector<GraphReader::Port> out;
  std::vector<std::string> names;
  for (const GraphReader::Port& port : ports) names.push_back(cat(port.name, " (", port.value, ")"));
  for (const std::string& name : wanted) {
    const auto found = std::find_if(ports.begin(), ports.end(), [&](const GraphReader::Port& port) {
      return port.name == name || node_name(port.value) == node_name(name);
    });
    if (found == ports.end())
      throw not_found(cat("the signature has no ", what, " '", name, "', it has ", join(names, ", ")));
    out.push_back(*found);
    out.back().name = node_name(name);
  }
  return out;
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
  return GraphReader(def, variables, file.owner)
      .read(chosen(std::move(inputs), request.options.inputs, "input"),
            chosen(std::move(outputs), request.options.outputs, "output"));
}

/// The graph's input at `node`: a Placeholder, or any other node in whose place the input stands.
GraphReader::Port input_port(const NodeDef& node, const ReadOptions& options, size_t number) {
  const std::string name(node.name);
  const auto shape = node.attributes.find("shape");
  const bool is_placeholder = node.op == "Placeholder";
  const auto type = node.attributes.find(is_placeholder || !node.attributes.contains("T") ? "dtype" : "T");
  if (type == node.attributes.end()) throw invalid_model(cat("input '", name, "' has no type"));
  TensorType port{dtype_of(type->second.type()), Shape::unranked(), nullptr};
  if (is_placeholder && shape != node.attributes.end())
    port.shape = named_shape(read_shape(shape->second.shape()), number);
  if (const auto given = options.shapes.find(name); given != options.shapes.end()) port.shape = Shape(given->second);
  if (!is_placeholder && !port.shape.has_rank())
    throw invalid_argument(cat("the file does not say which shape '", name, "' has"),
                           cat("add --shape ", name, "=DIMS"));
  return {name, name, std::move(port)};
}

/// What the caller names; else Placeholders are the inputs, what nobody takes the outputs.
Graph read_frozen(const ReadRequest& request) {
  const GraphDef def = read_graph_def(request.text());
  std::set<std::string_view> used;
  for (const NodeDef& node : def.nodes)
    for (const std::string_view input : node.inputs) used.insert(input.substr(0, input.find(':')));
  const ReadOptions& options = request.options;
  std::map<std::string_view, const NodeDef*> nodes;
  for (const NodeDef& node : def.nodes) nodes.emplace(node.name, &node);
  std::vector<GraphReader::Port> inputs, outputs;
  const auto named = [&](const std::string& tensor) -> const NodeDef& {
    const auto found = nodes.find(node_name(tensor));
    if (found != nodes.end()) return *found->second;
    std::vector<std::string> names;
    for (const auto& [name, node] : nodes) names.emplace_back(name);
    const std::string near = nearest(tensor, names);
    throw not_found(cat("the graph has no node '", tensor, "'"), near.empty() ? "" : cat("did you mean '", near, "'?"));
  };
  for (const std::string& tensor : options.inputs) inputs.push_back(input_port(named(tensor), options, inputs.size()));
  for (const std::string& tensor : options.outputs)
    outputs.push_back(
        {node_name(tensor), tensor.find(':') == std::string::npos ? std::string(named(tensor).name) : tensor, {}});
  for (const NodeDef& node : def.nodes) {
    if (node.op == "Placeholder") {
      if (options.inputs.empty()) inputs.push_back(input_port(node, options, inputs.size()));
    } else if (options.outputs.empty() && !used.contains(node.name) && node.op != "NoOp" && node.op != "Assert" &&
               node.op != "Const") {
      outputs.push_back({std::string(node.name), std::string(node.name), {}});
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

constinit const Format kTensorflowFormat{
    .name = "tensorflow", .extensions = kExtensions, .sniff = sniff, .read = read, .can_cut = true};

}  // namespace hone

#include "formats/onnx/graph_reader.h"

#include <unordered_set>

#include "base/text.h"
#include "formats/onnx/kernels.h"
#include "formats/onnx/node_order.h"
#include "ops/control.h"
#include "ops/movement.h"
#include "ops/unary.h"

namespace hone::onnx {

namespace {

std::string display_name(const NodeProto& node) {
  if (!node.name.empty()) return std::string(node.name);
  return node.outputs.empty() ? std::string(node.op_type) : std::string(node.outputs[0]);
}

TensorType type_of(const ValueInfoProto& info) {
  if (info.kind != ValueInfoProto::kTensor) {
    const char* const kinds[] = {"of no type", "a sequence", "a sequence", "an optional", "a map", "a sparse tensor"};
    throw unsupported(cat("onnx: '", info.name, "' is ", kinds[info.kind], ", expected a tensor"));
  }
  const auto dtype = dtype_of(info.elem_type);
  if (!dtype) throw unsupported(cat("onnx: '", info.name, "' has elements of ", data_type_name(info.elem_type)));
  return {*dtype, info.shape, nullptr};
}

}  // namespace

bool is_onnx_domain(std::string_view domain) { return domain.empty() || domain == "ai.onnx"; }

ModelReader::ModelReader(const ModelProto& proto, const Decoder& decoder, TensorReader tensors)
    : proto_(proto), decoder_(decoder), tensors_(std::move(tensors)) {
  for (const std::string_view bytes : proto.functions) {
    FunctionProto function = decoder.function(bytes);
    functions_.emplace(std::pair{function.domain, function.name}, std::move(function));
  }
}

const FunctionProto* ModelReader::find_function(std::string_view domain, std::string_view name) {
  if (functions_.empty()) return nullptr;
  const auto it = functions_.find({domain, name});
  return it == functions_.end() ? nullptr : &it->second;
}

void ModelReader::spend_node() {
  if (--nodes_left_ < 0)
    throw resource_error(cat("onnx: functions add more than ", kMaxInlinedNodes, " nodes when they are inlined"));
}

Graph ModelReader::read_main(std::string_view graph_bytes) {
  Scope scope;
  scope.opsets = proto_.opsets;
  return GraphReader(*this, std::move(scope)).read(graph_bytes);
}

int64_t Scope::opset(std::string_view domain) const {
  for (const OpsetImport& import : opsets)
    if (import.domain == domain || (is_onnx_domain(domain) && is_onnx_domain(import.domain))) return import.version;
  return 1;
}

/// Subgraphs of nodes that stand in `scope` of `reader`.
class ScopeSubgraphs : public SubgraphReader {
 public:
  ScopeSubgraphs(GraphReader& reader, const Scope& scope) : reader_(reader), scope_(scope) {}

  std::vector<std::string_view> free_names(std::string_view bytes) override {
    return onnx::free_names(reader_.model_.decoder(), bytes, scope_.depth);
  }

  ValueId outer(std::string_view name) override {
    const auto it = scope_.names.find(name);
    if (it == scope_.names.end()) throw invalid_model(cat("onnx: subgraph uses '", name, "', which nothing defines"));
    return it->second;
  }

  Graph read_subgraph(const SubgraphRequest& request) override {
    Scope inner;
    inner.opsets = scope_.opsets;
    inner.arguments = scope_.arguments;
    inner.depth = scope_.depth + 1;
    if (inner.depth > kMaxDepth) throw invalid_model(cat("onnx: subgraphs are nested more than ", kMaxDepth, " deep"));
    return GraphReader(reader_.model_, std::move(inner)).read(request, scope_.names, reader_.graph_);
  }

  std::vector<TensorType> declared_inputs(std::string_view bytes) override {
    std::vector<TensorType> types;
    for (const ValueInfoProto& info : reader_.model_.decoder().graph(bytes).inputs) {
      const bool is_typed = info.kind == ValueInfoProto::kTensor && dtype_of(info.elem_type);
      types.push_back({is_typed ? *dtype_of(info.elem_type) : DType::kF32, info.shape, nullptr});
    }
    return types;
  }

 private:
  GraphReader& reader_;
  const Scope& scope_;
};

void GraphReader::read_constants(const GraphProto& proto) {
  for (const TensorProto& tensor : proto.initializers) {
    scope_.names[tensor.name] = graph_.add_constant(model_.tensors().read(tensor), std::string(tensor.name));
  }
  for (const SparseTensorProto& tensor : proto.sparse_initializers) {
    scope_.names[tensor.values.name] =
        graph_.add_constant(model_.tensors().read(tensor), std::string(tensor.values.name));
  }
}

void GraphReader::read_inputs(const GraphProto& proto, const std::vector<TensorType>* facts) {
  size_t i = 0;
  for (const ValueInfoProto& info : proto.inputs) {
    const TensorType* fact = facts && i < facts->size() ? &(*facts)[i] : nullptr;
    ++i;
    if (!fact && scope_.names.contains(info.name)) continue;  // an initializer with a default value
    scope_.names[info.name] = graph_.add_input(std::string(info.name), fact ? *fact : type_of(info));
  }
}

void GraphReader::read_outputs(const GraphProto& proto) {
  std::vector<ValueId> outputs;
  std::unordered_set<int32_t> seen;
  for (const ValueInfoProto& info : proto.outputs) {
    const auto it = scope_.names.find(info.name);
    if (it == scope_.names.end())
      throw invalid_model(cat("onnx: output '", info.name, "' is made by no node of graph '", proto.name, "'"));
    ValueId id = it->second;
    const bool is_made = graph_.producer(id) != nullptr && !graph_.value(id).constant.exists();
    if (!is_made || !seen.insert(id.index).second)
      id = graph_.add(Identity{}, {id}, {.output_name = std::string(info.name)});
    seen.insert(id.index);
    graph_.set_name(id, std::string(info.name));
    if (info.kind == ValueInfoProto::kTensor) apply_fact(info.name, id);
    outputs.push_back(id);
  }
  graph_.set_outputs(std::move(outputs));
}

Graph GraphReader::read(std::string_view bytes) {
  const GraphProto proto = model_.decoder().graph(bytes);
  graph_.name = std::string(proto.name);
  scope_.names.reserve(proto.nodes.size() + proto.initializers.size() + proto.inputs.size());
  for (const ValueInfoProto& info : proto.value_info) facts_[info.name] = &info;
  for (const ValueInfoProto& info : proto.outputs) facts_[info.name] = &info;
  read_constants(proto);
  read_inputs(proto, nullptr);
  read_nodes(proto.nodes, scope_);
  read_outputs(proto);
  return std::move(graph_);
}

Graph GraphReader::read(const SubgraphRequest& request, const NameMap& outer_names, const Graph& outer_graph) {
  const GraphProto proto = model_.decoder().graph(request.bytes);
  return with_context([&] { return cat("in subgraph '", proto.name, "'"); },
                      [&] {
                        graph_.name = std::string(proto.name);
                        read_constants(proto);
                        read_inputs(proto, &request.input_types);
                        for (const std::string_view name : request.captured) {
                          const Value& outer = outer_graph.value(outer_names.at(name));
                          scope_.names[name] = graph_.add_input(std::string(name), outer.type);
                        }
                        for (const std::string_view name : request.constants) {
                          const Value& outer = outer_graph.value(outer_names.at(name));
                          scope_.names[name] = graph_.add_constant(outer.constant, std::string(name));
                        }
                        read_nodes(proto.nodes, scope_);
                        read_outputs(proto);
                        return std::move(graph_);
                      });
}

void GraphReader::read_nodes(const std::vector<NodeProto>& nodes, Scope& scope) {
  for (const size_t i : order_of(model_.decoder(), nodes, scope.depth)) {
    const NodeProto& node = nodes[i];
    if (!scope.prefix.empty()) model_.spend_node();
    try {
      read_node(node, scope);
    } catch (Error& e) {
      const bool is_told = !e.frames().empty() && e.frames().back().starts_with("in node '");
      if (!is_told) {
        e.add_frame(
            cat("in node '", display_name(node), "' (onnx ", node.op_type, ", opset ", scope.opset(node.domain), ")"));
      }
      throw;
    }
  }
}

void GraphReader::read_node(const NodeProto& node, Scope& scope) {
  std::vector<ValueId> inputs;
  for (const std::string_view name : node.inputs) {
    if (name.empty()) {
      inputs.push_back({});
      continue;
    }
    const auto it = scope.names.find(name);
    if (it == scope.names.end()) {
      throw invalid_model(cat("onnx: nothing makes input '", name, "' before this node"),
                          "the model is incomplete, or its graph has a cycle");
    }
    inputs.push_back(it->second);
  }
  const size_t first_new_value = graph_.value_capacity();
  const FunctionProto* function = model_.find_function(node.domain, node.op_type);
  const std::vector<ValueId> results =
      function ? call_function(*function, node, scope, std::move(inputs)) : read_row(node, scope, std::move(inputs));
  bind(node, scope, results, first_new_value);
}

std::vector<ValueId> GraphReader::read_row(const NodeProto& node, Scope& scope, std::vector<ValueId> inputs) {
  const int64_t opset = scope.opset(node.domain);
  const Row* row = is_onnx_domain(node.domain)      ? find_reader(node.op_type, opset)
                   : node.domain == "com.microsoft" ? find_microsoft_reader(node.op_type)
                   : node.domain == kMlDomain       ? find_ml_reader(node.op_type)
                                                    : nullptr;
  if (!row) return add_opaque(node, scope, std::move(inputs), "");
  ScopeSubgraphs subgraphs(*this, scope);
  NodeReader reader({graph_, node, opset, inputs, model_.decoder(), model_.tensors(), subgraphs, scope.arguments});
  try {
    row->read(reader);
    return reader.results();
  } catch (const Error& e) {
    if (e.code() != ErrorCode::kUnsupported) throw;
    return add_opaque(node, scope, std::move(inputs), e.message());
  }
}

std::vector<ValueId> GraphReader::add_opaque(const NodeProto& node, const Scope& scope, std::vector<ValueId> inputs,
                                             std::string reason) {
  NodeSpec spec;
  spec.def = &Opaque::def;
  Opaque op{.format = "onnx",
            .domain = std::string(node.domain),
            .type = std::string(node.op_type),
            .version = scope.opset(node.domain),
            .payload = std::string(node.bytes),
            .reason = std::move(reason)};
  spec.inputs = std::move(inputs);
  spec.outputs = node.outputs.size();
  spec.name = display_name(node);
  spec.source = {"onnx", std::string(node.op_type), std::string(node.name), scope.opset(node.domain)};
  for (const std::string_view name : node.outputs) {
    const auto fact = facts_.find(name);
    const bool is_known = fact != facts_.end() && dtype_of(fact->second->elem_type);
    const TensorType type = is_known ? TensorType{*dtype_of(fact->second->elem_type), fact->second->shape, nullptr}
                                     : TensorType{DType::kF32, Shape::unranked(), nullptr};
    op.output_dtypes.emplace_back(to_string(type.dtype));
    spec.output_types.push_back(type);
  }
  spec.attrs = Attrs::of(std::move(op));
  const NodeId id = graph_.add(std::move(spec));
  return graph_.node(id).outputs;
}

std::vector<ValueId> GraphReader::call_function(const FunctionProto& function, const NodeProto& node, Scope& scope,
                                                std::vector<ValueId> inputs) {
  Scope inner;
  inner.opsets = function.opsets.empty() ? scope.opsets : function.opsets;
  inner.depth = scope.depth + 1;
  inner.prefix = cat(scope.prefix, display_name(node), "/");
  if (inner.depth > kMaxDepth) {
    throw invalid_model(
        cat("onnx: functions call each other more than ", kMaxDepth, " deep, the last being '", function.name, "'"));
  }
  AttributeMap arguments;
  for (const AttributeProto& attribute : function.defaults) arguments[attribute.name] = &attribute;
  for (const AttributeProto& attribute : node.attributes) {
    if (attribute.ref.empty()) {
      arguments[attribute.name] = &attribute;
    } else if (scope.arguments && scope.arguments->contains(attribute.ref)) {
      arguments[attribute.name] = scope.arguments->at(attribute.ref);
    }
  }
  inner.arguments = &arguments;
  for (size_t i = 0; i < function.inputs.size(); ++i)
    if (i < inputs.size() && inputs[i].exists()) inner.names[function.inputs[i]] = inputs[i];
  // An input that was not passed is as absent inside as it is outside.
  std::vector<NodeProto> nodes = function.nodes;
  for (size_t i = 0; i < function.inputs.size(); ++i) {
    if (i < inputs.size() && inputs[i].exists()) continue;
    for (NodeProto& body_node : nodes)
      for (std::string_view& name : body_node.inputs)
        if (name == function.inputs[i]) name = {};
  }
  read_nodes(nodes, inner);
  std::vector<ValueId> results;
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (i >= function.outputs.size())
      throw invalid_model(cat("onnx: function '", function.name, "' has no output ", static_cast<int64_t>(i)));
    const auto it = inner.names.find(function.outputs[i]);
    if (it == inner.names.end())
      throw invalid_model(cat("onnx: function '", function.name, "' does not make '", function.outputs[i], "'"));
    results.push_back(it->second);
  }
  return results;
}

void GraphReader::bind(const NodeProto& node, Scope& scope, const std::vector<ValueId>& results,
                       size_t first_new_value) {
  for (size_t i = 0; i < node.outputs.size() && i < results.size(); ++i) {
    const std::string_view name = node.outputs[i];
    if (name.empty()) continue;
    const ValueId id = results[i];
    if (!scope.names.emplace(name, id).second) throw invalid_model(cat("onnx: value '", name, "' is defined twice"));
    const bool is_new = static_cast<size_t>(id.index) >= first_new_value;
    if (!is_new) continue;
    graph_.set_name(id, cat(scope.prefix, name));
    if (i == 0 && graph_.value(id).producer.exists()) name_nodes(id, cat(scope.prefix, display_name(node)));
    if (scope.prefix.empty()) apply_fact(name, id);
  }
}

/// The node that computes takes the name; a Transpose that only brings its result back into ONNX's layout does not.
void GraphReader::name_nodes(ValueId result, const std::string& name) {
  const NodeId last = graph_.value(result).producer;
  const Node& node = graph_.node(last);
  const Node* inner = node.is<Transpose>() ? graph_.producer(node.inputs[0]) : nullptr;
  const bool is_wrapped = inner && inner->source.op == node.source.op && inner->source.name == node.source.name &&
                          node.source.op != "Transpose";
  if (!is_wrapped) return graph_.set_name(last, name);
  const ValueId computed = node.inputs[0];
  graph_.set_name(last, cat(name, "/channels_first"));
  graph_.set_name(computed, cat(graph_.value(result).name, "/channels_last"));
  graph_.set_name(graph_.value(computed).producer, name);
}

void GraphReader::apply_fact(std::string_view name, ValueId id) {
  const auto it = facts_.find(name);
  if (it == facts_.end() || it->second->kind != ValueInfoProto::kTensor) return;
  const Value& value = graph_.value(id);
  const Shape& fact = it->second->shape;
  if (value.constant.exists() || value.is_input || !fact.has_rank()) return;
  TensorType type = value.type;
  if (!type.shape.has_rank()) {
    type.shape = fact;
  } else if (compatible(type.shape, fact)) {
    for (int64_t d = 0; d < fact.rank(); ++d)
      if (!type.shape[d].is_known() && (fact[d].is_known() || type.shape[d].symbol().empty())) type.shape[d] = fact[d];
  }
  if (!(type == value.type)) graph_.set_type(id, std::move(type));
}

}  // namespace hone::onnx

#pragma once

#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "formats/onnx/node_reader.h"
#include "formats/onnx/rows.h"

namespace hone::onnx {

/// "" and "ai.onnx".
bool is_onnx_domain(std::string_view domain);

/// Nodes that function calls may add to a model: beyond it, functions are taken for ones that multiply each other.
inline constexpr int64_t kMaxInlinedNodes = 100'000;

/// What the graphs of one model share: functions, operator sets, the budget of nodes.
class ModelReader {
 public:
  ModelReader(const ModelProto& proto, const Decoder& decoder, TensorReader tensors);

  Graph read_main(std::string_view graph_bytes);

  const Decoder& decoder() const { return decoder_; }
  TensorReader& tensors() { return tensors_; }
  const FunctionProto* find_function(std::string_view domain, std::string_view name);
  /// Counts a node of a function's body against kMaxInlinedNodes.
  void spend_node();

 private:
  const ModelProto& proto_;
  const Decoder& decoder_;
  TensorReader tensors_;
  std::map<std::pair<std::string_view, std::string_view>, FunctionProto> functions_;
  int64_t nodes_left_ = kMaxInlinedNodes;
};

using NameMap = std::unordered_map<std::string_view, ValueId>;

/// Names, operator sets and attribute arguments in force where a node stands: a graph's body or a function's.
struct Scope {
  NameMap names;
  const Scope* outer = nullptr;  ///< of the graph this subgraph lies in, for captured values
  const Graph* outer_graph = nullptr;
  std::vector<OpsetImport> opsets;
  const AttributeMap* arguments = nullptr;
  std::string prefix;  ///< of value names, inside functions
  int depth = 0;       ///< of subgraphs and function calls

  int64_t opset(std::string_view domain) const;
};

/// Fills one hone Graph from a GraphProto.
class GraphReader {
 public:
  GraphReader(ModelReader& model, Scope scope) : model_(model), scope_(std::move(scope)) {}

  /// The model's own graph.
  Graph read(std::string_view bytes);
  /// A subgraph: `request` says what its inputs are.
  Graph read(const SubgraphRequest& request, const NameMap& outer_names, const Graph& outer_graph);

 private:
  friend class ScopeSubgraphs;

  void read_constants(const GraphProto& proto);
  void read_inputs(const GraphProto& proto, const std::vector<TensorType>* facts);
  void read_nodes(const std::vector<NodeProto>& nodes, Scope& scope);
  void read_outputs(const GraphProto& proto);
  void read_node(const NodeProto& node, Scope& scope);
  std::vector<ValueId> call_function(const FunctionProto& function, const NodeProto& node, Scope& scope,
                                     std::vector<ValueId> inputs);
  std::vector<ValueId> read_row(const NodeProto& node, Scope& scope, std::vector<ValueId> inputs);
  std::vector<ValueId> add_opaque(const NodeProto& node, const Scope& scope, std::vector<ValueId> inputs,
                                  std::string reason);
  void bind(const NodeProto& node, Scope& scope, const std::vector<ValueId>& results, size_t first_new_value);
  void name_nodes(ValueId result, const std::string& name);
  void apply_fact(std::string_view name, ValueId value);

  ModelReader& model_;
  Scope scope_;
  Graph graph_;
  std::unordered_map<std::string_view, const ValueInfoProto*> facts_;
};

}  // namespace hone::onnx

#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "formats/onnx/attribute_list.h"
#include "ir/graph.h"

namespace hone::onnx {

/// In which layout a value is spelled.
enum class Layout : uint8_t { plain, channels_first };

/// Where tensors beyond the size a protobuf message may have go: a file beside the model, filled in order.
struct ExternalData {
  std::string location;  ///< file name written into the model; empty: everything stays inside
  std::string bytes;
};

/// The operator set a file is being written in, and the newest one that something in it asked for. When that is newer,
/// what was written is void and the file is written again.
struct TargetOpset {
  int version;
  int needed;
  std::set<std::string_view> domains = {};  ///< further ones that nodes are of
};

/// Turns one hone graph into an encoded GraphProto. Every value has up to four names: in hone's layout and channels
/// first, as reals and as stored integers. Each is made when something asks for it, by a Transpose, QuantizeLinear or
/// DequantizeLinear of another: a chain of spatial operators never asks for the channels-last names and keeps no
/// Transpose.
class GraphWriter {
 public:
  GraphWriter(const Graph& graph, ExternalData& external, TargetOpset& target)
      : graph_(graph), external_(external), target_(target) {}
  /// For a subgraph: names of `outer` are not used again.
  GraphWriter(const Graph& graph, const GraphWriter& outer)
      : graph_(graph),
        external_(outer.external_),
        target_(outer.target_),
        used_(outer.used_),
        node_names_(outer.node_names_),
        types_(outer.types_) {}

  /// The model's own graph: inputs and outputs keep their names.
  std::string write();
  /// A subgraph: the first `formal` inputs are its own, the others the outer names in `captured`.
  std::string write_subgraph(size_t formal, const std::vector<std::string>& captured);
  /// The body of an ONNX Loop that does what a While with this body and `condition` does: both graphs take `states`
  /// state variables, then the values in `captured`.
  std::string write_loop_body(const Graph& condition, size_t states, const std::vector<std::string>& captured);

  const Graph& graph() const { return graph_; }
  int opset() const { return target_.version; }
  /// Says that the file must be in this operator set or a newer one.
  void needs(int opset) { target_.needed = std::max(target_.needed, opset); }

  /// Name of a value as reals (for a plain value: as it is) or as stored integers.
  std::string name(ValueId id, Layout layout = Layout::plain);
  std::string stored_name(ValueId id, Layout layout = Layout::plain);
  bool exists_in(ValueId id, Layout layout) const;
  /// Name under which the node now being written makes the reals of a value; finish_node quantizes them if need be.
  std::string define(ValueId id, Layout layout);
  /// Says that `id` in `layout` is what `source` is in `source_layout`.
  void alias(ValueId id, Layout layout, ValueId source, Layout source_layout);

  /// Says that the reals of `id` are what the stored integers of `source` stand for.
  void define_dequantized(ValueId id, ValueId source);

  std::string unique(std::string_view hint);
  /// `wanted` itself when it is a value's name that nothing has taken, else a unique one like it.
  std::string take(std::string_view wanted);
  std::string add_constant(const Tensor& tensor, std::string_view hint);
  /// Name of the reals of a constant in hone's layout, turned and read from its integers as need be.
  std::string write_constant(const Tensor& constant, const std::string& name, Layout layout);
  /// Adds a node. What ONNX Runtime has no kernel for is computed in a wider type, between Casts;
  /// throws Error(unsupported) when there is none.
  void emit(std::string_view op_type, std::string_view node_name, std::vector<std::string> inputs,
            std::vector<std::string> outputs, const AttributeList& attributes);
  /// The element type of a name that was made, if it is known.
  std::optional<DType> type_of(const std::string& name) const;
  void emit_raw(std::string node) { nodes_.push_back(std::move(node)); }
  /// QuantizeLinear of a real into the stored form of `id`.
  void emit_quantize(const std::string& real, ValueId id, Layout layout);

 private:
  struct Names {
    std::string real[2];    ///< by Layout
    std::string stored[2];  ///< of quantized values
  };

  void reserve_names();
  void write_nodes();
  void write_node(NodeId id);
  void finish_node(const Node& node);
  void bind_input(ValueId id);
  std::vector<std::string> bind_formal(size_t formal, const std::vector<std::string>& captured);
  std::vector<std::string> subgraph_outputs();
  std::string bind_output(ValueId id, std::string_view wanted);
  int64_t axis_in(int64_t axis, int64_t rank, Layout layout) const;
  std::string wanted_name(ValueId id, Layout layout);
  /// Emits `from`, a form of the value, in another layout, under the value's own name where it is what the name says.
  std::string transpose(const std::string& from, ValueId id, Layout to, bool is_value);
  void need_quantized(ValueId id);
  std::string emit_dequantize(ValueId id, Layout layout, const std::string& stored, std::string_view wanted);
  std::string unique_node(std::string_view wanted);
  void add_node(std::string_view op_type, std::string_view node_name, std::span<const std::string> inputs,
                std::span<const std::string> outputs, const AttributeList& attributes);
  std::string quantize_parameters(const QuantParams& quant, DType dtype, std::string* zero_point, bool is_bias);
  std::string encode(const std::vector<std::string>& inputs, const std::vector<std::string>& outputs);

  const Graph& graph_;
  ExternalData& external_;
  TargetOpset& target_;
  std::unordered_set<std::string> used_;
  std::unordered_set<std::string> node_names_;
  std::unordered_map<std::string, DType> types_;  ///< of names
  std::unordered_set<std::string> reserved_;      ///< value names of the model's own graph that are not yet taken
  std::map<int32_t, Names> names_;
  std::map<std::string, std::string> shared_constants_;  ///< scales and zero points by their bytes
  std::vector<std::pair<ValueId, Layout>> defined_;      ///< by the node now being written
  std::vector<std::string> nodes_, initializers_;
};

/// Encoded ValueInfoProto.
std::string encode_value_info(std::string_view name, const TensorType& type);

/// The shape of a value in another layout, and a permutation that leads there from hone's.
std::vector<int64_t> permutation(int64_t rank, Layout to);

}  // namespace hone::onnx

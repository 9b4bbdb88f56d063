#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "formats/onnx/proto.h"
#include "formats/onnx/tensor_io.h"
#include "ir/graph.h"

namespace hone::onnx {

/// Attributes a function call passes to the nodes of the function's body.
using AttributeMap = std::map<std::string_view, const AttributeProto*>;

/// A subgraph being read for a control operator: which of its inputs have which types.
struct SubgraphRequest {
  std::string_view bytes;                   ///< encoded GraphProto
  std::vector<TensorType> input_types;      ///< facts for the declared inputs, in their order
  std::vector<std::string_view> captured;   ///< names of outer values, appended as inputs in this order
  std::vector<std::string_view> constants;  ///< names of outer constants, repeated inside
};

/// What a row needs from the graph reader beyond the node: subgraphs.
class SubgraphReader {
 public:
  virtual ~SubgraphReader() = default;
  /// Names the graph uses but does not define, in order of first use.
  virtual std::vector<std::string_view> free_names(std::string_view graph_bytes) = 0;
  /// The outer value of a name. Throws Error(invalid_model) when there is none.
  virtual ValueId outer(std::string_view name) = 0;
  virtual Graph read_subgraph(const SubgraphRequest& request) = 0;
  /// Types the subgraph itself declares for its inputs.
  virtual std::vector<TensorType> declared_inputs(std::string_view graph_bytes) = 0;
};

/// One ONNX node on its way into the graph: a row's read function takes inputs and attributes from it, emits hone
/// nodes and says which value each output is. Accessors throw Error(invalid_model) when the node lacks what they want.
class NodeReader {
 public:
  struct Context {
    Graph& graph;
    const NodeProto& proto;
    int64_t opset;                ///< version of the node's domain
    std::vector<ValueId> inputs;  ///< none for absent ones
    const Decoder& decoder;
    TensorReader& tensors;
    SubgraphReader& subgraphs;
    const AttributeMap* arguments;  ///< of the enclosing function call, or null
  };
  explicit NodeReader(Context context) : c_(std::move(context)), results_(c_.proto.outputs.size()) {}

  Graph& graph() { return c_.graph; }
  int64_t opset() const { return c_.opset; }
  const NodeProto& proto() const { return c_.proto; }
  SubgraphReader& subgraphs() { return c_.subgraphs; }

  size_t input_count() const { return c_.inputs.size(); }
  size_t output_count() const { return c_.proto.outputs.size(); }
  bool has(size_t i) const { return i < c_.inputs.size() && c_.inputs[i].exists(); }
  bool wants(size_t i) const { return i < output_count() && !c_.proto.outputs[i].empty(); }
  ValueId in(size_t i) const;
  /// Input i, or none.
  ValueId maybe(size_t i) const { return has(i) ? c_.inputs[i] : ValueId{}; }
  const std::vector<ValueId>& inputs() const { return c_.inputs; }
  /// Throws Error(invalid_model) for an absent input.
  const TensorType& type(ValueId id) const { return c_.graph.type(present(id)); }
  /// Throws Error(unsupported) when the rank is not known.
  int64_t rank(ValueId id) const;
  bool has_rank(ValueId id) const { return type(id).shape.has_rank(); }
  /// The value of a constant; does not exist() for others.
  const Tensor& constant(ValueId id) const { return c_.graph.value(present(id)).constant; }
  /// Integers of a constant input; throws Error(unsupported) when it is computed at run time.
  std::vector<int64_t> constant_ints(size_t i) const;
  int64_t constant_int(size_t i) const;  ///< the same for one number

  const AttributeProto* find(std::string_view name) const;
  bool has_attr(std::string_view name) const { return find(name) != nullptr; }
  int64_t attr_int(std::string_view name, int64_t otherwise) const;
  int64_t attr_int(std::string_view name) const;  ///< required
  bool attr_bool(std::string_view name, bool otherwise) const { return attr_int(name, otherwise) != 0; }
  float attr_float(std::string_view name, float otherwise) const;
  std::string attr_string(std::string_view name, std::string_view otherwise) const;
  std::vector<int64_t> attr_ints(std::string_view name) const;  ///< empty when absent
  std::vector<float> attr_floats(std::string_view name) const;
  std::vector<std::string> attr_strings(std::string_view name) const;
  Tensor attr_tensor(std::string_view name) const;  ///< does not exist() when absent
  std::string_view attr_graph(std::string_view name) const;
  DType attr_dtype(std::string_view name, DType otherwise) const;

  /// Adds a node named after this one.
  template <class Op>
  ValueId emit(Op op, std::vector<ValueId> inputs) {
    return emit_node({.def = &Op::def, .attrs = Attrs::of(std::move(op)), .inputs = std::move(inputs)})[0];
  }
  template <class Op>
  std::vector<ValueId> emit_many(Op op, std::vector<ValueId> inputs, size_t outputs) {
    return emit_node(
        {.def = &Op::def, .attrs = Attrs::of(std::move(op)), .inputs = std::move(inputs), .outputs = outputs});
  }
  std::vector<ValueId> emit_node(NodeSpec spec);
  ValueId constant(Tensor tensor) { return c_.graph.add_constant(std::move(tensor)); }
  ValueId ints(std::vector<int64_t> values);
  ValueId scalar_like(ValueId like, double value);  ///< rank 0, dtype of `like`

  /// Says what output i is; one the node does not name is left out.
  void output(size_t i, ValueId value) {
    if (i < results_.size()) results_[i] = value;
  }
  /// Values of the outputs after the row has run; throws Error(invalid_model) when a wanted one was not made.
  const std::vector<ValueId>& results() const;

  /// x with axes permuted: a constant is permuted here, another value gets a Transpose.
  ValueId transposed(ValueId x, std::vector<int64_t> perm);
  /// [N, C, s…] → [N, s…, C] and back, for known ranks above 2; others are returned as they are.
  ValueId channels_last(ValueId x);
  ValueId channels_first(ValueId x);

 private:
  static ValueId present(ValueId id);

  Context c_;
  std::vector<ValueId> results_;
};

/// Elements moved so that out.dims[i] = x.dims[perm[i]]; bytes are shared when only axes of size 1 move.
Tensor transposed(const Tensor& x, const std::vector<int64_t>& perm);

/// [0, 2, …, rank−1, 1] and [0, rank−1, 1, …, rank−2].
std::vector<int64_t> to_channels_last_perm(int64_t rank);
std::vector<int64_t> to_channels_first_perm(int64_t rank);

}  // namespace hone::onnx

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "formats/onnx/attribute_list.h"
#include "ir/graph.h"

namespace hone::onnx {

class GraphWriter;

/// One hone node on its way into an ONNX graph: a row's write function asks for the names of its inputs and outputs and
/// emits ONNX nodes. Names come in two layouts: as hone has them, or channels first. Which one `in` and `out` mean is
/// decided once per node: rows of spatial operators and operators that can run in either layout call
/// use_channels_first.
class NodeWriter {
 public:
  NodeWriter(GraphWriter& writer, NodeId id, std::string_view op_name) : writer_(writer), id_(id), op_name_(op_name) {}

  const Graph& graph() const;
  const Node& node() const;
  template <class Op>
  const Op& op() const {
    return node().as<Op>();
  }
  size_t input_count() const { return node().inputs.size(); }
  size_t output_count() const { return node().outputs.size(); }
  bool has(size_t i) const { return node().input(i).exists(); }
  ValueId value(size_t i) const { return node().inputs.at(i); }
  const TensorType& type(size_t i) const { return graph().type(value(i)); }
  const TensorType& output_type(size_t i = 0) const { return graph().type(node().outputs.at(i)); }
  int64_t rank(size_t i) const;  ///< throws Error(unsupported) when not known
  int64_t output_rank(size_t i = 0) const;
  std::string_view op_name() const { return op_name_; }  ///< the row's ONNX operator
  /// The operator set being written: 17, or the newest one that a node of the model needs.
  int opset() const;
  /// Says that this node has no form before `opset`. What the row writes may then be for that operator set: if the file
  /// is in an older one it is written again.
  void needs(int opset);
  const Tensor& constant(size_t i) const { return graph().value(value(i)).constant; }
  /// Integers of a constant input; throws Error(unsupported) when it is computed at run time.
  std::vector<int64_t> constant_ints(size_t i) const;

  /// From here on `in` and `out` mean channels-first names.
  void use_channels_first() { is_first_ = true; }
  /// The same when input 0 exists in channels-first form anyway and every other input in `data` can follow; tells.
  bool try_channels_first(size_t data_inputs = 1);
  bool is_channels_first() const { return is_first_; }
  /// For Transpose: says that output 0 is input 0 in the other layout; false when the permutation is another one.
  bool alias_transpose();
  /// The axis of the layout in force for an axis of hone's.
  int64_t map_axis(int64_t axis, int64_t rank) const;

  /// Name of input i, "" when absent; of input i as hone lays it out, whatever the layout in force.
  std::string in(size_t i);
  std::string plain_in(size_t i);
  /// Name of any value made so far, as hone lays it out.
  std::string name_of(ValueId id);
  /// The same in another element type: constants are cast here.
  std::string plain_in_as(size_t i, DType dtype);
  /// The bytes that input i of an integer product is made of (integer_product.h), in the layout in force.
  std::string bytes_in(size_t i, ValueId stored, const Tensor& constant, bool is_turned);
  /// Input i with axes permuted; constants are permuted here.
  std::string transposed_in(size_t i, const std::vector<int64_t>& perm);
  /// Input i as stored integers (a quantized value) rather than as reals.
  std::string stored_in(size_t i);
  std::vector<std::string> all_in();
  /// Input i as i64, plain layout: shapes, axes and sizes that hone also takes as i32.
  std::string ints_in(size_t i);
  /// Name of output i in the layout in force, as reals; announces that the row makes it in this layout.
  std::string out(size_t i = 0);
  std::string plain_out(size_t i = 0);
  std::string stored_out(size_t i = 0);
  /// Names of all outputs in the layout in force.
  std::vector<std::string> all_out();

  std::string constant(const Tensor& tensor, std::string_view hint);
  std::string ints(std::vector<int64_t> values, std::string_view hint);
  std::string scalar(DType dtype, double value, std::string_view hint);
  std::string temp(std::string_view hint);

  void emit(std::string_view op_type, std::vector<std::string> inputs, std::vector<std::string> outputs,
            const AttributeList& attributes = {});
  /// Emits an operator and the clamp that follows it, into output 0. A clamp that storing the output as integers does
  /// anyway is left out: ONNX Runtime's optimizer trips over it.
  void emit_clamped(std::string_view op_type, std::vector<std::string> inputs, const AttributeList& attributes,
                    float act_min, float act_max);
  /// Emits QuantizeLinear of a real with the parameters of output i, in the layout in force.
  void emit_quantize(const std::string& real, size_t i);
  /// For Dequantize: says that output 0 is the reals of input 0.
  void define_dequantized();
  /// For Reshape: says that output 0 is input 0 in the other layout when only axes of one element differ; tells.
  bool alias_reshape();
  /// Input 0 in whichever layout it exists when both hold the elements in the same order.
  std::string any_order_in();
  /// Emits an Opaque node of this format again, attributes as they were.
  void emit_opaque();
  /// Encoded GraphProto of subgraph k whose inputs from `formal` on are this node's inputs from `captured` on.
  std::string subgraph(size_t k, size_t formal, size_t captured);
  /// The body of a Loop that stands for this While.
  std::string while_body(size_t states);

 private:
  GraphWriter& writer_;
  NodeId id_;
  std::string_view op_name_;
  bool is_first_ = false;
};

/// Writes a node whose attributes have ONNX's names and meanings; inputs in the same order.
void write_same(NodeWriter& w);

/// Adds one field under its own name: enumerations as text, dtypes as ONNX numbers.
void add_field(AttributeList& attributes, const FieldInfo& field, const void* op);

/// All fields of the node's attributes under their own names.
AttributeList same_attributes(const Node& node);

}  // namespace hone::onnx

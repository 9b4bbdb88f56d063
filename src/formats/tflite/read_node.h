#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "formats/tflite/schema.h"
#include "ir/graph.h"

namespace hone::tflite {

class SubgraphReader;

/// The clamp a fused activation stands for, and what it needs beyond a clamp.
struct FusedActivation {
  float min = -std::numeric_limits<float>::infinity();
  float max = std::numeric_limits<float>::infinity();
  bool is_tanh = false;
};
/// Throws Error(unsupported) for SIGN_BIT and Error(invalid_model) for values outside the enumeration.
FusedActivation fused_activation(fb::Activation activation);

/// "CONV_2D" or a custom operator's own name.
struct OperatorName {
  std::string text;
  int32_t version = 1;
  bool is_custom = false;
};

/// One operator of the file, as the read function of its row sees it. Input and output numbers are those of TFLite's
/// operator. Everything it throws is framed with the operator's name and place by the reader.
class ReadNode {
 public:
  ReadNode(SubgraphReader& reader, const fb::OperatorT& op, OperatorName name);

  size_t input_count() const { return op_.inputs.size(); }
  size_t output_count() const { return op_.outputs.size(); }
  bool has(size_t i) const { return i < op_.inputs.size() && op_.inputs[i] >= 0; }
  /// Value of input i. Throws Error(invalid_model) when it is absent.
  ValueId in(size_t i);
  /// Whether input i holds complex numbers; `complex_in` gives them as f32[…,2], `in` throws Error(unsupported).
  bool is_complex(size_t i) const;
  ValueId complex_in(size_t i);
  /// Value of input i, or none when it is absent.
  ValueId optional(size_t i) { return has(i) ? in(i) : ValueId{}; }
  const TensorType& type(size_t i);
  /// Static rank of input i. Throws Error(unsupported) when unknown.
  int64_t rank(size_t i);
  bool is_constant(size_t i);
  /// Constant value of input i. Throws Error(unsupported) when it is known only at run time.
  const Tensor& constant(size_t i);
  std::vector<int64_t> ints(size_t i);
  /// Type of output j as the file declares it.
  const TensorType& out_type(size_t j) const;
  /// Quantization of intermediate tensor k, null when there is none.
  QuantPtr intermediate_quant(size_t k) const;
  int32_t version() const { return version_; }
  const std::string& name() const { return op_name_; }
  const fb::OperatorT& raw() const { return op_; }
  Graph& graph();
  /// Counts work against the file's budget. Throws Error(resource).
  void spend(uint64_t units);

  /// Options of the operator, or their defaults when the file has none.
  template <class Options>
  Options options() const {
    if (op_.builtin_options.type != fb::BuiltinOptionsUnionTraits<Options>::enum_value || !op_.builtin_options.value)
      return Options();
    return *static_cast<const Options*>(op_.builtin_options.value);
  }

  /// Adds the node that makes the outputs 0 … n−1 of this operator, stored as the file declares them.
  template <class Op>
  void emit(Op op, std::vector<ValueId> inputs, size_t outputs = 1) {
    emit_spec(Op::def, Attrs::of(std::move(op)), std::move(inputs), outputs);
  }
  /// The same for operators with act_min and act_max; an activation that is no clamp becomes a node of its own.
  template <class Op>
  void emit_activated(Op op, fb::Activation activation, std::vector<ValueId> inputs) {
    const FusedActivation fused = fused_activation(activation);
    op.act_min = fused.min;
    op.act_max = fused.max;
    if (!fused.is_tanh) return emit(std::move(op), std::move(inputs));
    emit_tanh(temp(std::move(op), std::move(inputs)));
  }
  /// Adds an intermediate node; returns its first output, plain unless the operator moves quantized data or `type` says
  /// otherwise.
  template <class Op>
  ValueId temp(Op op, std::vector<ValueId> inputs) {
    return temp_spec(Op::def, Attrs::of(std::move(op)), std::move(inputs), nullptr);
  }
  template <class Op>
  ValueId temp(Op op, std::vector<ValueId> inputs, const TensorType& type) {
    return temp_spec(Op::def, Attrs::of(std::move(op)), std::move(inputs), &type);
  }
  void emit_spec(const OpDef& def, Attrs attrs, std::vector<ValueId> inputs, size_t outputs,
                 std::vector<Graph> subgraphs = {});
  /// Makes output j of this operator an existing value.
  void bind(size_t j, ValueId value);
  bool is_bound() const { return is_bound_; }

  ValueId add_constant(Tensor value, const char* suffix = "const");
  ValueId add_ints(const std::vector<int64_t>& values, const char* suffix = "ints");
  /// Input i, a list of integers or a single one, as i64[n]: a converted constant, or a Cast.
  ValueId list_i64(size_t i);
  /// Input i, a single element, as a scalar of the same type.
  ValueId scalar(size_t i);
  /// Input i with dims permuted: a permuted constant, or a Transpose node.
  ValueId permuted(size_t i, const std::vector<int64_t>& perm);

  /// Keeps this operator as an Opaque node with its encoded options; `reason` says why hone does not take one it knows
  /// by name.
  void opaque(std::string reason = {});
  /// Adds a node whose outputs behind the first are what the variables at inputs `kept` of this operator become;
  /// returns output 0, stored as this operator's.
  template <class Op>
  ValueId add_keeping(Op op, std::vector<ValueId> inputs, std::vector<size_t> kept) {
    return keeping_spec(Op::def, Attrs::of(std::move(op)), std::move(inputs), kept);
  }
  /// Of resources, which stand at input or output i: see SubgraphReader.
  void name_resource(size_t i, std::string key);
  ValueId read_resource(size_t i, const TensorType& type);
  void assign_resource(size_t i, ValueId value);
  void run_once(int32_t subgraph);
  /// The file's subgraph `index` as a graph of its own.
  Graph subgraph(int64_t index);

 private:
  QuantPtr passed_quant(const NodeSpec& spec);
  ValueId restored(ValueId value, size_t j);
  ValueId keeping_spec(const OpDef& def, Attrs attrs, std::vector<ValueId> inputs, const std::vector<size_t>& kept);
  ValueId temp_spec(const OpDef& def, Attrs attrs, std::vector<ValueId> inputs, const TensorType* type);
  void emit_tanh(ValueId x);
  int32_t index_of(size_t i) const;
  Source source() const;
  std::string output_name(size_t j) const;
  SubgraphReader& reader_;
  const fb::OperatorT& op_;
  std::string op_name_;
  int32_t version_ = 1;
  bool is_custom_ = false;
  bool is_bound_ = false;
};

}  // namespace hone::tflite

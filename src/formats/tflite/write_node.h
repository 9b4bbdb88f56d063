#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "formats/tflite/schema.h"
#include "ir/graph.h"

namespace hone::tflite {

class SubgraphWriter;

/// Index of a tensor of the subgraph being written; −1 for an absent optional input.
using TensorIndex = int32_t;

/// In which numbers a node is written: on values as they are stored, or, where TFLite has no such kernel, on real
/// numbers between DEQUANTIZE and QUANTIZE. The second is what quantized operators mean by definition.
enum class Form { kStored, kReal };

/// One node of the graph, as the write function of a row sees it. It asks for tensors and emits operators; throwing
/// Error(unsupported) puts the node on the list of those TFLite cannot express.
class WriteNode {
 public:
  WriteNode(SubgraphWriter& writer, NodeId id, Form form = Form::kStored);

  const Node& node() const;
  const Graph& graph() const;
  template <class Op>
  const Op& as() const {
    return node().as<Op>();
  }
  size_t input_count() const { return node().inputs.size(); }
  size_t output_count() const { return node().outputs.size(); }
  bool has(size_t i) const { return node().input(i).exists(); }
  const TensorType& type(size_t i) const;
  const TensorType& out_type(size_t j = 0) const;
  /// Static dims of input i or output j. Throws Error(unsupported) when they are not known.
  Dims dims(size_t i) const;
  Dims out_dims(size_t j = 0) const;
  /// One size of input i or output j. Throws Error(unsupported) when it is not known.
  int64_t dim(size_t i, int64_t axis) const;
  int64_t out_dim(size_t j, int64_t axis) const;
  int64_t rank(size_t i) const;
  bool is_constant(size_t i) const;
  /// Constant value of input i. Throws Error(unsupported) when it is known only at run time.
  const Tensor& constant(size_t i) const;
  std::vector<int64_t> ints(size_t i) const;
  bool is_used(size_t j) const;

  TensorIndex in(size_t i);
  TensorIndex optional(size_t i) { return has(i) ? in(i) : -1; }
  /// Input i as i32: a converted constant, or a CAST before it.
  TensorIndex in_i32(size_t i);
  TensorIndex out(size_t j = 0);
  TensorIndex add_constant(Tensor value, const char* suffix = "const");
  /// A constant of type i32[n].
  TensorIndex add_ints(const std::vector<int64_t>& values, const char* suffix = "ints");
  TensorIndex add_scalar(float value, const char* suffix = "scalar");
  /// The variable in which the kernel of this node keeps what input i is at first: that of a state of the graph, or one
  /// that is given the input's value anew before each run. `type` may lay the input out otherwise; an absent input is
  /// zero.
  TensorIndex kept(size_t i, const TensorType& type);
  TensorIndex kept(size_t i) { return kept(i, type(i)); }
  /// Output j is what the variable holds after the node, where somebody wants it.
  void hand_on(TensorIndex variable, size_t j);
  /// A tensor between two operators that stand for one node.
  TensorIndex temp(TensorType type, const char* suffix = "temp");
  const TensorType& type_of(TensorIndex tensor) const;

  /// Appends an operator.
  void emit(fb::BuiltinOperator code, int32_t version, std::vector<TensorIndex> inputs,
            std::vector<TensorIndex> outputs);
  template <class Options>
  void emit(fb::BuiltinOperator code, int32_t version, Options options, std::vector<TensorIndex> inputs,
            std::vector<TensorIndex> outputs) {
    fb::OperatorT op;
    op.builtin_options.Set(std::move(options));
    emit_operator(code, version, {}, std::move(op), std::move(inputs), std::move(outputs));
  }
  void emit_custom(const std::string& name, int32_t version, std::vector<uint8_t> options,
                   std::vector<TensorIndex> inputs, std::vector<TensorIndex> outputs);
  void emit_operator(fb::BuiltinOperator code, int32_t version, const std::string& custom, fb::OperatorT op,
                     std::vector<TensorIndex> inputs, std::vector<TensorIndex> outputs);

  /// Appends an operator with a fused activation min … max that makes `to`. A clamp TFLite cannot fuse becomes MAXIMUM
  /// and MINIMUM behind it.
  template <class Options>
  void emit_activated(fb::BuiltinOperator code, int32_t version, Options options, float min, float max,
                      std::vector<TensorIndex> inputs, TensorIndex to) {
    fb::Activation activation = fb::Activation::NONE;
    const bool is_fused = find_activation(min, max, activation);
    options.fused_activation_function = activation;
    const TensorIndex direct = is_fused ? to : temp(type_of(to), "unclamped");
    emit(code, version, std::move(options), std::move(inputs), {direct});
    if (!is_fused) clamp(direct, to, min, max);
  }
  /// Whether a complex tensor of the file stands for input i, and that tensor.
  bool is_complex(size_t i) const;
  TensorIndex complex_in(size_t i) const;
  /// A complex tensor stands for output j.
  void bind_complex(size_t j, TensorIndex tensor);
  /// A complex tensor between two operators; `shape` without the axis of parts.
  TensorIndex complex_temp(const Shape& shape, const char* suffix);
  /// `from` in the dims of a value `to` with its axis of parts.
  TensorIndex complex_reshaped(TensorIndex from, const Shape& to);
  /// The tensor of any value of the graph.
  TensorIndex tensor_of(ValueId id);
  /// to = min(max(from, min), max) by a single operator where TFLite has it.
  void clamp(TensorIndex from, TensorIndex to, float min, float max);
  /// `from` in the storage of `to`: itself, or a QUANTIZE of it where `to` is quantized in another way. For operators
  /// whose kernels compare stored integers.
  TensorIndex stored_as(TensorIndex from, const TensorType& to);
  /// The dims of output 0 as i32[rank]: a constant, or with what only input i knows at run time, axis by axis. The
  /// first `shared` axes are the input's by definition, whatever inference can say of them.
  TensorIndex out_shape_from(size_t i, int64_t shared = 0);
  /// to = from in other dims with the same elements.
  void reshape(TensorIndex from, TensorIndex to);
  void transpose(TensorIndex from, TensorIndex to, const std::vector<int64_t>& perm);
  /// to = from in another plain type. Float16 constants are widened when the model is loaded: the runtime's DEQUANTIZE.
  void emit_cast(TensorIndex from, TensorIndex to, bool is_constant);
  /// Input i with permuted dims: a permuted constant (if need be behind a CAST), or a TRANSPOSE before it.
  TensorIndex permuted(size_t i, const std::vector<int64_t>& perm);

  /// to: f32 = the real numbers of a quantized tensor.
  void dequantize(TensorIndex from, TensorIndex to);

  /// The index of a subgraph of this node in the file.
  int32_t subgraph(size_t i);
  /// Stores results that were written as real numbers: to be called when a row has written the node.
  void finish();

 private:
  static bool find_activation(float min, float max, fb::Activation& activation);
  std::string name_for(const char* suffix) const;

  bool is_real(ValueId id) const;
  TensorIndex real_constant(Tensor stored, const char* name);
  TensorIndex zero_of_run();
  void transpose_folded(TensorIndex from, TensorIndex to, const std::vector<int64_t>& perm);

  SubgraphWriter& writer_;
  NodeId id_;
  Form form_;
  std::vector<TensorType> real_inputs_, real_outputs_;  ///< types in real form
  std::vector<TensorIndex> results_;                    ///< in real form: what is still to be stored, by output
  mutable std::map<size_t, Tensor> real_constants_;
};

/// The version of an operator by what it computes on: `f32`, or the one for 8-bit or 16-bit quantized values.
struct Versions {
  int32_t f32 = 1;
  int32_t i8 = 2;
  int32_t i16 = 3;
  /// u8 models are as old as float ones and share their versions.
  int32_t of(const TensorType& type) const {
    return type.dtype == DType::kI8 || type.dtype == DType::kI4 ? i8 : type.dtype == DType::kI16 ? i16 : f32;
  }
};

}  // namespace hone::tflite

#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/attrs.h"

namespace hone {

class Graph;
struct Node;
struct OpDef;

/// Base of every operator's attribute struct:
///   struct Elu : Operator<"Elu"> {
///     float alpha = 1;
///     static constexpr std::tuple fields{Field{"alpha", &Elu::alpha}};
///     static const OpDef def;   // defined, constinit, in the operator's .cpp
///   };
template <FixedString Name>
struct Operator {
  static constexpr std::string_view kName = Name.view();
  static constexpr std::tuple<> fields{};
};

/// How integers stand for reals when a quantized operator rounds.
enum class QuantArithmetic : int {
  kFloat,       ///< dequantize, compute in float, quantize rounding half to even (ONNX Q/DQ)
  kFixedPoint,  ///< TFLite's integer kernels: 32-bit accumulators, 31-bit fixed-point multipliers
};

/// What type inference knows. Throws Error with messages that begin with the operator's name in lower case.
class InferContext {
 public:
  InferContext(const Attrs& attrs, std::span<const TensorType* const> inputs, std::span<const Tensor* const> constants,
               size_t outputs, std::span<const Graph> subgraphs);

  template <class Op>
  const Op& attrs() const {
    return attrs_.as<Op>();
  }
  size_t input_count() const { return inputs_.size(); }
  size_t output_count() const { return outputs_.size(); }
  bool has_input(size_t i) const { return i < inputs_.size() && inputs_[i]; }
  const TensorType& input(size_t i) const;  ///< throws Error(invalid_model) when absent
  const Shape& shape(size_t i) const { return input(i).shape; }
  DType dtype(size_t i) const { return input(i).logical_dtype(); }  ///< kF32 for quantized inputs
  const Tensor* constant(size_t i) const;                           ///< the value when known while building, else null
  bool was_asked_for_constants() const { return asked_for_constants_; }
  std::span<const Graph> subgraphs() const { return subgraphs_; }

  /// Logical output type: dtype as the operator computes it (kF32 for quantized results) and shape. A node that asks
  /// for a quantized output gets storage dtype and parameters laid over it by the graph.
  void output(size_t i, DType dtype, Shape shape);
  std::vector<TensorType> take_outputs() { return std::move(outputs_); }

 private:
  const Attrs& attrs_;
  std::span<const TensorType* const> inputs_;
  std::span<const Tensor* const> constants_;
  std::span<const Graph> subgraphs_;
  std::vector<TensorType> outputs_;
  mutable bool asked_for_constants_ = false;
};

/// Runs the subgraphs of a control operator in place of the interpreter.
class BodyRunner {
 public:
  virtual ~BodyRunner() = default;
  /// Results of subgraph `which` for `inputs`, which may be the reals of its quantized inputs.
  virtual std::vector<Tensor> run(size_t which, std::vector<Tensor> inputs, uint64_t seed) = 0;
};

/// What a reference kernel sees. Inputs have concrete shapes; absent ones do not exist().
/// `eval` of an ordinary operator is called with plain (dequantized) inputs and writes plain outputs; the interpreter
/// quantizes them as `output_types` say. Operators with `moves_data` are called on stored integers directly, and
/// `eval_quantized`, when there, is called instead of `eval` if the arithmetic is kFixedPoint and input 0 is quantized.
struct EvalContext {
  const Attrs& attrs;
  std::span<const Tensor> inputs;
  std::vector<Tensor>& outputs;              ///< sized by the caller; eval assigns each wanted one
  std::span<const TensorType> output_types;  ///< as inferred for these inputs: static shapes where inferable, else not
  std::span<const Graph> subgraphs;
  QuantArithmetic arithmetic = QuantArithmetic::kFloat;
  uint64_t seed = 0;             ///< for random operators without a seed of their own
  BodyRunner* bodies = nullptr;  ///< null: subgraphs run on the interpreter

  template <class Op>
  const Op& op() const {
    return attrs.as<Op>();
  }
  bool has(size_t i) const { return i < inputs.size() && inputs[i].exists(); }
  const Tensor& in(size_t i) const { return inputs[i]; }
  /// New tensor of output i's dtype. The first form uses output_types[i], whose shape must be static.
  Tensor& make_output(size_t i);
  Tensor& make_output(size_t i, DType dtype, Dims dims);
};

/// A set of element types, for tables.
class DTypeSet {
 public:
  constexpr DTypeSet() = default;  ///< all of them
  constexpr DTypeSet(std::initializer_list<DType> dtypes) : bits_(0) {
    for (const DType dtype : dtypes) bits_ |= 1u << static_cast<int>(dtype);
  }
  constexpr bool contains(DType dtype) const { return bits_ >> static_cast<int>(dtype) & 1; }

 private:
  uint32_t bits_ = ~0u;
};

/// What an input has to be before the operator's inference, and all that relies on it, looks at it.
struct InputRule {
  static constexpr int8_t kAnyRank = 127;

  std::string_view name = {};  ///< for messages
  DTypeSet dtypes = {};        ///< as the operator sees them: f32 for a quantized input
  int8_t same_dtype_as = -1;   ///< index of the input whose dtype this one must have; -1: none
  int8_t min_rank = 0;
  int8_t max_rank = kAnyRank;
  bool is_optional = false;  ///< may be absent although OpDef::min_inputs counts it
};

/// How post-training quantization treats an operator.
struct QuantRule {
  enum Kind : uint8_t {
    kFloat,       ///< stays in float
    kSameScale,   ///< first output and the tied inputs share one set of parameters
    kOwnRange,    ///< activations in and out carry their own calibrated ranges
    kFixedRange,  ///< output scale and zero point are fixed (int8): out_scale, out_zero_point
  };
  static constexpr int8_t kPerTensor = 127;  ///< as weight_axis: one scale for all weights

  Kind kind = kFloat;
  int8_t weight = -1;      ///< index of the input that is quantized as weights
  int8_t bias = -1;        ///< index of the int32 bias with scale = input scale · weight scale
  int8_t weight_axis = 0;  ///< of the output channels in the weights; negative: counted from the last, for any rank
  float out_scale = 0;
  int32_t out_zero_point = 0;

  /// Axis along which weights of this rank have their scales; -1: one scale for all.
  int64_t scale_axis(int64_t rank) const {
    return weight_axis == kPerTensor ? -1 : weight_axis < 0 ? weight_axis + rank : weight_axis;
  }
};

/// Everything true of an operator wherever it runs. One constinit object per operator; pointers identify operators.
struct OpDef {
  std::string_view name;
  const AttrType* attrs;
  int min_inputs = 1;
  int max_inputs = 1;  ///< −1: any number
  int min_outputs = 1;
  int max_outputs = 1;                     ///< −1: any number
  void (*infer)(InferContext&) = nullptr;  ///< call infer_types: inputs are as `inputs` asks here
  void (*eval)(EvalContext&) = nullptr;
  void (*eval_quantized)(EvalContext&) = nullptr;
  /// Multiply-accumulates (or comparable scalar operations) for static types; null: one per output element.
  int64_t (*macs)(const Attrs&, std::span<const TensorType* const> inputs,
                  std::span<const TensorType* const> outputs) = nullptr;
  QuantRule quant = {};
  bool moves_data = false;   ///< output elements are copies of input elements: runs on stored integers as is
  bool elementwise = false;  ///< output element depends on the broadcast-corresponding input elements only
  bool commutative = false;
  bool is_random = false;  ///< never folded, never merged
  int8_t tied = 1;         ///< quant kSameScale: how many first inputs share the output's parameters; -1: all
  /// Rules of the first inputs; the last one holds for all further ones. Inputs that min_inputs counts (all, where
  /// their number is open) must exist unless their rule lets them be absent.
  std::span<const InputRule> inputs = {};

  /// Whether input i of a kSameScale operator shares the output's parameters.
  bool is_tied(size_t i) const { return tied < 0 || i < static_cast<size_t>(tied); }
};

/// Types of the outputs. The only legality check: throws Error(invalid_model) that begins with the operator's name when
/// an input breaks its rule, then whatever the operator's own inference finds. `reads_constants` becomes whether that
/// asked what constants hold, known or not.
std::vector<TensorType> infer_types(const OpDef& def, const Attrs& attrs, std::span<const TensorType* const> inputs,
                                    std::span<const Tensor* const> constants, size_t outputs,
                                    std::span<const Graph> subgraphs, bool* reads_constants = nullptr);

/// Operators known by name, for readers and the text form. A value, passed to whoever needs it.
class OpSet {
 public:
  explicit OpSet(std::vector<const OpDef*> defs);
  const OpDef* find(std::string_view name) const;              ///< null when unknown
  std::span<const OpDef* const> all() const { return defs_; }  ///< sorted by name

 private:
  std::vector<const OpDef*> defs_;
};

}  // namespace hone

#include "formats/tflite_forms.h"

#include <algorithm>
#include <string_view>

#include "base/error.h"
#include "base/text.h"
#include "formats/tflite_case.h"
#include "ir/text.h"
#include "ops/all.h"

namespace hone {
namespace {

struct FormType {
  const char* name;
  const char* dtype;
  const char* quant;
};

constexpr FormType kTypes[] = {
    {"f32", "f32", ""},
    {"i32", "i32", ""},
    {"i64", "i64", ""},
    {"i16", "i16", ""},
    {"i8", "i8", ""},
    {"u8", "u8", ""},
    {"bool", "bool", ""},
    {"f16", "f16", ""},
    {"i8q", "i8", "{scale=0.1, zero_point=2}"},
    {"u8q", "u8", "{scale=0.1, zero_point=130}"},
    {"i16q", "i16", "{scale=0.001, zero_point=0}"},
};

/// Body of a graph with input %x; T stands for the dtype, Q for the parameters of its quantization, and `result` is
/// what the type of %y is.
struct Template {
  const char* name;
  const char* inputs;  ///< one dims after the other, of %x, %z …
  const char* body;    ///< lines between inputs and output
};

constexpr const char* kUnary[] = {
    "Abs",   "Neg",        "Sign",     "Ceil",      "Floor",      "Round",       "Sqrt",
    "Rsqrt", "Reciprocal", "Exp",      "Log",       "Sin",        "Cos",         "Tan",
    "Tanh",  "Sigmoid",    "Relu",     "HardSwish", "Mish",       "Softplus",    "Softsign",
    "Elu",   "Celu",       "Selu",     "Gelu",      "LeakyRelu",  "HardSigmoid", "ThresholdedRelu",
    "Sinh",  "Cosh",       "Identity", "Softmax",   "LogSoftmax", "Hardmax",     "Erf",
    "Not",   "Asin",       "Acos",     "Atan",      "Shrink",     "BitwiseNot"};
constexpr const char* kBinary[] = {"Add",      "Sub", "Mul",     "Div",        "Pow",
                                   "FloorDiv", "Mod", "Maximum", "Minimum",    "SquaredDifference",
                                   "Atan2",    "And", "Or",      "BitwiseAnd", "BitwiseXor"};
constexpr const char* kCompared[] = {"Equal", "NotEqual", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Xor"};
constexpr const char* kReduced[] = {"ReduceSum",       "ReduceMean",      "ReduceMax", "ReduceMin",
                                    "ReduceProd",      "ReduceL1",        "ReduceL2",  "ReduceLogSum",
                                    "ReduceLogSumExp", "ReduceSumSquare", "ReduceAny"};

/// Y: the type of x with the dims that follow.
constexpr Template kTemplates[] = {
    {"Clamp06", "[1,2,3,4]", "%y: Y[1,2,3,4] = Clamp(%x) {min=0, max=6}"},
    {"Clamp11", "[1,2,3,4]", "%y: Y[1,2,3,4] = Clamp(%x) {min=-1, max=1}"},
    {"Clamp", "[1,2,3,4]", "%y: Y[1,2,3,4] = Clamp(%x) {min=-0.5, max=2.5}"},
    {"ArgMax", "[2,3]", "%y = ArgMax(%x) {axis=1, keepdims=false}"},
    {"ArgMin", "[2,3]", "%y = ArgMin(%x) {axis=1}"},
    {"CumSum", "[2,3]", "const %a: i64[] = {1} %y: Y[2,3] = CumSum(%x, %a)"},
    {"TopK", "[2,3]", "const %k: i64[1] = {2} %y: Y[2,2], %i = TopK(%x, %k)"},
    {"Concat", "[1,1,2,2] [1,1,2,2]", "%y: Y[1,1,2,4] = Concat(%x, %z) {axis=3}"},
    {"Concat6", "[1,1,1,1,2,2] [1,1,1,1,2,2]", "%y: Y[1,1,1,1,2,4] = Concat(%x, %z) {axis=-1}"},
    {"Transpose4", "[2,3,4,5]", "%y: Y[5,4,3,2] = Transpose(%x)"},
    {"Transpose6", "[1,2,3,2,2,2]", "%y: Y[2,2,2,3,2,1] = Transpose(%x)"},
    {"Transpose6Folded", "[1,2,2,2,3,4]", "%y: Y[1,2,3,2,4,2] = Transpose(%x) {perm=[0, 1, 4, 2, 5, 3]}"},
    {"Transpose6Mixed", "[2,3,2,3,2,3]", "%y: Y[3,3,3,2,2,2] = Transpose(%x) {perm=[5, 3, 1, 4, 2, 0]}"},
    {"Slice4", "[2,3,4,5]",
     "const %b: i64[1] = {1} const %e: i64[1] = {3} const %a: i64[1] = {1} %y: Y[2,2,4,5] = Slice(%x, %b, %e, %a)"},
    {"Slice5", "[2,3,2,2,5]",
     "const %b: i64[1] = {1} const %e: i64[1] = {3} const %a: i64[1] = {1} %y: Y[2,2,2,2,5] = Slice(%x, %b, %e, %a)"},
    {"Pad4", "[1,2,2,1]", "const %p: i64[8] = {0, 1, 0, 0, 0, 0, 2, 0} %y: Y[1,3,4,1] = Pad(%x, %p)"},
    {"Reflect", "[1,3,3,1]", "const %p: i64[8] = {0, 1, 0, 0, 0, 0, 2, 0} %y: Y[1,4,5,1] = Pad(%x, %p) {mode=reflect}"},
    {"Gather", "[3,4]", "const %g: i64[2] = {2, 0} %y: Y[2,4] = Gather(%x, %g)"},
    {"GatherND", "[3,4]", "const %g: i64[2,1] = {2, 0} %y: Y[2,4] = GatherND(%x, %g)"},
    {"GatherFromEnd", "[3,4]", "const %g: i64[2] = {-1, 0} %y: Y[2,4] = Gather(%x, %g)"},
    {"GatherNDFromEnd", "[3,4]", "const %g: i64[2,2] = {-1, 0, 1, -2} %y: Y[2] = GatherND(%x, %g)"},
    {"GatherComputed", "[3,4]",
     "%a = ArgMax(%x) {axis=1, keepdims=false} const %two: i64[] = {2} %i = Sub(%a, %two) %y: Y[3,4] = Gather(%x, %i)"},
    {"GatherNDComputed", "[3,4]",
     "%a = ArgMax(%x) {axis=1} const %two: i64[] = {2} %i = Sub(%a, %two) %y: Y[3,4] = GatherND(%x, %i)"},
    {"Tile", "[2,3]", "const %g: i64[2] = {2, 1} %y: Y[4,3] = Tile(%x, %g)"},
    {"Expand", "[1,3]", "const %g: i64[2] = {2, 3} %y: Y[2,3] = Expand(%x, %g)"},
    {"Reverse", "[2,3]", "const %g: i64[1] = {1} %y: Y[2,3] = Reverse(%x, %g)"},
    {"ReverseSequence", "[2,3]", "const %g: i64[3] = {1, 2, 2} %y: Y[2,3] = ReverseSequence(%x, %g)"},
    {"Reshape", "[2,3]", "const %g: i64[1] = {-1} %y: Y[6] = Reshape(%x, %g)"},
    {"Squeeze", "[2,1]", "const %g: i64[1] = {1} %y: Y[2] = Squeeze(%x, %g)"},
    {"Split", "[4,3]", "const %g: i64[2] = {1, 3} %y: Y[1,3], %w: Y[3,3] = Split(%x, %g)"},
    {"Where", "[2,2] [2,2]", "const %c: bool[2,2] = {1, 0, 0, 1} %y: Y[2,2] = Where(%c, %x, %z)"},
    {"WhereBroadcast", "[2,2] [1,2]", "const %c: bool[2,1] = {1, 0} %y: Y[2,2] = Where(%c, %x, %z)"},
    {"WhereMany", "[1,2,1,2,2] [1,1,2,2,1]", "const %c: bool[1,1,1,1,1] = {1} %y: Y[1,2,2,2,2] = Where(%c, %x, %z)"},
    {"AddMany", "[1,2,1,2,2] [1,1,2,2,1]", "%y: Y[1,2,2,2,2] = Add(%x, %z)"},
    {"LessMany", "[1,2,1,2,2] [1,1,2,2,1]", "%y = Less(%x, %z)"},
    {"AddRank", "[2,2,2] [2]", "%y: Y[2,2,2] = Add(%x, %z)"},
    {"PRelu", "[2,2,2] [2]", "%y: Y[2,2,2] = PRelu(%x, %z)"},
    {"NonZero", "[2,3]", "%y = NonZero(%x)"},
    {"ShapeOf", "[2,3]", "%y = ShapeOf(%x)"},
    {"DepthToSpace", "[1,2,2,8]", "%y: Y[1,4,4,2] = DepthToSpace(%x)"},
    {"DepthToSpaceCrd", "[1,2,2,8]", "%y: Y[1,4,4,2] = DepthToSpace(%x) {column_row_depth=true}"},
    {"SpaceToDepth", "[1,2,2,2]", "%y: Y[1,1,1,8] = SpaceToDepth(%x)"},
    {"MatMul", "[2,3,4] [2,4,3]", "%y: Y[2,3,3] = MatMul(%x, %z)"},
    {"MatMul5", "[1,2,1,3,4] [1,2,1,4,3]", "%y: Y[1,2,1,3,3] = MatMul(%x, %z)"},
    {"MaxPool", "[1,4,4,2]", "%y: Y[1,2,2,2] = MaxPool(%x) {kernel=[2, 2], strides=[2, 2]}"},
    {"MaxPoolGaps", "[1,5,5,2]", "%y: Y[1,3,3,2] = MaxPool(%x) {kernel=[2, 2], dilations=[2, 2]}"},
    {"AveragePool", "[1,4,4,2]", "%y: Y[1,2,2,2] = AveragePool(%x) {kernel=[2, 2], strides=[2, 2]}"},
    {"AveragePoolPadded", "[1,4,4,2]",
     "%y: Y[1,4,4,2] = AveragePool(%x) {kernel=[3, 3], pads=[1, 1, 1, 1], count_include_pad=true}"},
    {"Lrn", "[1,2,2,4]", "%y: Y[1,2,2,4] = Lrn(%x) {size=3}"},
    {"LayerNorm5", "[1,2,2,2,3]",
     "const %s: f32[3] = {1, 2, 3} const %b: f32[3] = {4, 5, 6} %y: Y[1,2,2,2,3] = LayerNorm(%x, %s, %b)"},
    {"InstanceNorm5", "[2,2,2,2,3]",
     "const %s: f32[3] = {1, 2, 3} const %b: f32[3] = {4, 5, 6} %y: Y[2,2,2,2,3] = InstanceNorm(%x, %s, %b)"},
    {"GroupNorm5", "[1,2,2,2,4]",
     "const %s: f32[4] = {1, 2, 3, 4} const %b: f32[4] = {4, 5, 6, 7} %y: Y[1,2,2,2,4] = GroupNorm(%x, %s, %b) "
     "{groups=2}"},
    {"LpNormalize", "[2,4]", "%y: Y[2,4] = LpNormalize(%x)"},
    {"Cast to f32", "[2,3]", "%y = Cast(%x) {to=f32}"},
    {"Cast to i32", "[2,3]", "%y = Cast(%x) {to=i32}"},
    {"Cast to i64", "[2,3]", "%y = Cast(%x) {to=i64}"},
    {"Cast to i16", "[2,3]", "%y = Cast(%x) {to=i16}"},
    {"Cast to i8", "[2,3]", "%y = Cast(%x) {to=i8}"},
    {"Cast to u8", "[2,3]", "%y = Cast(%x) {to=u8}"},
    {"Cast to bool", "[2,3]", "%y = Cast(%x) {to=bool}"},
    {"Quantize to i8", "[2,3]", "%y: i8[2,3]{scale=0.05, zero_point=-3} = Quantize(%x)"},
    {"Quantize to u8", "[2,3]", "%y: u8[2,3]{scale=0.05, zero_point=120} = Quantize(%x)"},
    {"Quantize to i16", "[2,3]", "%y: i16[2,3]{scale=0.002, zero_point=0} = Quantize(%x)"},
    {"Dequantize", "[2,3]", "%y = Dequantize(%x)"},
    {"ScatterND", "[3,2] [1,2]", "const %g: i64[1,1] = {1} %y: Y[3,2] = ScatterND(%x, %g, %z)"},
    {"ScatterNDFromEnd", "[3,2] [1,2]", "const %g: i64[1,1] = {-1} %y: Y[3,2] = ScatterND(%x, %g, %z)"},
    {"ScatterNDComputed", "[4,2] [1,2]",
     "%a = ArgMax(%z) {axis=1} const %two: i64[] = {2} %i = Sub(%a, %two) %y: Y[4,2] = ScatterND(%x, %i, %z)"},
    {"Trilu", "[3,3]", "%y: Y[3,3] = Trilu(%x)"},
};

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

/// "Y[2,3]" → "i8[2,3]{scale=…}".
std::string typed(const std::string& body, const FormType& type) {
  std::string out;
  for (size_t at = 0; at < body.size();) {
    if (body.compare(at, 2, "Y[") != 0) {
      out += body[at++];
      continue;
    }
    const size_t end = body.find(']', at);
    out += type.dtype + body.substr(at + 1, end - at) + type.quant;
    at = end + 1;
  }
  return out;
}

void add(std::vector<TfliteForm>& forms, const std::string& name, const std::string& inputs, const std::string& body) {
  const std::vector<std::string> dims = split(inputs, ' ');
  for (const FormType& type : kTypes) {
    std::string text = "graph {\n  arithmetic fixed_point\n";
    for (size_t i = 0; i < dims.size(); ++i)
      text += cat("  input %", i == 0 ? "x" : "z", ": ", type.dtype, dims[i], type.quant, "\n");
    text += cat("  ", typed(body, type), "\n  output %y\n}\n");
    try {
      parse_graph(text, all_ops());
    } catch (const Error&) {
      continue;  // not an operator on this type
    }
    forms.push_back({cat(name, " ", type.name), text});
  }
}

}  // namespace

std::vector<TfliteForm> tflite_forms() {
  std::vector<TfliteForm> forms;
  for (const char* op : kUnary) add(forms, op, "[1,2,3,4]", cat("%y: Y[1,2,3,4] = ", op, "(%x)"));
  for (const char* op : {"IsNaN", "IsInf"}) add(forms, op, "[2,3]", cat("%y = ", op, "(%x)"));
  for (const char* op : kBinary) add(forms, op, "[2,3,4] [2,1,4]", cat("%y: Y[2,3,4] = ", op, "(%x, %z)"));
  for (const char* op : kCompared) add(forms, op, "[2,3,4] [2,1,4]", cat("%y = ", op, "(%x, %z)"));
  for (const char* op : kReduced) {
    const std::string body = cat("const %a: i64[1] = {2} %y: Y[2,3,1,2] = ", op, "(%x, %a)");
    add(forms, op, "[2,3,4,2]", body);
    add(forms, cat(op, "5"), "[2,3,4,2,1]", replaced(body, "[2,3,1,2]", "[2,3,1,2,1]"));
  }
  for (const char* mode : {"linear", "nearest"})
    for (const char* coordinates : {"asymmetric", "align_corners", "half_pixel"})
      for (const char* rounding : {"floor", "round_prefer_floor"})
        add(forms, cat("Resize ", mode, " ", coordinates, " ", rounding), "[1,2,3,2]",
            cat("const %s: i64[2] = {4, 5} %y: Y[1,4,5,2] = Resize(%x, _, _, %s) {mode=", mode,
                ", coordinates=", coordinates, ", nearest_mode=", rounding, ", axes=[1, 2]}"));
  for (const Template& t : kTemplates) add(forms, t.name, t.inputs, t.body);
  return forms;
}

namespace {

bool is_picky(const Graph& graph) {
  constexpr std::string_view kPicky[] = {"Sqrt", "Rsqrt", "Log", "Pow", "ReduceLogSum", "Cast"};
  for (const NodeId id : graph.order())
    for (const std::string_view name : kPicky)
      if (graph.node(id).def->name == name) return true;
  return false;
}

}  // namespace

std::vector<Tensor> form_inputs(const Graph& graph) {
  std::vector<Tensor> inputs;
  for (const ValueId id : graph.inputs()) {
    const TensorType& type = graph.type(id);
    const auto seed = static_cast<uint32_t>(inputs.size() + 1);
    const Dims dims = type.shape.dims();
    if (is_float(type.dtype)) {
      inputs.push_back(cast(some_floats(dims, 0.1f, 0.9f, seed), type.dtype));
    } else if (type.quant) {
      const bool is_short = type.dtype == DType::kI16, picky = is_picky(graph);
      const int64_t zero = type.quant->zero_point(), reach = is_short ? (picky ? 2000 : 3000) : (picky ? 20 : 126);
      inputs.push_back(some_ints(type.dtype, dims, picky ? zero + 1 : std::max(min_of(type.dtype), zero - reach),
                                 std::min(max_of(type.dtype), zero + reach), seed)
                           .with_quant(type.quant));
    } else {
      inputs.push_back(
          some_ints(type.dtype, dims, type.dtype == DType::kBool ? 0 : 1, type.dtype == DType::kBool ? 1 : 3, seed));
    }
  }
  return inputs;
}

}  // namespace hone

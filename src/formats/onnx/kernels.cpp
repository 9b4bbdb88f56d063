#include "formats/onnx/kernels.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/text.h"

namespace hone::onnx {

namespace {

constexpr TypeSet kNone("");
constexpr TypeSet kFloat("f32 f16");
constexpr TypeSet kReal("f32 f16 f64");
constexpr TypeSet kAll("f32 f16 bf16 f64 i8 u8 i16 u16 i32 u32 i64 u64 bool");
constexpr TypeSet kMost("f32 f16 f64 i8 u8 i16 u16 i32 u32 i64 u64 bool");
constexpr TypeSet kWide("f32 f16 f64 i8 u8 i32 u32 i64 u64");
constexpr TypeSet kWindow("f32 f64 i8 u8 i16 u16 i32 u32 i64 u64");
constexpr TypeSet kNumbers("f32 f16 f64 i8 u8 i16 u16 i32 u32 i64 u64");
constexpr TypeSet kArithmetic("f32 f16 f64 i32 i64");
constexpr TypeSet kIndex("i32 i64");
constexpr TypeSet kIntegers("i8 u8 i16 u16 i32 u32 i64 u64");
constexpr TypeSet kBytes("i8 u8");

/// What the runtime said when it was asked for each type: `make oracle-test` asks again.
constexpr Kernel kKernels[] = {
    {"Abs", "T", "T", kNumbers, kNone, kNone},
    {"Acos", "T", "T", kFloat, kNone, kNone},
    {"Acosh", "T", "T", kFloat, kNone, kNone},
    {"Add", "TT", "T", kNumbers, kNone, kNone},
    {"AffineGrid", "Tl", "T", TypeSet("f32 f64"), kNone, kNone, 20},
    {"And", "bb", "b", kNone, kNone, kNone},
    {"ArgMax", "T", "l", TypeSet("f32 f16 f64 i8 u8 i32 i64"), kNone, kNone},
    {"ArgMin", "T", "l", TypeSet("f32 f16 f64 i8 u8 i32 i64"), kNone, kNone},
    {"Asin", "T", "T", kReal, kNone, kNone},
    {"Asinh", "T", "T", kFloat, kNone, kNone},
    {"Atan", "T", "T", kReal, kNone, kNone},
    {"Atanh", "T", "T", kFloat, kNone, kNone},
    {"AveragePool", "T", "T", kFloat, kNone, kNone},
    {"BatchNormalization", "TUUVV", "TVV", kFloat, kFloat, kFloat},
    {"Bernoulli", "T", "U", kReal, kAll, kNone},
    {"BitShift", "TT", "T", TypeSet("u8 u32 u64"), kNone, kNone},
    {"BitwiseAnd", "TT", "T", kIntegers, kNone, kNone, 18},
    {"BitwiseNot", "T", "T", kIntegers, kNone, kNone, 18},
    {"BitwiseOr", "TT", "T", kIntegers, kNone, kNone, 18},
    {"BitwiseXor", "TT", "T", kIntegers, kNone, kNone, 18},
    {"BlackmanWindow", "T", "U", kIndex, kWindow, kNone},
    {"Cast", "T", "U", kAll, TypeSet("f32 f16 bf16 f64 i4 u4 i8 u8 i16 u16 i32 u32 i64 u64 bool"), kNone},
    {"Cast", "T", "U", TypeSet("f32 f16 bf16 f64 i4 u4 i8 u8 i16 u16 i32 u32 i64 u64 bool"),
     TypeSet("f32 f16 bf16 f64 i4 u4 i8 u8 i16 u16 i32 u32 i64 u64 bool"), kNone, 21},
    {"Ceil", "T", "T", kReal, kNone, kNone},
    {"Celu", "T", "T", TypeSet("f32"), kNone, kNone},
    {"Clip", "TTT", "T", kWide, kNone, kNone},
    {"Col2Im", "Tll", "T", kFloat, kNone, kNone, 18},
    {"Compress", "Tb", "T", kMost, kNone, kNone},
    {"Concat", "T*", "T", kAll, kNone, kNone},
    {"ConstantOfShape", "l", "T", kAll, kNone, kNone},
    {"Conv", "TTT", "T", kFloat, kNone, kNone},
    {"ConvInteger", "TUTU", "i", kBytes, kBytes, kNone},
    {"ConvTranspose", "TTT", "T", kFloat, kNone, kNone},
    {"Cos", "T", "T", kReal, kNone, kNone},
    {"Cosh", "T", "T", kFloat, kNone, kNone},
    {"CumSum", "TU", "T", kArithmetic, kIndex, kNone},
    {"DFT", "TUl", "T", kReal, kIndex, kNone},
    {"DeformConv", "TTTTT", "T", kReal, kNone, kNone, 19},
    {"DepthToSpace", "T", "T", TypeSet("f32 f16 f64 i8 u8"), kNone, kNone},
    {"DequantizeLinear", "TUT", "U", TypeSet("i8 u8 i32"), TypeSet("f32"), kNone},
    {"DequantizeLinear", "TUT", "U", TypeSet("i4 u4 i8 u8 i16 u16 i32"), kFloat, kNone, 21},
    {"Det", "T", "T", kFloat, kNone, kNone},
    {"Div", "TT", "T", TypeSet("f32 f16 f64 i8 i16 i32 i64"), kNone, kNone},
    {"Dropout", "TUb", "Tb", kReal, kReal, kNone},
    {"DynamicQuantizeLinear", "f", "cfc", kNone, kNone, kNone},
    {"Einsum", "T*", "T", kArithmetic, kNone, kNone},
    {"Elu", "T", "T", kFloat, kNone, kNone},
    {"Elu", "T", "T", kFloat, kNone, kNone, 19},
    {"Equal", "TT", "b", kMost, kNone, kNone},
    {"Erf", "T", "T", kFloat, kNone, kNone},
    {"Exp", "T", "T", kReal, kNone, kNone},
    {"Expand", "Tl", "T", kMost, kNone, kNone},
    {"EyeLike", "T", "U", TypeSet("f32 f16 f64 i32 i64 u64"), TypeSet("f32 f64 i32 i64 u64"), kNone},
    {"Flatten", "T", "T", kAll, kNone, kNone},
    {"Floor", "T", "T", kReal, kNone, kNone},
    {"GRU", "TTTTiT", "TT", kFloat, kNone, kNone},
    {"Gather", "TU", "T", kAll, kIndex, kNone},
    {"GatherElements", "TU", "T", kAll, kIndex, kNone},
    {"GatherND", "Tl", "T", kAll, kNone, kNone},
    {"Gemm", "TTT", "T", kReal, kNone, kNone},
    {"GlobalAveragePool", "T", "T", kFloat, kNone, kNone},
    {"GlobalMaxPool", "T", "T", kFloat, kNone, kNone},
    {"Greater", "TT", "b", kNumbers, kNone, kNone},
    {"GreaterOrEqual", "TT", "b", kNumbers, kNone, kNone},
    {"GridSample", "TT", "T", kFloat, kNone, kNone},
    {"HammingWindow", "T", "U", kIndex, kWindow, kNone},
    {"HannWindow", "T", "U", kIndex, kWindow, kNone},
    {"HardSigmoid", "T", "T", kFloat, kNone, kNone},
    {"HardSigmoid", "T", "T", kFloat, kNone, kNone, 19},
    {"HardSwish", "T", "T", kFloat, kNone, kNone},
    {"HardSwish", "T", "T", kFloat, kNone, kNone, 19},
    {"Hardmax", "T", "T", kFloat, kNone, kNone},
    {"Identity", "T", "T", kAll, kNone, kNone},
    {"If", "b", ".*", kNone, kNone, kNone},
    {"InstanceNormalization", "TTT", "T", kFloat, kNone, kNone},
    {"IsInf", "T", "b", TypeSet("f32 f64"), kNone, kNone},
    {"IsInf", "T", "b", TypeSet("f32 f16 bf16 f64"), kNone, kNone, 20},
    {"IsNaN", "T", "b", kReal, kNone, kNone},
    {"IsNaN", "T", "b", TypeSet("f32 f16 bf16 f64"), kNone, kNone, 20},
    {"LRN", "T", "T", kFloat, kNone, kNone},
    {"LSTM", "TTTTiTTT", "TTT", kFloat, kNone, kNone},
    {"LayerNormalization", "TTT", "TUU", TypeSet("f32 f16 bf16 f64"), kReal, kNone},
    {"LeakyRelu", "T", "T", kReal, kNone, kNone},
    {"LeakyRelu", "T", "T", kFloat, kNone, kNone, 19},
    {"Less", "TT", "b", kNumbers, kNone, kNone},
    {"LessOrEqual", "TT", "b", kNumbers, kNone, kNone},
    {"Log", "T", "T", kReal, kNone, kNone},
    {"LogSoftmax", "T", "T", kReal, kNone, kNone},
    {"Loop", "lb.*", ".*", kNone, kNone, kNone},
    {"LpNormalization", "T", "T", kReal, kNone, kNone},
    {"LpPool", "T", "T", kFloat, kNone, kNone},
    {"MatMul", "TT", "T", TypeSet("f32 f16 f64 i32 u32 i64 u64"), kNone, kNone},
    {"MatMulInteger", "TUTU", "i", kBytes, kBytes, kNone},
    {"Max", "T*", "T", kWide, kNone, kNone},
    {"MaxPool", "T", "Tl", TypeSet("f32 f16 f64 i8 u8"), kNone, kNone},
    {"MaxRoiPool", "TT", "T", kFloat, kNone, kNone},
    {"MaxUnpool", "Tll", "T", kFloat, kNone, kNone},
    {"MeanVarianceNormalization", "T", "T", kFloat, kNone, kNone},
    {"MeanVarianceNormalization", "T", "T", TypeSet("f32"), kNone, kNone, 18},
    {"MelWeightMatrix", "TTTUU", "V", kIndex, kFloat, kNumbers},
    {"Min", "T*", "T", kWide, kNone, kNone},
    {"Mod", "TT", "T", kNumbers, kNone, kNone},
    {"Mul", "TT", "T", kNumbers, kNone, kNone},
    {"Multinomial", "T", "U", kFloat, kIndex, kNone},
    {"Neg", "T", "T", TypeSet("f32 f16 f64 i8 i16 i32 i64"), kNone, kNone},
    {"NegativeLogLikelihoodLoss", "TUT", "T", kReal, kIndex, kNone},
    {"NonMaxSuppression", "fflff", "l", kNone, kNone, kNone},
    {"NonZero", "T", "l", TypeSet("f32 f16 u8 i32 i64 bool"), kNone, kNone},
    {"Not", "b", "b", kNone, kNone, kNone},
    {"OneHot", "TUV", "V", TypeSet("i64"), TypeSet("f32 f16 i32 i64"), TypeSet("f32 f16 i64")},
    {"Or", "bb", "b", kNone, kNone, kNone},
    {"PRelu", "TT", "T", kArithmetic, kNone, kNone},
    {"PRelu", "TT", "T", kFloat, kNone, kNone, 19},
    {"Pad", "TlTU", "T", TypeSet("f32 f16 f64 i8 u8 i32 u32 i64 u64 bool"), kIndex, kNone},
    {"Pad", "TlTU", "T", TypeSet("f32 f16 f64 i8 u8 i32 u32 i64 u64 bool"), TypeSet("i64"), kNone, 18},
    {"Pow", "TU", "T", kArithmetic, kArithmetic, kNone},
    {"QuantizeLinear", "TTU", "U", TypeSet("f32"), kBytes, kNone},
    {"QuantizeLinear", "TTU", "U", kFloat, TypeSet("i4 u4 i8 u8 i16 u16"), kNone, 21},
    {"RNN", "TTTTiT", "TT", kFloat, kNone, kNone},
    {"RandomNormal", "", "T", kReal, kNone, kNone},
    {"RandomNormalLike", "T", "U", kAll, TypeSet("f32 f64"), kNone},
    {"RandomUniform", "", "T", kReal, kNone, kNone},
    {"RandomUniformLike", "T", "U", kAll, TypeSet("f32 f64"), kNone},
    {"Range", "TTT", "T", TypeSet("f32 f64 i16 i32 i64"), kNone, kNone},
    {"Reciprocal", "T", "T", kReal, kNone, kNone},
    {"ReduceL1", "Tl", "T", kArithmetic, kNone, kNone},
    {"ReduceL2", "Tl", "T", kArithmetic, kNone, kNone},
    {"ReduceLogSum", "Tl", "T", kArithmetic, kNone, kNone},
    {"ReduceLogSumExp", "Tl", "T", kArithmetic, kNone, kNone},
    {"ReduceMax", "Tl", "T", TypeSet("f32 f16 f64 i8 u8 i32 i64"), kNone, kNone},
    {"ReduceMax", "Tl", "T", TypeSet("f32 f16 f64 i8 u8 i32 i64 bool"), kNone, kNone, 20},
    {"ReduceMean", "Tl", "T", kArithmetic, kNone, kNone},
    {"ReduceMin", "Tl", "T", TypeSet("f32 f16 f64 i8 u8 i32 i64"), kNone, kNone},
    {"ReduceMin", "Tl", "T", TypeSet("f32 f16 f64 i8 u8 i32 i64 bool"), kNone, kNone, 20},
    {"ReduceProd", "Tl", "T", kArithmetic, kNone, kNone},
    {"ReduceSum", "Tl", "T", kArithmetic, kNone, kNone},
    {"ReduceSumSquare", "Tl", "T", kArithmetic, kNone, kNone},
    {"Relu", "T", "T", kArithmetic, kNone, kNone},
    {"Reshape", "Tl", "T", kAll, kNone, kNone},
    {"Resize", "TUfl", "T", TypeSet("f32 f16 i8 u8 i32"), TypeSet("f32"), kNone},
    {"ReverseSequence", "Tl", "T", kMost, kNone, kNone},
    {"RoiAlign", "TTl", "T", kReal, kNone, kNone},
    {"Round", "T", "T", kReal, kNone, kNone},
    {"STFT", "TUTU", "T", kReal, kIndex, kNone},
    {"Scan", ".*", ".*", kNone, kNone, kNone},
    {"ScatterElements", "TUT", "T", kAll, kIndex, kNone},
    {"ScatterND", "TlT", "T", kAll, kNone, kNone},
    {"Selu", "T", "T", kFloat, kNone, kNone},
    {"Selu", "T", "T", kFloat, kNone, kNone, 19},
    {"Shape", "T", "l", kAll, kNone, kNone},
    {"Shrink", "T", "T", kNumbers, kNone, kNone},
    {"Sigmoid", "T", "T", kReal, kNone, kNone},
    {"Sign", "T", "T", TypeSet("f32 f16 bf16 f64 i8 u8 i16 u16 i32 u32 i64 u64"), kNone, kNone},
    {"Sin", "T", "T", kReal, kNone, kNone},
    {"Sinh", "T", "T", kFloat, kNone, kNone},
    {"Size", "T", "l", kMost, kNone, kNone},
    {"Slice", "TUUUU", "T", kAll, kIndex, kNone},
    {"Softmax", "T", "T", kReal, kNone, kNone},
    {"SoftmaxCrossEntropyLoss", "TUT", "TT", kReal, kIndex, kNone},
    {"Softplus", "T", "T", kFloat, kNone, kNone},
    {"Softplus", "T", "T", kFloat, kNone, kNone, 19},
    {"Softsign", "T", "T", kFloat, kNone, kNone},
    {"Softsign", "T", "T", kFloat, kNone, kNone, 19},
    {"SpaceToDepth", "T", "T", TypeSet("f32 f16 f64 i8 u8"), kNone, kNone},
    {"Split", "Tl", "T*", kAll, kNone, kNone},
    {"Sqrt", "T", "T", kReal, kNone, kNone},
    {"Squeeze", "Tl", "T", kAll, kNone, kNone},
    {"Sub", "TT", "T", kNumbers, kNone, kNone},
    {"Tan", "T", "T", kFloat, kNone, kNone},
    {"Tanh", "T", "T", kReal, kNone, kNone},
    {"TfIdfVectorizer", "T", "f", kIndex, kNone, kNone},
    {"ThresholdedRelu", "T", "T", kFloat, kNone, kNone},
    {"ThresholdedRelu", "T", "T", kFloat, kNone, kNone, 19},
    {"Tile", "Tl", "T", kMost, kNone, kNone},
    {"TopK", "Tl", "Tl", TypeSet("f32 f16 f64 i8 u8 i16 i32 i64"), kNone, kNone},
    {"Transpose", "T", "T", kAll, kNone, kNone},
    {"Transpose", "T", "T", TypeSet("f32 f16 bf16 f64 i4 u4 i8 u8 i16 u16 i32 u32 i64 u64 bool"), kNone, kNone, 21},
    {"TreeEnsembleRegressor", "T", "f", TypeSet("f32 f64"), kNone, kNone, 17, kMlDomain},
    {"Trilu", "Tl", "T", TypeSet("f32 f16 f64 i32 i64 bool"), kNone, kNone},
    {"Unique", "T", "Tlll", TypeSet("f32 f16 f64 i8 i64"), kNone, kNone},
    {"Unsqueeze", "Tl", "T", kAll, kNone, kNone},
    {"Where", "bTT", "T", TypeSet("f32 f16 f64 u8 i32 i64"), kNone, kNone},
    {"Xor", "bb", "b", kNone, kNone, kNone},
};

/// What holds every value of a type, in the order of preference.
constexpr std::pair<DType, DType> kWider[] = {
    {DType::kI4, DType::kI8},    {DType::kU4, DType::kU8},    {DType::kBool, DType::kU8},  {DType::kBool, DType::kI32},
    {DType::kBool, DType::kI64}, {DType::kBool, DType::kF32}, {DType::kI8, DType::kI32},   {DType::kI8, DType::kI64},
    {DType::kI8, DType::kF32},   {DType::kU8, DType::kI32},   {DType::kU8, DType::kU32},   {DType::kU8, DType::kI64},
    {DType::kU8, DType::kF32},   {DType::kI16, DType::kI32},  {DType::kI16, DType::kI64},  {DType::kI16, DType::kF32},
    {DType::kU16, DType::kI32},  {DType::kU16, DType::kU32},  {DType::kU16, DType::kI64},  {DType::kU16, DType::kF32},
    {DType::kI32, DType::kI64},  {DType::kI32, DType::kF64},  {DType::kU32, DType::kI64},  {DType::kU32, DType::kU64},
    {DType::kU32, DType::kF64},  {DType::kF16, DType::kF32},  {DType::kBF16, DType::kF32}, {DType::kF32, DType::kF64},
};

}  // namespace

std::span<const Kernel> all_kernels() { return kKernels; }

const Kernel* find_kernel(std::string_view op, int opset) {
  const Kernel* found = nullptr;
  for (const Kernel& kernel : kKernels)
    if (kernel.op == op && (!found || kernel.first <= opset)) found = &kernel;
  return found;
}

char letter_of(std::string_view letters, size_t i) {
  if (letters.ends_with('*') && i + 2 > letters.size()) return letters[letters.size() - 2];
  return i < letters.size() ? letters[i] : '.';
}

const TypeSet* set_of(const Kernel& kernel, char letter) {
  if (letter == 'T') return &kernel.t;
  if (letter == 'U') return &kernel.u;
  return letter == 'V' ? &kernel.v : nullptr;
}

std::optional<DType> fixed_type(char letter) {
  switch (letter) {
    case 'b':
      return DType::kBool;
    case 'c':
      return DType::kU8;
    case 'f':
      return DType::kF32;
    case 'i':
      return DType::kI32;
    case 'l':
      return DType::kI64;
    default:
      return std::nullopt;
  }
}

std::optional<DType> widened(DType dtype, const TypeSet& set) {
  for (const auto& [narrow, wide] : kWider)
    if (narrow == dtype && set.has(wide)) return wide;
  return std::nullopt;
}

bool is_wider(DType wide, DType narrow) {
  return std::find(std::begin(kWider), std::end(kWider), std::pair(narrow, wide)) != std::end(kWider);
}

std::string to_text(const TypeSet& set) {
  std::string out;
  for (int i = 0; i < kDTypeCount; ++i)
    if (set.has(static_cast<DType>(i))) out += cat(out.empty() ? "" : " ", to_string(static_cast<DType>(i)));
  return out;
}

}  // namespace hone::onnx

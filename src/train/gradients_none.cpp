#include "ops/backward.h"
#include "ops/binary.h"
#include "ops/control.h"
#include "ops/conv.h"
#include "ops/detect.h"
#include "ops/matmul.h"
#include "ops/movement.h"
#include "ops/norm.h"
#include "ops/pool.h"
#include "ops/quantize.h"
#include "ops/recurrent.h"
#include "ops/reduce.h"
#include "ops/resize.h"
#include "ops/shaping.h"
#include "ops/signal.h"
#include "ops/tflite_only.h"
#include "ops/trees.h"
#include "ops/unary.h"
#include "train/gradient_rows.h"

namespace hone {
namespace {

constexpr std::string_view kNotReal = "its results are no real numbers, or do not depend on its inputs smoothly";
constexpr std::string_view kRandom = "its results are random";
constexpr std::string_view kQuantized = "it rounds to stored integers: train the float model";
constexpr std::string_view kUnwritten = "its gradient is not written";
constexpr std::string_view kBodies = "its bodies are graphs of their own";

constexpr GradientRow none(const OpDef& op, std::string_view why) { return {.op = &op, .write = nullptr, .why = why}; }

constexpr GradientRow kRows[] = {
    none(And::def, kNotReal),
    none(ArgMax::def, kNotReal),
    none(ArgMin::def, kNotReal),
    none(BitShift::def, kNotReal),
    none(Bitcast::def, kNotReal),
    none(BitwiseAnd::def, kNotReal),
    none(BitwiseNot::def, kNotReal),
    none(BitwiseOr::def, kNotReal),
    none(BitwiseXor::def, kNotReal),
    none(BlackmanWindow::def, kNotReal),
    none(Compress::def, kNotReal),
    none(ConstantOfShape::def, kNotReal),
    none(DetectionPostProcess::def, kNotReal),
    none(Equal::def, kNotReal),
    none(EyeLike::def, kNotReal),
    none(Fill::def, kNotReal),
    none(FloorDiv::def, kNotReal),
    none(Greater::def, kNotReal),
    none(GreaterOrEqual::def, kNotReal),
    none(HammingWindow::def, kNotReal),
    none(HannWindow::def, kNotReal),
    none(Hardmax::def, kNotReal),
    none(IsInf::def, kNotReal),
    none(IsNaN::def, kNotReal),
    none(Less::def, kNotReal),
    none(LessOrEqual::def, kNotReal),
    none(MelWeightMatrix::def, kNotReal),
    none(NonMaxSuppression::def, kNotReal),
    none(NonMaxSuppressionPadded::def, kNotReal),
    none(NonZero::def, kNotReal),
    none(Not::def, kNotReal),
    none(NotEqual::def, kNotReal),
    none(OneHot::def, kNotReal),
    none(Opaque::def, kNotReal),
    none(Or::def, kNotReal),
    none(Range::def, kNotReal),
    none(ReduceAll::def, kNotReal),
    none(ReduceAny::def, kNotReal),
    none(ShapeOf::def, kNotReal),
    none(Size::def, kNotReal),
    none(TfIdfVectorizer::def, kNotReal),
    none(TreeEnsemble::def, kNotReal),
    none(Unique::def, kNotReal),
    none(Xor::def, kNotReal),
    none(Bernoulli::def, kRandom),
    none(Multinomial::def, kRandom),
    none(RandomNormal::def, kRandom),
    none(RandomNormalLike::def, kRandom),
    none(RandomUniform::def, kRandom),
    none(RandomUniformLike::def, kRandom),
    none(Dequantize::def, kQuantized),
    none(DequantizeLinear::def, kQuantized),
    none(DynamicQuantizeLinear::def, kQuantized),
    none(Quantize::def, kQuantized),
    none(QuantizeLinear::def, kQuantized),
    none(If::def, kBodies),
    none(Loop::def, kBodies),
    none(Scan::def, kBodies),
    none(While::def, kBodies),
    none(AffineGrid::def, kUnwritten),
    none(Col2Im::def, kUnwritten),
    none(ConvWeightGradient::def, kUnwritten),
    none(DeformConv::def, kUnwritten),
    none(Det::def, kUnwritten),
    none(Dft::def, kUnwritten),
    none(Einsum::def, kUnwritten),
    none(GridSample::def, kUnwritten),
    none(LpPool::def, kUnwritten),
    none(MaxRoiPool::def, kUnwritten),
    none(MaxUnpool::def, kUnwritten),
    none(Mod::def, kUnwritten),
    none(NllLoss::def, kUnwritten),
    none(RoiAlign::def, kUnwritten),
    none(ScatterElements::def, kUnwritten),
    none(ScatterND::def, kUnwritten),
    none(SequenceLstm::def, kUnwritten),
    none(SequenceRnn::def, kUnwritten),
    none(SoftmaxCrossEntropyLoss::def, kUnwritten),
    none(Stft::def, kUnwritten),
    none(Svdf::def, kUnwritten),
};

}  // namespace

std::span<const GradientRow> no_gradients() { return kRows; }

}  // namespace hone

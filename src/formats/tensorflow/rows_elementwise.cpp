#include "base/error.h"
#include "base/text.h"
#include "formats/tensorflow/node.h"
#include "ops/binary.h"
#include "ops/matmul.h"
#include "ops/movement.h"
#include "ops/norm.h"
#include "ops/reduce.h"
#include "ops/shaping.h"
#include "ops/unary.h"

namespace hone::tensorflow {

namespace {

template <class Op>
void unary(OpNode& n) {
  n.emit(n.add(Op{}, {n.x()}));
}
template <class Op>
void binary(OpNode& n) {
  n.emit(n.add(Op{}, {n.x(0), n.x(1)}));
}
void pass(OpNode& n) { n.out.push_back(n.in.empty() ? Edge{n.x(), {}} : n.in[0]); }
void pass_all(OpNode& n) { n.out = n.in; }

void read_relu6(OpNode& n) { n.emit(n.add(Clamp{.min = 0, .max = 6}, {n.x()})); }
void read_leaky(OpNode& n) { n.emit(n.add(LeakyRelu{.alpha = n.real("alpha", 0.2f)}, {n.x()})); }
void read_square(OpNode& n) { n.emit(n.add(Mul{}, {n.x(), n.x()})); }
void read_where(OpNode& n) { n.emit(n.add(Where{}, {n.x(0), n.x(1), n.x(2)})); }

/// Rows are chosen whole where the condition has one entry a row.
void read_select(OpNode& n) {
  const int64_t rank = n.rank(0), rows = n.rank(1);
  if (rank != 1 || rows <= 1) return read_where(n);
  std::vector<int64_t> axes;
  for (int64_t i = 1; i < rows; ++i) axes.push_back(i);
  n.emit(n.add(Where{}, {n.add(Unsqueeze{}, {n.x(0), n.ints(axes, "axes")}), n.x(1), n.x(2)}));
}

void read_add_n(OpNode& n) {
  ValueId sum = n.x();
  for (size_t i = 1; i < n.in.size(); ++i) sum = n.add(Add{}, {sum, n.x(i)});
  n.emit(sum);
}

void read_bias(OpNode& n) {
  if (!n.is_channels_first()) return binary<Add>(n);
  std::vector<int64_t> axes;
  for (int64_t i = 1; i + 1 < n.rank(); ++i) axes.push_back(i);
  n.emit(n.add(Add{}, {n.x(0), n.add(Unsqueeze{}, {n.x(1), n.ints(axes, "axes")})}));
}

void read_cast(OpNode& n) {
  const auto to = n.def.attributes.find("DstT");
  if (to == n.def.attributes.end()) throw invalid_model("has no DstT");
  n.emit(n.add(Cast{.to = dtype_of(to->second.type())}, {n.x()}));
}

void read_matmul(OpNode& n) {
  const bool a = n.flag("transpose_a") || n.flag("adj_x"), b = n.flag("transpose_b") || n.flag("adj_y");
  // A constant matrix is a layer's weight.
  if (!a && n.graph.is_constant(n.x(1)) && n.rank(1) == 2)
    return n.emit(n.add(FullyConnected{}, {n.x(0), b ? n.x(1) : n.permuted_input(1, {1, 0})}));
  n.emit(n.add(MatMul{.transpose_a = a, .transpose_b = b}, {n.x(0), n.x(1)}));
}

template <class Op>
void reduce(OpNode& n) {
  n.emit(n.add(Op{.keepdims = n.flag("keep_dims")}, {n.x(0), n.ints(n.constant_ints(1), "axes")}));
}

template <class Op>
void arg(OpNode& n) {
  const auto to = n.def.attributes.find("output_type");
  const DType dtype = to == n.def.attributes.end() ? DType::kI64 : dtype_of(to->second.type());
  const std::vector<int64_t> axis = n.constant_ints(1);
  if (axis.size() != 1) throw invalid_model(cat("found ", axis.size(), " axes, expected 1"));
  n.emit(n.add(Op{.axis = axis[0], .keepdims = false, .dtype = dtype}, {n.x(0)}));
}

void read_softmax(OpNode& n) { n.emit(n.add(Softmax{}, {n.x()})); }
void read_mod(OpNode& n) { n.emit(n.add(Mod{}, {n.x(0), n.x(1)})); }

constexpr OpRow kRows[] = {
    {"Identity", pass},
    {"IdentityN", pass_all},
    {"Snapshot", pass},
    {"StopGradient", pass},
    {"PreventGradient", pass},
    {"CheckNumerics", pass},
    {"EnsureShape", pass},
    {"PlaceholderWithDefault", pass},
    {"Abs", unary<Abs>},
    {"Neg", unary<Neg>},
    {"Sign", unary<Sign>},
    {"Ceil", unary<Ceil>},
    {"Floor", unary<Floor>},
    {"Round", unary<Round>},
    {"Rint", unary<Round>},
    {"Sqrt", unary<Sqrt>},
    {"Rsqrt", unary<Rsqrt>},
    {"Reciprocal", unary<Reciprocal>},
    {"Inv", unary<Reciprocal>},
    {"Exp", unary<Exp>},
    {"Log", unary<Log>},
    {"Sin", unary<Sin>},
    {"Cos", unary<Cos>},
    {"Tan", unary<Tan>},
    {"Asin", unary<Asin>},
    {"Acos", unary<Acos>},
    {"Atan", unary<Atan>},
    {"Sinh", unary<Sinh>},
    {"Cosh", unary<Cosh>},
    {"Tanh", unary<Tanh>},
    {"Asinh", unary<Asinh>},
    {"Acosh", unary<Acosh>},
    {"Atanh", unary<Atanh>},
    {"Erf", unary<Erf>},
    {"Sigmoid", unary<Sigmoid>},
    {"Relu", unary<Relu>},
    {"Elu", unary<Elu>},
    {"Selu", unary<Selu>},
    {"Softplus", unary<Softplus>},
    {"Softsign", unary<Softsign>},
    {"LogicalNot", unary<Not>},
    {"IsNan", unary<IsNaN>},
    {"IsInf", unary<IsInf>},
    {"Relu6", read_relu6},
    {"LeakyRelu", read_leaky},
    {"Square", read_square},
    {"Add", binary<Add>},
    {"AddV2", binary<Add>},
    {"AddN", read_add_n},
    {"Sub", binary<Sub>},
    {"Mul", binary<Mul>},
    {"Div", binary<Div>},
    {"RealDiv", binary<Div>},
    {"Maximum", binary<Maximum>},
    {"Minimum", binary<Minimum>},
    {"Pow", binary<Pow>},
    {"FloorDiv", binary<FloorDiv>},
    {"FloorMod", read_mod},
    {"SquaredDifference", binary<SquaredDifference>},
    {"Atan2", binary<Atan2>},
    {"Equal", binary<Equal>},
    {"NotEqual", binary<NotEqual>},
    {"Less", binary<Less>},
    {"LessEqual", binary<LessOrEqual>},
    {"Greater", binary<Greater>},
    {"GreaterEqual", binary<GreaterOrEqual>},
    {"LogicalAnd", binary<And>},
    {"LogicalOr", binary<Or>},
    {"SelectV2", read_where},
    {"Select", read_select},
    {"BiasAdd", read_bias},
    {"Cast", read_cast},
    {"MatMul", read_matmul},
    {"BatchMatMul", read_matmul},
    {"BatchMatMulV2", read_matmul},
    {"BatchMatMulV3", read_matmul},
    {"Mean", reduce<ReduceMean>},
    {"Sum", reduce<ReduceSum>},
    {"Max", reduce<ReduceMax>},
    {"Min", reduce<ReduceMin>},
    {"Prod", reduce<ReduceProd>},
    {"Any", reduce<ReduceAny>},
    {"All", reduce<ReduceAll>},
    {"ArgMax", arg<ArgMax>},
    {"ArgMin", arg<ArgMin>},
    {"Softmax", read_softmax},
    {"LogSoftmax", unary<LogSoftmax>},
};

}  // namespace

std::span<const OpRow> elementwise_rows() { return kRows; }

}  // namespace hone::tensorflow

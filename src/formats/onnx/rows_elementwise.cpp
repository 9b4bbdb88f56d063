#include "base/text.h"
#include "formats/onnx/rows.h"
#include "ops/binary.h"
#include "ops/movement.h"
#include "ops/unary.h"

namespace hone::onnx {

namespace {

/// Before operator set 7 the second operand was aligned at `axis` of the first, not at the end.
ValueId legacy_operand(NodeReader& r, ValueId a, ValueId b) {
  if (r.opset() >= 7 || !r.attr_bool("broadcast", false) || !r.has_attr("axis")) return b;
  const int64_t rank_a = r.rank(a);
  const int64_t rank_b = r.rank(b);
  const int64_t axis = normalize_axis(r.attr_int("axis"), rank_a, "axis");
  std::vector<int64_t> axes;
  for (int64_t i = rank_b; i < rank_a - axis; ++i) axes.push_back(i);
  return axes.empty() ? b : r.emit(Unsqueeze{}, {b, r.ints(std::move(axes))});
}

template <class Op>
void read_binary(NodeReader& r) {
  r.output(0, r.emit(Op{}, {r.in(0), legacy_operand(r, r.in(0), r.in(1))}));
}

template <class Op>
void read_chain(NodeReader& r) {
  ValueId sum = r.in(0);
  for (size_t i = 1; i < r.input_count(); ++i) sum = r.emit(Op{}, {sum, r.in(i)});
  if (r.input_count() == 1) sum = r.emit(Identity{}, {sum});
  r.output(0, sum);
}

void read_mean(NodeReader& r) {
  ValueId sum = r.in(0);
  for (size_t i = 1; i < r.input_count(); ++i) sum = r.emit(Add{}, {sum, r.in(i)});
  r.output(0, r.emit(Div{}, {sum, r.scalar_like(sum, static_cast<double>(r.input_count()))}));
}

void read_prelu(NodeReader& r) {
  ValueId slope = r.in(1);
  const int64_t rank = r.rank(r.in(0));
  if (r.opset() < 7 && rank > 2 && r.rank(slope) == 1 && r.type(slope).shape != Shape{1}) {
    std::vector<int64_t> axes;
    for (int64_t i = 1; i < rank - 1; ++i) axes.push_back(i);
    slope = r.emit(Unsqueeze{}, {slope, r.ints(std::move(axes))});
  }
  r.output(0, r.emit(PRelu{}, {r.in(0), slope}));
}

/// Clip with bounds known now is Clamp, which fuses into what comes before it.
void read_clip(NodeReader& r) {
  const ValueId x = r.in(0);
  Clamp clamp;
  if (r.opset() < 11) {
    clamp.min = r.attr_float("min", clamp.min);
    clamp.max = r.attr_float("max", clamp.max);
    return r.output(0, r.emit(clamp, {x}));
  }
  const DType dtype = r.type(x).logical_dtype();
  bool is_clamp = is_float(dtype) && dtype != DType::kF64;
  for (size_t i = 1; i <= 2; ++i) {
    if (!r.has(i)) continue;
    const Tensor& bound = r.constant(r.in(i));
    if (!bound.exists() || bound.elements() != 1) {
      is_clamp = false;
      continue;
    }
    (i == 1 ? clamp.min : clamp.max) = static_cast<float>(to_doubles(bound)[0]);
  }
  if (is_clamp) return r.output(0, r.emit(clamp, {x}));
  r.output(0, r.emit(Clip{}, {x, r.maybe(1), r.maybe(2)}));
}

void write_clamp(NodeWriter& w) {
  const Clamp& op = w.op<Clamp>();
  w.try_channels_first();
  w.emit_clamped("", {w.in(0)}, {}, op.min, op.max);
}

DType legacy_dtype(std::string_view name) {
  for (int32_t code = 1; code <= 16; ++code)
    if (data_type_name(code) == name && dtype_of(code)) return *dtype_of(code);
  throw unsupported(cat("onnx: cast to '", name, "'"));
}

void read_cast(NodeReader& r) {
  const AttributeProto* to = r.find("to");
  const DType dtype = to && !to->s.empty() ? legacy_dtype(to->s) : r.attr_dtype("to", DType::kF32);
  r.output(0, r.emit(Cast{.to = dtype}, {r.in(0)}));
}

void read_cast_like(NodeReader& r) { r.output(0, r.emit(Cast{.to = r.type(r.in(1)).logical_dtype()}, {r.in(0)})); }

void read_bit_shift(NodeReader& r) {
  r.output(0, r.emit(BitShift{.right = r.attr_string("direction", "LEFT") == "RIGHT"}, {r.in(0), r.in(1)}));
}

void write_bit_shift(NodeWriter& w) {
  w.emit("BitShift", w.all_in(), {w.out()},
         AttributeList().add("direction", w.op<BitShift>().right ? "RIGHT" : "LEFT"));
}

void read_gelu(NodeReader& r) {
  r.output(0, r.emit(Gelu{.approximate = r.attr_string("approximate", "none") == "tanh"}, {r.in(0)}));
}

/// x · sigmoid(alpha · x).
void read_swish(NodeReader& r) {
  const ValueId x = r.in(0);
  const auto alpha = static_cast<double>(r.attr_float("alpha", 1));
  const ValueId scaled = alpha == 1 ? x : r.emit(Mul{}, {x, r.scalar_like(x, alpha)});
  r.output(0, r.emit(Mul{}, {x, r.emit(Sigmoid{}, {scaled})}));
}

/// x · ½ (1 + erf(x/√2)), or with tanh(√(2/π) (x + 0.044715 x³)): operator set 17 has no Gelu.
void write_gelu(NodeWriter& w) {
  w.try_channels_first();
  const DType dtype = w.type(0).logical_dtype();
  const std::string x = w.in(0);
  const auto binary = [&](std::string_view op, const std::string& a, const std::string& b) {
    const std::string y = w.temp("gelu");
    w.emit(op, {a, b}, {y});
    return y;
  };
  std::string inner;
  const std::string y = w.temp("gelu");
  if (w.op<Gelu>().approximate) {
    const std::string cube = binary("Mul", binary("Mul", x, x), x);
    const std::string sum = binary("Add", x, binary("Mul", cube, w.scalar(dtype, 0.044715, "c")));
    inner = binary("Mul", sum, w.scalar(dtype, 0.7978845608028654, "sqrt_2_pi"));
    w.emit("Tanh", {inner}, {y});
  } else {
    inner = binary("Mul", x, w.scalar(dtype, 0.7071067811865476, "rsqrt_2"));
    w.emit("Erf", {inner}, {y});
  }
  const std::string half = binary("Mul", x, w.scalar(dtype, 0.5, "half"));
  w.emit("Mul", {half, binary("Add", y, w.scalar(dtype, 1, "one"))}, {w.out()});
}

void write_mish(NodeWriter& w) {
  w.try_channels_first();
  const std::string soft = w.temp("softplus"), gate = w.temp("tanh");
  w.emit("Softplus", {w.in(0)}, {soft});
  w.emit("Tanh", {soft}, {gate});
  w.emit("Mul", {w.in(0), gate}, {w.out()});
}

void write_rsqrt(NodeWriter& w) {
  w.try_channels_first();
  const std::string root = w.temp("sqrt");
  w.emit("Sqrt", {w.in(0)}, {root});
  w.emit("Reciprocal", {root}, {w.out()});
}

template <class Op>
void write_clamped(NodeWriter& w, std::string_view name) {
  const Op& op = w.op<Op>();
  w.try_channels_first(2);
  w.emit_clamped(name, w.all_in(), {}, op.act_min, op.act_max);
}

void write_squared_difference(NodeWriter& w) {
  w.try_channels_first(2);
  const std::string difference = w.temp("sub");
  w.emit("Sub", w.all_in(), {difference});
  w.emit("Mul", {difference, difference}, {w.out()});
}

void write_not_equal(NodeWriter& w) {
  w.try_channels_first(2);
  const std::string equal = w.temp("equal");
  w.emit("Equal", w.all_in(), {equal});
  w.emit("Not", {equal}, {w.out()});
}

/// ⌊a/b⌋ in double: exact for the integers networks count with, and what FloorDiv means on reals.
void write_floor_div(NodeWriter& w) {
  w.try_channels_first(2);
  const DType dtype = w.type(0).logical_dtype();
  std::vector<std::string> operands = w.all_in();
  for (std::string& name : operands) {
    if (dtype == DType::kF64) break;
    const std::string wide = w.temp("double");
    w.emit("Cast", {name}, {wide}, AttributeList().add("to", DType::kF64));
    name = wide;
  }
  const std::string quotient = w.temp("div");
  w.emit("Div", operands, {quotient});
  if (dtype == DType::kF64) return w.emit("Floor", {quotient}, {w.out()});
  const std::string floor = w.temp("floor");
  w.emit("Floor", {quotient}, {floor});
  w.emit("Cast", {floor}, {w.out()}, AttributeList().add("to", dtype));
}

/// ONNX has no floor-modulo of floats: a − ⌊a/b⌋·b.
void write_mod(NodeWriter& w) {
  w.try_channels_first(2);
  const Mod& op = w.op<Mod>();
  if (op.fmod || !is_float(w.type(0).logical_dtype())) {
    return w.emit("Mod", w.all_in(), {w.out()}, AttributeList().add("fmod", op.fmod));
  }
  const std::string quotient = w.temp("div"), floor = w.temp("floor"), whole = w.temp("mul");
  w.emit("Div", w.all_in(), {quotient});
  w.emit("Floor", {quotient}, {floor});
  w.emit("Mul", {floor, w.in(1)}, {whole});
  w.emit("Sub", {w.in(0), whole}, {w.out()});
}

template <class Op>
constexpr Row binary(std::string_view op) {
  return {op, 1, kNewestOpset, read_binary<Op>, &Op::def, write_same};
}

/// An operator that older operator sets do not have.
template <class Op, int First>
void write_since(NodeWriter& w) {
  w.needs(First);
  write_same(w);
}

template <class Op, int First>
constexpr Row since(std::string_view op) {
  return {op, First, kNewestOpset, read_same<Op>, &Op::def, write_since<Op, First>};
}

/// Half floats came later than the others.
void write_is_inf(NodeWriter& w) {
  if (w.type(0).logical_dtype() == DType::kF16 || w.type(0).logical_dtype() == DType::kBF16) w.needs(20);
  write_same(w);
}

void write_cast(NodeWriter& w) {
  if (is_packed(w.op<Cast>().to) || is_packed(w.type(0).dtype)) w.needs(21);
  write_same(w);
}

constexpr Row kRows[] = {
    same<Abs>("Abs"),
    same<Acos>("Acos"),
    same<Acosh>("Acosh"),
    same<Asin>("Asin"),
    same<Asinh>("Asinh"),
    same<Atan>("Atan"),
    same<Atanh>("Atanh"),
    same<Ceil>("Ceil"),
    same<Celu>("Celu"),
    same<Cos>("Cos"),
    same<Cosh>("Cosh"),
    same<Elu>("Elu"),
    same<Erf>("Erf"),
    same<Exp>("Exp"),
    same<Floor>("Floor"),
    same<HardSigmoid>("HardSigmoid"),
    same<HardSwish>("HardSwish"),
    same<Identity>("Identity"),
    {"IsInf", 1, kNewestOpset, read_same<IsInf>, &IsInf::def, write_is_inf},
    same<IsNaN>("IsNaN"),
    same<LeakyRelu>("LeakyRelu"),
    same<Log>("Log"),
    same<Neg>("Neg"),
    same<Not>("Not"),
    same<Reciprocal>("Reciprocal"),
    same<Relu>("Relu"),
    same<Round>("Round"),
    same<Selu>("Selu"),
    same<Shrink>("Shrink"),
    same<Sigmoid>("Sigmoid"),
    same<Sign>("Sign"),
    same<Sin>("Sin"),
    same<Sinh>("Sinh"),
    same<Softplus>("Softplus"),
    same<Softsign>("Softsign"),
    same<Sqrt>("Sqrt"),
    same<Tan>("Tan"),
    same<Tanh>("Tanh"),
    same<ThresholdedRelu>("ThresholdedRelu"),
    since<BitwiseNot, 18>("BitwiseNot"),
    since<BitwiseAnd, 18>("BitwiseAnd"),
    since<BitwiseOr, 18>("BitwiseOr"),
    since<BitwiseXor, 18>("BitwiseXor"),
    {"Mish", 1, kNewestOpset, read_same<Mish>, &Mish::def, write_mish},
    {"Swish", 24, kNewestOpset, read_swish},
    {"Gelu", 1, kNewestOpset, read_gelu, &Gelu::def, write_gelu},
    {"Clip", 1, kNewestOpset, read_clip, &Clamp::def, write_clamp},
    {"Clip", 1, 0, nullptr, &Clip::def, write_same},
    {"Cast", 1, kNewestOpset, read_cast, &Cast::def, write_cast},
    {"CastLike", 1, kNewestOpset, read_cast_like},
    {"BitShift", 1, kNewestOpset, read_bit_shift, &BitShift::def, write_bit_shift},
    {"", 1, 0, nullptr, &Rsqrt::def, write_rsqrt},

    {"Add", 1, kNewestOpset, read_binary<Add>, &Add::def, [](NodeWriter& w) { write_clamped<Add>(w, "Add"); }},
    {"Sub", 1, kNewestOpset, read_binary<Sub>, &Sub::def, [](NodeWriter& w) { write_clamped<Sub>(w, "Sub"); }},
    {"Mul", 1, kNewestOpset, read_binary<Mul>, &Mul::def, [](NodeWriter& w) { write_clamped<Mul>(w, "Mul"); }},
    {"Div", 1, kNewestOpset, read_binary<Div>, &Div::def, [](NodeWriter& w) { write_clamped<Div>(w, "Div"); }},
    binary<Pow>("Pow"),
    binary<And>("And"),
    binary<Or>("Or"),
    binary<Xor>("Xor"),
    binary<Equal>("Equal"),
    binary<Less>("Less"),
    binary<LessOrEqual>("LessOrEqual"),
    binary<Greater>("Greater"),
    binary<GreaterOrEqual>("GreaterOrEqual"),
    {"Max", 1, kNewestOpset, read_chain<Maximum>, &Maximum::def, write_same},
    {"Min", 1, kNewestOpset, read_chain<Minimum>, &Minimum::def, write_same},
    {"Sum", 1, kNewestOpset, read_chain<Add>},
    {"Mean", 1, kNewestOpset, read_mean},
    {"PRelu", 1, kNewestOpset, read_prelu, &PRelu::def, write_same},
    same<Where>("Where"),
    {"Mod", 1, kNewestOpset, read_same<Mod>, &Mod::def, write_mod},
    {"", 1, 0, nullptr, &FloorDiv::def, write_floor_div},
    {"", 1, 0, nullptr, &SquaredDifference::def, write_squared_difference},
    {"", 1, 0, nullptr, &NotEqual::def, write_not_equal},
};

}  // namespace

std::span<const Row> elementwise_rows() { return kRows; }

}  // namespace hone::onnx

#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "formats/tflite/formula.h"
#include "formats/tflite/simple_rows.h"
#include "formats/tflite/types.h"
#include "ops/binary.h"
#include "ops/movement.h"
#include "ops/unary.h"

namespace hone::tflite {

namespace {

using B = fb::BuiltinOperator;

template <int Min, int Max>
void read_clamp(ReadNode& n) {
  n.emit(Clamp{.min = Min, .max = Max}, {n.in(0)});
}

bool write_clamp(WriteNode& n) {
  n.clamp(n.in(0), n.out(), n.as<Clamp>().min, n.as<Clamp>().max);
  return true;
}

void read_leaky_relu(ReadNode& n) { n.emit(LeakyRelu{.alpha = n.options<fb::LeakyReluOptionsT>().alpha}, {n.in(0)}); }

bool write_leaky_relu(WriteNode& n) {
  fb::LeakyReluOptionsT o;
  o.alpha = n.as<LeakyRelu>().alpha;
  n.emit(B::LEAKY_RELU, Versions{}.of(n.type(0)), o, {n.in(0)}, {n.out()});
  return true;
}

void read_elu(ReadNode& n) { n.emit(Elu{}, {n.in(0)}); }

bool write_elu(WriteNode& n) {
  if (n.as<Elu>().alpha == 1) return write_simple<B::ELU, 1, 1>(n);
  if (n.type(0).quant) return false;
  // x > 0 ? x : alpha · elu(x) is max(x, 0) + alpha · elu(min(x, 0)).
  const TensorType t = n.out_type();
  const TensorIndex above = n.temp(t, "above"), below = n.temp(t, "below"), bent = n.temp(t, "bent"),
                    scaled = n.temp(t, "scaled");
  n.emit(B::RELU, 1, {n.in(0)}, {above});
  n.emit(B::MINIMUM, 1, fb::MaximumMinimumOptionsT(), {n.in(0), n.add_scalar(0)}, {below});
  n.emit(B::ELU, 1, {below}, {bent});
  n.emit(B::MUL, 1, fb::MulOptionsT(), {bent, n.add_scalar(n.as<Elu>().alpha)}, {scaled});
  n.emit(B::ADD, 1, fb::AddOptionsT(), {above, scaled}, {n.out()});
  return true;
}

void read_gelu(ReadNode& n) { n.emit(Gelu{.approximate = n.options<fb::GeluOptionsT>().approximate}, {n.in(0)}); }

bool write_gelu(WriteNode& n) {
  fb::GeluOptionsT o;
  o.approximate = n.as<Gelu>().approximate;
  n.emit(B::GELU, Versions{}.of(n.type(0)), o, {n.in(0)}, {n.out()});
  return true;
}

void read_square(ReadNode& n) { n.emit(Mul{}, {n.in(0), n.in(0)}); }

void read_cast(ReadNode& n) { n.emit(Cast{.to = n.out_type(0).dtype}, {n.in(0)}); }

bool write_cast(WriteNode& n) {
  if (n.type(0).quant || n.out_type().quant) return false;
  n.emit_cast(n.in(0), n.out(), n.is_constant(0));
  return true;
}

bool write_identity(WriteNode& n) {
  n.reshape(n.in(0), n.out());
  return true;
}

bool write_dropout(WriteNode& n) {
  const bool trains = n.has(2) && !(n.is_constant(2) && to_doubles(n.constant(2)) == std::vector<double>{0});
  return n.is_used(1) || trains ? false : write_identity(n);
}

using Step = Formula::Step;

/// max(x, 0) + ln(1 + e^−|x|): no overflow for large x.
Step softplus(Formula& f, Step x) {
  const Step decay = f.unary(B::EXP, f.unary(B::NEG, f.unary(B::ABS, x)));
  return f.add(f.unary(B::RELU, x), f.unary(B::LOG, f.add(decay, 1.0f)));
}

/// max(x, 0) + alpha · (e^(min(x, 0) · inner) − 1).
Step bent(Formula& f, float alpha, float inner) {
  const Step below = f.unary(B::EXP, f.mul(f.smaller(f.x(), 0), inner));
  return f.add(f.unary(B::RELU, f.x()), f.mul(f.add(below, -1), alpha));
}

bool write_reciprocal(WriteNode& n) {
  Formula f(n);
  return f.done(f.div(1, f.x()));
}
bool write_softplus(WriteNode& n) {
  Formula f(n);
  return f.done(softplus(f, f.x()));
}
bool write_softsign(WriteNode& n) {
  Formula f(n);
  return f.done(f.div(f.x(), f.add(f.unary(B::ABS, f.x()), 1)));
}
bool write_mish(WriteNode& n) {
  Formula f(n);
  return f.done(f.mul(f.x(), f.unary(B::TANH, softplus(f, f.x()))));
}
bool write_tan(WriteNode& n) {
  Formula f(n);
  return f.done(f.div(f.unary(B::SIN, f.x()), f.unary(B::COS, f.x())));
}
bool write_selu(WriteNode& n) {
  Formula f(n);
  return f.done(f.mul(bent(f, n.as<Selu>().alpha, 1), n.as<Selu>().gamma));
}
bool write_celu(WriteNode& n) {
  Formula f(n);
  return f.done(bent(f, n.as<Celu>().alpha, 1 / n.as<Celu>().alpha));
}
bool write_hard_sigmoid(WriteNode& n) {
  Formula f(n);
  const Step line = f.add(f.mul(f.x(), n.as<HardSigmoid>().alpha), n.as<HardSigmoid>().beta);
  return f.done(f.larger(f.smaller(line, 1), 0));
}
bool write_thresholded_relu(WriteNode& n) {
  Formula f(n);
  return f.done(f.mul(f.x(), f.above(f.x(), n.as<ThresholdedRelu>().alpha)));
}
bool write_sinh(WriteNode& n) {
  Formula f(n);
  return f.done(f.mul(f.sub(f.unary(B::EXP, f.x()), f.unary(B::EXP, f.unary(B::NEG, f.x()))), 0.5f));
}
bool write_cosh(WriteNode& n) {
  Formula f(n);
  return f.done(f.mul(f.add(f.unary(B::EXP, f.x()), f.unary(B::EXP, f.unary(B::NEG, f.x()))), 0.5f));
}
bool write_is_nan(WriteNode& n) {
  n.emit(B::NOT_EQUAL, 1, fb::NotEqualOptionsT(), {n.in(0), n.in(0)}, {n.out()});
  return true;
}

/// The formula of quantization-aware training: clamp, snap to the nearest of 2^bits levels.
void read_fake_quant(ReadNode& n) {
  const auto o = n.options<fb::FakeQuantOptionsT>();
  if (o.num_bits < 2 || o.num_bits > 16 || !(o.min < o.max))
    throw invalid_model(cat("fake quantization to ", o.num_bits, " bits of ", o.min, "…", o.max));
  const float low = o.narrow_range ? 1.0f : 0.0f, high = static_cast<float>((1 << o.num_bits) - 1);
  const float scale = (o.max - o.min) / (high - low);
  const float zero = std::min(std::max(std::round(low - o.min / scale), low), high);
  const float min = (low - zero) * scale, max = (high - zero) * scale;
  auto number = [&](float value) { return n.add_constant(Tensor::scalar(value), "number"); };
  ValueId x = n.temp(Clamp{.min = min, .max = max}, {n.in(0)});
  x = n.temp(Mul{}, {n.temp(Sub{}, {x, number(min)}), number(1 / scale)});
  x = n.temp(Floor{}, {n.temp(Add{}, {x, number(0.5f)})});
  n.emit(Add{}, {n.temp(Mul{}, {x, number(scale)}), number(min)});
}

constexpr Row kRows[] = {
    simple_row<Abs, B::ABS, 1, 2, 3>(),
    simple_row<Neg, B::NEG>(),
    simple_row<Sign, B::SIGN>(),
    simple_row<Ceil, B::CEIL>(),
    simple_row<Floor, B::FLOOR>(),
    simple_row<Round, B::ROUND>(),
    simple_row<Sqrt, B::SQRT>(),
    simple_row<Rsqrt, B::RSQRT>(),
    simple_row<Exp, B::EXP>(),
    simple_row<Log, B::LOG>(),
    simple_row<Sin, B::SIN>(),
    simple_row<Cos, B::COS>(),
    simple_row<Tanh, B::TANH, 1, 2, 3>(),
    simple_row<Sigmoid, B::LOGISTIC, 1, 2, 3>(),
    simple_row<Relu, B::RELU, 1, 2, 3>(),
    simple_row<HardSwish, B::HARD_SWISH, 1, 1, 1>(),
    simple_row<Not, B::LOGICAL_NOT>(),
    {B::RELU6, 3, read_clamp<0, 6>, &Clamp::def, write_clamp},
    {B::RELU_N1_TO_1, 2, read_clamp<-1, 1>, nullptr, nullptr},
    {B::RELU_0_TO_1, 2, read_clamp<0, 1>, nullptr, nullptr},
    {B::LEAKY_RELU, 3, read_leaky_relu, &LeakyRelu::def, write_leaky_relu},
    {B::ELU, 2, read_elu, &Elu::def, write_elu},
    {B::GELU, 2, read_gelu, &Gelu::def, write_gelu},
    {B::SQUARE, 2, read_square, nullptr, nullptr},
    {B::CAST, 5, read_cast, &Cast::def, write_cast},
    {B::FAKE_QUANT, 2, read_fake_quant, nullptr, nullptr},
    {B::RESHAPE, 1, nullptr, &Identity::def, write_identity},
    {B::RESHAPE, 1, nullptr, &Dropout::def, write_dropout},
    {B::DIV, 1, nullptr, &Reciprocal::def, write_reciprocal},
    {B::ADD, 1, nullptr, &Softplus::def, write_softplus},
    {B::DIV, 1, nullptr, &Softsign::def, write_softsign},
    {B::MUL, 1, nullptr, &Mish::def, write_mish},
    {B::DIV, 1, nullptr, &Tan::def, write_tan},
    {B::MUL, 1, nullptr, &Selu::def, write_selu},
    {B::ADD, 1, nullptr, &Celu::def, write_celu},
    {B::MAXIMUM, 1, nullptr, &HardSigmoid::def, write_hard_sigmoid},
    {B::MUL, 1, nullptr, &ThresholdedRelu::def, write_thresholded_relu},
    {B::MUL, 1, nullptr, &Sinh::def, write_sinh},
    {B::MUL, 1, nullptr, &Cosh::def, write_cosh},
    {B::NOT_EQUAL, 1, nullptr, &IsNaN::def, write_is_nan},
};

}  // namespace

std::span<const Row> elementwise_rows() { return kRows; }

}  // namespace hone::tflite

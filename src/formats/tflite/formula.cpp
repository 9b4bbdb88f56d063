#include "formats/tflite/formula.h"

#include "base/error.h"
#include "base/text.h"

namespace hone::tflite {

using B = fb::BuiltinOperator;

Formula::Formula(WriteNode& n) : n_(n) {
  if (n.type(0).quant || n.type(0).dtype != DType::kF32)
    throw unsupported(cat("tflite has no ", n.node().def->name, " of ", to_text(n.type(0))));
}

template <class Options>
Formula::Step Formula::binary(B code, Step a, Step b) {
  const Step to = next();
  n_.emit(code, 1, Options(), {a.tensor(), b.tensor()}, {to.tensor()});
  return to;
}

Formula::Step Formula::unary(B code, Step a) {
  const Step to = next();
  n_.emit(code, 1, {a.tensor()}, {to.tensor()});
  return to;
}

Formula::Step Formula::add(Step a, Step b) { return binary<fb::AddOptionsT>(B::ADD, a, b); }
Formula::Step Formula::sub(Step a, Step b) { return binary<fb::SubOptionsT>(B::SUB, a, b); }
Formula::Step Formula::mul(Step a, Step b) { return binary<fb::MulOptionsT>(B::MUL, a, b); }
Formula::Step Formula::div(Step a, Step b) { return binary<fb::DivOptionsT>(B::DIV, a, b); }

Formula::Step Formula::smaller(Step a, Number b) {
  return binary<fb::MaximumMinimumOptionsT>(B::MINIMUM, a, constant(b));
}
Formula::Step Formula::larger(Step a, Number b) {
  return binary<fb::MaximumMinimumOptionsT>(B::MAXIMUM, a, constant(b));
}

Formula::Step Formula::above(Step a, Number b) {
  const TensorIndex flag = n_.temp({DType::kBool, n_.type(0).shape, nullptr}, "flag");
  n_.emit(B::GREATER, 1, fb::GreaterOptionsT(), {a.tensor(), n_.add_scalar(b.value)}, {flag});
  const Step to = next();
  n_.emit_cast(flag, to.tensor(), false);
  return to;
}

bool Formula::done(Step last) {
  n_.reshape(last.tensor(), n_.out());
  return true;
}

}  // namespace hone::tflite

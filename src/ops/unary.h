#pragma once

#include <cstdint>
#include <limits>

#include "ir/op_def.h"

namespace hone {

/// Elementwise functions of one tensor: y: [...] = f(x: [...]). Same dtype unless said otherwise.

/// |x|.
struct Abs : Operator<"Abs"> {
  static const OpDef def;
};

/// −x.
struct Neg : Operator<"Neg"> {
  static const OpDef def;
};

/// −1, 0 or 1.
struct Sign : Operator<"Sign"> {
  static const OpDef def;
};

/// ⌈x⌉.
struct Ceil : Operator<"Ceil"> {
  static const OpDef def;
};

/// ⌊x⌋.
struct Floor : Operator<"Floor"> {
  static const OpDef def;
};

/// nearest, halves to even.
struct Round : Operator<"Round"> {
  static const OpDef def;
};

/// √x.
struct Sqrt : Operator<"Sqrt"> {
  static const OpDef def;
};

/// 1/√x (TFLite RSQRT).
struct Rsqrt : Operator<"Rsqrt"> {
  static const OpDef def;
};

/// 1/x.
struct Reciprocal : Operator<"Reciprocal"> {
  static const OpDef def;
};

/// eˣ.
struct Exp : Operator<"Exp"> {
  static const OpDef def;
};

/// ln x.
struct Log : Operator<"Log"> {
  static const OpDef def;
};

/// sin x.
struct Sin : Operator<"Sin"> {
  static const OpDef def;
};

/// cos x.
struct Cos : Operator<"Cos"> {
  static const OpDef def;
};

/// tan x.
struct Tan : Operator<"Tan"> {
  static const OpDef def;
};

/// arcsin x.
struct Asin : Operator<"Asin"> {
  static const OpDef def;
};

/// arccos x.
struct Acos : Operator<"Acos"> {
  static const OpDef def;
};

/// arctan x.
struct Atan : Operator<"Atan"> {
  static const OpDef def;
};

/// sinh x.
struct Sinh : Operator<"Sinh"> {
  static const OpDef def;
};

/// cosh x.
struct Cosh : Operator<"Cosh"> {
  static const OpDef def;
};

/// tanh x.
struct Tanh : Operator<"Tanh"> {
  static const OpDef def;
};

/// arsinh x.
struct Asinh : Operator<"Asinh"> {
  static const OpDef def;
};

/// arcosh x.
struct Acosh : Operator<"Acosh"> {
  static const OpDef def;
};

/// artanh x.
struct Atanh : Operator<"Atanh"> {
  static const OpDef def;
};

/// error function.
struct Erf : Operator<"Erf"> {
  static const OpDef def;
};

/// 1/(1+e⁻ˣ).
struct Sigmoid : Operator<"Sigmoid"> {
  static const OpDef def;
};

/// max(x, 0).
struct Relu : Operator<"Relu"> {
  static const OpDef def;
};

/// x · clamp(x + 3, 0, 6) / 6.
struct HardSwish : Operator<"HardSwish"> {
  static const OpDef def;
};

/// x · tanh(ln(1+eˣ)).
struct Mish : Operator<"Mish"> {
  static const OpDef def;
};

/// ln(1+eˣ).
struct Softplus : Operator<"Softplus"> {
  static const OpDef def;
};

/// x/(1+|x|).
struct Softsign : Operator<"Softsign"> {
  static const OpDef def;
};

/// logical negation; bool.
struct Not : Operator<"Not"> {
  static const OpDef def;
};

/// ~x; integers.
struct BitwiseNot : Operator<"BitwiseNot"> {
  static const OpDef def;
};

/// floats → bool.
struct IsNaN : Operator<"IsNaN"> {
  static const OpDef def;
};

/// x, any dtype.
struct Identity : Operator<"Identity"> {
  static const OpDef def;
};

/// floats → bool.
struct IsInf : Operator<"IsInf"> {
  bool detect_negative = true;
  bool detect_positive = true;
  static constexpr std::tuple fields{Field{"detect_negative", &IsInf::detect_negative},
                                     Field{"detect_positive", &IsInf::detect_positive}};
  static const OpDef def;
};

/// x < 0 ? alpha·x : x.
struct LeakyRelu : Operator<"LeakyRelu"> {
  float alpha = 0.01f;
  static constexpr std::tuple fields{Field{"alpha", &LeakyRelu::alpha}};
  static const OpDef def;
};

/// x < 0 ? alpha·(eˣ−1) : x.
struct Elu : Operator<"Elu"> {
  float alpha = 1;
  static constexpr std::tuple fields{Field{"alpha", &Elu::alpha}};
  static const OpDef def;
};

/// max(0,x) + min(0, alpha·(e^(x/alpha)−1)).
struct Celu : Operator<"Celu"> {
  float alpha = 1;
  static constexpr std::tuple fields{Field{"alpha", &Celu::alpha}};
  static const OpDef def;
};

/// gamma·(x > 0 ? x : alpha·(eˣ−1)).
struct Selu : Operator<"Selu"> {
  float alpha = 1.67326319217681884765625f;
  float gamma = 1.05070102214813232421875f;
  static constexpr std::tuple fields{Field{"alpha", &Selu::alpha}, Field{"gamma", &Selu::gamma}};
  static const OpDef def;
};

/// clamp(alpha·x + beta, 0, 1).
struct HardSigmoid : Operator<"HardSigmoid"> {
  float alpha = 0.2f;
  float beta = 0.5f;
  static constexpr std::tuple fields{Field{"alpha", &HardSigmoid::alpha}, Field{"beta", &HardSigmoid::beta}};
  static const OpDef def;
};

/// x > alpha ? x : 0.
struct ThresholdedRelu : Operator<"ThresholdedRelu"> {
  float alpha = 1;
  static constexpr std::tuple fields{Field{"alpha", &ThresholdedRelu::alpha}};
  static const OpDef def;
};

/// x < −lambd ? x + bias : x > lambd ? x − bias : 0.
struct Shrink : Operator<"Shrink"> {
  float lambd = 0.5f;
  float bias = 0;
  static constexpr std::tuple fields{Field{"lambd", &Shrink::lambd}, Field{"bias", &Shrink::bias}};
  static const OpDef def;
};

/// x·Φ(x); approximate: the tanh form.
struct Gelu : Operator<"Gelu"> {
  bool approximate = false;
  static constexpr std::tuple fields{Field{"approximate", &Gelu::approximate}};
  static const OpDef def;
};

/// min(max(x, min), max) with constant bounds: the canonical form of Relu6 and of Clip with constant bounds.
struct Clamp : Operator<"Clamp"> {
  float min = -std::numeric_limits<float>::infinity();
  float max = std::numeric_limits<float>::infinity();
  static constexpr std::tuple fields{Field{"min", &Clamp::min}, Field{"max", &Clamp::max}};
  static const OpDef def;
};

/// conversion to dtype `to` (ONNX Cast).
struct Cast : Operator<"Cast"> {
  DType to = DType::kF32;
  static constexpr std::tuple fields{Field{"to", &Cast::to}};
  static const OpDef def;
};

/// (x, n) x shifted by n; unsigned.
struct BitShift : Operator<"BitShift"> {
  bool right = false;
  static constexpr std::tuple fields{Field{"right", &BitShift::right}};
  static const OpDef def;
};

}  // namespace hone

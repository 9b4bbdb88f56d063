#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "ir/op_def.h"

namespace hone {

/// Matrix products.

/// (a: […,M,K], b: […,K,N]) → […,M,N] with NumPy broadcasting and 1-D rules; transposes swap the last two axes first.
struct MatMul : Operator<"MatMul"> {
  bool transpose_a = false;
  bool transpose_b = false;
  static constexpr std::tuple fields{Field{"transpose_a", &MatMul::transpose_a},
                                     Field{"transpose_b", &MatMul::transpose_b}};
  static const OpDef def;
};

/// (a: [M,K], b: [K,N], c?: broadcast to [M,N]) → alpha·a·b + beta·c.
struct Gemm : Operator<"Gemm"> {
  float alpha = 1;
  float beta = 1;
  bool transpose_a = false;
  bool transpose_b = false;
  static constexpr std::tuple fields{Field{"alpha", &Gemm::alpha}, Field{"beta", &Gemm::beta},
                                     Field{"transpose_a", &Gemm::transpose_a},
                                     Field{"transpose_b", &Gemm::transpose_b}};
  static const OpDef def;
};

/// (x: […,I], w: [O,I], b?: [O]) → […,O]; without keep_dims x is flattened to [∏/I, I] (TFLite). asymmetric_inputs:
/// with plain x and 8-bit w, TFLite's dynamic-range kernel quantizes x with a zero point.
struct FullyConnected : Operator<"FullyConnected"> {
  bool keep_dims = true;
  float act_min = -std::numeric_limits<float>::infinity();
  float act_max = std::numeric_limits<float>::infinity();
  bool asymmetric_inputs = true;
  static constexpr std::tuple fields{
      Field{"keep_dims", &FullyConnected::keep_dims}, Field{"act_min", &FullyConnected::act_min},
      Field{"act_max", &FullyConnected::act_max}, Field{"asymmetric_inputs", &FullyConnected::asymmetric_inputs}};
  static const OpDef def;
};

/// (a, b, …) by equation.
struct Einsum : Operator<"Einsum"> {
  std::string equation;
  static constexpr std::tuple fields{Field{"equation", &Einsum::equation}};
  static const OpDef def;
};

/// x: […,M,M] → […].
struct Det : Operator<"Det"> {
  static const OpDef def;
};

}  // namespace hone

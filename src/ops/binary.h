#pragma once

#include <cstdint>
#include <limits>

#include "ir/op_def.h"

namespace hone {

/// Elementwise functions of two or three tensors with NumPy broadcasting. Add, Sub, Mul and Div carry a fused
/// activation clamp act_min…act_max (none by default), applied to the real result.

/// a + b.
struct Add : Operator<"Add"> {
  float act_min = -std::numeric_limits<float>::infinity();
  float act_max = std::numeric_limits<float>::infinity();
  static constexpr std::tuple fields{Field{"act_min", &Add::act_min}, Field{"act_max", &Add::act_max}};
  static const OpDef def;
};

/// a − b.
struct Sub : Operator<"Sub"> {
  float act_min = -std::numeric_limits<float>::infinity();
  float act_max = std::numeric_limits<float>::infinity();
  static constexpr std::tuple fields{Field{"act_min", &Sub::act_min}, Field{"act_max", &Sub::act_max}};
  static const OpDef def;
};

/// a · b.
struct Mul : Operator<"Mul"> {
  float act_min = -std::numeric_limits<float>::infinity();
  float act_max = std::numeric_limits<float>::infinity();
  static constexpr std::tuple fields{Field{"act_min", &Mul::act_min}, Field{"act_max", &Mul::act_max}};
  static const OpDef def;
};

/// a / b; integers truncate toward zero.
struct Div : Operator<"Div"> {
  float act_min = -std::numeric_limits<float>::infinity();
  float act_max = std::numeric_limits<float>::infinity();
  static constexpr std::tuple fields{Field{"act_min", &Div::act_min}, Field{"act_max", &Div::act_max}};
  static const OpDef def;
};

/// aᵇ; result has the dtype of a.
struct Pow : Operator<"Pow"> {
  static const OpDef def;
};

/// ⌊a/b⌋ (TFLite FLOOR_DIV).
struct FloorDiv : Operator<"FloorDiv"> {
  static const OpDef def;
};

/// max(a, b); ONNX Max with more inputs is a chain.
struct Maximum : Operator<"Maximum"> {
  static const OpDef def;
};

/// min(a, b).
struct Minimum : Operator<"Minimum"> {
  static const OpDef def;
};

/// (a − b)².
struct SquaredDifference : Operator<"SquaredDifference"> {
  static const OpDef def;
};

/// atan2(a, b).
struct Atan2 : Operator<"Atan2"> {
  static const OpDef def;
};

/// (x, slope) x < 0 ? slope·x : x; slope broadcasts to x.
struct PRelu : Operator<"PRelu"> {
  static const OpDef def;
};

/// bool.
struct And : Operator<"And"> {
  static const OpDef def;
};

/// bool.
struct Or : Operator<"Or"> {
  static const OpDef def;
};

/// bool.
struct Xor : Operator<"Xor"> {
  static const OpDef def;
};

/// integers.
struct BitwiseAnd : Operator<"BitwiseAnd"> {
  static const OpDef def;
};

/// integers.
struct BitwiseOr : Operator<"BitwiseOr"> {
  static const OpDef def;
};

/// integers.
struct BitwiseXor : Operator<"BitwiseXor"> {
  static const OpDef def;
};

/// → bool.
struct Equal : Operator<"Equal"> {
  static const OpDef def;
};

/// → bool.
struct NotEqual : Operator<"NotEqual"> {
  static const OpDef def;
};

/// → bool.
struct Less : Operator<"Less"> {
  static const OpDef def;
};

/// → bool.
struct LessOrEqual : Operator<"LessOrEqual"> {
  static const OpDef def;
};

/// → bool.
struct Greater : Operator<"Greater"> {
  static const OpDef def;
};

/// → bool.
struct GreaterOrEqual : Operator<"GreaterOrEqual"> {
  static const OpDef def;
};

/// (condition: bool, a, b) condition ? a : b; three-way broadcast.
struct Where : Operator<"Where"> {
  static const OpDef def;
};

/// a mod b; fmod: sign of a (C fmod), else sign of b (ONNX Mod with fmod 0, TFLite FLOOR_MOD).
struct Mod : Operator<"Mod"> {
  bool fmod = false;
  static constexpr std::tuple fields{Field{"fmod", &Mod::fmod}};
  static const OpDef def;
};

/// (x, min?: [], max?: []) with bounds known only at run time (constant bounds: Clamp).
struct Clip : Operator<"Clip"> {
  static const OpDef def;
};

}  // namespace hone

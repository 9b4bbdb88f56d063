#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "ir/op_def.h"

namespace hone {

/// Operators that move elements without computing: they run on stored integers of any quantization.

/// reflect leaves the border element out (ONNX reflect, TFLite REFLECT), symmetric repeats it (TFLite SYMMETRIC).
enum class PadMode : int { constant, reflect, symmetric, edge, wrap };
inline constexpr std::string_view kPadModeNames[] = {"constant", "reflect", "symmetric", "edge", "wrap"};
constexpr std::span<const std::string_view> enum_names(PadMode) { return kPadModeNames; }

/// How an update meets what is there.
enum class ScatterReduction : int { none, add, mul, max, min };
inline constexpr std::string_view kScatterReductionNames[] = {"none", "add", "mul", "max", "min"};
constexpr std::span<const std::string_view> enum_names(ScatterReduction) { return kScatterReductionNames; }

/// (x, shape: i64[r] or i32) −1: inferred, 0: copied from x unless allow_zero.
struct Reshape : Operator<"Reshape"> {
  bool allow_zero = false;
  static constexpr std::tuple fields{Field{"allow_zero", &Reshape::allow_zero}};
  static const OpDef def;
};

/// x → [∏ dims before axis, ∏ dims from axis].
struct Flatten : Operator<"Flatten"> {
  int64_t axis = 1;
  static constexpr std::tuple fields{Field{"axis", &Flatten::axis}};
  static const OpDef def;
};

/// (x, axes?: [k]) drops size-1 axes; all of them without axes.
struct Squeeze : Operator<"Squeeze"> {
  static const OpDef def;
};

/// (x, axes: [k]) inserts size-1 axes at those places of the result.
struct Unsqueeze : Operator<"Unsqueeze"> {
  static const OpDef def;
};

/// y.dims[i] = x.dims[perm[i]]; perm empty: reversed.
struct Transpose : Operator<"Transpose"> {
  std::vector<int64_t> perm;
  static constexpr std::tuple fields{Field{"perm", &Transpose::perm}};
  static const OpDef def;
};

/// (x, shape: [r]) two-way broadcast of x with shape.
struct Expand : Operator<"Expand"> {
  static const OpDef def;
};

/// The bytes of x read as elements of `to`, little-endian. Elements of s bytes become elements of t bytes: s = t keeps
/// the dims; s > t appends an axis of s/t; s < t needs a last axis of t/s and drops it (TensorFlow's bitcast).
struct Bitcast : Operator<"Bitcast"> {
  DType to = DType::kF32;
  static constexpr std::tuple fields{Field{"to", &Bitcast::to}};
  static const OpDef def;
};

/// (x, repeats: [rank]).
struct Tile : Operator<"Tile"> {
  static const OpDef def;
};

/// (x0, x1, …) along axis.
struct Concat : Operator<"Concat"> {
  int64_t axis = 0;
  static constexpr std::tuple fields{Field{"axis", &Concat::axis}};
  static const OpDef def;
};

/// (x, sizes?: [n]) → n parts along axis; equal parts (last one smaller) without sizes.
struct Split : Operator<"Split"> {
  int64_t axis = 0;
  static constexpr std::tuple fields{Field{"axis", &Split::axis}};
  static const OpDef def;
};

/// (x, starts, ends, axes?, steps?) as ONNX Slice 13: negative from the end, clamped.
struct Slice : Operator<"Slice"> {
  static const OpDef def;
};

/// (x, pads: [2k] begins then ends, value?: [], axes?: [k]).
struct Pad : Operator<"Pad"> {
  PadMode mode = PadMode::constant;
  static constexpr std::tuple fields{Field{"mode", &Pad::mode}};
  static const OpDef def;
};

/// (x, indices) along axis; negative indices count from the end; the first batch_dims dims are shared.
struct Gather : Operator<"Gather"> {
  int64_t axis = 0;
  int64_t batch_dims = 0;
  static constexpr std::tuple fields{Field{"axis", &Gather::axis}, Field{"batch_dims", &Gather::batch_dims}};
  static const OpDef def;
};

/// (x, indices) same rank.
struct GatherElements : Operator<"GatherElements"> {
  int64_t axis = 0;
  static constexpr std::tuple fields{Field{"axis", &GatherElements::axis}};
  static const OpDef def;
};

/// (x, indices: [..., k]).
struct GatherND : Operator<"GatherND"> {
  int64_t batch_dims = 0;
  static constexpr std::tuple fields{Field{"batch_dims", &GatherND::batch_dims}};
  static const OpDef def;
};

/// (x, indices, updates).
struct ScatterElements : Operator<"ScatterElements"> {
  int64_t axis = 0;
  ScatterReduction reduction = ScatterReduction::none;
  static constexpr std::tuple fields{Field{"axis", &ScatterElements::axis},
                                     Field{"reduction", &ScatterElements::reduction}};
  static const OpDef def;
};

/// (x, indices: [..., k], updates).
struct ScatterND : Operator<"ScatterND"> {
  ScatterReduction reduction = ScatterReduction::none;
  static constexpr std::tuple fields{Field{"reduction", &ScatterND::reduction}};
  static const OpDef def;
};

/// (x, lengths: [N]).
struct ReverseSequence : Operator<"ReverseSequence"> {
  int64_t batch_axis = 1;
  int64_t time_axis = 0;
  static constexpr std::tuple fields{Field{"batch_axis", &ReverseSequence::batch_axis},
                                     Field{"time_axis", &ReverseSequence::time_axis}};
  static const OpDef def;
};

/// (x, axes: [k]) flips those axes (TFLite REVERSE_V2).
struct Reverse : Operator<"Reverse"> {
  static const OpDef def;
};

/// x: [N,H,W,C·b²] → [N,H·b,W·b,C]; column_row_depth selects ONNX CRD order, else DCR (TFLite).
struct DepthToSpace : Operator<"DepthToSpace"> {
  int64_t block = 2;
  bool column_row_depth = false;
  static constexpr std::tuple fields{Field{"block", &DepthToSpace::block},
                                     Field{"column_row_depth", &DepthToSpace::column_row_depth}};
  static const OpDef def;
};

/// x: [N,H·b,W·b,C] → [N,H,W,b²·C].
struct SpaceToDepth : Operator<"SpaceToDepth"> {
  int64_t block = 2;
  static constexpr std::tuple fields{Field{"block", &SpaceToDepth::block}};
  static const OpDef def;
};

/// (x: [N,spatial…,rest…], block: [M], pads: [M,2]) TFLite SPACE_TO_BATCH_ND.
struct SpaceToBatch : Operator<"SpaceToBatch"> {
  static const OpDef def;
};

/// (x, block: [M], crops: [M,2]) TFLite BATCH_TO_SPACE_ND.
struct BatchToSpace : Operator<"BatchToSpace"> {
  static const OpDef def;
};

/// (x, condition: bool[k]) along axis; has_axis false: on the flattened tensor.
struct Compress : Operator<"Compress"> {
  int64_t axis = 0;
  bool has_axis = false;
  static constexpr std::tuple fields{Field{"axis", &Compress::axis}, Field{"has_axis", &Compress::has_axis}};
  static const OpDef def;
};

/// (x, k?: []) upper or lower triangle of the last two axes, zero elsewhere.
struct Trilu : Operator<"Trilu"> {
  bool upper = true;
  static constexpr std::tuple fields{Field{"upper", &Trilu::upper}};
  static const OpDef def;
};

/// (x, k: [1]) → (values, indices: i64).
struct TopK : Operator<"TopK"> {
  int64_t axis = -1;
  bool largest = true;
  bool sorted = true;
  static constexpr std::tuple fields{Field{"axis", &TopK::axis}, Field{"largest", &TopK::largest},
                                     Field{"sorted", &TopK::sorted}};
  static const OpDef def;
};

/// x → (y, first indices, inverse indices, counts); has_axis false: flattened.
struct Unique : Operator<"Unique"> {
  int64_t axis = 0;
  bool has_axis = false;
  bool sorted = true;
  static constexpr std::tuple fields{Field{"axis", &Unique::axis}, Field{"has_axis", &Unique::has_axis},
                                     Field{"sorted", &Unique::sorted}};
  static const OpDef def;
};

/// (x, ratio?, training_mode?) → (y, mask: bool); inference: identity.
struct Dropout : Operator<"Dropout"> {
  int64_t seed = 0;
  static constexpr std::tuple fields{Field{"seed", &Dropout::seed}};
  static const OpDef def;
};

}  // namespace hone

#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "ir/op_def.h"

namespace hone {

/// Convolutions. Activations are channels last: x: [N, s…, C] with one to three spatial dims s; NHWC for two.
/// Padding: `pads` holds begins then ends per spatial axis and counts when auto_pad is explicit_pads.

/// same_upper is TFLite SAME: output = ⌈input / stride⌉, the odd element at the end.
enum class AutoPad : int { explicit_pads, same_upper, same_lower, valid };
inline constexpr std::string_view kAutoPadNames[] = {"explicit_pads", "same_upper", "same_lower", "valid"};
constexpr std::span<const std::string_view> enum_names(AutoPad) { return kAutoPadNames; }

/// (x: [N,s…,I], w: [O,k…,I/groups], b?: [O]) → [N,s'…,O]; groups = I is depthwise. Empty strides/dilations/pads:
/// ones/ones/zeros. Integer dtypes compute in i32/i64.
struct Conv : Operator<"Conv"> {
  std::vector<int64_t> strides;
  std::vector<int64_t> dilations;
  std::vector<int64_t> pads;
  AutoPad auto_pad = AutoPad::explicit_pads;
  int64_t groups = 1;
  float act_min = -std::numeric_limits<float>::infinity();
  float act_max = std::numeric_limits<float>::infinity();
  static constexpr std::tuple fields{Field{"strides", &Conv::strides}, Field{"dilations", &Conv::dilations},
                                     Field{"pads", &Conv::pads},       Field{"auto_pad", &Conv::auto_pad},
                                     Field{"groups", &Conv::groups},   Field{"act_min", &Conv::act_min},
                                     Field{"act_max", &Conv::act_max}};
  static const OpDef def;
};

/// (x: [N,s…,I], w: [I,k…,O/groups], b?: [O]) → [N,s'…,O]; output_shape: spatial dims, empty: derived.
struct ConvTranspose : Operator<"ConvTranspose"> {
  std::vector<int64_t> strides;
  std::vector<int64_t> dilations;
  std::vector<int64_t> pads;
  AutoPad auto_pad = AutoPad::explicit_pads;
  std::vector<int64_t> output_padding;
  std::vector<int64_t> output_shape;
  int64_t groups = 1;
  float act_min = -std::numeric_limits<float>::infinity();
  float act_max = std::numeric_limits<float>::infinity();
  static constexpr std::tuple fields{Field{"strides", &ConvTranspose::strides},
                                     Field{"dilations", &ConvTranspose::dilations},
                                     Field{"pads", &ConvTranspose::pads},
                                     Field{"auto_pad", &ConvTranspose::auto_pad},
                                     Field{"output_padding", &ConvTranspose::output_padding},
                                     Field{"output_shape", &ConvTranspose::output_shape},
                                     Field{"groups", &ConvTranspose::groups},
                                     Field{"act_min", &ConvTranspose::act_min},
                                     Field{"act_max", &ConvTranspose::act_max}};
  static const OpDef def;
};

/// (x: [N,H,W,I], w: [O,kh,kw,I/groups], offset: [N,H',W',D·kh·kw·2], b?: [O], mask?: [N,H',W',D·kh·kw]) →
/// [N,H',W',O]: a convolution whose taps lie offset (rows, then columns) from their places, between pixels bilinearly,
/// and are scaled by mask; D = offset_groups groups of input channels have offsets of their own. Outside is zero.
/// Source: Zhu et al., Deformable ConvNets v2; ONNX DeformConv 19.
struct DeformConv : Operator<"DeformConv"> {
  std::vector<int64_t> strides;
  std::vector<int64_t> dilations;
  std::vector<int64_t> pads;
  int64_t groups = 1;
  int64_t offset_groups = 1;
  static constexpr std::tuple fields{Field{"strides", &DeformConv::strides}, Field{"dilations", &DeformConv::dilations},
                                     Field{"pads", &DeformConv::pads}, Field{"groups", &DeformConv::groups},
                                     Field{"offset_groups", &DeformConv::offset_groups}};
  static const OpDef def;
};

/// (x: [N, L, C·∏block], image: [k], block: [k]) → [N, image…, C] for one to three spatial axes: sums up what overlaps
/// when the L columns of blocks that a window over an image of that size visits are laid back. The last axis of x runs
/// over channels, then the places in a block. Source: ONNX Col2Im 18.
struct Col2Im : Operator<"Col2Im"> {
  std::vector<int64_t> strides;
  std::vector<int64_t> dilations;
  std::vector<int64_t> pads;
  static constexpr std::tuple fields{Field{"strides", &Col2Im::strides}, Field{"dilations", &Col2Im::dilations},
                                     Field{"pads", &Col2Im::pads}};
  static const OpDef def;
};

}  // namespace hone

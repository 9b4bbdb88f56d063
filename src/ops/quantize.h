#pragma once

#include <cstdint>

#include "ir/op_def.h"

namespace hone {

/// Between reals and integers. Quantize and Dequantize carry their parameters in the types of their edges: the
/// canonical form. The ...Linear operators take scales as tensors, for graphs whose scales are known only at run time.

/// x: f32 or quantized → the quantized type asked for in NodeSpec::output_types; rounds half to even (fixed point: as
/// TFLite QUANTIZE).
struct Quantize : Operator<"Quantize"> {
  static const OpDef def;
};

/// quantized → f32.
struct Dequantize : Operator<"Dequantize"> {
  static const OpDef def;
};

/// (x, scale: [] or [C] or blocked, zero_point?) → u8 (or dtype of zero_point, or `dtype` when has_dtype).
struct QuantizeLinear : Operator<"QuantizeLinear"> {
  int64_t axis = 1;
  int64_t block_size = 0;
  DType dtype = DType::kU8;
  bool has_dtype = false;
  static constexpr std::tuple fields{
      Field{"axis", &QuantizeLinear::axis}, Field{"block_size", &QuantizeLinear::block_size},
      Field{"dtype", &QuantizeLinear::dtype}, Field{"has_dtype", &QuantizeLinear::has_dtype}};
  static const OpDef def;
};

/// (x, scale, zero_point?) → dtype of scale.
struct DequantizeLinear : Operator<"DequantizeLinear"> {
  int64_t axis = 1;
  int64_t block_size = 0;
  static constexpr std::tuple fields{Field{"axis", &DequantizeLinear::axis},
                                     Field{"block_size", &DequantizeLinear::block_size}};
  static const OpDef def;
};

/// x → (y: u8, scale: f32[], zero_point: u8[]).
struct DynamicQuantizeLinear : Operator<"DynamicQuantizeLinear"> {
  static const OpDef def;
};

}  // namespace hone

#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "formats/tflite/schema.h"

namespace hone::tflite {

/// What kernels of TFLite 2.9 do with quantization beyond computing with it.
enum class Quant : uint8_t {
  kFree,     ///< each quantized tensor has parameters of its own
  kSame,     ///< kernels move or compare stored integers: those of input and output must be the same
  kChannels  ///< as kFree, and weights and biases may have a scale for each channel
};

/// One builtin as TFLite 2.9 has it.
///
/// `forms` are the combinations of element types its kernels take: "ff>f bb>b" are two, with a letter for each input
/// and, behind '>', each output. f: f32, h: f16, d: f64, i: i32, l: i64, j: u32, t: bool, c: complex64, r: resource; b,
/// u and s are quantized i8, u8 and i16, B, U and S plain ones, q is quantized i32; '#' any plain number up to 64 bits,
/// '_' anything, '.' absent, '*' the letter before it any number of times. Inputs that a form does not name may not
/// exist.
struct RuntimeRule {
  fb::BuiltinOperator code;
  int32_t last_version;
  std::string_view forms;
  int8_t most_axes = 0;       ///< of input 0; 0: any
  int8_t most_broadcast = 0;  ///< where inputs differ in shape; 0: as most_axes
  Quant quant = Quant::kFree;
};

/// The rule of a builtin, or null where TFLite 2.9 has no such operator.
const RuntimeRule* runtime_rule(fb::BuiltinOperator code);

/// A result whose parameters a kernel prescribes, by the types of its input and the result.
struct PrescribedOutput {
  fb::BuiltinOperator code;
  fb::TensorType input, type;
  float scale;
  int64_t zero_point;
  float tolerance = 1e-6f;  ///< of the scale, relative
};
std::span<const PrescribedOutput> prescribed_outputs();

}  // namespace hone::tflite

#pragma once

#include "ir/op_def.h"

namespace hone {

/// TFLite's integer kernels of elementwise operators with one input (version 2.9), bit for bit. Each expects per-tensor
/// quantization of i8, u8 or i16 on both sides and otherwise computes on real numbers.
void eval_quantized_abs(EvalContext& context);
void eval_quantized_relu(EvalContext& context);
void eval_quantized_clamp(EvalContext& context);
void eval_quantized_leaky_relu(EvalContext& context);
void eval_quantized_hard_swish(EvalContext& context);
void eval_quantized_sigmoid(EvalContext& context);
void eval_quantized_tanh(EvalContext& context);

}  // namespace hone

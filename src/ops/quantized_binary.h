#pragma once

#include "ir/op_def.h"

namespace hone {

/// TFLite's integer kernels of elementwise operators with two inputs (version 2.9), bit for bit. Each expects
/// per-tensor quantization of one dtype (i8, u8 or i16) on all sides and otherwise computes on real numbers.
void eval_quantized_add(EvalContext& context);
void eval_quantized_sub(EvalContext& context);
void eval_quantized_mul(EvalContext& context);
void eval_quantized_maximum(EvalContext& context);
void eval_quantized_minimum(EvalContext& context);
void eval_quantized_squared_difference(EvalContext& context);  ///< i8 alone
void eval_quantized_prelu(EvalContext& context);

void eval_quantized_equal(EvalContext& context);
void eval_quantized_not_equal(EvalContext& context);
void eval_quantized_less(EvalContext& context);
void eval_quantized_less_or_equal(EvalContext& context);
void eval_quantized_greater(EvalContext& context);
void eval_quantized_greater_or_equal(EvalContext& context);

}  // namespace hone

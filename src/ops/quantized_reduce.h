#pragma once

#include "ir/op_def.h"

namespace hone {

/// TFLite's integer kernels of SUM and MEAN (version 2.9). Per-tensor i8, u8 or i16; else computed on real numbers.
void eval_quantized_reduce_sum(EvalContext& context);
void eval_quantized_reduce_mean(EvalContext& context);

}  // namespace hone

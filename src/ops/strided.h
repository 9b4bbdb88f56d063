#pragma once

#include "ops/kernel.h"

namespace hone {

/// Writes to y, in row-major order of `dims`, the elements of x at offset + Σ index[i] · strides[i] (in elements; any
/// sign). y has ∏ dims elements of x's size. The caller vouches that every position lies within x.
void copy_strided(const Tensor& x, int64_t offset, Dims dims, Dims strides, Tensor& y);

/// Output 0 with these dims and x's elements in the order that dims_of_walk and strides describe.
void move_strided(EvalContext& context, Dims out_dims, int64_t offset, Dims walk_dims, Dims strides);

/// ∏ of dims: a number when all are known, a symbol when all others are 1, else unknown.
Dim product_of(std::span<const Dim> dims);

/// Bytes of one element that stands for zero: the zero point of a quantized type, as `width` bytes in an unsigned
/// integer.
uint64_t zero_element(const Tensor& like);

/// Bytes of element `i` of a tensor in an unsigned integer.
uint64_t element_bits(const Tensor& x, int64_t i);

/// OpDef::macs of operators that compute nothing.
int64_t no_macs(const Attrs&, std::span<const TensorType* const>, std::span<const TensorType* const>);

/// Definition of an operator that moves elements: runs on stored integers, output 0 has the quantization of input 0.
template <class Op>
constexpr OpDef mover(void (*infer)(InferContext&), void (*eval)(EvalContext&), int min_inputs, int max_inputs,
                      std::span<const InputRule> inputs = {}) {
  OpDef def{.name = Op::kName, .attrs = &attr_type<Op>(), .min_inputs = min_inputs, .max_inputs = max_inputs};
  def.inputs = inputs;
  def.infer = infer;
  def.eval = eval;
  def.macs = no_macs;
  def.quant = {.kind = QuantRule::kSameScale};
  def.moves_data = true;
  return def;
}

}  // namespace hone

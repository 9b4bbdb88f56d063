#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "ir/op_def.h"
#include "tensor/tensor.h"

namespace hone {

/// The last step of TFLite's integer convolutions and products: sums of centered products plus bias, times
/// x.scale · w.scale[channel] / out.scale in fixed point, plus the output's zero point, cut to the activation's range.
struct Requantization {
  const Tensor& x;        ///< quantized per tensor, 8 or 16 bits
  const Tensor& w;        ///< quantized per tensor, or per channel along weight_axis
  Tensor bias;            ///< absent, or integers [channels]
  const TensorType& out;  ///< quantized per tensor, as wide as x
  float act_min = -std::numeric_limits<float>::infinity();
  float act_max = std::numeric_limits<float>::infinity();
  int64_t channels = 1;
  int64_t weight_axis = 0;
  bool product_in_float = false;  ///< x.scale · w.scale is rounded to float first, as TFLite's per-tensor kernels do
  bool halves_up = false;         ///< multiply_by_quantized_multiplier_up, as TFLite's matrix products do
};

/// Whether the integer form exists for these types; otherwise the operator computes in float (eval_in_float).
bool can_requantize(const Requantization& r);

/// sums: [rows, channels] as two's complement bits, 32 bits wide for 8-bit x and 64 bits for 16-bit x. Result of
/// r.out's dtype and parameters with dims `dims`.
Tensor requantize(const Requantization& r, std::vector<uint32_t> sums, Dims dims);
Tensor requantize(const Requantization& r, std::vector<uint64_t> sums, Dims dims);

/// Computes sums with `sum` instantiated for the width that x asks for and requantizes them:
/// sum(std::type_identity<U>{}) → std::vector<U>, U uint32_t or uint64_t.
template <class F>
Tensor requantize_sums(const Requantization& r, Dims dims, F&& sum) {
  if (size_of(r.x.dtype()) > 1) return requantize(r, sum(std::type_identity<uint64_t>{}), std::move(dims));
  return requantize(r, sum(std::type_identity<uint32_t>{}), std::move(dims));
}

}  // namespace hone

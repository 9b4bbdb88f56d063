#pragma once

#include <cstddef>
#include <span>

#include "formats/tflite/schema.h"
#include "tensor/tensor.h"

namespace hone::tflite {

/// The dense tensor of `dims` whose non-zero elements are `values`, laid out as `sparsity` says (TACO-like: dense or
/// compressed levels, optionally blocked). Time and memory are linear in the dense size.
/// Throws Error(invalid_model) when levels, segments or indices do not fit the dims.
Tensor densify(const fb::SparsityParameters& sparsity, std::span<const std::byte> values, DType dtype, Dims dims,
               QuantPtr quant);

}  // namespace hone::tflite

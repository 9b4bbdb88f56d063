#pragma once

#include <optional>

#include "formats/tflite/schema.h"
#include "tensor/tensor.h"

namespace hone::tflite {

/// The element type of a file's tensor; empty for strings, complex numbers, resources and variants.
std::optional<DType> dtype_of(fb::TensorType type);

/// The file's name for an element type. Throws Error(unsupported) for kU4, which TFLite does not have.
fb::TensorType file_type_of(DType dtype);

/// Quantization of a tensor of `dtype` and `dims`, null when it has none or carries only calibration ranges.
/// Throws Error(invalid_model) when scales and zero points do not fit each other, the dims or the dtype.
QuantPtr quant_of(const fb::QuantizationParameters* q, DType dtype, const Shape& shape);

/// The file's form of `quant`; null for null. Throws Error(unsupported) for blocked quantization.
std::unique_ptr<fb::QuantizationParametersT> file_quant_of(const QuantPtr& quant);

/// Dims of a constant with dims permuted: out.dims[i] = in.dims[perm[i]]; quantization follows its axis.
Tensor transposed(const Tensor& x, const std::vector<int64_t>& perm);

}  // namespace hone::tflite

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "container/json.h"
#include "tensor/tensor.h"

namespace hone {

/// Element types and tensors as the Open Inference Protocol v2 says them (its sections "Tensor Data Types" and "Tensor
/// Data", and the binary tensor data extension).

/// "FP32", "INT8", …; 4-bit integers are the 8-bit ones that they are stored as.
std::string_view datatype_of(DType dtype);
std::optional<DType> parse_datatype(std::string_view text);

/// `data`: numbers in row-major order, flat or nested in any way. Throws Error(invalid_argument) when there are not as
/// many as `dims` say, or one is no value of `dtype`; Error(unsupported) for FP16 and BF16, which have no JSON form.
Tensor tensor_from_json(const Json& data, DType dtype, Dims dims);

/// Appends the elements as a flat JSON list to `out`; what is not finite is null. Throws as tensor_from_json for FP16
/// and BF16.
void append_json(std::string& out, const Tensor& tensor);

/// Little-endian elements without padding. Throws Error(invalid_argument) when `bytes` are not as many as `dims` say.
Tensor tensor_from_binary(std::string_view bytes, DType dtype, Dims dims);

}  // namespace hone

#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"
#include "tensor/tensor.h"

namespace hone::torch {

/// Elements that tensors are views of.
struct Storage {
  DType dtype = DType::kF32;
  Bytes bytes;
};

/// "torch.FloatStorage" → f32; quantized ones are their integers. Throws Error(unsupported) for others.
DType storage_dtype(const std::string& name);

/// torch's number of a dtype (c10/core/ScalarType.h), as programs write it: 6 is f32. Throws Error(unsupported).
DType dtype_of(int64_t number);
int64_t number_of(DType dtype);

/// The elements offset + Σ indexᵢ · stridesᵢ: a view where they lie in order, else a copy. Throws Error(invalid_model)
/// when some lie outside of the storage, Error(resource) for a copy that is much larger than what it repeats.
Tensor tensor_of(const Storage& storage, int64_t offset, Dims dims, const Dims& strides);

}  // namespace hone::torch

#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "tensor/tensor.h"

namespace hone {

/// A tensor of elements as a file stores them, little-endian and dense: a view of `bytes` where they may be read in
/// place, else a copy. Copied are elements at addresses that their type forbids, and booleans that are neither 0 nor 1
/// (any other is true). `owner` keeps `bytes` alive; null copies. Throws Error(invalid_model) unless there are as many
/// bytes as `dims` elements take.
Tensor stored_tensor(DType dtype, Dims dims, std::span<const std::byte> bytes,
                     const std::shared_ptr<const void>& owner);

}  // namespace hone

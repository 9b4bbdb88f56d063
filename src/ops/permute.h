#pragma once

#include <cstdint>
#include <vector>

#include "tensor/tensor.h"

namespace hone {

/// A copy of x, plain, with dims[i] = x.dims[perm[i]]; perm is a permutation of its axes.
Tensor permuted(const Tensor& x, const std::vector<int64_t>& perm);

}  // namespace hone

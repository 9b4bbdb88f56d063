#pragma once

#include <cstdint>
#include <span>

namespace hone {

/// a × b and a + b of sizes and counts; throws Error(resource) when a result does not fit or an operand is negative.
int64_t checked_mul(int64_t a, int64_t b);
int64_t checked_add(int64_t a, int64_t b);

/// Product of all dims (1 for none), each ≥ 0; throws Error(resource) on overflow, Error(invalid_argument) on a
/// negative dim.
int64_t checked_product(std::span<const int64_t> dims);

}  // namespace hone

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "formats/torch/value.h"

namespace hone::torch {

/// Operators on numbers, texts and containers, which are computed while the program is read: "add", "len", "append", ….
struct ScalarRow {
  std::string_view name;
  Value (*run)(Heap& heap, const std::vector<Value>& arguments);
};
/// The row of an operator, or null.
const ScalarRow* find_scalar_row(std::string_view name);

/// How many numbers range(begin, end, step) gives; step ≠ 0.
uint64_t range_length(int64_t begin, int64_t end, int64_t step);

/// items[i], counted from the end when negative. Throws Error(invalid_model) outside.
Value element(Heap& heap, const Value& container, const Value& index);

}  // namespace hone::torch

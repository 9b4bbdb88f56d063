#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "runtime/program.h"

namespace hone {

/// Requests for one row each, answered by one run of as many rows. A batch has 2, 4, 8 … rows: a plan is compiled for
/// each size, and few sizes are.
constexpr int64_t kMaxBatch = 64;

/// Whether the first dimension of every input and output, and no other, is open, and nothing is remembered.
bool has_free_rows(const Graph& graph);

/// The most rows, 1 or a power of two up to `wanted`, that `program` answers at once as it answers each of them alone,
/// bit for bit: tried on generated numbers with every size up to it. What a kernel does depends on its sizes alone, and
/// these are all that a batch will have. 1 unless has_free_rows().
int64_t proven_batch(const std::shared_ptr<const Program>& program, int64_t wanted);

/// Rows behind each other: input i is [N, …] of `rows`' [1, …]. All have the same inputs.
std::vector<Tensor> joined_rows(std::span<const std::vector<Tensor>* const> rows);
/// Row `row` of each tensor [N, …] as a view [1, …]; valid as long as they are.
std::vector<Tensor> row_of(std::span<const Tensor> tensors, int64_t row);

}  // namespace hone

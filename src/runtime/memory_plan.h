#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace hone {

/// A block of memory needed from the step that writes it first to the step that reads it last, both included.
struct Lifetime {
  int64_t bytes = 0;
  int32_t first = 0;
  int32_t last = 0;
};

struct MemoryPlan {
  std::vector<int64_t> offsets;  ///< bytes from the arena's start, multiples of 64, one per lifetime
  int64_t total = 0;             ///< arena size in bytes
};

/// Places blocks so that those alive at the same time do not overlap: largest first, each into the lowest gap that
/// fits ("greedy by size", Pisarchyk and Lee 2020, section 5.2). That compares each block with all placed before it;
/// where this would take more than `most_comparisons` they are placed in order of time instead, each into the lowest
/// gap that is free then, in n log n.
MemoryPlan plan_memory(std::span<const Lifetime> lifetimes, int64_t most_comparisons = int64_t{1} << 25);

}  // namespace hone

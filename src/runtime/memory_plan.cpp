#include "runtime/memory_plan.h"

#include <algorithm>
#include <numeric>

#include "base/checked.h"

namespace hone {

MemoryPlan plan_memory(std::span<const Lifetime> lifetimes) {
  constexpr int64_t kAlign = 64;
  MemoryPlan plan;
  plan.offsets.assign(lifetimes.size(), 0);
  std::vector<size_t> by_size(lifetimes.size());
  std::iota(by_size.begin(), by_size.end(), size_t{0});
  std::stable_sort(by_size.begin(), by_size.end(),
                   [&](size_t a, size_t b) { return lifetimes[a].bytes > lifetimes[b].bytes; });
  std::vector<size_t> placed;  // sorted by offset
  for (const size_t i : by_size) {
    const Lifetime& block = lifetimes[i];
    int64_t offset = 0;
    for (const size_t j : placed) {
      const Lifetime& other = lifetimes[j];
      if (other.last < block.first || block.last < other.first) continue;
      if (offset + block.bytes <= plan.offsets[j]) break;
      const int64_t end = checked_add(plan.offsets[j], other.bytes);
      offset = std::max(offset, (end + kAlign - 1) / kAlign * kAlign);
    }
    plan.offsets[i] = offset;
    plan.total = std::max(plan.total, checked_add(offset, block.bytes));
    const auto at = std::upper_bound(placed.begin(), placed.end(), i,
                                     [&](size_t a, size_t b) { return plan.offsets[a] < plan.offsets[b]; });
    placed.insert(at, i);
  }
  plan.total = (plan.total + kAlign - 1) / kAlign * kAlign;
  return plan;
}

}  // namespace hone

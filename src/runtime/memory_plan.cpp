#include "runtime/memory_plan.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <set>

#include "base/checked.h"

namespace hone {

namespace {

constexpr int64_t kAlign = 64;

int64_t aligned(int64_t bytes) { return checked_add(bytes, kAlign - 1) / kAlign * kAlign; }

/// None when it would compare more than `most_comparisons` pairs of blocks.
std::optional<MemoryPlan> plan_by_size(std::span<const Lifetime> lifetimes, int64_t most_comparisons) {
  MemoryPlan plan;
  plan.offsets.assign(lifetimes.size(), 0);
  std::vector<size_t> by_size(lifetimes.size());
  std::iota(by_size.begin(), by_size.end(), size_t{0});
  std::stable_sort(by_size.begin(), by_size.end(),
                   [&](size_t a, size_t b) { return lifetimes[a].bytes > lifetimes[b].bytes; });
  std::vector<size_t> placed;                     // sorted by offset
  std::vector<int64_t> behind(lifetimes.size());  // where the next block may begin after a placed one
  for (const size_t i : by_size) {
    const Lifetime& block = lifetimes[i];
    most_comparisons -= static_cast<int64_t>(placed.size());
    if (most_comparisons < 0) return std::nullopt;
    int64_t offset = 0;
    for (const size_t j : placed) {
      const Lifetime& other = lifetimes[j];
      if (other.last < block.first || block.last < other.first) continue;
      if (offset + block.bytes <= plan.offsets[j]) break;
      offset = std::max(offset, behind[j]);
    }
    plan.offsets[i] = offset;
    plan.total = std::max(plan.total, checked_add(offset, block.bytes));
    behind[i] = aligned(checked_add(offset, block.bytes));
    const auto at = std::upper_bound(placed.begin(), placed.end(), i,
                                     [&](size_t a, size_t b) { return plan.offsets[a] < plan.offsets[b]; });
    placed.insert(at, i);
  }
  return plan;
}

/// Free ranges of an arena that grows at its end.
class Gaps {
 public:
  /// The smallest gap that is large enough, of equal ones the lowest, or the end.
  int64_t take(int64_t bytes) {
    const auto at = by_size_.lower_bound({bytes, 0});
    if (at == by_size_.end()) {
      const int64_t offset = end_;
      end_ = checked_add(end_, bytes);
      return offset;
    }
    const auto [size, offset] = *at;
    by_size_.erase(at);
    by_offset_.erase(offset);
    if (size > bytes) insert(offset + bytes, size - bytes);
    return offset;
  }

  void give(int64_t offset, int64_t bytes) {
    if (bytes == 0) return;
    auto after = by_offset_.lower_bound(offset);
    if (after != by_offset_.end() && after->first == offset + bytes) bytes += absorb(after);
    after = by_offset_.lower_bound(offset);
    if (after != by_offset_.begin()) {
      const auto before = std::prev(after);
      if (before->first + before->second == offset) {
        offset = before->first;
        bytes += absorb(before);
      }
    }
    insert(offset, bytes);
  }

  int64_t end() const { return end_; }

 private:
  using Offsets = std::map<int64_t, int64_t>;  // offset → bytes

  void insert(int64_t offset, int64_t bytes) {
    by_offset_.emplace(offset, bytes);
    by_size_.emplace(bytes, offset);
  }
  int64_t absorb(Offsets::iterator gap) {
    const int64_t bytes = gap->second;
    by_size_.erase({bytes, gap->first});
    by_offset_.erase(gap);
    return bytes;
  }

  Offsets by_offset_;
  std::set<std::pair<int64_t, int64_t>> by_size_;
  int64_t end_ = 0;
};

MemoryPlan plan_by_time(std::span<const Lifetime> lifetimes) {
  MemoryPlan plan;
  plan.offsets.assign(lifetimes.size(), 0);
  std::vector<size_t> starting(lifetimes.size()), ending;
  std::iota(starting.begin(), starting.end(), size_t{0});
  ending = starting;
  std::stable_sort(starting.begin(), starting.end(),
                   [&](size_t a, size_t b) { return lifetimes[a].first < lifetimes[b].first; });
  std::stable_sort(ending.begin(), ending.end(),
                   [&](size_t a, size_t b) { return lifetimes[a].last < lifetimes[b].last; });
  Gaps gaps;
  size_t ended = 0;
  for (const size_t i : starting) {
    for (; lifetimes[ending[ended]].last < lifetimes[i].first; ++ended)
      gaps.give(plan.offsets[ending[ended]], aligned(lifetimes[ending[ended]].bytes));
    plan.offsets[i] = gaps.take(aligned(lifetimes[i].bytes));
  }
  plan.total = gaps.end();
  return plan;
}

}  // namespace

MemoryPlan plan_memory(std::span<const Lifetime> lifetimes, int64_t most_comparisons) {
  std::optional<MemoryPlan> plan = plan_by_size(lifetimes, most_comparisons);
  if (!plan) plan = plan_by_time(lifetimes);
  plan->total = aligned(plan->total);
  return std::move(*plan);
}

}  // namespace hone

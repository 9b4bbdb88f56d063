#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>

#include "base/thread_pool.h"

namespace hone::cpu {

/// Splits `units` into at most `tasks` ranges of nearly equal length and calls f(task, begin, end) for each, in
/// parallel; task numbers are below `tasks`, so that each may own a part of the scratch memory.
template <class F>
void for_tasks(ThreadPool& pool, int64_t units, int64_t tasks, const F& f) {
  tasks = std::min(tasks, units);
  if (tasks <= 1) {
    if (units > 0) f(int64_t{0}, int64_t{0}, units);
    return;
  }
  const auto body = [&](int64_t first, int64_t last) {
    for (int64_t t = first; t < last; ++t) f(t, units * t / tasks, units * (t + 1) / tasks);
  };
  pool.for_each(tasks, 1, std::cref(body));  // a copy of the closure would be allocated
}

/// Multiple of 64 at or above `bytes`.
constexpr int64_t align_64(int64_t bytes) { return (bytes + 63) / 64 * 64; }

}  // namespace hone::cpu

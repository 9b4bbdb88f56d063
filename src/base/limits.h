#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"

namespace hone {

/// What the control groups of this process grant it, versions 1 and 2, its own group and every one above: the tightest
/// counts. `root` stands before /proc and /sys, for tests.
struct GroupLimits {
  double cpus = -1;          ///< CPUs that the quota amounts to; −1: no quota
  int64_t memory = -1;       ///< bytes; −1: no limit
  int64_t memory_free = -1;  ///< of them not in use, what the kernel can reclaim counted as free; −1: no limit
};
GroupLimits read_group_limits(const std::string& root = {});

/// Most bytes this process may hold, files that it maps not counted; 0: only what the machine sets.
void set_memory_ceiling(int64_t bytes);

/// Bytes this process may still take: the least of what the machine has available, its control groups, its resource
/// limits (address space and data) and the ceiling leave. Never negative; a very large number where nothing is known.
int64_t free_memory(const std::string& root = {});

/// Whether `bytes` more fit. Cheap for small amounts: those are summed up and the system is asked for every 16 MB.
bool has_memory_for(int64_t bytes) noexcept;
/// "WHAT needs 4.3 GB, 380 MB are free".
Error memory_error(int64_t bytes, const std::string& what);
/// Throws memory_error, before memory is touched, unless `bytes` more fit; `what()` says for what.
template <class What>
void require_memory(int64_t bytes, const What& what) {
  if (bytes > 0 && !has_memory_for(bytes)) throw memory_error(bytes, what());
}

}  // namespace hone

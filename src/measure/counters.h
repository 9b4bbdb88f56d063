#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace hone {

inline constexpr std::array<std::string_view, 4> kCounterNames{"cycles", "instructions", "cache_misses",
                                                               "branch_misses"};
/// One a name; −1 where not counted.
using Counters = std::array<double, 4>;

/// Why perf_event_open failed with this errno, in words.
std::string why_no_counter(int error);

/// Hardware counters of the calling thread in user mode (Linux perf_event_open), scheduled and read as one group.
class CounterGroup {
 public:
  /// Never throws: where the machine has no counters or forbids them, is_open() is false and reason() says why.
  CounterGroup();
  ~CounterGroup();
  CounterGroup(const CounterGroup&) = delete;
  CounterGroup& operator=(const CounterGroup&) = delete;

  bool is_open() const { return fds_[0] >= 0; }
  const std::string& reason() const { return reason_; }
  /// Counts since the group was opened; −1 for a counter that this machine does not have.
  Counters read() const;

 private:
  std::array<int, 4> fds_{-1, -1, -1, -1};
  std::array<int, 4> places_{-1, -1, -1, -1};  ///< of each counter within the group; −1: not there
  std::string reason_;
};

/// Counts out of what the kernel gives for a group: {members, ns enabled, ns running, a value a member}. When the
/// group shared the hardware with others (running < enabled), counts are scaled to the whole time, as perf does; when
/// it never ran, nothing was counted. `places`: the member of each counter, −1 for none.
Counters counters_of_group(std::span<const uint64_t> raw, const std::array<int, 4>& places);

}  // namespace hone

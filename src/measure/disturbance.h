#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace hone {

/// What the system counts of everything that disturbs a measurement. Missing counters are −1.
struct Disturbances {
  int64_t ns = 0;          ///< a steady clock
  int64_t waited_ns = -1;  ///< that threads of this process were ready and had no CPU (/proc/self/task/*/schedstat)
  int64_t stolen = -1, ticks = -1;     ///< of all CPUs: taken by the hypervisor, and altogether (/proc/stat)
  int64_t throttled = -1;              ///< how often a processor was slowed by its heat (sysfs thermal_throttle)
  int64_t periods_without_quota = -1;  ///< in which the control group's quota stopped it (cpu.stat)
  std::map<int64_t, int64_t> khz;      ///< of each CPU that tells its frequency
};

/// `root` stands before /proc and /sys: "" for this machine, a folder in tests.
Disturbances count_disturbances(const std::string& root = "");

/// What came between the two counts, a clause each with its number: "threads waited 12.0 % of the time for a CPU:
/// others use the cores". Nothing below what measurements feel: one percent of the time, five percent of the frequency.
std::vector<std::string> disturbances_between(const Disturbances& before, const Disturbances& after);

}  // namespace hone

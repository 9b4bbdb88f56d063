#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace hone {

/// How the learning rate falls after warming up. A row of the table in schedule.cpp.
struct Schedule {
  std::string_view name;
  std::string_view about;
  double (*factor)(double share);  ///< of the largest learning rate, at a share 0 … 1 of the steps
};
std::span<const Schedule> all_schedules();
/// Throws Error(invalid_argument) naming those there are.
const Schedule& find_schedule(std::string_view name);

/// The factor at `step` of `steps`, of which the share `warm_up` rises in a line.
double rate_factor(const Schedule& schedule, double warm_up, int64_t step, int64_t steps);

}  // namespace hone

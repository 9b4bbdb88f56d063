#pragma once

#include <string>
#include <vector>

#include "compress/job.h"

namespace hone {

/// Time of all nodes of one operator, before and after, µs.
struct OperatorTime {
  std::string op;
  double before_us = 0;
  double after_us = 0;
};
/// By operator, the slowest before first.
std::vector<OperatorTime> operator_times(const Outcome& outcome);

/// What became of one class.
struct ClassChange {
  std::string name;
  int64_t samples = 0;
  double before = 0;  ///< share that was right
  double after = 0;
};
/// By class, in the data's order; empty unless the metric counts right and wrong against labels.
std::vector<ClassChange> class_changes(const Outcome& outcome);

}  // namespace hone

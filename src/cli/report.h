#pragma once

#include <string>

#include "measure/accuracy.h"
#include "measure/bench.h"

namespace hone {

/// Pieces of reports that several commands print.

/// "90.10 % (88.1 to 91.8)".
std::string accuracy_text(double part, const Interval& interval);
/// {"value":…,"low":…,"high":…} in 0 … 1.
Json to_json(double part, const Interval& interval);
/// The table of steps, slowest first; at most `rows` of them, 0: all.
std::string steps_table(const std::vector<StepTime>& steps, int64_t rows, int width);
/// Times summed up by operator, slowest first.
std::string ops_table(const std::vector<StepTime>& steps, int width);

}  // namespace hone

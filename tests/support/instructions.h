#pragma once

#include <string>
#include <vector>

namespace hone {

/// Whether instructions can be counted here.
bool has_callgrind();

struct CountedRun {
  std::vector<double> counts;  ///< instructions of each call of the program's `extern "C" hone_counted`
  std::string output;          ///< standard output, without the last line's end
};

/// Runs `command` under callgrind. Throws Error(internal) with what the program said when it fails.
CountedRun count_instructions(const std::string& command);

}  // namespace hone

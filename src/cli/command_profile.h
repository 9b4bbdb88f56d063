#pragma once

#include <string>
#include <vector>

#include "cli/console.h"

namespace hone {

/// Runs a command, counts events in it (none named: the usual ones) and reports them on standard error, or as JSON on
/// standard output. `events` are lists, "cpu-cycles,instructions". Returns the command's exit code.
int profile_command(const std::vector<std::string>& events, const std::vector<std::string>& command, bool is_json,
                    Console& console);

}  // namespace hone

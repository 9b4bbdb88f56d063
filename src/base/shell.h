#pragma once

#include <string>

namespace hone {

/// Runs `line` with /bin/sh, its output thrown away, and returns its exit code: 128 + n after signal n, as shells say,
/// and 124, as timeout(1), when it had to be ended after `seconds`. What it started ends with it. Throws
/// Error(cancelled) when this program is interrupted.
int run_shell(const std::string& line, double seconds);

}  // namespace hone

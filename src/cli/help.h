#pragma once

#include <string>

#include "cli/command.h"

namespace hone {

/// What `hone` alone prints: every command with its summary.
std::string overview(int width);
/// What `hone help COMMAND` prints: usage, options, example.
std::string help_of(const Command& command, int width);

}  // namespace hone

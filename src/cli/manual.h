#pragma once

#include <string>

#include "cli/command.h"

namespace hone {

/// hone(1) in roff's man macros: every command, the exit codes, the files.
std::string manual();
/// hone-COMMAND(1): what `hone help COMMAND` says.
std::string manual_of(const Command& command);

}  // namespace hone

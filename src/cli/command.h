#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "cli/args.h"
#include "cli/console.h"

namespace hone {

/// What a command does after its arguments were parsed: 0 for success, kExitNo when it ran and the answer is no.
using CommandBody = std::function<int(Console&)>;

/// A command of the command line: plain data. A new one is a file with one of these and a line in commands.cpp.
struct Command {
  std::string_view name;
  std::string_view summary;  ///< one line
  std::string_view example;  ///< commands to type, one a line
  std::string_view details;  ///< paragraphs for `hone help NAME`, "" for none
  CommandBody (*setup)(Args& args);
  /// Of a command that takes another tool's line: that tool's name, by which the program may be called too.
  std::string_view program = "";
};

/// Exit codes: 0 success, 1 ran and the answer is no, 2…9 the error codes of exit_code().
inline constexpr int kExitNo = 1;

/// Every command, in the order of `hone help`.
std::span<const Command> all_commands();
/// Null when unknown.
const Command* find_command(std::string_view name);

/// Runs a command, arguments[0], with those after it. Throws what it throws.
int run_command(std::span<const std::string> arguments, Console& console);
/// Runs the program called `program`, a path, with these arguments and returns the exit code. Called by the name of
/// another tool it takes that tool's line. Errors are printed on standard error.
int run_cli(std::string_view program, std::span<const std::string> arguments);

}  // namespace hone

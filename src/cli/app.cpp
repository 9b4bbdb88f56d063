#include <algorithm>
#include <exception>
#include <filesystem>
#include <new>
#include <system_error>

#include "base/error.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/printable.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/help.h"

namespace hone {

namespace {

bool is_help(const std::string& word) { return word == "-h" || word == "--help"; }

Error unknown_command(const std::string& name) {
  std::vector<std::string> names;
  for (const Command& command : all_commands()) names.emplace_back(command.name);
  for (const Command& command : all_commands())
    if (!command.program.empty()) names.emplace_back(command.program);
  const std::string near = nearest(name, names);
  return invalid_argument(cat("unknown command '", name, "'"),
                          near.empty() ? "hone help" : cat("did you mean: hone ", near));
}

/// The command for the tool that the program is called as; null for hone itself.
const Command* command_called(std::string_view program) {
  std::string_view name = program.substr(program.rfind('/') + 1);
  if (name.ends_with(".py")) name.remove_suffix(3);
  for (const Command& command : all_commands())
    if (!command.program.empty() && command.program == name) return &command;
  return nullptr;
}

/// The error to show: of bytes that a file lost meanwhile nothing else is to be said.
Error cause_of(const Error& error) {
  try {
    MappedFile::check_all();
  } catch (const Error& lost) {
    return lost;
  }
  return error;
}

/// hone's own lines are indented: a name from a file begins none, and so cannot look like a verdict.
std::string own_lines(const std::string& text) {
  std::string out;
  for (const std::string& line : split(text, '\n'))
    out += cat(out.empty() ? "" : line.starts_with("  ") ? "\n" : "\\n", line);
  return out;
}

std::string text_of(const Error& error) {
  std::string out = own_lines(error.message());
  for (const std::string& frame : error.frames()) out += cat("\n  ", printable_line(frame));
  if (!error.hint().empty()) out += cat("\n  hint: ", own_lines(error.hint()));
  return out;
}

}  // namespace

int run_command(std::span<const std::string> arguments, Console& console) {
  if (arguments.empty() || is_help(arguments[0])) {
    console.out(overview(console.width()));
    return 0;
  }
  const std::string name = arguments[0] == "--version" || arguments[0] == "-V" ? "version" : arguments[0];
  const Command* command = find_command(name);
  if (!command) throw unknown_command(name);
  arguments = arguments.subspan(1);
  const auto end = std::find(arguments.begin(), arguments.end(), "--");
  if (std::any_of(arguments.begin(), end, is_help)) {
    console.out(help_of(*command, console.width()));
    return 0;
  }
  Args args{std::string(command->name)};
  const CommandBody body = command->setup(args);
  args.parse(arguments);
  return body(console);
}

const Command* find_command(std::string_view name) {
  for (const Command& command : all_commands())
    if (command.name == name || (!command.program.empty() && command.program == name)) return &command;
  return nullptr;
}

int run_cli(std::string_view program, std::span<const std::string> arguments) {
  Console console;
  std::vector<std::string> words(arguments.begin(), arguments.end());
  if (const Command* command = command_called(program)) words.insert(words.begin(), std::string(command->name));
  const auto report = [&](const Error& e) {
    console.note(cat("error: ", text_of(e)));
    return exit_code(e.code());
  };
  try {
    const int code = run_command(words, console);
    MappedFile::check_all();  // before results of a file that changed under us are shown
    console.flush();
    return code;
  } catch (const ClosedOutput&) {
    return 0;
  } catch (const Error& e) {
    return report(cause_of(e));
  } catch (const std::bad_alloc&) {
    return report(resource_error(
        cat("out of memory: ", human_bytes(static_cast<uint64_t>(free_memory())), " are free for this process")));
  } catch (const std::filesystem::filesystem_error& e) {
    return report(io_error(e.what()));
  } catch (const std::system_error& e) {
    return report(resource_error(cat("the system refused: ", e.what())));
  } catch (const std::exception& e) {
    return report(internal_error(e.what(), "this is a bug in hone: please report it with the command you typed"));
  }
}

}  // namespace hone

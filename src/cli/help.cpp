#include "cli/help.h"

#include <algorithm>
#include <memory>

#include "base/error.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/manual.h"
#include "cli/table.h"

namespace hone {

namespace {

/// "  name  summary" of the commands that `is_listed` takes.
template <class Predicate>
std::string list_of(const Predicate& is_listed, int limit) {
  size_t widest = 0;
  for (const Command& command : all_commands())
    if (is_listed(command)) widest = std::max(widest, command.name.size());
  const int indent = static_cast<int>(widest) + 4;
  std::string out;
  for (const Command& command : all_commands())
    if (is_listed(command))
      out += cat("  ", command.name, std::string(widest - command.name.size() + 2, ' '),
                 wrapped(command.summary, limit, indent, indent), "\n");
  return out;
}

}  // namespace

std::string overview(int width) {
  const int limit = std::min(width, 100);
  std::string out = wrapped("hone makes trained networks small and fast within an accuracy budget you state.", limit);
  out += "\n\nusage: hone COMMAND ...\n\n";
  out += list_of([](const Command& command) { return command.program.empty(); }, limit);
  out += "\ncommand lines of other tools\n";
  out += list_of([](const Command& command) { return !command.program.empty(); }, limit);
  out += "\n";
  out += wrapped("hone help COMMAND shows its options and an example.", limit);
  out += "\n\nexit codes\n";
  Facts codes;
  codes.add("  0", "success");
  codes.add("  1", "the command ran and the answer is no");
  for (int code = 0; code <= static_cast<int>(ErrorCode::kInternal); ++code) {
    std::string name(to_string(static_cast<ErrorCode>(code)));
    std::replace(name.begin(), name.end(), '_', ' ');
    codes.add(cat("  ", exit_code(static_cast<ErrorCode>(code))), name);
  }
  return out + codes.render(std::max(limit, 60));
}

std::string help_of(const Command& command, int width) {
  const int limit = std::min(width, 100);
  Args args{std::string(command.name)};
  command.setup(args);
  std::string out = cat(wrapped(command.summary, limit), "\n\nusage: ", wrapped(args.usage(), limit, 9, 7), "\n");
  if (const std::string options = args.help(width); !options.empty()) out += cat("\n", options);
  if (!command.details.empty()) {
    out += "\n";
    for (const std::string& paragraph : split(command.details, '\n')) out += cat(wrapped(paragraph, limit), "\n");
  }
  out += split(command.example, '\n').size() > 1 ? "\nexamples:\n" : "\nexample:\n";
  for (const std::string& line : split(command.example, '\n')) out += cat("  ", line, "\n");
  return out;
}

namespace {

CommandBody setup_help(Args& args) {
  const auto name = std::make_shared<std::string>();
  const auto is_manual = std::make_shared<bool>(false);
  const auto shell = std::make_shared<std::string>();
  args.positional("COMMAND", *name, "the command to explain", false);
  const auto is_names = std::make_shared<bool>(false);
  args.flag("--man", *is_manual, "print it as a manual page");
  args.flag("--names", *is_names, "print the names of all commands, one a line");
  args.option("--completion", "SHELL", *shell, "print the completions for bash or zsh");
  return [name, is_manual, is_names, shell](Console& console) {
    if (*is_names) {
      for (const Command& command : all_commands()) console.out(cat(command.name, "\n"));
      return 0;
    }
    if (!shell->empty()) {
      console.out(completion(*shell));
      return 0;
    }
    if (name->empty()) {
      console.out(*is_manual ? manual() : overview(console.width()));
      return 0;
    }
    const Command* command = find_command(*name);
    if (!command) {
      std::vector<std::string> names;
      for (const Command& c : all_commands()) names.emplace_back(c.name);
      const std::string near = nearest(*name, names);
      throw invalid_argument(cat("unknown command '", *name, "'"),
                             near.empty() ? "hone help" : cat("did you mean: hone help ", near));
    }
    console.out(*is_manual ? manual_of(*command) : help_of(*command, console.width()));
    return 0;
  };
}

CommandBody setup_version(Args& args) {
  const auto is_json = std::make_shared<bool>(false);
  args.flag("--json", *is_json, "print JSON");
  return [is_json](Console& console) {
    console.out(*is_json ? "{\"version\": \"" HONE_VERSION "\"}\n" : "hone " HONE_VERSION "\n");
    return 0;
  };
}

}  // namespace

const Command kHelpCommand{"help", "explain a command", "hone help optimize",
                           "Manual pages and completions are made from the same words: 'hone help --man bench' is "
                           "hone-bench(1), 'hone help --completion bash' is to be sourced by the shell.",
                           setup_help};
const Command kVersionCommand{"version", "print the version", "hone version", "", setup_version};

}  // namespace hone

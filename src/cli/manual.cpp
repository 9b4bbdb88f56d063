#include "cli/manual.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "cli/commands.h"

namespace hone {

namespace {

/// Text that roff takes for text: no escapes, no control lines, dashes that can be copied.
std::string plain(std::string_view text) {
  std::string out;
  bool at_start = true;
  for (const char c : text) {
    if (at_start && (c == '.' || c == '\'')) out += "\\&";
    at_start = c == '\n';
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
  }
  return out;
}

std::string head(std::string_view page, std::string_view summary) {
  return cat(".TH ", plain(page), " 1 \"\" \"hone " HONE_VERSION "\" \"User Commands\"\n.SH NAME\n", plain(page),
             " \\- ", plain(summary), "\n");
}

std::string tagged(std::string_view tag, std::string_view text) {
  return cat(".TP\n.B ", plain(tag), "\n", plain(text), "\n");
}

std::string options(const Args& args) {
  std::string out;
  for (const Args::Entry& entry : args.entries()) out += tagged(entry.left(), entry.help);
  return out.empty() ? out : cat(".SH OPTIONS\n", out);
}

}  // namespace

std::string manual() {
  std::string out = head("hone", "make trained networks small and fast within an accuracy budget");
  out += ".SH SYNOPSIS\n.B hone\n.I COMMAND\n[options]\n.SH COMMANDS\n";
  for (const Command& command : all_commands()) out += tagged(cat("hone ", command.name), command.summary);
  out += ".SH EXIT STATUS\n";
  out += tagged("0", "success");
  out += tagged(std::to_string(kExitNo), "the command ran and the answer is no");
  for (int code = 0; code <= static_cast<int>(ErrorCode::kInternal); ++code) {
    const auto error = static_cast<ErrorCode>(code);
    std::string name(to_string(error));
    std::replace(name.begin(), name.end(), '_', ' ');
    out += tagged(std::to_string(exit_code(error)), name);
  }
  out += ".SH SEE ALSO\n";
  const std::span<const Command> commands = all_commands();
  for (const Command& command : commands)
    out += cat(plain(cat("hone-", command.name)), &command == &commands.back() ? "(1)\n" : "(1),\n");
  return out;
}

std::string manual_of(const Command& command) {
  Args args{std::string(command.name)};
  command.setup(args);
  std::string out = head(cat("hone-", command.name), command.summary);
  out += cat(".SH SYNOPSIS\n.B ", plain(args.usage()), "\n");
  if (!command.details.empty()) {
    out += ".SH DESCRIPTION\n";
    for (const std::string& paragraph : split(std::string(command.details), '\n'))
      out += cat(plain(paragraph), "\n.PP\n");
  }
  out += options(args);
  out += ".SH EXAMPLES\n.nf\n";
  for (const std::string& line : split(std::string(command.example), '\n')) out += cat(plain(line), "\n");
  return out + ".fi\n.SH SEE ALSO\nhone(1)\n";
}

}  // namespace hone

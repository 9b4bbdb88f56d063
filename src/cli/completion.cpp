#include "cli/completion.h"

#include "base/error.h"
#include "base/text.h"
#include "cli/commands.h"

namespace hone {

namespace {

std::string names_of(const Command& command) {
  Args args{std::string(command.name)};
  command.setup(args);
  std::string out;
  for (const Args::Entry& entry : args.entries())
    for (const std::string& name : entry.names) out += cat(out.empty() ? "" : " ", name);
  return out;
}

std::string bash() {
  std::string commands, cases;
  for (const Command& command : all_commands()) {
    commands += cat(commands.empty() ? "" : " ", command.name);
    cases += cat("    ", command.name, ") flags='", names_of(command), "' ;;\n");
  }
  return cat(
      "_hone() {\n  local word=${COMP_WORDS[COMP_CWORD]} commands='", commands,
      "' flags=''\n  if [ \"$COMP_CWORD\" -eq 1 ] || { [ \"$COMP_CWORD\" -eq 2 ] && [ \"${COMP_WORDS[1]}\" = help ] && "
      "[[ $word != -* ]]; }; then\n    COMPREPLY=($(compgen -W \"$commands\" -- \"$word\"))\n    return\n  fi\n"
      "  case ${COMP_WORDS[1]} in\n",
      cases,
      "  esac\n  if [[ $word == -* ]]; then\n    COMPREPLY=($(compgen -W \"$flags\" -- \"$word\"))\n  else\n"
      "    compopt -o default\n    COMPREPLY=()\n  fi\n}\ncomplete -F _hone hone\n");
}

/// For a zsh specification inside single quotes: brackets and colons would end the part they stand in.
std::string zsh_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'')
      out += "'\\''";
    else if (c == '[' || c == ']' || c == ':' || c == '\\')
      out += cat("\\", std::string(1, c));
    else
      out += c;
  }
  return out;
}

std::string zsh_arguments(const Command& command) {
  Args args{std::string(command.name)};
  command.setup(args);
  std::string out;
  for (const Args::Entry& entry : args.entries())
    for (const std::string& name : entry.names)
      out += cat(" \\\n        '", name, "[", zsh_text(entry.help), "]",
                 entry.value.empty() ? "" : cat(":", zsh_text(entry.value), ":_files"), "'");
  return out + " \\\n        '*:file:_files'";
}

std::string zsh() {
  std::string commands, cases;
  for (const Command& command : all_commands()) {
    commands += cat("    '", command.name, ":", zsh_text(command.summary), "'\n");
    cases += cat("    ", command.name, ")\n      _arguments", zsh_arguments(command), "\n      ;;\n");
  }
  return cat("#compdef hone\n_hone() {\n  local -a commands=(\n", commands,
             "  )\n  if (( CURRENT == 2 )); then\n    _describe command commands\n    return\n  fi\n"
             "  local command=$words[2]\n  shift words\n  (( CURRENT-- ))\n  case $command in\n",
             cases, "  esac\n}\n[[ $funcstack[1] == _hone ]] && _hone \"$@\" || compdef _hone hone\n");
}

}  // namespace

std::string completion(std::string_view shell) {
  if (shell == "bash") return bash();
  if (shell == "zsh") return zsh();
  throw invalid_argument(cat("--completion ", shell, ": expected bash or zsh"));
}

}  // namespace hone

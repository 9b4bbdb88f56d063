#include "cli/foreign.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "cli/command.h"
#include "measure/machine.h"

namespace hone {

namespace {

std::string_view first_name(const ForeignFlag& flag) { return flag.names.substr(0, flag.names.find(',')); }

}  // namespace

void ForeignLine::declare(Args& args, std::span<const ForeignFlag> flags) {
  for (const ForeignFlag& flag : flags)
    args.foreign(
        std::string(flag.names), std::string(flag.value),
        [this, row = &flag](const std::string& value) {
          given_.emplace_back(row, row->value.empty() ? "true" : value);
        },
        flag.hone == kNothing ? cat("nothing: ", flag.help) : std::string(flag.help));
}

std::string ForeignLine::value(std::string_view name) const {
  const std::vector<std::string> all = values(name);
  return all.empty() ? "" : all.back();
}

std::vector<std::string> ForeignLine::values(std::string_view name) const {
  std::vector<std::string> out;
  for (const auto& [flag, value] : given_)
    if (first_name(*flag) == name) out.push_back(value);
  return out;
}

bool ForeignLine::has(std::string_view name) const {
  return std::any_of(given_.begin(), given_.end(), [&](const auto& item) { return first_name(*item.first) == name; });
}

bool ForeignLine::is_on(std::string_view name) const {
  const std::string text = lower(value(name));
  return !text.empty() && text != "false" && text != "0";
}

std::vector<std::string> ForeignLine::words(Console& console) const {
  std::vector<std::string> out;
  for (auto it = given_.begin(); it != given_.end(); ++it) {
    const auto& [flag, value] = *it;
    if (std::any_of(it + 1, given_.end(), [row = flag](const auto& later) { return later.first == row; })) continue;
    if (flag->hone == kNothing) console.note(cat("note: ", first_name(*flag), " means nothing here: ", flag->help));
    if (flag->hone == kNothing || flag->hone.empty()) continue;
    const bool is_switch = flag->value.empty() || flag->value.starts_with("[");
    if (is_switch && !is_on(first_name(*flag))) continue;
    if (is_switch) {
      out.emplace_back(flag->hone);
      continue;
    }
    for (std::string& text : flag->as ? flag->as(value) : std::vector<std::string>{value}) {
      out.emplace_back(flag->hone);
      out.push_back(std::move(text));
    }
  }
  return out;
}

int run_as(const std::vector<std::string>& words, Console& console) {
  std::string line = "hone";
  for (const std::string& word : words) line += cat(" ", shell_quoted(word));
  console.note(cat("note: this is ", line));
  return run_command(words, console);
}

void require_device(const std::string& name, std::optional<bool> may_fall_back, Console& console) {
  if (lower(name) == "cpu") return;
  std::vector<std::string> found{"CPU"};
  for (const Device& device : find_devices()) found.push_back(cat(device.name, " (", device.kind, ")"));
  const std::string what = cat("no device '", name, "' that hone runs on");
  if (!may_fall_back.value_or(false))
    throw not_found(cat(what, "; hone runs on CPU, this machine has ", join(found, ", ")),
                    may_fall_back ? "CPU, or --allow_fallback to take it instead" : "");
  console.note(cat("note: ", what, ": CPU takes its place"));
}

}  // namespace hone

#include "cli/args.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <cmath>
#include <functional>
#include <string_view>

#include "base/error.h"
#include "base/text.h"
#include "cli/console.h"

namespace hone {

namespace {

/// "--output" of "-o,--output".
std::string long_name(const std::string& names) { return names.substr(names.rfind(',') + 1); }

/// `word` as a shell reads it back.
std::string quoted(const std::string& word) {
  static constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./,:@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string out = "'";
  for (const char c : word) c == '\'' ? out += "'\\''" : out += c;
  return out + "'";
}

}  // namespace

struct Args::State {
  std::string command;
  CLI::App app;
  std::vector<Entry> entries;
  std::vector<std::string> names;             ///< every flag, for suggestions
  std::vector<std::function<void()>> checks;  ///< of parsed values
  std::vector<std::string> arguments;         ///< as typed

  void record(const std::string& flags, const std::string& value, std::string help, bool is_required,
              const std::string& preset) {
    const std::vector<std::string> own = split(flags, ',');
    names.insert(names.end(), own.begin(), own.end());
    if (!preset.empty()) help += cat(" (default: ", preset, ")");
    entries.push_back({own, value, std::move(help), is_required});
  }

  Error usage_error(std::string message, std::string hint = {}) const {
    return invalid_argument(std::move(message), hint.empty() ? cat("hone help ", command) : std::move(hint));
  }

  Error unexpected(const std::vector<std::string>& extras) const {
    for (const std::string& extra : extras) {
      if (extra.size() < 2 || extra[0] != '-') continue;
      const std::string word = extra.substr(0, extra.find('='));
      const std::string near = nearest(word, names);
      return usage_error(cat(command, ": unknown flag '", word, "'"),
                         near.empty() ? "" : cat("did you mean ", near, "? see: hone help ", command));
    }
    return usage_error(cat(command, ": unexpected argument '", extras.empty() ? "" : extras.front(), "'"));
  }
};

std::string Args::Entry::left() const {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return value.empty() || names.empty() ? out + value : cat(out, " ", value);
}

Args::Args(std::string command) : state_(std::make_unique<State>()) {
  state_->command = std::move(command);
  state_->app.set_help_flag();
}
Args::~Args() = default;

void Args::positional(const std::string& name, std::string& target, const std::string& help, bool is_required) {
  state_->app.add_option(name, target)->required(is_required);
  state_->entries.push_back({{}, name, help, is_required});
}

void Args::positional(const std::string& name, std::vector<std::string>& target, const std::string& help) {
  state_->app.add_option(name, target)->required();
  state_->entries.push_back({{}, name + "...", help, true});
}

void Args::option(const std::string& names, const std::string& value, std::string& target, const std::string& help,
                  bool is_required) {
  state_->record(names, value, help, is_required, target);
  state_->app.add_option(names, target)->required(is_required);
}

void Args::option(const std::string& names, const std::string& value, int64_t& target, const std::string& help,
                  int64_t least) {
  state_->record(names, value, help, false, std::to_string(target));
  state_->app.add_option(names, target);
  state_->checks.push_back([&target, least, name = long_name(names)] {
    if (target < least) throw invalid_argument(cat(name, " ", target, ": expected ", least, " or more"));
  });
}

void Args::option(const std::string& names, const std::string& value, double& target, const std::string& help,
                  double least) {
  state_->record(names, value, help, false, to_text(target));
  state_->app.add_option(names, target);
  state_->checks.push_back([&target, least, name = long_name(names)] {
    if (!std::isfinite(target)) throw invalid_argument(cat(name, " ", target, ": expected a finite number"));
    if (target < least) throw invalid_argument(cat(name, " ", target, ": expected ", least, " or more"));
  });
}

void Args::option(const std::string& names, const std::string& value, std::vector<std::string>& target,
                  const std::string& help) {
  state_->record(names, value, help + "; may be repeated", false, "");
  state_->app.add_option(names, target)
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void Args::flag(const std::string& names, bool& target, const std::string& help) {
  state_->record(names, "", help, false, "");
  state_->app.add_flag(names, target);
}

std::string Args::typed() const {
  std::string out = cat("hone ", state_->command);
  for (const std::string& word : state_->arguments) out += cat(" ", quoted(word));
  return out;
}

void Args::parse(std::span<const std::string> arguments) {
  state_->arguments.assign(arguments.begin(), arguments.end());
  try {
    state_->app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ExtrasError&) {
    throw state_->unexpected(state_->app.remaining());
  } catch (const CLI::RequiredError& e) {
    // A misspelt flag leaves its value without a place; say that first.
    const std::vector<std::string> extras = state_->app.remaining();
    const bool has_flag = std::any_of(extras.begin(), extras.end(), [](const auto& a) { return a.starts_with("-"); });
    if (has_flag) throw state_->unexpected(extras);
    const std::string what = e.what();
    throw state_->usage_error(cat(state_->command, ": ", what.substr(0, what.find(" is required")), " is missing"));
  } catch (const CLI::ParseError& e) {
    throw state_->usage_error(cat(state_->command, ": ", e.what()));
  }
  for (const auto& check : state_->checks) check();
}

std::string Args::usage() const {
  std::string out = cat("hone ", state_->command);
  for (const Entry& entry : state_->entries)
    if (entry.is_positional()) out += entry.is_required ? cat(" ", entry.value) : cat(" [", entry.value, "]");
  bool has_optional = false;
  for (const Entry& entry : state_->entries) {
    if (entry.is_positional()) continue;
    if (entry.is_required) out += cat(" ", entry.names.back(), entry.value.empty() ? "" : " ", entry.value);
    has_optional |= !entry.is_required;
  }
  return out + (has_optional ? " [options]" : "");
}

std::string Args::help(int width) const {
  const int limit = std::min(width, 100);
  size_t widest = 0;
  for (const Entry& entry : state_->entries) widest = std::max(widest, std::min<size_t>(entry.left().size(), 26));
  const int indent = limit < 60 ? 4 : static_cast<int>(widest) + 4;
  std::string out;
  for (const Entry& entry : state_->entries) {
    std::string line = cat("  ", entry.left());
    const int used = columns_of(line);
    if (used + 2 > indent)
      line += cat("\n", std::string(static_cast<size_t>(indent), ' '));
    else
      line += std::string(static_cast<size_t>(indent - used), ' ');
    out += cat(line, wrapped(entry.help, limit, indent, indent), "\n");
  }
  return out;
}

std::span<const Args::Entry> Args::entries() const { return state_->entries; }

}  // namespace hone

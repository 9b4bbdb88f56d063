#include "cli/args.h"

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

/// What one command takes: a positional, a flag, or a flag with a value.
struct Taker {
  std::vector<std::string> names;  ///< "-o", "--output"; of a positional its name in capitals
  std::function<void(const std::string& value)> take;
  bool is_positional = false, is_required = false, takes_value = true, repeats = false;
  bool is_foreign = false, may_stand_alone = false;
  int count = 0;  ///< how often it was given

  /// As errors call it: "--output", "MODEL".
  const std::string& name() const { return names.back(); }
};

/// The whole of `text` as a number between `least` and what fits.
template <class Number, class Parse>
void parse_number(const std::string& name, const std::string& text, Number& target, Number least, const char* kind,
                  const Parse& parse) {
  const auto value = parse(text);
  if (!value) {
    const bool is_percent = text.size() > 1 && text.back() == '%' && parse(text.substr(0, text.size() - 1));
    throw invalid_argument(cat(name, " '", text, "': expected ", kind),
                           is_percent ? cat("without the sign: ", name, " ", text.substr(0, text.size() - 1)) : "");
  }
  if (!std::isfinite(static_cast<double>(*value)))
    throw invalid_argument(cat(name, " ", text, ": expected a finite number"));
  if (*value < least) throw invalid_argument(cat(name, " ", text, ": expected ", least, " or more"));
  target = *value;
}

/// "512MB", "2G", "1.5 GiB" or plain bytes.
int64_t parse_bytes(const std::string& name, const std::string& text) {
  static constexpr struct {
    std::string_view unit;
    double bytes;
  } kUnits[] = {{"kib", 1024.0},
                {"mib", 1048576.0},
                {"gib", 1073741824.0},
                {"kb", 1e3},
                {"mb", 1e6},
                {"gb", 1e9},
                {"k", 1e3},
                {"m", 1e6},
                {"g", 1e9},
                {"b", 1},
                {"", 1}};
  const std::string lowered = lower(text);
  for (const auto& row : kUnits) {
    if (!lowered.ends_with(row.unit)) continue;
    // "1.5 GiB" has a space before its unit, and nowhere else.
    std::string_view number = std::string_view(lowered).substr(0, lowered.size() - row.unit.size());
    if (!row.unit.empty() && number.ends_with(' ')) number.remove_suffix(1);
    const auto value = parse_double(number);
    if (value && *value >= 0 && *value * row.bytes < 9e18) return static_cast<int64_t>(*value * row.bytes);
  }
  throw invalid_argument(cat(name, " '", text, "': expected a size"), cat("for example: ", name, " 2GB"));
}

}  // namespace

std::string shell_quoted(const std::string& word) {
  static constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./,:@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string out = "'";
  for (const char c : word) c == '\'' ? out += "'\\''" : out += c;
  return out + "'";
}

struct Args::State {
  std::string command;
  std::vector<Entry> entries;
  std::vector<Taker> takers;
  std::vector<std::string> arguments;  ///< as typed
  std::vector<std::string>* command_words = nullptr;
  bool is_bare_command = false;

  void record(const std::string& flags, const std::string& value, std::string help, bool is_required,
              const std::string& preset) {
    if (!preset.empty()) help += cat(" (default: ", preset, ")");
    entries.push_back({split(flags, ','), value, std::move(help), is_required});
  }

  Taker& add(const std::string& flags, std::function<void(const std::string&)> take) {
    takers.push_back({split(flags, ','), std::move(take)});
    return takers.back();
  }

  Error usage_error(std::string message, std::string hint = {}) const {
    return invalid_argument(cat(command, ": ", message), hint.empty() ? cat("hone help ", command) : std::move(hint));
  }

  Taker* find(std::string_view flag) {
    for (Taker& taker : takers)
      if (!taker.is_positional && std::find(taker.names.begin(), taker.names.end(), flag) != taker.names.end())
        return &taker;
    return nullptr;
  }

  /// The flag that alone begins with `word`, where cutting short is usual.
  Taker* find_cut_short(std::string_view word) {
    if (word.size() < 4 || !word.starts_with("--")) return nullptr;
    Taker* found = nullptr;
    for (Taker& taker : takers) {
      const auto begins = [&](const std::string& name) { return name.starts_with(word); };
      if (!taker.is_foreign || std::none_of(taker.names.begin(), taker.names.end(), begins)) continue;
      if (found) return nullptr;
      found = &taker;
    }
    return found;
  }

  Taker* next_positional() {
    for (Taker& taker : takers)
      if (taker.is_positional && (taker.repeats || taker.count == 0)) return &taker;
    return nullptr;
  }

  Error unknown_flag(const std::string& word) const {
    std::vector<std::string> names;
    for (const Taker& taker : takers)
      if (!taker.is_positional) names.insert(names.end(), taker.names.begin(), taker.names.end());
    const std::string near = nearest(word, names);
    return usage_error(cat("unknown flag '", word, "'"),
                       near.empty() ? "" : cat("did you mean ", near, "? see: hone help ", command));
  }

  void give(Taker& taker, const std::string& value) {
    if (taker.count++ > 0 && !taker.repeats) throw usage_error(cat(taker.name(), " is given twice"));
    taker.take(value);
  }

  /// Takes the flag at `at`, and its value where that is a word of its own. "-o" may have its value attached.
  void take_flag(size_t& at) {
    const std::string& word = arguments[at];
    const size_t equals = word.find('=');
    std::string name = word.substr(0, equals);
    bool has_value = equals != std::string::npos;
    std::string value = has_value ? word.substr(equals + 1) : "";
    Taker* taker = find(name);
    if (!taker && word.size() > 2 && word[1] != '-' && (taker = find(word.substr(0, 2)))) {
      value = word.substr(2);
      has_value = true;
    }
    if (!taker) taker = find_cut_short(name);
    if (!taker) throw unknown_flag(name);
    if (taker->may_stand_alone && !has_value) {
      value = "true";
      has_value = true;
    }
    if (!taker->takes_value && has_value) throw usage_error(cat(taker->name(), " takes no value"));
    if (taker->takes_value && !has_value) {
      const bool is_missing = at + 1 == arguments.size() || arguments[at + 1] == "--" || find(arguments[at + 1]);
      if (is_missing) throw usage_error(cat(taker->name(), " needs a value"));
      value = arguments[++at];
    }
    give(*taker, value);
  }
};

std::string Args::Entry::left() const {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return value.empty() || names.empty() ? out + value : cat(out, " ", value);
}

Args::Args(std::string command) : state_(std::make_unique<State>()) { state_->command = std::move(command); }
Args::~Args() = default;

void Args::positional(const std::string& name, std::string& target, const std::string& help, bool is_required) {
  state_->entries.push_back({{}, name, help, is_required});
  Taker& taker = state_->add(name, [&target](const std::string& value) { target = value; });
  taker.is_positional = true;
  taker.is_required = is_required;
}

void Args::positional(const std::string& name, std::vector<std::string>& target, const std::string& help) {
  state_->entries.push_back({{}, name + "...", help, true});
  Taker& taker = state_->add(name, [&target](const std::string& value) { target.push_back(value); });
  taker.is_positional = taker.is_required = taker.repeats = true;
}

void Args::command(const std::string& name, std::vector<std::string>& target, const std::string& help, bool is_bare) {
  state_->entries.push_back({{}, is_bare ? name + "..." : cat("-- ", name, "..."), help, false});
  state_->command_words = &target;
  state_->is_bare_command = is_bare;
}

void Args::option(const std::string& names, const std::string& value, std::string& target, const std::string& help,
                  bool is_required) {
  state_->record(names, value, help, is_required, target);
  const auto take = [&target, value, name = long_name(names)](const std::string& text) {
    if (text.empty()) throw invalid_argument(cat(name, " '': expected ", value));
    target = text;
  };
  state_->add(names, take).is_required = is_required;
}

void Args::option(const std::string& names, const std::string& value, int64_t& target, const std::string& help,
                  int64_t least) {
  state_->record(names, value, help, false, std::to_string(target));
  state_->add(names, [&target, least, name = long_name(names)](const std::string& text) {
    parse_number(name, text, target, least, "a whole number", [](std::string_view t) { return parse_int(t); });
  });
}

void Args::option(const std::string& names, const std::string& value, double& target, const std::string& help,
                  double least) {
  state_->record(names, value, help, false, to_text(target));
  state_->add(names, [&target, least, name = long_name(names)](const std::string& text) {
    parse_number(name, text, target, least, "a number", [](std::string_view t) { return parse_double(t); });
  });
}

void Args::percent_option(const std::string& names, const std::string& value, double& target, const std::string& help) {
  state_->record(names, value, help, false, to_text(target));
  state_->add(names, [&target, name = long_name(names)](const std::string& text) {
    const bool has_sign = text.size() > 1 && text.back() == '%';
    parse_number(name, has_sign ? text.substr(0, text.size() - 1) : text, target, 0.0, "a number",
                 [](std::string_view t) { return parse_double(t); });
  });
}

void Args::size_option(const std::string& names, int64_t& target, const std::string& help) {
  state_->record(names, "SIZE", help, false, "");
  state_->add(names, [&target, name = long_name(names)](const std::string& text) { target = parse_bytes(name, text); });
}

void Args::option(const std::string& names, const std::string& value, std::vector<std::string>& target,
                  const std::string& help) {
  state_->record(names, value, help + "; may be repeated", false, "");
  state_->add(names, [&target](const std::string& text) { target.push_back(text); }).repeats = true;
}

void Args::foreign(const std::string& names, const std::string& value, std::function<void(const std::string&)> take,
                   const std::string& help) {
  state_->record(names, value, help, false, "");
  Taker& taker = state_->add(names, std::move(take));
  taker.is_foreign = taker.repeats = true;
  taker.takes_value = !value.empty();
  taker.may_stand_alone = value.starts_with("[");
}

void Args::flag(const std::string& names, bool& target, const std::string& help) {
  state_->record(names, "", help, false, "");
  state_->add(names, [&target](const std::string&) { target = true; }).takes_value = false;
}

std::string Args::typed() const {
  std::string out = cat("hone ", state_->command);
  for (const std::string& word : state_->arguments) out += cat(" ", shell_quoted(word));
  return out;
}

void Args::parse(std::span<const std::string> arguments) {
  State& s = *state_;
  s.arguments.assign(arguments.begin(), arguments.end());
  bool has_flags = true;  // until "--"
  for (size_t at = 0; at < s.arguments.size(); ++at) {
    const std::string& word = s.arguments[at];
    if (has_flags && word == "--") {
      has_flags = false;
      if (!s.command_words) continue;
      s.command_words->assign(s.arguments.begin() + static_cast<std::ptrdiff_t>(at) + 1, s.arguments.end());
      break;
    } else if (has_flags && word.size() > 1 && word[0] == '-') {
      s.take_flag(at);
    } else if (Taker* taker = s.next_positional()) {
      s.give(*taker, word);
    } else if (s.is_bare_command) {
      s.command_words->assign(s.arguments.begin() + static_cast<std::ptrdiff_t>(at), s.arguments.end());
      break;
    } else {
      throw s.usage_error(cat("unexpected argument '", word, "'"));
    }
  }
  for (const Taker& taker : s.takers)
    if (taker.is_required && taker.count == 0) throw s.usage_error(cat(taker.name(), " is missing"));
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

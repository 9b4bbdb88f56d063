#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace hone {

/// `word` as a shell reads it back.
std::string shell_quoted(const std::string& word);

/// The arguments of one command: declared by its setup, bound to variables that must outlive parse().
class Args {
 public:
  /// An argument as help, manual pages and completions show it.
  struct Entry {
    std::vector<std::string> names;  ///< "-o", "--output"; empty for a positional
    std::string value;               ///< the placeholder, "DIR"; "" for a flag; "MODEL..." for a positional
    std::string help;
    bool is_required = false;

    bool is_positional() const { return names.empty(); }
    std::string left() const;  ///< "-o, --output DIR"
  };

  explicit Args(std::string command);
  ~Args();
  Args(const Args&) = delete;
  Args& operator=(const Args&) = delete;

  /// `name` in capitals, as shown in help. Positionals are taken in order of declaration.
  void positional(const std::string& name, std::string& target, const std::string& help, bool is_required = true);
  void positional(const std::string& name, std::vector<std::string>& target, const std::string& help);
  /// The words of another program's command line: all behind "--", or, when `is_bare`, all from the first on that no
  /// other positional takes.
  void command(const std::string& name, std::vector<std::string>& target, const std::string& help,
               bool is_bare = false);
  /// `names`: "--data" or "-o,--output"; `value`: the placeholder shown in help, e.g. "DIR". The default shown is what
  /// the target holds, unless empty.
  void option(const std::string& names, const std::string& value, std::string& target, const std::string& help,
              bool is_required = false);
  /// Whatever is not wholly a number, one below `least` and a real that is not finite are errors.
  void option(const std::string& names, const std::string& value, int64_t& target, const std::string& help,
              int64_t least = std::numeric_limits<int64_t>::min());
  void option(const std::string& names, const std::string& value, double& target, const std::string& help,
              double least = std::numeric_limits<double>::lowest());
  /// An amount of memory: "512MB", "2G", "1.5GiB" or bytes.
  void size_option(const std::string& names, int64_t& target, const std::string& help);
  /// A number that may have a percent sign behind it: "1" and "1%" are the same.
  void percent_option(const std::string& names, const std::string& value, double& target, const std::string& help);
  /// May be given several times.
  void option(const std::string& names, const std::string& value, std::vector<std::string>& target,
              const std::string& help);
  void flag(const std::string& names, bool& target, const std::string& help);
  /// A flag of another tool's line. Given again, the last counts. A `value` in brackets, "[true|false]", stands behind
  /// "=" or is left out, which is "true"; an empty one is never given. With one such flag, long flags may be cut short
  /// where no other begins so, as Python's argparse takes them.
  void foreign(const std::string& names, const std::string& value, std::function<void(const std::string&)> take,
               const std::string& help);

  /// Throws Error(invalid_argument) for unknown, missing or malformed arguments, suggesting the nearest flag.
  void parse(std::span<const std::string> arguments);
  /// The command as it was typed, with what a shell needs quoted; after parse().
  std::string typed() const;

  /// "hone inspect MODEL [options]" and the options, one or two lines each.
  std::string usage() const;
  std::string help(int width) const;
  /// In order of declaration.
  std::span<const Entry> entries() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace hone

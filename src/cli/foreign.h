#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/args.h"
#include "cli/console.h"

namespace hone {

/// `hone` of a flag that the other tool knows and that means nothing here.
inline constexpr std::string_view kNothing = "-";

/// A flag of another tool: a row of the table that is that tool's dialect.
struct ForeignFlag {
  std::string_view names;  ///< "--num_threads", "-m,--m"
  std::string_view value;  ///< the placeholder; in brackets when it may be left out
  std::string_view hone;   ///< hone's flag that takes the value; kNothing; "" where the tool's own code looks at it
  std::string_view help;   ///< what hone does with it; of kNothing, why that is nothing
  std::vector<std::string> (*as)(const std::string& value) = nullptr;  ///< values for hone's flag; null: as it is
};

/// What was given of a table.
class ForeignLine {
 public:
  /// `flags` and this must outlive the parsing.
  void declare(Args& args, std::span<const ForeignFlag> flags);

  /// By the row's first name; "" when not given, the last when given again.
  std::string value(std::string_view name) const;
  /// Every one of them.
  std::vector<std::string> values(std::string_view name) const;
  bool has(std::string_view name) const;
  /// Given, and not as false or 0.
  bool is_on(std::string_view name) const;

  /// The arguments of hone's command that rows name. What means nothing here is said on standard error.
  std::vector<std::string> words(Console& console) const;

 private:
  std::vector<std::pair<const ForeignFlag*, std::string>> given_;
};

/// Runs hone's own command, words[0], and says on standard error what it is.
int run_as(const std::vector<std::string>& words, Console& console);

/// Flags of other runtimes' accelerators: whether `name` is a device that hone runs on, which is the CPU alone. Any
/// other is an Error(not_found) that lists what is there, or with `may_fall_back` a note; without a value the tool has
/// no flag for that.
void require_device(const std::string& name, std::optional<bool> may_fall_back, Console& console);

}  // namespace hone

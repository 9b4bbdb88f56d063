#pragma once

#include <map>
#include <string>
#include <vector>

namespace hone::testing {

/// A command with what it must print. In a pattern line `*` stands for any text; a line `...` for any number of lines.
struct Exchange {
  int line = 0;  ///< in the transcript
  std::string command;
  std::vector<std::string> out, err;
  int code = 0;
};

/// A transcript file:
///   # a comment
///   requires data                 the test is skipped without the test data
///   requires own allocator        the test is skipped where a sanitizer brings another
///   @ NAME                        the lines up to the next "@" are written to that file
///   $ hone inspect NAME           a shell command, run in a fresh folder
///   > pattern                     its standard output, line by line; without such lines it must be empty
///   ! pattern                     its standard error, likewise
///   = 2                           its exit code, 0 when not given
struct Transcript {
  bool needs_data = false, needs_own_allocator = false;
  std::map<std::string, std::string> files;
  std::vector<Exchange> exchanges;
};

/// Throws std::runtime_error naming the line that is not understood.
Transcript parse_transcript(const std::string& text);

/// Whether `line` matches `pattern`.
bool matches(const std::string& line, const std::string& pattern);
/// Empty when `text` matches the pattern lines, else what differs.
std::string mismatch(const std::string& text, const std::vector<std::string>& patterns);

}  // namespace hone::testing

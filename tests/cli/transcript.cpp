#include "cli/transcript.h"

#include <stdexcept>

#include "base/text.h"

namespace hone::testing {

Transcript parse_transcript(const std::string& text) {
  Transcript out;
  std::string* file = nullptr;
  int number = 0;
  for (const std::string& line : split(text, '\n')) {
    ++number;
    if (file && line == "@") {
      file = nullptr;
      continue;
    }
    if (file) {
      *file += line + "\n";
      continue;
    }
    if (line.empty() || line[0] == '#') continue;
    const std::string rest = line.size() > 2 ? line.substr(2) : "";
    if (line == "requires data") {
      out.needs_data = true;
    } else if (line == "requires own allocator") {
      out.needs_own_allocator = true;
    } else if (line[0] == '@') {
      file = &out.files[rest];
    } else if (line[0] == '$') {
      out.exchanges.push_back({.line = number, .command = rest, .out = {}, .err = {}});
    } else if (!out.exchanges.empty() && line[0] == '>') {
      out.exchanges.back().out.push_back(rest);
    } else if (!out.exchanges.empty() && line[0] == '!') {
      out.exchanges.back().err.push_back(rest);
    } else if (!out.exchanges.empty() && line[0] == '=') {
      out.exchanges.back().code = static_cast<int>(parse_int(rest).value_or(-1));
    } else {
      throw std::runtime_error(cat("line ", number, ": '", line, "'"));
    }
  }
  return out;
}

bool matches(const std::string& line, const std::string& pattern) {
  // Greedy match with one place to come back to: the last star.
  size_t at = 0, p = 0, star = std::string::npos, from = 0;
  while (at < line.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      from = at;
    } else if (p < pattern.size() && pattern[p] == line[at]) {
      ++p;
      ++at;
    } else if (star != std::string::npos) {
      p = star + 1;
      at = ++from;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::string mismatch(const std::string& text, const std::vector<std::string>& patterns) {
  std::vector<std::string> lines = split(text, '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  size_t at = 0;
  bool may_skip = false;
  for (const std::string& pattern : patterns) {
    if (pattern == "...") {
      may_skip = true;
      continue;
    }
    const size_t start = at;
    while (may_skip && at < lines.size() && !matches(lines[at], pattern)) ++at;
    if (at >= lines.size() || !matches(lines[at], pattern))
      return cat("expected '", pattern, "', found ", start < lines.size() ? cat("'", lines[start], "'") : "the end");
    ++at;
    may_skip = false;
  }
  if (!may_skip && at < lines.size()) return cat("unexpected line '", lines[at], "'");
  return "";
}

}  // namespace hone::testing

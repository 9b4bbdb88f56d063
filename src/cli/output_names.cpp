#include "cli/output_names.h"

#include <set>

#include "base/text.h"

namespace hone {

namespace {

/// File systems take 255 bytes; an extension and a number have to fit as well.
constexpr size_t kMostBytes = 200;

std::string cleaned(const std::string& name) {
  std::string out;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte < 0x20 || byte == 0x7F || c == '/' || c == '\\' || c == ':' || c == '*' || c == '?' ? '_' : c;
  }
  if (out.size() > kMostBytes) {
    size_t end = kMostBytes;
    while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0) == 0x80) --end;  // not within a character
    out.resize(end);
  }
  if (out.empty()) return "output";
  if (out[0] == '.' || out[0] == '-') out[0] = '_';  // hidden, or taken for a flag
  return out;
}

}  // namespace

std::vector<std::string> output_file_names(const std::vector<std::string>& outputs) {
  std::set<std::string> taken;
  std::vector<std::string> names;
  for (const std::string& output : outputs) {
    const std::string base = cleaned(output);
    std::string name = base;
    for (int i = 2; !taken.insert(lower(name)).second; ++i) name = cat(base, "_", i);
    names.push_back(name);
  }
  return names;
}

}  // namespace hone

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace hone {

/// Shortest decimal text that reads back as the same value; "inf", "-inf", "nan" for the others.
std::string to_text(double value);
std::string to_text(float value);

/// "[1, 2, 3]".
std::string to_text(std::span<const int64_t> values);

namespace detail {
void append(std::string& out, std::string_view s);
void append_int(std::string& out, int64_t v);
void append_uint(std::string& out, uint64_t v);

template <class T>
void append_any(std::string& out, const T& v) {
  if constexpr (std::is_same_v<T, char>) {
    out.push_back(v);
  } else if constexpr (std::is_same_v<T, bool>) {
    append(out, v ? "true" : "false");
  } else if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
    out += to_text(v);
  } else if constexpr (std::is_integral_v<T> && std::is_signed_v<T>) {
    append_int(out, v);
  } else if constexpr (std::is_integral_v<T>) {
    append_uint(out, v);
  } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    append(out, std::string_view(v));
  } else {
    out += to_text(v);
  }
}
}  // namespace detail

/// Joins its arguments into one string: texts, numbers, booleans and lists of int64_t.
template <class... Args>
std::string cat(const Args&... args) {
  std::string out;
  (detail::append_any(out, args), ...);
  return out;
}

std::vector<std::string> split(std::string_view text, char separator);
std::string join(std::span<const std::string> parts, std::string_view separator);
std::string_view trim(std::string_view text);
std::string lower(std::string_view text);

/// The whole of `text` as a number; empty when anything else is there or it is out of range.
std::optional<int64_t> parse_int(std::string_view text);
std::optional<double> parse_double(std::string_view text);

/// The candidate nearest to `word` by edit distance, or empty when none is near (more than a third of its letters off).
std::string nearest(std::string_view word, std::span<const std::string> candidates);

/// 1536 → "1.5 kB"; decimal units as on a data sheet.
std::string human_bytes(uint64_t bytes);
/// Microseconds: 950 → "950 µs", 1234567 → "1.23 s".
std::string human_us(double us);

}  // namespace hone

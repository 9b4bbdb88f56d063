#include "report/text.h"

#include <cmath>
#include <cstdint>
#include <cstdio>

#include "base/text.h"

namespace hone::report {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr std::string_view kNoBreak = "\xC2\xA0";

/// Bytes of the well-formed UTF-8 sequence at the front of `text`; 0 when there is none.
size_t sequence_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const size_t n = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < n) return 0;
  for (size_t i = 1; i < n; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  const bool is_overlong = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xF0 && byte(1) < 0x90);
  const bool is_outside = (first == 0xED && byte(1) > 0x9F) || (first == 0xF4 && byte(1) > 0x8F);
  return is_overlong || is_outside ? 0 : n;
}

std::string_view entity(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return {};
  }
}

std::string fixed(double value, int digits) {
  char buffer[64];
  // Beyond 15 digits the decimals mean nothing and the text would outgrow the buffer.
  const char* format = std::fabs(value) < 1e15 ? "%.*f" : "%.*e";
  std::snprintf(buffer, sizeof buffer, format, digits, value);
  return buffer;
}

bool is_zero_text(std::string_view digits) { return digits.find_first_of("123456789") == std::string_view::npos; }

}  // namespace

std::string escape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const size_t n = sequence_length(text);
    const auto c = static_cast<unsigned char>(text[0]);
    const bool is_control = n == 1 && (c == 0x7F || (c < 0x20 && c != '\t' && c != '\n'));
    if (n == 0 || is_control) {
      out += kReplacement;
    } else if (const std::string_view e = entity(text[0]); n == 1 && !e.empty()) {
      out += e;
    } else {
      out += text.substr(0, n);
    }
    text.remove_prefix(n == 0 ? 1 : n);
  }
  return out;
}

size_t length_of(std::string_view text) {
  size_t n = 0;
  for (const char c : text) n += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return n;
}

std::string shortened(std::string_view text, size_t limit) {
  if (length_of(text) <= limit) return std::string(text);
  size_t end = 0;
  for (size_t seen = 0; end < text.size(); ++end) {
    const bool is_start = (static_cast<unsigned char>(text[end]) & 0xC0) != 0x80;
    if (is_start && seen++ + 1 == limit) break;
  }
  return cat(text.substr(0, end), "…");
}

std::string without_middle(std::string_view text, size_t limit) {
  size_t left = length_of(text);
  if (left <= limit || limit < 2) return shortened(text, limit);
  size_t begin = 0;
  for (const size_t tail = limit / 2; begin < text.size(); ++begin)
    if ((static_cast<unsigned char>(text[begin]) & 0xC0) != 0x80 && left-- == tail) break;
  return cat(shortened(text, limit - limit / 2), text.substr(begin));
}

std::string decimal(double value, int digits) {
  if (!std::isfinite(value)) return std::string(kDash);
  const std::string magnitude = fixed(std::fabs(value), digits);
  return value < 0 && !is_zero_text(magnitude) ? cat("−", magnitude) : magnitude;
}

std::string signed_decimal(double value, int digits) {
  const std::string text = decimal(value, digits);
  return value > 0 && !is_zero_text(text) ? cat("+", text) : text;
}

std::string trimmed(double value, int digits) {
  std::string text = decimal(value, digits);
  if (text.find('.') == std::string::npos || text.find('e') != std::string::npos) return text;
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

std::string percent(double fraction) {
  if (!std::isfinite(fraction)) return std::string(kDash);
  std::string number = decimal(fraction * 100, 2);
  if (number.back() == '0') number.pop_back();
  return cat(number, kNoBreak, "%");
}

std::string points_change(double points) {
  const std::string text = trimmed(points, 2);
  return points > 0 && text != "0" ? cat("+", text) : text;
}

std::string bytes_text(double bytes) {
  if (!(bytes >= 0 && bytes < 1e18)) return std::string(kDash);
  return human_bytes(static_cast<uint64_t>(bytes));
}

std::string us_text(double us) { return us >= 0 && us < 1e15 ? human_us(us) : std::string(kDash); }

std::string count_text(double count) {
  if (!std::isfinite(count) || std::fabs(count) >= 1e15) return std::string(kDash);
  const std::string digits = fixed(std::fabs(count), 0);
  std::string out = count < 0 ? "−" : "";
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && digits.size() > 4 && (digits.size() - i) % 3 == 0) out += "\xE2\x80\xAF";
    out += digits[i];
  }
  return out;
}

std::string ratio_text(double before, double after) {
  if (!(before > 0 && after > 0)) return std::string(kDash);
  const double ratio = before / after;
  return cat(decimal(ratio, ratio < 0.995 ? 2 : ratio < 99.5 ? 1 : 0), "×");
}

std::string points_text(double points) {
  const std::string number = trimmed(points, 2);
  return cat(number, kNoBreak, number == "1" ? "point" : "points");
}

std::string coord(double value) {
  std::string text = fixed(std::isfinite(value) ? value : 0.0, 2);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

std::string score_text(Unit unit, double shown) {
  constexpr double kExact = 149.9;  // as metrics cap decibels
  if (!std::isfinite(shown)) return std::string(kDash);
  if (unit == Unit::kShare) return percent(shown / 100);
  if (unit == Unit::kDecibel) return shown > kExact ? "exact" : cat(decimal(shown, 1), kNoBreak, "dB");
  return trimmed(shown, 4);
}

std::string change_text(Unit unit, double drop) {
  if (!std::isfinite(drop)) return std::string(kDash);
  if (unit == Unit::kReal) return drop == 0 ? "0" : cat(drop < 0 ? "+" : "\xE2\x88\x92", trimmed(std::fabs(drop), 4));
  return cat(points_change(-drop), kNoBreak, unit_symbol(unit));
}

std::string_view unit_symbol(Unit unit) { return unit == Unit::kShare ? "pt" : unit == Unit::kDecibel ? "dB" : ""; }

}  // namespace hone::report

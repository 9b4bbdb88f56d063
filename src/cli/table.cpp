#include "cli/table.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <numeric>

#include "base/printable.h"
#include "base/text.h"
#include "cli/console.h"

namespace hone {

namespace {

constexpr int kGap = 2;
constexpr std::string_view kJoints = "/.:_- ";
constexpr int kMinText = 10;  ///< a cut text keeps at least this many columns

std::string padding(int columns) { return std::string(static_cast<size_t>(std::max(columns, 0)), ' '); }

/// Byte position of the code point at `column`.
size_t byte_at(std::string_view text, int column) {
  size_t at = 0;
  for (; at < text.size(); ++at) {
    if ((static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) continue;
    if (column-- == 0) break;
  }
  return at;
}

void strip_right(std::string& line) {
  while (!line.empty() && line.back() == ' ') line.pop_back();
}

}  // namespace

std::string shortened(const std::string& text, int width, int end) {
  const int columns = columns_of(text);
  if (columns <= width || width < 3) return text;
  constexpr int kLeastHead = 4;
  const int gone = columns - (width - 1);
  const int head = end - gone >= kLeastHead ? end - gone : (width - 1) / 2;
  return cat(text.substr(0, byte_at(text, head)), "…", text.substr(byte_at(text, head + gone)));
}

void Table::add(std::vector<std::string> cells) {
  cells.resize(columns_.size());
  for (std::string& cell : cells) cell = printable_line(cell);
  rows_.push_back(std::move(cells));
}

std::pair<size_t, size_t> common_parts(const std::vector<std::string>& texts) {
  if (texts.size() < 2) return {0, 0};
  size_t head = texts[0].size(), tail = head;
  for (const std::string& text : texts) {
    size_t same = 0;
    while (same < std::min(head, text.size()) && text[same] == texts[0][same]) ++same;
    head = same;
    same = 0;
    while (same < std::min(tail, text.size()) && text[text.size() - 1 - same] == texts[0][texts[0].size() - 1 - same])
      ++same;
    tail = same;
  }
  const size_t joint = head == 0 ? std::string::npos : texts[0].find_last_of(kJoints, head - 1);
  head = joint == std::string::npos ? 0 : joint + 1;
  const size_t last = texts[0].find_first_of(kJoints, texts[0].size() - tail);
  tail = last == std::string::npos ? 0 : texts[0].size() - last;
  for (const std::string& text : texts)
    if (text.size() <= head + tail) tail = 0;
  for (const std::string& text : texts)
    if (text.size() <= head) head = 0;
  return {head, tail};
}

namespace {

/// For each text where the beginning that it shares with another one ends, in columns, up to and with a joint.
std::vector<int> shared_beginnings(const std::vector<std::string>& texts) {
  std::vector<size_t> order(texts.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return texts[a] < texts[b]; });
  std::vector<int> shared(texts.size(), 0);
  for (size_t i = 1; i < order.size(); ++i) {
    const std::string &a = texts[order[i - 1]], &b = texts[order[i]];
    if (a == b) continue;
    const auto same = static_cast<size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
    const size_t joint = same == 0 ? std::string::npos : a.find_last_of(kJoints, same - 1);
    if (joint == std::string::npos) continue;
    for (const size_t at : {order[i - 1], order[i]})
      shared[at] = std::max(shared[at], columns_of(std::string_view(a).substr(0, joint)));
  }
  return shared;
}

}  // namespace

Table Table::without_common_parts() const {
  Table out(columns_);
  out.rows_ = rows_;
  for (size_t c = 0; c < columns_.size(); ++c) {
    if (columns_[c].align != Align::kLeft) continue;
    std::vector<std::string> texts;
    for (const auto& row : rows_)
      if (!row[c].empty()) texts.push_back(row[c]);
    const auto [head, tail] = common_parts(texts);
    constexpr size_t kWorthwhile = 3;  // what "…" saves
    for (auto& row : out.rows_) {
      if (row[c].empty()) continue;
      if (tail > kWorthwhile) row[c] = row[c].substr(0, row[c].size() - tail) + "…";
      if (head > kWorthwhile) row[c] = "…" + row[c].substr(head);
    }
  }
  return out;
}

std::string Table::render(int width) const {
  std::vector<int> widths;
  for (size_t c = 0; c < columns_.size(); ++c) {
    int widest = columns_of(columns_[c].header);
    for (const auto& row : rows_) widest = std::max(widest, columns_of(row[c]));
    widths.push_back(widest);
  }
  const auto total = [&] {
    return std::accumulate(widths.begin(), widths.end(), kGap * static_cast<int>(columns_.size() - 1));
  };
  if (total() > width) {
    if (Table table = without_common_parts(); table.rows_ != rows_) return table.render(width);
  }
  for (int excess = total() - width; excess > 0; excess = total() - width) {
    int widest = -1;
    for (size_t c = 0; c < widths.size(); ++c) {
      const bool can_shrink = columns_[c].align == Align::kLeft && widths[c] > kMinText;
      if (can_shrink && (widest < 0 || widths[c] > widths[static_cast<size_t>(widest)])) widest = static_cast<int>(c);
    }
    if (widest < 0) return render_records(width);
    --widths[static_cast<size_t>(widest)];
  }
  std::vector<std::vector<int>> shared(columns_.size());
  for (size_t c = 0; c < columns_.size(); ++c) {
    std::vector<std::string> texts;
    for (const auto& row : rows_) texts.push_back(row[c]);
    shared[c] = shared_beginnings(texts);
  }
  std::string out;
  const auto line = [&](auto&& cell, auto&& cut_before) {
    std::string text;
    for (size_t c = 0; c < columns_.size(); ++c) {
      const std::string shown = shortened(cell(c), widths[c], cut_before(c));
      const std::string space = padding(widths[c] - columns_of(shown));
      if (c) text += padding(kGap);
      text += columns_[c].align == Align::kLeft ? shown + space : space + shown;
    }
    strip_right(text);
    out += text + "\n";
  };
  line([&](size_t c) { return columns_[c].header; }, [](size_t) { return 0; });
  for (size_t r = 0; r < rows_.size(); ++r)
    line([&](size_t c) { return rows_[r][c]; }, [&](size_t c) { return shared[c][r]; });
  return out;
}

std::string Table::render_records(int width) const {
  std::string out;
  for (const auto& row : rows_)
    for (size_t c = 0; c < columns_.size(); ++c) {
      if (row[c].empty()) continue;
      const std::string head = c == 0 ? "" : columns_[c].header.empty() ? "  " : cat("  ", columns_[c].header, ": ");
      out += cat(head, shortened(row[c], std::max(width - columns_of(head), kMinText)), "\n");
    }
  return out;
}

void Facts::add(std::string key, std::string value) { facts_.emplace_back(printable_line(key), printable(value)); }

std::string Facts::render(int width) const {
  int widest = 0;
  for (const auto& [key, value] : facts_) widest = std::max(widest, columns_of(key));
  const int indent = width < 60 ? 2 : widest + 2;
  std::string out;
  for (const auto& [key, value] : facts_) {
    if (width < 60)
      out += cat(key, "\n  ", wrapped(value, width, indent, indent), "\n");
    else
      out += cat(key, padding(indent - columns_of(key)), wrapped(value, width, indent, indent), "\n");
  }
  return out;
}

std::string grouped(int64_t value) {
  std::string digits = std::to_string(value);
  const size_t start = value < 0 ? 1 : 0;
  for (size_t at = digits.size(); at > start + 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

std::string human_count(int64_t value) {
  static constexpr const char* kUnits[] = {"", " k", " M", " G", " T"};
  double v = static_cast<double>(value);
  int unit = 0;
  for (; v >= 1000 && unit < 4; ++unit) v /= 1000;
  return fixed(v, unit == 0 ? 0 : v < 10 ? 2 : v < 100 ? 1 : 0) + kUnits[unit];
}

std::string fixed(double value, int decimals) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%.*f", decimals, value);
  const bool is_zero = std::string_view(buffer).find_first_not_of("-0.") == std::string_view::npos;
  return is_zero && buffer[0] == '-' ? buffer + 1 : buffer;
}

std::string counted(int64_t count, std::string_view noun) {
  return cat(grouped(count), " ", noun, count == 1 ? "" : "s");
}

std::string percent(double part, int decimals) { return fixed(part * 100, decimals) + " %"; }

}  // namespace hone

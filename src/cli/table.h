#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hone {

/// A table for people: columns aligned, numbers to the right; cells are shown as printable_line() says. When the
/// terminal is too narrow, texts of a column lose the beginning and the end that they have in common, then the end of
/// what each has in common with another one, or its middle; when that does not suffice, each row becomes a few lines
/// "header: cell".
class Table {
 public:
  enum class Align { kLeft, kRight };
  struct Column {
    std::string header;
    Align align = Align::kLeft;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  /// One cell a column; missing ones are empty.
  void add(std::vector<std::string> cells);
  bool is_empty() const { return rows_.empty(); }
  /// Lines of at most `width` columns, each ended.
  std::string render(int width) const;

 private:
  std::string render_records(int width) const;
  Table without_common_parts() const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// "key   value" lines with the values aligned; long values are wrapped.
class Facts {
 public:
  void add(std::string key, std::string value);
  std::string render(int width) const;

 private:
  std::vector<std::pair<std::string, std::string>> facts_;
};

/// `text` cut by "…" to at most `width` columns: in its middle, or before column `end` where enough stands before that.
std::string shortened(const std::string& text, int width, int end = 0);

/// How many bytes at the start of all `texts` are the same, up to and with the last of "/.:_-" and a space; likewise at
/// their end, from such a character on. What is left is never empty. {0, 0} for fewer than two texts.
std::pair<size_t, size_t> common_parts(const std::vector<std::string>& texts);

/// 1234567 → "1,234,567".
std::string grouped(int64_t value);
/// 1234567 → "1.23 M"; 950 → "950".
std::string human_count(int64_t value);
/// 1 with "node" → "1 node"; 2000 → "2,000 nodes".
std::string counted(int64_t count, std::string_view noun);
/// 0.12345 with 2 → "0.12"; never "-0.00".
std::string fixed(double value, int decimals);
/// 0.7548 → "75.48 %".
std::string percent(double part, int decimals = 2);

}  // namespace hone

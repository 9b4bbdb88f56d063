#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace hone {

/// A JSON value. Objects keep the order of insertion, so that reports read as they were written and are reproducible.
class Json {
 public:
  using Array = std::vector<Json>;
  using Object = std::vector<std::pair<std::string, Json>>;

  Json() = default;  ///< null
  Json(bool value) : value_(value) {}
  Json(int value) : value_(static_cast<int64_t>(value)) {}
  Json(int64_t value) : value_(value) {}
  Json(uint64_t value) : value_(static_cast<int64_t>(value)) {}
  Json(double value) : value_(value) {}
  Json(const char* value) : value_(std::string(value)) {}
  Json(std::string_view value) : value_(std::string(value)) {}
  Json(std::string value) : value_(std::move(value)) {}
  Json(Array value) : value_(std::move(value)) {}
  static Json object() { return Json(Object{}); }
  static Json array() { return Json(Array{}); }
  /// A list of anything that converts to Json.
  template <class List>
  static Json list(const List& values) {
    Array out;
    for (const auto& value : values) out.emplace_back(value);
    return Json(std::move(out));
  }

  bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  bool is_number() const { return std::holds_alternative<int64_t>(value_) || std::holds_alternative<double>(value_); }
  bool is_string() const { return std::holds_alternative<std::string>(value_); }
  bool is_array() const { return std::holds_alternative<Array>(value_); }
  bool is_object() const { return std::holds_alternative<Object>(value_); }

  /// The value as that kind; throws Error(invalid_argument) for another kind.
  bool as_bool() const;
  int64_t as_int() const;    ///< integers only
  double as_number() const;  ///< integers and reals
  const std::string& as_string() const;
  const Array& as_array() const;
  const Object& as_object() const;

  /// Member of an object, or null when this has none of that name or is no object.
  const Json* find(std::string_view key) const;
  /// Member of an object, made when it is not there; a null becomes an object first.
  Json& operator[](std::string_view key);
  /// Appends to an array; a null becomes an array first.
  void push_back(Json value);

  /// indent < 0: one line. Numbers that are not finite are written as null. Text that is not UTF-8 has its odd bytes
  /// replaced by U+FFFD.
  std::string dump(int indent = -1) const;
  /// At most 64 levels deep. Throws Error(invalid_argument) that names line and column.
  static Json parse(std::string_view text);

  friend bool operator==(const Json&, const Json&) = default;

 private:
  explicit Json(Object value) : value_(std::move(value)) {}
  void dump_to(std::string& out, int indent, int depth) const;

  std::variant<std::monostate, bool, int64_t, double, std::string, Array, Object> value_;
};

/// `text` in quotes with JSON's escapes.
std::string json_quoted(std::string_view text);

}  // namespace hone

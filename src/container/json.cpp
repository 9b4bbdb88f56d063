#include "container/json.h"

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/printable.h"
#include "base/text.h"

namespace hone {

namespace {

template <class T>
const T& get(const std::variant<std::monostate, bool, int64_t, double, std::string, Json::Array, Json::Object>& value,
             const char* expected, const Json& whole) {
  if (const T* found = std::get_if<T>(&value)) return *found;
  const std::string text = whole.dump();
  throw invalid_argument(
      cat("json: found ", text.size() > 60 ? text.substr(0, 60) + "..." : text, ", expected ", expected));
}

/// Length of the well-formed UTF-8 sequence at text[at], 0 when there is none.
size_t utf8_length(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xC2 && first < 0xE0 ? 2 : (first & 0xF0) == 0xE0 ? 3 : first < 0xF5 ? 4 : 0;
  if (first < 0xC2 || length == 0 || at + length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i)
    if ((byte(at + i) & 0xC0) != 0x80) return 0;
  const unsigned char second = byte(at + 1);
  if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second >= 0xA0)) return 0;
  if ((first == 0xF0 && second < 0x90) || (first == 0xF4 && second >= 0x90)) return 0;
  return length;
}

constexpr size_t kMaxMembers = 4096;

/// Builds a Json from nlohmann's events.
struct Builder {
  Json root;
  std::vector<Json> open;
  std::vector<std::string> keys;
  std::string error;

  bool put(Json value) {
    if (open.empty()) {
      root = std::move(value);
    } else if (open.back().is_array()) {
      open.back().push_back(std::move(value));
    } else {
      open.back()[keys.back()] = std::move(value);
    }
    return true;
  }
  bool begin(Json container) {
    if (open.size() >= 64) {
      error = "more than 64 levels deep";
      return false;
    }
    open.push_back(std::move(container));
    keys.emplace_back();
    return true;
  }
  bool end() {
    Json done = std::move(open.back());
    open.pop_back();
    keys.pop_back();
    return put(std::move(done));
  }

  using string_t = std::string;
  using binary_t = nlohmann::json::binary_t;
  bool null() { return put({}); }
  bool boolean(bool value) { return put(value); }
  bool number_integer(int64_t value) { return put(value); }
  bool number_unsigned(uint64_t value) {
    return value > uint64_t(INT64_MAX) ? put(static_cast<double>(value)) : put(static_cast<int64_t>(value));
  }
  bool number_float(double value, const string_t&) { return put(value); }
  bool string(string_t& value) { return put(std::move(value)); }
  bool binary(binary_t&) { return false; }
  bool start_object(size_t) { return begin(Json::object()); }
  bool key(string_t& value) {
    keys.back() = value;
    // Members are found by search: a bound keeps hostile input linear.
    if (open.back().as_object().size() < kMaxMembers) return true;
    error = cat("an object has more than ", kMaxMembers, " members");
    return false;
  }
  bool end_object() { return end(); }
  bool start_array(size_t) { return begin(Json::array()); }
  bool end_array() { return end(); }
  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception& e) {
    const std::string_view what = e.what();
    const size_t at = what.find("] ");
    error = std::string(at == std::string_view::npos ? what : what.substr(at + 2));
    return false;
  }
};

}  // namespace

bool Json::as_bool() const { return get<bool>(value_, "true or false", *this); }
int64_t Json::as_int() const { return get<int64_t>(value_, "an integer", *this); }
double Json::as_number() const {
  if (const int64_t* integer = std::get_if<int64_t>(&value_)) return static_cast<double>(*integer);
  return get<double>(value_, "a number", *this);
}
const std::string& Json::as_string() const { return get<std::string>(value_, "a text", *this); }
const Json::Array& Json::as_array() const { return get<Array>(value_, "a list", *this); }
const Json::Object& Json::as_object() const { return get<Object>(value_, "an object", *this); }

const Json* Json::find(std::string_view key) const {
  const Object* object = std::get_if<Object>(&value_);
  if (!object) return nullptr;
  for (const auto& [name, value] : *object)
    if (name == key) return &value;
  return nullptr;
}

Json& Json::operator[](std::string_view key) {
  if (is_null()) value_ = Object{};
  as_object();
  Object& object = std::get<Object>(value_);
  for (auto& [name, value] : object)
    if (name == key) return value;
  object.emplace_back(std::string(key), Json());
  return object.back().second;
}

void Json::push_back(Json value) {
  if (is_null()) value_ = Array{};
  as_array();
  std::get<Array>(value_).push_back(std::move(value));
}

/// Of one whole UTF-8 sequence.
static uint32_t code_point(std::string_view sequence) {
  uint32_t code = static_cast<unsigned char>(sequence[0]);
  if (sequence.size() > 1) code &= 0xFFu >> (sequence.size() + 1);
  for (const char c : sequence.substr(1)) code = code << 6 | (static_cast<unsigned char>(c) & 0x3F);
  return code;
}

std::string json_quoted(std::string_view text) {
  std::string out = "\"";
  for (size_t i = 0; i < text.size();) {
    const unsigned char c = static_cast<unsigned char>(text[i]);
    const size_t length = utf8_length(text, i);
    if (length == 0) {
      out += "\\ufffd";
      ++i;
      continue;
    }
    if (c == '"' || c == '\\') {
      out += '\\';
      out += text[i];
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (const uint32_t code = code_point(text.substr(i, length)); is_hidden(code)) {
      char buffer[16];
      std::snprintf(buffer, sizeof buffer, "\\u%04x", code);
      out += buffer;
    } else {
      out.append(text.substr(i, length));
    }
    i += length;
  }
  return out + "\"";
}

void Json::dump_to(std::string& out, int indent, int depth) const {
  const auto line = [&](int level) {
    if (indent >= 0) out.append(1, '\n').append(static_cast<size_t>(indent * level), ' ');
  };
  if (const Array* array = std::get_if<Array>(&value_)) {
    bool is_flat = true;
    for (const Json& item : *array) is_flat = is_flat && !item.is_array() && !item.is_object();
    out += '[';
    for (size_t i = 0; i < array->size(); ++i) {
      if (i) out += is_flat && indent >= 0 ? ", " : ",";
      if (!is_flat) line(depth + 1);
      (*array)[i].dump_to(out, indent, depth + 1);
    }
    if (!is_flat) line(depth);
    out += ']';
  } else if (const Object* object = std::get_if<Object>(&value_)) {
    out += '{';
    for (size_t i = 0; i < object->size(); ++i) {
      if (i) out += ',';
      line(depth + 1);
      out += json_quoted((*object)[i].first) + (indent >= 0 ? ": " : ":");
      (*object)[i].second.dump_to(out, indent, depth + 1);
    }
    if (!object->empty()) line(depth);
    out += '}';
  } else if (const std::string* text = std::get_if<std::string>(&value_)) {
    out += json_quoted(*text);
  } else if (const bool* truth = std::get_if<bool>(&value_)) {
    out += *truth ? "true" : "false";
  } else if (const int64_t* integer = std::get_if<int64_t>(&value_)) {
    out += std::to_string(*integer);
  } else if (const double* real = std::get_if<double>(&value_)) {
    out += std::isfinite(*real) ? to_text(*real) : "null";
  } else {
    out += "null";
  }
}

std::string Json::dump(int indent) const {
  std::string out;
  dump_to(out, indent, 0);
  return out;
}

Json Json::parse(std::string_view text) {
  Builder builder;
  bool is_good = false;
  try {
    is_good = nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
  } catch (const std::exception& e) {
    builder.error = e.what();
  }
  if (!is_good) throw invalid_argument(cat("json: ", builder.error.empty() ? "not readable" : builder.error));
  return std::move(builder.root);
}

}  // namespace hone

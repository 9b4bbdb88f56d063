#include "ir/attrs.h"

#include <cstring>
#include <functional>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"

namespace hone {

namespace {

template <class T>
const T& get(const void* p) {
  return *static_cast<const T*>(p);
}

int enum_value(const void* p) {
  int value = 0;
  std::memcpy(&value, p, sizeof value);
  return value;
}

bool same_float(float a, float b) { return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b); }

bool field_equal(AttrKind kind, const void* a, const void* b) {
  switch (kind) {
    case AttrKind::kInt:
      return get<int64_t>(a) == get<int64_t>(b);
    case AttrKind::kFloat:
      return same_float(get<float>(a), get<float>(b));
    case AttrKind::kBool:
      return get<bool>(a) == get<bool>(b);
    case AttrKind::kString:
      return get<std::string>(a) == get<std::string>(b);
    case AttrKind::kInts:
      return get<std::vector<int64_t>>(a) == get<std::vector<int64_t>>(b);
    case AttrKind::kFloats:
      return get<std::vector<float>>(a) == get<std::vector<float>>(b);
    case AttrKind::kStrings:
      return get<std::vector<std::string>>(a) == get<std::vector<std::string>>(b);
    case AttrKind::kDType:
      return get<DType>(a) == get<DType>(b);
    case AttrKind::kTensor:
      return identical(get<Tensor>(a), get<Tensor>(b));
    case AttrKind::kEnum:
      return enum_value(a) == enum_value(b);
  }
  return false;
}

void mix(size_t& hash, size_t value) { hash ^= value + 0x9E3779B97F4A7C15u + (hash << 6) + (hash >> 2); }

template <class T>
size_t list_hash(const std::vector<T>& list) {
  size_t hash = list.size();
  for (const T& item : list) mix(hash, std::hash<T>()(item));
  return hash;
}

/// Equal fields have equal hashes.
size_t field_hash(AttrKind kind, const void* p) {
  switch (kind) {
    case AttrKind::kInt:
      return std::hash<int64_t>()(get<int64_t>(p));
    case AttrKind::kFloat:
      return std::bit_cast<uint32_t>(get<float>(p));
    case AttrKind::kBool:
      return get<bool>(p);
    case AttrKind::kString:
      return std::hash<std::string>()(get<std::string>(p));
    case AttrKind::kInts:
      return list_hash(get<std::vector<int64_t>>(p));
    case AttrKind::kFloats:
      return list_hash(get<std::vector<float>>(p));
    case AttrKind::kStrings:
      return list_hash(get<std::vector<std::string>>(p));
    case AttrKind::kDType:
      return static_cast<size_t>(get<DType>(p));
    case AttrKind::kTensor: {
      const Tensor& tensor = get<Tensor>(p);
      if (!tensor.exists()) return 0;
      size_t hash = list_hash(tensor.dims());
      mix(hash, std::hash<std::string_view>()(
                    {static_cast<const char*>(tensor.raw()), static_cast<size_t>(tensor.byte_size())}));
      return hash;
    }
    case AttrKind::kEnum:
      return static_cast<size_t>(enum_value(p));
  }
  return 0;
}

std::string quoted(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (u < 0x20 || u == 0x7f) {
      out += cat("\\x", kHex[u >> 4], kHex[u & 15]);
    } else {
      out += c;
    }
  }
  return out + "\"";
}

template <class T, class F>
std::string list_text(const std::vector<T>& values, F&& text) {
  std::string out = "[";
  for (size_t i = 0; i < values.size(); ++i) out += (i ? ", " : "") + text(values[i]);
  return out + "]";
}

[[noreturn]] void bad_value(const FieldInfo& field, std::string_view text, std::string_view expected) {
  throw invalid_argument(cat("attribute '", field.name, "' is ", text, ", expected ", expected));
}

int64_t int_from(const FieldInfo& field, std::string_view text) {
  const auto value = parse_int(text);
  if (!value) bad_value(field, text, "an integer");
  return *value;
}

float float_from(const FieldInfo& field, std::string_view text) {
  const auto value = parse_double(text);
  if (!value) bad_value(field, text, "a number");
  return static_cast<float>(*value);
}

int hex_digit(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

std::string string_from(const FieldInfo& field, std::string_view text) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') bad_value(field, text, "a quoted string");
  std::string out;
  for (size_t i = 1; i + 1 < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
    } else if (i + 4 < text.size() && text[i + 1] == 'x' && hex_digit(text[i + 2]) >= 0 &&
               hex_digit(text[i + 3]) >= 0) {
      out += static_cast<char>(hex_digit(text[i + 2]) * 16 + hex_digit(text[i + 3]));
      i += 3;
    } else if (i + 2 < text.size()) {
      out += text[++i];
    } else {
      bad_value(field, text, "a quoted string");
    }
  }
  return out;
}

/// Splits "[a, b, c]" at top-level commas; strings may contain commas.
std::vector<std::string> list_from(const FieldInfo& field, std::string_view text) {
  if (text.size() < 2 || text.front() != '[' || text.back() != ']') bad_value(field, text, "a list in brackets");
  std::vector<std::string> items;
  std::string item;
  bool in_string = false;
  for (size_t i = 1; i + 1 < text.size(); ++i) {
    if (in_string && text[i] == '\\' && i + 2 < text.size()) {
      item += text[i++];
    } else if (text[i] == '"') {
      in_string = !in_string;
    } else if (text[i] == ',' && !in_string) {
      items.emplace_back(trim(item));
      item.clear();
      continue;
    }
    item += text[i];
  }
  if (!trim(item).empty() || !items.empty()) items.emplace_back(trim(item));
  return items;
}

std::string tensor_text(const Tensor& t) {
  if (!t.exists()) return "none";
  std::string out = cat(to_string(t.dtype()), Shape(t.dims()), "{");
  bool first = true;
  for (const double v : to_doubles(t.with_quant(nullptr))) {
    out += cat(first ? "" : ", ", v);
    first = false;
  }
  return out + "}";
}

Tensor tensor_from(const FieldInfo& field, std::string_view text) {
  if (text == "none") return {};
  const size_t open = text.find('['), close = text.find(']'), brace = text.find('{');
  if (open == text.npos || close == text.npos || brace != close + 1 || text.back() != '}')
    bad_value(field, text, "a tensor such as f32[2]{1, 2}");
  const auto dtype = parse_dtype(text.substr(0, open));
  if (!dtype) bad_value(field, text, "a known dtype");
  Dims dims;
  const std::string_view inner = text.substr(open + 1, close - open - 1);
  if (!trim(inner).empty())
    for (const std::string& d : split(inner, ',')) dims.push_back(int_from(field, trim(d)));
  std::vector<double> values;
  const std::string_view body = text.substr(brace + 1, text.size() - brace - 2);
  if (!trim(body).empty())
    for (const std::string& v : split(body, ',')) {
      const auto number = parse_double(trim(v));
      if (!number) bad_value(field, v, "a number");
      values.push_back(*number);
    }
  if (checked_product(dims) != std::ssize(values)) bad_value(field, text, cat(checked_product(dims), " numbers"));
  return cast(Tensor::of<double>(dims, std::span<const double>(values)), *dtype);
}

}  // namespace

void Attrs::check(std::string_view op_name) const {
  if (!type_ || type_->op_name != op_name)
    throw internal_error(cat("attributes of ", type_ ? type_->op_name : "nothing", " read as those of ", op_name));
}

bool equal(const Attrs& a, const Attrs& b) {
  if (a.exists() != b.exists()) return false;
  if (!a.exists() || a.value() == b.value()) return true;
  if (a.type().op_name != b.type().op_name) return false;
  for (const FieldInfo& f : a.type().fields)
    if (!field_equal(f.kind, f.address(const_cast<void*>(a.value())), f.address(const_cast<void*>(b.value()))))
      return false;
  return true;
}

size_t hash_of(const Attrs& attrs) {
  if (!attrs.exists()) return 0;
  size_t hash = std::hash<std::string_view>()(attrs.type().op_name);
  for (const FieldInfo& f : attrs.type().fields)
    mix(hash, field_hash(f.kind, f.address(const_cast<void*>(attrs.value()))));
  return hash;
}

std::string field_to_text(const FieldInfo& field, const void* attrs) {
  const void* p = field.address(const_cast<void*>(attrs));
  switch (field.kind) {
    case AttrKind::kInt:
      return cat(get<int64_t>(p));
    case AttrKind::kFloat:
      return cat(get<float>(p));
    case AttrKind::kBool:
      return cat(get<bool>(p));
    case AttrKind::kString:
      return quoted(get<std::string>(p));
    case AttrKind::kInts:
      return to_text(std::span(get<std::vector<int64_t>>(p)));
    case AttrKind::kFloats:
      return list_text(get<std::vector<float>>(p), [](float v) { return to_text(v); });
    case AttrKind::kStrings:
      return list_text(get<std::vector<std::string>>(p), [](const std::string& s) { return quoted(s); });
    case AttrKind::kDType:
      return std::string(to_string(get<DType>(p)));
    case AttrKind::kTensor:
      return tensor_text(get<Tensor>(p));
    case AttrKind::kEnum: {
      const int value = enum_value(p);
      if (value < 0 || static_cast<size_t>(value) >= field.enum_names.size()) return cat(value);
      return std::string(field.enum_names[static_cast<size_t>(value)]);
    }
  }
  return {};
}

std::string to_text(const Attrs& attrs) {
  if (!attrs.exists()) return "";
  const std::shared_ptr<void> defaults = attrs.type().create();
  std::string out;
  for (const FieldInfo& f : attrs.type().fields) {
    if (field_equal(f.kind, f.address(const_cast<void*>(attrs.value())), f.address(defaults.get()))) continue;
    out += cat(out.empty() ? "{" : ", ", f.name, "=", field_to_text(f, attrs.value()));
  }
  return out.empty() ? out : out + "}";
}

void set_from_text(const FieldInfo& field, void* attrs, std::string_view text) {
  text = trim(text);
  void* p = field.address(attrs);
  switch (field.kind) {
    case AttrKind::kInt:
      *static_cast<int64_t*>(p) = int_from(field, text);
      return;
    case AttrKind::kFloat:
      *static_cast<float*>(p) = float_from(field, text);
      return;
    case AttrKind::kBool:
      if (text != "true" && text != "false") bad_value(field, text, "true or false");
      *static_cast<bool*>(p) = text == "true";
      return;
    case AttrKind::kString:
      *static_cast<std::string*>(p) = string_from(field, text);
      return;
    case AttrKind::kInts: {
      std::vector<int64_t> values;
      for (const std::string& item : list_from(field, text)) values.push_back(int_from(field, item));
      *static_cast<std::vector<int64_t>*>(p) = std::move(values);
      return;
    }
    case AttrKind::kFloats: {
      std::vector<float> values;
      for (const std::string& item : list_from(field, text)) values.push_back(float_from(field, item));
      *static_cast<std::vector<float>*>(p) = std::move(values);
      return;
    }
    case AttrKind::kStrings: {
      std::vector<std::string> values;
      for (const std::string& item : list_from(field, text)) values.push_back(string_from(field, item));
      *static_cast<std::vector<std::string>*>(p) = std::move(values);
      return;
    }
    case AttrKind::kDType: {
      const auto dtype = parse_dtype(text);
      if (!dtype) bad_value(field, text, "a dtype such as f32 or i8");
      *static_cast<DType*>(p) = *dtype;
      return;
    }
    case AttrKind::kTensor:
      *static_cast<Tensor*>(p) = tensor_from(field, text);
      return;
    case AttrKind::kEnum:
      for (size_t i = 0; i < field.enum_names.size(); ++i) {
        if (field.enum_names[i] != text) continue;
        const int value = static_cast<int>(i);
        std::memcpy(p, &value, sizeof value);
        return;
      }
      bad_value(field, text,
                cat("one of ", join(std::vector<std::string>(field.enum_names.begin(), field.enum_names.end()), ", ")));
  }
}

}  // namespace hone

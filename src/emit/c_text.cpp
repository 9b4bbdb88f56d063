#include "emit/c_text.h"

#include <cstdio>
#include <type_traits>

#include "base/error.h"
#include "base/text.h"

namespace hone {
namespace {

constexpr std::string_view kKernels =
#include "emit_kernels.inc"
    ;

/// The section "/* kernel NAME: NEEDS */" of kernels.c.
struct Section {
  std::string_view needs, text;
};

Section section_of(std::string_view kernel) {
  const std::string title = cat("/* kernel ", kernel);
  size_t at = kKernels.find(title);
  while (at != std::string_view::npos && kKernels[at + title.size()] != ' ' && kKernels[at + title.size()] != ':')
    at = kKernels.find(title, at + 1);
  if (at == std::string_view::npos) throw internal_error(cat("no kernel ", kernel));
  std::string_view rest = kKernels.substr(at + title.size());
  const size_t close = rest.find(" */\n");
  const std::string_view needs = rest[0] == ':' ? rest.substr(1, close - 1) : std::string_view();
  rest.remove_prefix(close + 4);
  return {needs, rest.substr(0, rest.find("/* kernel "))};
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

std::string number(float value) { return c_number(static_cast<double>(value)) + "f"; }
std::string number(int64_t value) { return std::to_string(value); }

}  // namespace

void CText::need(std::string_view kernel, std::string_view element) {
  const Section section = section_of(kernel);
  const bool is_typed = section.text.find("ELEMENT") != std::string_view::npos;
  if (!known_kernels_.insert(is_typed ? cat(kernel, " ", element) : std::string(kernel)).second) return;
  for (const std::string& other : split(std::string(trim(section.needs)), ' '))
    if (!other.empty()) need(other, element);
  const bool is_signed = element == "int8_t";
  std::string text = replaced(std::string(section.text), "ELEMENT", element);
  text = replaced(std::move(text), "LOWEST", is_signed ? "INT8_MIN" : "0");
  kernels_ += replaced(std::move(text), "HIGHEST", is_signed ? "INT8_MAX" : "UINT8_MAX");
}

template <class T>
std::string CText::array(std::string_view type, const std::vector<T>& values) {
  constexpr size_t kWidth = 110;
  std::string text = cat("[", values.size(), "] = {");
  size_t column = text.size();
  for (size_t i = 0; i < values.size(); ++i) {
    std::string item;
    if constexpr (std::is_floating_point_v<T>)
      item = number(values[i]);
    else
      item = number(static_cast<int64_t>(values[i]));
    if (column + item.size() > kWidth) {
      text += "\n    ";
      column = 0;
    }
    text += cat(item, i + 1 < values.size() ? "," : "");
    column += item.size() + 1;
  }
  text += "};\n";
  std::string& name = names_[cat(type, text)];
  if (!name.empty()) return name;
  name = cat("k", names_.size() - 1);
  constants_ += cat("static const ", type, " ", name, text);
  constant_bytes_ += static_cast<int64_t>(values.size() * sizeof(T));
  return name;
}

template std::string CText::array(std::string_view, const std::vector<int8_t>&);
template std::string CText::array(std::string_view, const std::vector<uint8_t>&);
template std::string CText::array(std::string_view, const std::vector<int32_t>&);
template std::string CText::array(std::string_view, const std::vector<float>&);

std::string CText::definitions() const { return cat(kernels_, constants_); }

std::string_view c_byte(DType dtype) {
  if (dtype == DType::kI8) return "int8_t";
  if (dtype == DType::kU8) return "uint8_t";
  throw unsupported(cat("a value of ", to_string(dtype), ", C sources hold 8-bit integers"));
}

std::string c_number(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%a", value);
  return text;
}

}  // namespace hone

#include "oracle/onnx_form.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <protozero/pbf_writer.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "formats/onnx/attribute_list.h"
#include "formats/onnx/tensor_io.h"
#include "formats/onnx/test_model.h"

namespace hone {

namespace {

using onnx::AttributeList;

[[noreturn]] void refuse(std::string_view what, std::string_view text) {
  throw invalid_argument(cat("onnx form: ", what, " '", text, "'"));
}

/// The text between the first `open` and its end, taken off `text`; empty and untouched when `text` starts otherwise.
bool take(std::string_view& text, char open, char close, std::string_view& inside) {
  if (text.empty() || text.front() != open) return false;
  const size_t end = text.find(close);
  if (end == std::string_view::npos) refuse("bracket is not closed in", text);
  inside = text.substr(1, end - 1);
  text.remove_prefix(end + 1);
  return true;
}

std::vector<double> numbers(std::string_view text) {
  std::vector<double> values;
  if (trim(text).empty()) return values;
  for (const std::string& part : split(text, ',')) {
    const auto value = parse_double(part);
    if (!value) refuse("not a number:", part);
    values.push_back(*value);
  }
  return values;
}

/// Uniform in −1 … 1, the same for everybody.
class Random {
 public:
  explicit Random(uint32_t seed) : state_(seed * 2654435761u + 1) {}
  double next() { return static_cast<double>((state_ = state_ * 1664525u + 1013904223u) >> 8) * 0x1p-23 - 1; }

 private:
  uint32_t state_;
};

Tensor random_tensor(DType dtype, const Dims& dims, std::string_view range, uint32_t seed) {
  double scale = is_float(dtype) ? 1 : 10;
  if (size_of(dtype) == 1) scale = dtype == DType::kI4 || dtype == DType::kU4 ? 8 : 128;
  const bool is_modulus = range.starts_with('%');
  if (!range.empty()) scale = numbers(range.substr(1)).at(0);
  Random random(seed);
  std::vector<double> values(static_cast<size_t>(Tensor::empty(DType::kU8, dims).elements()));
  for (double& v : values) {
    v = random.next() * scale;
    if (dtype == DType::kBool)
      v = v > 0;
    else if (is_modulus)
      v = std::floor((v + scale) / 2);
    else if (!is_float(dtype))
      v = std::floor(is_signed(dtype) ? v : v + scale);
  }
  return cast(Tensor::of<double>(dims, values), dtype);
}

struct Operand {
  Tensor tensor;
  bool is_constant = false;
};

Operand parse_operand(std::string_view token, uint32_t seed) {
  const std::string_view whole = token;
  const bool is_constant = token.starts_with('#'), is_input = token.starts_with('?');
  if (is_constant || is_input) token.remove_prefix(1);
  const size_t end = std::min(token.find('['), token.find('{'));
  const auto dtype = parse_dtype(token.substr(0, end));
  if (!dtype || end == std::string_view::npos) refuse("operand", whole);
  token.remove_prefix(end);
  std::string_view inside;
  Dims dims;
  const bool has_dims = take(token, '[', ']', inside);
  if (has_dims)
    for (const double dim : numbers(inside)) dims.push_back(static_cast<int64_t>(dim));
  if (!take(token, '{', '}', inside)) return {random_tensor(*dtype, dims, token, seed), is_constant};
  const std::vector<double> values = numbers(inside);
  if (!has_dims) dims = {static_cast<int64_t>(values.size())};
  return {cast(Tensor::of<double>(dims, values), *dtype), !is_input};
}

void add_attribute(AttributeList& list, std::string_view name, std::string_view value) {
  std::string_view inside;
  if (value.starts_with("type(")) return void(list.add(name, *parse_dtype(value.substr(5, value.size() - 6))));
  if (take(value, '[', ']', inside)) {
    const std::vector<std::string> parts = split(inside, ',');
    if (!parts.empty() && !parts[0].empty() && std::isalpha(static_cast<unsigned char>(parts[0][0])))
      return void(list.add(name, parts));
    const std::vector<double> values = numbers(inside);
    if (inside.find('.') != std::string_view::npos)
      return void(list.add(name, std::span<const float>(std::vector<float>(values.begin(), values.end()))));
    return void(list.add(name, std::vector<int64_t>(values.begin(), values.end())));
  }
  if (const auto number = parse_int(value)) return void(list.add(name, *number));
  if (const auto number = parse_double(value)) return void(list.add(name, static_cast<float>(*number)));
  if (value.find('{') != std::string_view::npos) return void(list.add(name, parse_operand(value, 0).tensor));
  list.add(name, value);
}

std::vector<std::string> outputs_of(std::string_view text) {
  std::vector<std::string> names;
  if (const auto count = parse_int(text)) {
    for (int64_t i = 0; i < *count; ++i) names.push_back(cat("out", i));
    return names;
  }
  for (const char c : text) names.push_back(c == '_' ? "" : cat("out", names.size()));
  return names;
}

/// An output of which nothing is said but its name: the runtime finds out the rest.
std::string untyped(const std::string& name) {
  std::string out;
  protozero::pbf_writer(out).add_string(1, name);
  return out;
}

}  // namespace

std::vector<OnnxForm> read_onnx_forms(std::string_view only) {
  std::vector<OnnxForm> forms;
  for (const std::string& line : split(read_file(HONE_SOURCE_DIR "/tests/oracle/onnx_forms.txt"), '\n')) {
    const std::string_view text = trim(line);
    if (text.empty() || text.starts_with("# ") || text.find(only) == std::string_view::npos) continue;
    forms.push_back(parse_onnx_form(text));
  }
  return forms;
}

std::string to_literal(const Tensor& tensor) {
  std::string text = cat(to_string(tensor.dtype()), "[");
  for (size_t i = 0; i < tensor.dims().size(); ++i) text += cat(i > 0 ? "," : "", tensor.dims()[i]);
  text += "]{";
  const std::vector<double> values = to_doubles(tensor.with_quant(nullptr));
  for (size_t i = 0; i < values.size(); ++i) {
    char number[32];
    std::snprintf(number, sizeof number, "%.7g", values[i]);
    text += cat(i > 0 ? "," : "", number);
  }
  return text + "}";
}

Tensor parse_literal(std::string_view text) { return parse_operand(text, 0).tensor; }

OnnxForm parse_onnx_form(std::string_view line) {
  namespace build = onnx::testing;
  OnnxForm form;
  std::vector<std::string> tokens, names, outputs{"out0"};
  for (const std::string& token : split(line, ' '))
    if (!token.empty()) tokens.push_back(token);
  form.name = join(tokens, " ");
  const auto opset = tokens.size() < 2 ? std::nullopt : parse_int(tokens[1]);
  if (!opset) refuse("no operator set in", line);
  const std::string domain = tokens[0].starts_with("ms:")   ? "com.microsoft"
                             : tokens[0].starts_with("ml:") ? "ai.onnx.ml"
                                                            : "";
  AttributeList attributes;
  build::GraphParts parts;
  for (size_t i = 2; i < tokens.size(); ++i) {
    const std::string& token = tokens[i];
    const size_t equal = token.find('=');
    if (token.starts_with("->")) {
      outputs = outputs_of(std::string_view(token).substr(2));
    } else if (equal != std::string::npos) {
      add_attribute(attributes, token.substr(0, equal), token.substr(equal + 1));
    } else if (token == "_") {
      names.emplace_back();
    } else {
      names.push_back(cat("in", names.size()));
      Operand operand = parse_operand(token, static_cast<uint32_t>(names.size()));
      if (operand.is_constant) {
        parts.initializers.push_back(onnx::encode_tensor(names.back(), operand.tensor));
        continue;
      }
      parts.inputs.push_back(build::value(names.back(), operand.tensor.dtype(), Shape(operand.tensor.dims())));
      form.inputs.push_back(std::move(operand.tensor));
    }
  }
  parts.nodes.push_back(
      build::node(domain.empty() ? tokens[0] : tokens[0].substr(3), names, outputs, attributes, domain));
  for (const std::string& name : outputs)
    if (!name.empty()) parts.outputs.push_back(untyped(name));
  form.model = build::model(build::graph(parts), *opset);
  if (!domain.empty()) protozero::pbf_writer(form.model).add_message(8, build::opset(domain, 1));
  return form;
}

}  // namespace hone

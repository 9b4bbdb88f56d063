#include "serve/datatype.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"

namespace hone {

namespace {

struct Row {
  DType dtype;
  std::string_view name;
};
/// The first row of a name is the type that the name means.
constexpr std::array kRows = {Row{DType::kF32, "FP32"},   Row{DType::kF64, "FP64"},   Row{DType::kF16, "FP16"},
                              Row{DType::kBF16, "BF16"},  Row{DType::kI8, "INT8"},    Row{DType::kU8, "UINT8"},
                              Row{DType::kI4, "INT8"},    Row{DType::kU4, "UINT8"},   Row{DType::kI16, "INT16"},
                              Row{DType::kU16, "UINT16"}, Row{DType::kI32, "INT32"},  Row{DType::kU32, "UINT32"},
                              Row{DType::kI64, "INT64"},  Row{DType::kU64, "UINT64"}, Row{DType::kBool, "BOOL"}};

void require_json_form(DType dtype) {
  if (dtype == DType::kF16 || dtype == DType::kBF16)
    throw unsupported(cat(datatype_of(dtype), " has no JSON form"),
                      "send and ask for it as binary tensor data: parameters binary_data_size and binary_data");
}

Error bad_element(int64_t at, const Json& found, std::string_view expected) {
  const std::string text = found.dump();
  return invalid_argument(
      cat("element ", at, " is ", text.size() > 40 ? cat(text.substr(0, 40), "...") : text, ", expected ", expected));
}

/// Writes the numbers of nested lists one after the other.
template <class T>
struct Filler {
  std::span<T> out;
  int64_t at = 0;

  void fill(const Json& data) {
    if (data.is_array()) {
      for (const Json& item : data.as_array()) fill(item);
      return;
    }
    if (static_cast<size_t>(at) < out.size()) out[static_cast<size_t>(at)] = element(data);
    ++at;
  }
  T element(const Json& value) const {
    if constexpr (std::is_same_v<T, bool>) {
      if (value.is_number() && (value.as_number() == 0 || value.as_number() == 1)) return value.as_number() != 0;
      if (value.is_null() || value.is_number() || value.is_string() || value.is_object())
        throw bad_element(at, value, "true or false");
      return value.as_bool();
    } else {
      if (!value.is_number()) throw bad_element(at, value, "a number");
      if constexpr (std::is_integral_v<T>) return integer(value);
      return static_cast<T>(value.as_number());
    }
  }
  T integer(const Json& value) const {
    const double number = value.as_number();
    const bool is_inside = number >= static_cast<double>(std::numeric_limits<T>::min()) &&
                           number <= static_cast<double>(std::numeric_limits<T>::max());
    if (!is_inside || number != std::floor(number))
      throw bad_element(at, value,
                        cat("an integer from ", std::numeric_limits<T>::min(), " to ", std::numeric_limits<T>::max()));
    if (std::abs(number) < 9e15) return static_cast<T>(number);
    return number < 9.2e18 ? static_cast<T>(value.as_int()) : saturated<T>(number);
  }
};

template <class T>
void append_number(std::string& out, T value) {
  char text[32];
  if constexpr (std::is_floating_point_v<T>)
    if (!std::isfinite(value)) {
      out += "null";
      return;
    }
  const auto end = std::to_chars(text, text + sizeof text, value);
  out.append(text, end.ptr);
}

}  // namespace

std::string_view datatype_of(DType dtype) {
  for (const Row& row : kRows)
    if (row.dtype == dtype) return row.name;
  throw internal_error("an element type without a name in the protocol");
}

std::optional<DType> parse_datatype(std::string_view text) {
  for (const Row& row : kRows)
    if (row.name == text) return row.dtype;
  return std::nullopt;
}

Tensor tensor_from_json(const Json& data, DType dtype, Dims dims) {
  require_json_form(dtype);
  if (!data.is_array()) throw invalid_argument("data is no list");
  const int64_t count = checked_product(dims);
  // Checked before memory is taken: a list of the request cannot be longer than its text.
  int64_t found = 0;
  const auto count_in = [&found](const auto& self, const Json& part) -> void {
    if (!part.is_array()) {
      ++found;
      return;
    }
    for (const Json& item : part.as_array()) self(self, item);
  };
  count_in(count_in, data);
  if (found != count)
    throw invalid_argument(cat("data has ", found, " elements, shape ", to_text(dims), " has ", count));
  Tensor out = Tensor::empty(dtype, std::move(dims));
  dispatch(dtype, [&]<class T>(std::type_identity<T>) {
    if constexpr (!std::is_same_v<T, Half> && !std::is_same_v<T, BFloat16>) Filler<T>{out.mutable_data<T>()}.fill(data);
  });
  return out;
}

void append_json(std::string& out, const Tensor& tensor) {
  require_json_form(tensor.dtype());
  out += '[';
  dispatch(tensor.dtype(), [&]<class T>(std::type_identity<T>) {
    bool is_first = true;
    for (const T value : tensor.data<T>()) {
      if (!is_first) out += ',';
      is_first = false;
      if constexpr (std::is_same_v<T, bool>)
        out += value ? "true" : "false";
      else if constexpr (std::is_arithmetic_v<T>)
        append_number(out, value);
    }
  });
  out += ']';
}

Tensor tensor_from_binary(std::string_view bytes, DType dtype, Dims dims) {
  const int64_t size = checked_mul(checked_product(dims), size_of(dtype));
  if (static_cast<int64_t>(bytes.size()) != size)
    throw invalid_argument(
        cat("found ", bytes.size(), " bytes, ", datatype_of(dtype), " of shape ", to_text(dims), " has ", size));
  Tensor out = Tensor::empty(dtype, std::move(dims));
  if (dtype == DType::kBool) {  // any other byte than 0 is true, and a bool in memory is 0 or 1
    std::transform(bytes.begin(), bytes.end(), out.mutable_data<bool>().begin(), [](char c) { return c != 0; });
  } else if (!bytes.empty()) {
    std::memcpy(out.mutable_raw(), bytes.data(), bytes.size());
  }
  return out;
}

}  // namespace hone

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/tensor.h"

namespace hone::onnx {

/// Attributes of an ONNX node being written, encoded one by one. Chained: AttributeList().add("axis", 1).add(…).
class AttributeList {
 public:
  AttributeList& add(std::string_view name, int64_t value);
  AttributeList& add(std::string_view name, int value) { return add(name, static_cast<int64_t>(value)); }
  AttributeList& add(std::string_view name, bool value) { return add(name, static_cast<int64_t>(value)); }
  AttributeList& add(std::string_view name, float value);
  AttributeList& add(std::string_view name, std::string_view value);
  AttributeList& add(std::string_view name, const char* value) { return add(name, std::string_view(value)); }
  AttributeList& add(std::string_view name, std::span<const int64_t> values);
  AttributeList& add(std::string_view name, const std::vector<int64_t>& values) {
    return add(name, std::span<const int64_t>(values));
  }
  AttributeList& add(std::string_view name, std::span<const float> values);
  AttributeList& add(std::string_view name, const std::vector<std::string>& values);
  AttributeList& add(std::string_view name, DType dtype);
  AttributeList& add(std::string_view name, const Tensor& tensor);
  /// `graph` is an encoded GraphProto.
  AttributeList& add_graph(std::string_view name, std::string_view graph);

  /// Encoded AttributeProto messages in order.
  const std::vector<std::string>& encoded() const { return encoded_; }
  /// The element type that an attribute states, itself or as a tensor's.
  std::optional<DType> dtype() const { return dtype_; }

 private:
  std::optional<DType> dtype_;
  std::vector<std::string> encoded_;
};

/// Encoded TensorProto with its bytes inside; 4-bit elements are packed.
std::string encode_tensor(std::string_view name, const Tensor& tensor);

/// Little-endian bytes as they stand in raw_data.
std::string raw_bytes(const Tensor& tensor);

}  // namespace hone::onnx

#include "formats/onnx/attribute_list.h"

#include <protozero/pbf_writer.hpp>

#include "formats/onnx/tensor_io.h"

namespace hone::onnx {

namespace {

/// AttributeProto.AttributeType.
enum AttributeKind : int32_t {
  kFloat = 1,
  kInt = 2,
  kString = 3,
  kTensor = 4,
  kGraph = 5,
  kFloats = 6,
  kInts = 7,
  kStrings = 8
};

template <class Body>
std::string encode_attribute(std::string_view name, AttributeKind kind, Body body) {
  std::string out;
  protozero::pbf_writer writer(out);
  writer.add_string(1, name.data(), name.size());
  body(writer);
  writer.add_int32(20, kind);
  return out;
}

}  // namespace

AttributeList& AttributeList::add(std::string_view name, int64_t value) {
  encoded_.push_back(encode_attribute(name, kInt, [&](auto& w) { w.add_int64(3, value); }));
  return *this;
}

AttributeList& AttributeList::add(std::string_view name, float value) {
  encoded_.push_back(encode_attribute(name, kFloat, [&](auto& w) { w.add_float(2, value); }));
  return *this;
}

AttributeList& AttributeList::add(std::string_view name, std::string_view value) {
  encoded_.push_back(encode_attribute(name, kString, [&](auto& w) { w.add_bytes(4, value.data(), value.size()); }));
  return *this;
}

AttributeList& AttributeList::add(std::string_view name, std::span<const int64_t> values) {
  encoded_.push_back(encode_attribute(name, kInts, [&](auto& w) {
    for (const int64_t value : values) w.add_int64(8, value);
  }));
  return *this;
}

AttributeList& AttributeList::add(std::string_view name, std::span<const float> values) {
  encoded_.push_back(encode_attribute(name, kFloats, [&](auto& w) {
    for (const float value : values) w.add_float(7, value);
  }));
  return *this;
}

AttributeList& AttributeList::add(std::string_view name, const std::vector<std::string>& values) {
  encoded_.push_back(encode_attribute(name, kStrings, [&](auto& w) {
    for (const std::string& value : values) w.add_bytes(9, value);
  }));
  return *this;
}

AttributeList& AttributeList::add(std::string_view name, DType dtype) {
  dtype_ = dtype;
  return add(name, static_cast<int64_t>(data_type_of(dtype)));
}

AttributeList& AttributeList::add(std::string_view name, const Tensor& tensor) {
  dtype_ = tensor.dtype();
  encoded_.push_back(encode_attribute(name, kTensor, [&](auto& w) { w.add_message(5, encode_tensor("", tensor)); }));
  return *this;
}

AttributeList& AttributeList::add_graph(std::string_view name, std::string_view graph) {
  encoded_.push_back(encode_attribute(name, kGraph, [&](auto& w) { w.add_message(6, graph.data(), graph.size()); }));
  return *this;
}

std::string raw_bytes(const Tensor& tensor) {
  if (tensor.dtype() != DType::kI4 && tensor.dtype() != DType::kU4) {
    return std::string(static_cast<const char*>(tensor.raw()), static_cast<size_t>(tensor.byte_size()));
  }
  const auto* from = static_cast<const uint8_t*>(tensor.raw());
  std::string out(static_cast<size_t>((tensor.elements() + 1) / 2), '\0');
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    const auto place = static_cast<size_t>(i / 2);
    out[place] = static_cast<char>(static_cast<uint8_t>(out[place]) | (from[i] & 15) << (i % 2 * 4));
  }
  return out;
}

std::string encode_tensor(std::string_view name, const Tensor& tensor) {
  std::string out;
  protozero::pbf_writer writer(out);
  for (const int64_t dim : tensor.dims()) writer.add_int64(1, dim);
  writer.add_int32(2, data_type_of(tensor.dtype()));
  if (!name.empty()) writer.add_string(8, name.data(), name.size());
  writer.add_bytes(9, raw_bytes(tensor));
  return out;
}

}  // namespace hone::onnx

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "tensor/tensor.h"

namespace hone::onnx {

/// Views of ONNX's protobuf messages: every text and payload points into the file's bytes. Nested graphs and tensor
/// payloads stay undecoded until asked for, so a view is small whatever it describes.

/// TensorProto. Payloads are found again in `bytes` when they are wanted.
struct TensorProto {
  std::string_view name;
  Dims dims;
  int32_t data_type = 0;
  std::optional<std::string_view> raw;
  bool is_external = false;
  std::vector<std::pair<std::string_view, std::string_view>> external;
  std::string_view bytes;
};

/// SparseTensorProto in coordinate format.
struct SparseTensorProto {
  TensorProto values;
  TensorProto indices;
  Dims dims;
};

/// AttributeProto. Single values lie in the lists' first place for messages (tensors, graphs).
struct AttributeProto {
  std::string_view name;
  std::string_view ref;  ///< attribute of the enclosing function that this one stands for
  int32_t type = 0;
  float f = 0;
  int64_t i = 0;
  std::string_view s;
  std::vector<float> floats;
  std::vector<int64_t> ints;
  std::vector<std::string_view> strings;
  std::vector<std::string_view> tensors;  ///< encoded TensorProto
  std::vector<std::string_view> graphs;   ///< encoded GraphProto
  std::vector<std::string_view> sparse;   ///< encoded SparseTensorProto
};

struct NodeProto {
  std::string_view name, op_type, domain;
  std::vector<std::string_view> inputs, outputs;
  std::vector<AttributeProto> attributes;
  std::string_view bytes;  ///< the encoded NodeProto
};

/// ValueInfoProto of a tensor; `kind` says what else it is.
struct ValueInfoProto {
  enum Kind : uint8_t { kUntyped, kTensor, kSequence, kOptional, kMap, kSparse };
  std::string_view name;
  Kind kind = kUntyped;
  int32_t elem_type = 0;
  Shape shape = Shape::unranked();
};

struct GraphProto {
  std::string_view name;
  std::vector<NodeProto> nodes;
  std::vector<TensorProto> initializers;
  std::vector<SparseTensorProto> sparse_initializers;
  std::vector<ValueInfoProto> inputs, outputs, value_info;
};

struct OpsetImport {
  std::string_view domain;
  int64_t version = 0;
};

struct FunctionProto {
  std::string_view name, domain;
  std::vector<std::string_view> inputs, outputs;
  std::vector<AttributeProto> defaults;
  std::vector<NodeProto> nodes;
  std::vector<OpsetImport> opsets;
};

struct ModelProto {
  int64_t ir_version = 0;
  std::vector<OpsetImport> opsets;
  std::string_view producer, producer_version, domain, doc;
  std::optional<std::string_view> graph;  ///< encoded GraphProto
  std::vector<std::string_view> functions;
  std::vector<std::pair<std::string_view, std::string_view>> metadata;
};

/// Decodes messages that lie in one file. Unknown fields and fields of another wire type are skipped.
/// All throw Error(invalid_model) that names the message and its byte offset in the file.
class Decoder {
 public:
  /// `file` is used to tell offsets only.
  explicit Decoder(std::string_view file) : file_(file) {}

  ModelProto model(std::string_view bytes) const;
  GraphProto graph(std::string_view bytes) const;
  FunctionProto function(std::string_view bytes) const;
  TensorProto tensor(std::string_view bytes) const;
  SparseTensorProto sparse_tensor(std::string_view bytes) const;
  NodeProto node(std::string_view bytes) const;
  ValueInfoProto value_info(std::string_view bytes) const;

  /// Typed payload fields of a tensor; empty when the field is absent. At most `limit` numbers are read.
  std::vector<float> float_data(const TensorProto& tensor, int64_t limit) const;
  std::vector<int32_t> int32_data(const TensorProto& tensor, int64_t limit) const;
  std::vector<int64_t> int64_data(const TensorProto& tensor, int64_t limit) const;
  std::vector<double> double_data(const TensorProto& tensor, int64_t limit) const;
  std::vector<uint64_t> uint64_data(const TensorProto& tensor, int64_t limit) const;

 private:
  template <class Body>
  void message(const char* what, std::string_view bytes, Body body) const;
  AttributeProto attribute(std::string_view bytes) const;
  void type(std::string_view bytes, ValueInfoProto& info) const;
  void tensor_type(std::string_view bytes, ValueInfoProto& info) const;
  Shape shape(std::string_view bytes) const;
  Dim dim(std::string_view bytes) const;
  OpsetImport opset(std::string_view bytes) const;
  std::pair<std::string_view, std::string_view> entry(std::string_view bytes) const;

  std::string_view file_;
};

}  // namespace hone::onnx

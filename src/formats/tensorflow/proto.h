#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/tensor.h"

namespace hone::tensorflow {

/// Views of TensorFlow's protobuf messages: texts and payloads point into the file's bytes, which outlive them. Every
/// decoder throws Error(invalid_model) for damaged bytes.

/// DataType of tensor.proto as hone's. Throws Error(unsupported) for texts, resources, complex numbers.
DType dtype_of(int64_t type);
inline constexpr int64_t kResource = 20, kString = 7;

/// Payloads of tensors may be packed or repeated; `owner` keeps the file alive.
Tensor read_tensor(std::string_view bytes, const std::shared_ptr<const void>& owner);
Shape read_shape(std::string_view bytes);

/// AttrValue, decoded on demand.
struct Attribute {
  std::string_view bytes;
  int64_t integer() const;
  double real() const;
  bool boolean() const;
  std::string_view text() const;
  int64_t type() const;
  std::string_view shape() const;     ///< a TensorShapeProto
  std::string_view tensor() const;    ///< a TensorProto
  std::string_view function() const;  ///< name of a function
  std::vector<int64_t> integers() const;
  size_t list_size(uint32_t field) const;  ///< entries of the list's field: 6 types
};

struct NodeDef {
  std::string_view name, op;
  std::vector<std::string_view> inputs;
  std::map<std::string_view, Attribute> attributes;
};

struct Argument {
  std::string_view name;
  int64_t type = 0;
};
struct FunctionDef {
  std::string_view name;
  std::vector<Argument> inputs, outputs;
  std::vector<NodeDef> nodes;
  std::map<std::string_view, std::string_view> returns;  ///< output argument → value
};
struct GraphDef {
  std::vector<NodeDef> nodes;
  std::map<std::string_view, FunctionDef> functions;
};

struct TensorInfo {
  std::string_view name;
  int64_t type = 0;
  Shape shape;
};
struct Signature {
  std::map<std::string, TensorInfo> inputs, outputs;
};
struct MetaGraph {
  std::vector<std::string> tags;
  std::string_view graph;  ///< a GraphDef
  std::map<std::string, Signature> signatures;
};

GraphDef read_graph_def(std::string_view bytes);
std::vector<MetaGraph> read_saved_model(std::string_view bytes);

/// Of a checkpoint's object graph: keys by the full names of variables; a name that two variables share has "".
std::map<std::string, std::string> read_object_keys(std::string_view bytes);

/// An entry of a checkpoint's index.
struct BundleEntry {
  int64_t type = 0, shard = 0, offset = 0, size = 0;
  uint32_t crc = 0;
  Shape shape;
  bool is_sliced = false;
};
BundleEntry read_bundle_entry(std::string_view bytes);
int64_t read_bundle_shards(std::string_view header);

}  // namespace hone::tensorflow

#include "formats/tensorflow/proto.h"

#include <algorithm>
#include <optional>
#include <protozero/pbf_reader.hpp>

#include "base/checked.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/text.h"
#include "tensor/stored.h"

namespace hone::tensorflow {

namespace {

using protozero::pbf_reader;
using protozero::pbf_wire_type;

constexpr size_t kMostNodes = 2'000'000;

// What a field holds. It must be stored as that: protozero asserts so, and reads something else where it does not.

void require(const pbf_reader& r, pbf_wire_type type) {
  if (r.wire_type() != type) throw invalid_model(cat("field ", r.tag(), " is stored as another kind of value"));
}

std::string_view text(pbf_reader& r) {
  require(r, pbf_wire_type::length_delimited);
  const protozero::data_view view = r.get_view();
  return {view.data(), view.size()};
}
int64_t get_integer(pbf_reader& r) { return require(r, pbf_wire_type::varint), r.get_int64(); }
float get_real(pbf_reader& r) { return require(r, pbf_wire_type::fixed32), r.get_float(); }
double get_wide_real(pbf_reader& r) { return require(r, pbf_wire_type::fixed64), r.get_double(); }

bool is_bytes(const pbf_reader& r) { return r.wire_type() == pbf_wire_type::length_delimited; }
bool is_number(const pbf_reader& r) { return r.wire_type() == pbf_wire_type::varint; }

/// Calls body(field, reader) for every field; false means that it took nothing.
template <class Body>
void message(const char* what, std::string_view bytes, Body body) {
  try {
    pbf_reader reader(bytes.data(), bytes.size());
    while (reader.next())
      if (!body(reader.tag(), reader)) reader.skip();
  } catch (const protozero::exception& e) {
    throw invalid_model(cat("damaged ", what, " of ", bytes.size(), " bytes: ", e.what()),
                        "the file is truncated or is no TensorFlow model");
  }
}

/// Key and value of a map's entry.
std::pair<std::string_view, std::string_view> entry(std::string_view bytes) {
  std::pair<std::string_view, std::string_view> out;
  message("map entry", bytes, [&](uint32_t field, pbf_reader& r) {
    if (!is_bytes(r) || field > 2) return false;
    (field == 1 ? out.first : out.second) = text(r);
    return true;
  });
  return out;
}

NodeDef read_node(std::string_view bytes) {
  NodeDef node;
  message("NodeDef", bytes, [&](uint32_t field, pbf_reader& r) {
    if (!is_bytes(r)) return false;
    if (field == 1) return node.name = text(r), true;
    if (field == 2) return node.op = text(r), true;
    if (field == 3) return node.inputs.push_back(text(r)), true;
    if (field != 5) return false;
    const auto [key, value] = entry(text(r));
    node.attributes[key] = {value};
    return true;
  });
  return node;
}

Argument read_argument(std::string_view bytes) {
  Argument argument;
  message("ArgDef", bytes, [&](uint32_t field, pbf_reader& r) {
    if (field == 1 && is_bytes(r)) return argument.name = text(r), true;
    if (field == 3 && is_number(r)) return argument.type = r.get_int64(), true;
    return false;
  });
  return argument;
}

FunctionDef read_function(std::string_view bytes) {
  FunctionDef function;
  message("FunctionDef", bytes, [&](uint32_t field, pbf_reader& r) {
    if (!is_bytes(r)) return false;
    if (field == 1) {
      message("OpDef", text(r), [&](uint32_t inner, pbf_reader& s) {
        if (!is_bytes(s)) return false;
        if (inner == 1) return function.name = text(s), true;
        if (inner == 2) return function.inputs.push_back(read_argument(text(s))), true;
        if (inner == 3) return function.outputs.push_back(read_argument(text(s))), true;
        return false;
      });
      return true;
    }
    if (field == 3) return function.nodes.push_back(read_node(text(r))), true;
    if (field == 4) return function.returns.insert(entry(text(r))), true;
    return false;
  });
  return function;
}

TensorInfo read_info(std::string_view bytes) {
  TensorInfo info;
  message("TensorInfo", bytes, [&](uint32_t field, pbf_reader& r) {
    if (field == 1 && is_bytes(r)) return info.name = text(r), true;
    if (field == 2 && is_number(r)) return info.type = r.get_int64(), true;
    if (field == 3 && is_bytes(r)) return info.shape = read_shape(text(r)), true;
    return false;
  });
  return info;
}

Signature read_signature(std::string_view bytes) {
  Signature signature;
  message("SignatureDef", bytes, [&](uint32_t field, pbf_reader& r) {
    if (!is_bytes(r) || (field != 1 && field != 2)) return false;
    const auto [name, info] = entry(text(r));
    (field == 1 ? signature.inputs : signature.outputs)[std::string(name)] = read_info(info);
    return true;
  });
  return signature;
}

MetaGraph read_meta_graph(std::string_view bytes) {
  MetaGraph meta;
  message("MetaGraphDef", bytes, [&](uint32_t field, pbf_reader& r) {
    if (!is_bytes(r)) return false;
    if (field == 1) {
      message("MetaInfoDef", text(r), [&](uint32_t inner, pbf_reader& s) {
        return inner == 4 && is_bytes(s) ? (meta.tags.emplace_back(text(s)), true) : false;
      });
      return true;
    }
    if (field == 2) return meta.graph = text(r), true;
    if (field != 5) return false;
    const auto [name, signature] = entry(text(r));
    meta.signatures[std::string(name)] = read_signature(signature);
    return true;
  });
  return meta;
}

/// The one field of an AttrValue.
template <class Get>
auto single(std::string_view bytes, uint32_t wanted, const char* what, Get get) {
  std::optional<decltype(get(std::declval<pbf_reader&>()))> out;
  message("AttrValue", bytes, [&](uint32_t field, pbf_reader& r) {
    if (field != wanted) return false;
    out = get(r);
    return true;
  });
  if (!out) throw invalid_model(cat("an attribute is no ", what));
  return *out;
}

/// Values given one by one or packed, at most `limit`.
template <class T, class One, class Packed>
void append(std::vector<T>& out, pbf_reader& r, size_t limit, One one, Packed packed) {
  if (!is_bytes(r)) {
    const T value = static_cast<T>(one(r));
    if (out.size() < limit) out.push_back(value);
    return;
  }
  for (const auto value : packed(r))
    if (out.size() < limit) out.push_back(static_cast<T>(value));
}

/// Values of a TensorProto; the last one stands for all that are not there.
template <class T>
Tensor filled(DType dtype, const Dims& dims, const std::vector<T>& values) {
  const int64_t elements = checked_product(dims);
  require_memory(checked_mul(elements, size_of(dtype)), [] { return std::string("a constant"); });
  Tensor wide = Tensor::empty(kDTypeOf<T>, dims);
  auto to = wide.template mutable_data<T>();
  for (size_t i = 0; i < to.size(); ++i) to[i] = values.empty() ? T{} : values[std::min(i, values.size() - 1)];
  return wide.dtype() == dtype ? wide : cast(wide, dtype);
}

}  // namespace

DType dtype_of(int64_t type) {
  switch (type) {
    case 1:
      return DType::kF32;
    case 2:
      return DType::kF64;
    case 3:
      return DType::kI32;
    case 4:
      return DType::kU8;
    case 5:
      return DType::kI16;
    case 6:
      return DType::kI8;
    case 9:
      return DType::kI64;
    case 10:
      return DType::kBool;
    case 14:
      return DType::kBF16;
    case 17:
      return DType::kU16;
    case 19:
      return DType::kF16;
    case 22:
      return DType::kU32;
    case 23:
      return DType::kU64;
    default:
      throw unsupported(cat("elements of TensorFlow's type ", type, ", expected numbers or booleans"));
  }
}

Shape read_shape(std::string_view bytes) {
  Shape shape{};
  bool is_unknown = false;
  message("TensorShapeProto", bytes, [&](uint32_t field, pbf_reader& r) {
    if (field == 3 && is_number(r)) return is_unknown = r.get_bool(), true;
    if (field != 2 || !is_bytes(r)) return false;
    int64_t size = 0;
    message("Dim", text(r), [&](uint32_t inner, pbf_reader& s) {
      return inner == 1 && is_number(s) ? (size = s.get_int64(), true) : false;
    });
    if (shape.list().size() >= 64) throw invalid_model("a shape of more than 64 axes");
    shape.list().push_back(size < 0 ? Dim() : Dim(size));
    return true;
  });
  return is_unknown ? Shape::unranked() : shape;
}

Tensor read_tensor(std::string_view bytes, const std::shared_ptr<const void>& owner) {
  int64_t type = 0;
  Shape shape{};
  std::optional<std::string_view> content;
  std::vector<float> reals;
  std::vector<double> doubles;
  std::vector<int64_t> integers;
  message("TensorProto", bytes, [&](uint32_t field, pbf_reader& r) {
    if (field == 1 && is_number(r)) return type = r.get_int64(), true;
    if (field == 2 && is_bytes(r)) return shape = read_shape(text(r)), true;
    if (field == 4 && is_bytes(r)) return content = text(r), true;
    return false;
  });
  const DType dtype = dtype_of(type);
  if (!shape.is_static()) throw invalid_model("a constant of unknown size");
  const Dims dims = shape.dims();
  const int64_t elements = checked_product(dims);
  if (content && !content->empty()) {
    return with_context([] { return std::string("in a constant"); },
                        [&] { return stored_tensor(dtype, dims, std::as_bytes(std::span(*content)), owner); });
  }
  if (dtype == DType::kF16 || dtype == DType::kBF16) throw unsupported("a 16-bit constant that is not stored as bytes");
  const auto limit = static_cast<size_t>(elements);
  message("TensorProto", bytes, [&](uint32_t field, pbf_reader& r) {
    if (field == 5) return append(reals, r, limit, get_real, [](auto& s) { return s.get_packed_float(); }), true;
    if (field == 6)
      return append(doubles, r, limit, get_wide_real, [](auto& s) { return s.get_packed_double(); }), true;
    if (field == 7 || field == 10 || field == 11)
      return append(integers, r, limit, get_integer, [](auto& s) { return s.get_packed_int64(); }), true;
    return false;
  });
  // A few bytes may stand for many equal elements, but not for more than a model could need.
  if (elements > int64_t{1} << 28) throw resource_error(cat("a constant of ", elements, " equal elements"));
  if (dtype == DType::kF32) return filled<float>(dtype, dims, reals);
  if (dtype == DType::kF64) return filled<double>(dtype, dims, doubles);
  return filled<int64_t>(dtype, dims, integers);
}

int64_t Attribute::integer() const { return single(bytes, 3, "integer", get_integer); }
double Attribute::real() const { return single(bytes, 4, "real", get_real); }
bool Attribute::boolean() const {
  return single(bytes, 5, "boolean", [](pbf_reader& r) { return get_integer(r) != 0; });
}
std::string_view Attribute::text() const { return single(bytes, 2, "text", tensorflow::text); }
int64_t Attribute::type() const { return single(bytes, 6, "type", get_integer); }
std::string_view Attribute::shape() const { return single(bytes, 7, "shape", tensorflow::text); }
std::string_view Attribute::tensor() const { return single(bytes, 8, "tensor", tensorflow::text); }

std::string_view Attribute::function() const {
  std::string_view name;
  message("NameAttrList", single(bytes, 10, "function", tensorflow::text), [&](uint32_t field, pbf_reader& r) {
    return field == 1 && is_bytes(r) ? (name = tensorflow::text(r), true) : false;
  });
  return name;
}

std::vector<int64_t> Attribute::integers() const {
  std::vector<int64_t> out;
  message("ListValue", single(bytes, 1, "list", tensorflow::text), [&](uint32_t field, pbf_reader& r) {
    if (field != 3) return false;
    append(out, r, 1 << 16, get_integer, [](auto& s) { return s.get_packed_int64(); });
    return true;
  });
  return out;
}

size_t Attribute::list_size(uint32_t wanted) const {
  std::vector<int64_t> out;
  message("ListValue", single(bytes, 1, "list", tensorflow::text), [&](uint32_t field, pbf_reader& r) {
    if (field != wanted) return false;
    append(out, r, 1 << 16, get_integer, [](auto& s) { return s.get_packed_int64(); });
    return true;
  });
  return out.size();
}

GraphDef read_graph_def(std::string_view bytes) {
  GraphDef graph;
  message("GraphDef", bytes, [&](uint32_t field, pbf_reader& r) {
    if (!is_bytes(r)) return false;
    if (graph.nodes.size() > kMostNodes) throw resource_error(cat("a graph of more than ", kMostNodes, " nodes"));
    if (field == 1) return graph.nodes.push_back(read_node(text(r))), true;
    if (field != 2) return false;
    message("FunctionDefLibrary", text(r), [&](uint32_t inner, pbf_reader& s) {
      if (inner != 1 || !is_bytes(s)) return false;
      FunctionDef function = read_function(text(s));
      const std::string_view name = function.name;
      graph.functions.emplace(name, std::move(function));
      return true;
    });
    return true;
  });
  return graph;
}

std::vector<MetaGraph> read_saved_model(std::string_view bytes) {
  std::vector<MetaGraph> out;
  message("SavedModel", bytes, [&](uint32_t field, pbf_reader& r) {
    return field == 2 && is_bytes(r) ? (out.push_back(read_meta_graph(text(r))), true) : false;
  });
  return out;
}

std::map<std::string, std::string> read_object_keys(std::string_view bytes) {
  std::map<std::string, std::string> keys;
  const auto attribute = [&](std::string_view value) {
    std::string full, key;
    message("SerializedTensor", value, [&](uint32_t field, pbf_reader& r) {
      if (!is_bytes(r)) return false;
      if (field == 2) return full = text(r), true;
      if (field == 3) return key = text(r), true;
      return false;
    });
    if (full.empty()) return;
    const auto [known, is_new] = keys.emplace(full, key);
    if (!is_new && known->second != key) known->second.clear();
  };
  message("TrackableObjectGraph", bytes, [&](uint32_t field, pbf_reader& r) {
    if (field != 1 || !is_bytes(r)) return false;
    message("TrackableObject", text(r), [&](uint32_t inner, pbf_reader& s) {
      return inner == 2 && is_bytes(s) ? (attribute(text(s)), true) : false;
    });
    return true;
  });
  return keys;
}

BundleEntry read_bundle_entry(std::string_view bytes) {
  BundleEntry entry;
  message("BundleEntryProto", bytes, [&](uint32_t field, pbf_reader& r) {
    if (field == 1 && is_number(r)) return entry.type = r.get_int64(), true;
    if (field == 2 && is_bytes(r)) return entry.shape = read_shape(text(r)), true;
    if (field == 3 && is_number(r)) return entry.shard = r.get_int64(), true;
    if (field == 4 && is_number(r)) return entry.offset = r.get_int64(), true;
    if (field == 5 && is_number(r)) return entry.size = r.get_int64(), true;
    if (field == 6 && r.wire_type() == pbf_wire_type::fixed32) return entry.crc = r.get_fixed32(), true;
    if (field == 7) entry.is_sliced = true;
    return false;
  });
  return entry;
}

int64_t read_bundle_shards(std::string_view header) {
  int64_t shards = 1, endianness = 0;
  message("BundleHeaderProto", header, [&](uint32_t field, pbf_reader& r) {
    if (field == 1 && is_number(r)) return shards = r.get_int64(), true;
    if (field == 2 && is_number(r)) return endianness = r.get_int64(), true;
    return false;
  });
  if (endianness != 0) throw unsupported("a checkpoint of big-endian numbers");
  return shards;
}

}  // namespace hone::tensorflow

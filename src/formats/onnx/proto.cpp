#include "formats/onnx/proto.h"

#include <protozero/pbf_reader.hpp>

#include "base/error.h"
#include "base/text.h"

namespace hone::onnx {

namespace {

using protozero::pbf_reader;
using protozero::pbf_wire_type;

/// Tag and wire type in one number, as pbf_reader::tag_and_type gives it: what does not match exactly is skipped.
constexpr uint32_t text_field(uint32_t tag) { return protozero::tag_and_type(tag, pbf_wire_type::length_delimited); }
constexpr uint32_t number_field(uint32_t tag) { return protozero::tag_and_type(tag, pbf_wire_type::varint); }
constexpr uint32_t fixed32_field(uint32_t tag) { return protozero::tag_and_type(tag, pbf_wire_type::fixed32); }
constexpr uint32_t fixed64_field(uint32_t tag) { return protozero::tag_and_type(tag, pbf_wire_type::fixed64); }

std::string_view text(pbf_reader& reader) {
  const protozero::data_view view = reader.get_view();
  return {view.data(), view.size()};
}

template <class T, class Range>
void append(std::vector<T>& to, const Range& range, int64_t limit) {
  for (auto it = range.begin(); it != range.end(); ++it) {
    if (static_cast<int64_t>(to.size()) >= limit) return;
    to.push_back(static_cast<T>(*it));
  }
}

constexpr int64_t kNoLimit = INT64_MAX;

}  // namespace

template <class Body>
void Decoder::message(const char* what, std::string_view bytes, Body body) const {
  try {
    pbf_reader reader(bytes.data(), bytes.size());
    while (reader.next()) {
      if (!body(static_cast<uint32_t>(reader.tag_and_type()), reader)) reader.skip();
    }
  } catch (const protozero::exception& e) {
    const bool inside = bytes.data() >= file_.data() && bytes.data() <= file_.data() + file_.size();
    const int64_t offset = inside ? bytes.data() - file_.data() : 0;
    throw invalid_model(cat("onnx: damaged ", what, " of ", bytes.size(), " bytes at byte ", offset, ": ", e.what()),
                        "the file is truncated or is no ONNX model");
  }
}

std::pair<std::string_view, std::string_view> Decoder::entry(std::string_view bytes) const {
  std::pair<std::string_view, std::string_view> out;
  message("StringStringEntryProto", bytes, [&](uint32_t field, pbf_reader& r) {
    if (field == text_field(1)) return out.first = text(r), true;
    if (field == text_field(2)) return out.second = text(r), true;
    return false;
  });
  return out;
}

OpsetImport Decoder::opset(std::string_view bytes) const {
  OpsetImport out;
  message("OperatorSetIdProto", bytes, [&](uint32_t field, pbf_reader& r) {
    if (field == text_field(1)) return out.domain = text(r), true;
    if (field == number_field(2)) return out.version = r.get_int64(), true;
    return false;
  });
  return out;
}

TensorProto Decoder::tensor(std::string_view bytes) const {
  TensorProto out;
  out.bytes = bytes;
  message("TensorProto", bytes, [&](uint32_t field, pbf_reader& r) {
    switch (field) {
      case number_field(1):
        return out.dims.push_back(r.get_int64()), true;
      case text_field(1):
        return append(out.dims, r.get_packed_int64(), kNoLimit), true;
      case number_field(2):
        return out.data_type = r.get_int32(), true;
      case text_field(8):
        return out.name = text(r), true;
      case text_field(9):
        return out.raw = text(r), true;
      case text_field(13):
        return out.external.push_back(entry(text(r))), true;
      case number_field(14):
        return out.is_external = r.get_int32() == 1, true;
    }
    return false;
  });
  return out;
}

SparseTensorProto Decoder::sparse_tensor(std::string_view bytes) const {
  SparseTensorProto out;
  message("SparseTensorProto", bytes, [&](uint32_t field, pbf_reader& r) {
    switch (field) {
      case text_field(1):
        return out.values = tensor(text(r)), true;
      case text_field(2):
        return out.indices = tensor(text(r)), true;
      case number_field(3):
        return out.dims.push_back(r.get_int64()), true;
      case text_field(3):
        return append(out.dims, r.get_packed_int64(), kNoLimit), true;
    }
    return false;
  });
  return out;
}

AttributeProto Decoder::attribute(std::string_view bytes) const {
  AttributeProto out;
  message("AttributeProto", bytes, [&](uint32_t field, pbf_reader& r) {
    switch (field) {
      case text_field(1):
        return out.name = text(r), true;
      case fixed32_field(2):
        return out.f = r.get_float(), true;
      case number_field(3):
        return out.i = r.get_int64(), true;
      case text_field(4):
        return out.s = text(r), true;
      case text_field(5):
      case text_field(10):
        return out.tensors.push_back(text(r)), true;
      case text_field(6):
      case text_field(11):
        return out.graphs.push_back(text(r)), true;
      case fixed32_field(7):
        return out.floats.push_back(r.get_float()), true;
      case text_field(7):
        return append(out.floats, r.get_packed_float(), kNoLimit), true;
      case number_field(8):
        return out.ints.push_back(r.get_int64()), true;
      case text_field(8):
        return append(out.ints, r.get_packed_int64(), kNoLimit), true;
      case text_field(9):
        return out.strings.push_back(text(r)), true;
      case number_field(20):
        return out.type = r.get_int32(), true;
      case text_field(21):
        return out.ref = text(r), true;
      case text_field(22):
      case text_field(23):
        return out.sparse.push_back(text(r)), true;
    }
    return false;
  });
  return out;
}

NodeProto Decoder::node(std::string_view bytes) const {
  NodeProto out;
  out.bytes = bytes;
  message("NodeProto", bytes, [&](uint32_t field, pbf_reader& r) {
    switch (field) {
      case text_field(1):
        return out.inputs.push_back(text(r)), true;
      case text_field(2):
        return out.outputs.push_back(text(r)), true;
      case text_field(3):
        return out.name = text(r), true;
      case text_field(4):
        return out.op_type = text(r), true;
      case text_field(5):
        return out.attributes.push_back(attribute(text(r))), true;
      case text_field(7):
        return out.domain = text(r), true;
    }
    return false;
  });
  return out;
}

Dim Decoder::dim(std::string_view bytes) const {
  Dim out;
  message("Dimension", bytes, [&](uint32_t field, pbf_reader& r) {
    if (field == number_field(1)) return out = Dim(r.get_int64()), true;
    if (field == text_field(2)) return out = Dim(std::string(text(r))), true;
    return false;
  });
  return out;
}

Shape Decoder::shape(std::string_view bytes) const {
  std::vector<Dim> dims;
  message("TensorShapeProto", bytes, [&](uint32_t field, pbf_reader& r) {
    if (field == text_field(1)) return dims.push_back(dim(text(r))), true;
    return false;
  });
  return Shape(std::move(dims));
}

void Decoder::tensor_type(std::string_view bytes, ValueInfoProto& info) const {
  message("TypeProto.Tensor", bytes, [&](uint32_t field, pbf_reader& r) {
    if (field == number_field(1)) return info.elem_type = r.get_int32(), true;
    if (field == text_field(2)) return info.shape = shape(text(r)), true;
    return false;
  });
}

void Decoder::type(std::string_view bytes, ValueInfoProto& info) const {
  message("TypeProto", bytes, [&](uint32_t field, pbf_reader& r) {
    switch (field) {
      case text_field(1):
        return info.kind = ValueInfoProto::kTensor, tensor_type(text(r), info), true;
      case text_field(4):
        return info.kind = ValueInfoProto::kSequence, r.skip(), true;
      case text_field(5):
        return info.kind = ValueInfoProto::kMap, r.skip(), true;
      case text_field(8):
        return info.kind = ValueInfoProto::kSparse, r.skip(), true;
      case text_field(9):
        return info.kind = ValueInfoProto::kOptional, r.skip(), true;
    }
    return false;
  });
}

ValueInfoProto Decoder::value_info(std::string_view bytes) const {
  ValueInfoProto out;
  message("ValueInfoProto", bytes, [&](uint32_t field, pbf_reader& r) {
    if (field == text_field(1)) return out.name = text(r), true;
    if (field == text_field(2)) return type(text(r), out), true;
    return false;
  });
  return out;
}

GraphProto Decoder::graph(std::string_view bytes) const {
  GraphProto out;
  message("GraphProto", bytes, [&](uint32_t field, pbf_reader& r) {
    switch (field) {
      case text_field(1):
        return out.nodes.push_back(node(text(r))), true;
      case text_field(2):
        return out.name = text(r), true;
      case text_field(5):
        return out.initializers.push_back(tensor(text(r))), true;
      case text_field(11):
        return out.inputs.push_back(value_info(text(r))), true;
      case text_field(12):
        return out.outputs.push_back(value_info(text(r))), true;
      case text_field(13):
        return out.value_info.push_back(value_info(text(r))), true;
      case text_field(15):
        return out.sparse_initializers.push_back(sparse_tensor(text(r))), true;
    }
    return false;
  });
  return out;
}

FunctionProto Decoder::function(std::string_view bytes) const {
  FunctionProto out;
  message("FunctionProto", bytes, [&](uint32_t field, pbf_reader& r) {
    switch (field) {
      case text_field(1):
        return out.name = text(r), true;
      case text_field(4):
        return out.inputs.push_back(text(r)), true;
      case text_field(5):
        return out.outputs.push_back(text(r)), true;
      case text_field(7):
        return out.nodes.push_back(node(text(r))), true;
      case text_field(9):
        return out.opsets.push_back(opset(text(r))), true;
      case text_field(10):
        return out.domain = text(r), true;
      case text_field(11):
        return out.defaults.push_back(attribute(text(r))), true;
    }
    return false;
  });
  return out;
}

ModelProto Decoder::model(std::string_view bytes) const {
  ModelProto out;
  message("ModelProto", bytes, [&](uint32_t field, pbf_reader& r) {
    switch (field) {
      case number_field(1):
        return out.ir_version = r.get_int64(), true;
      case text_field(2):
        return out.producer = text(r), true;
      case text_field(3):
        return out.producer_version = text(r), true;
      case text_field(4):
        return out.domain = text(r), true;
      case text_field(6):
        return out.doc = text(r), true;
      case text_field(7):
        return out.graph = text(r), true;
      case text_field(8):
        return out.opsets.push_back(opset(text(r))), true;
      case text_field(14):
        return out.metadata.push_back(entry(text(r))), true;
      case text_field(25):
        return out.functions.push_back(text(r)), true;
    }
    return false;
  });
  return out;
}

std::vector<float> Decoder::float_data(const TensorProto& tensor, int64_t limit) const {
  std::vector<float> out;
  message("TensorProto.float_data", tensor.bytes, [&](uint32_t field, pbf_reader& r) {
    if (field == fixed32_field(4)) return out.push_back(r.get_float()), true;
    if (field == text_field(4)) return append(out, r.get_packed_float(), limit), true;
    return false;
  });
  return out;
}

std::vector<int32_t> Decoder::int32_data(const TensorProto& tensor, int64_t limit) const {
  std::vector<int32_t> out;
  message("TensorProto.int32_data", tensor.bytes, [&](uint32_t field, pbf_reader& r) {
    if (field == number_field(5)) return out.push_back(r.get_int32()), true;
    if (field == text_field(5)) return append(out, r.get_packed_int32(), limit), true;
    return false;
  });
  return out;
}

std::vector<int64_t> Decoder::int64_data(const TensorProto& tensor, int64_t limit) const {
  std::vector<int64_t> out;
  message("TensorProto.int64_data", tensor.bytes, [&](uint32_t field, pbf_reader& r) {
    if (field == number_field(7)) return out.push_back(r.get_int64()), true;
    if (field == text_field(7)) return append(out, r.get_packed_int64(), limit), true;
    return false;
  });
  return out;
}

std::vector<double> Decoder::double_data(const TensorProto& tensor, int64_t limit) const {
  std::vector<double> out;
  message("TensorProto.double_data", tensor.bytes, [&](uint32_t field, pbf_reader& r) {
    if (field == fixed64_field(10)) return out.push_back(r.get_double()), true;
    if (field == text_field(10)) return append(out, r.get_packed_double(), limit), true;
    return false;
  });
  return out;
}

std::vector<uint64_t> Decoder::uint64_data(const TensorProto& tensor, int64_t limit) const {
  std::vector<uint64_t> out;
  message("TensorProto.uint64_data", tensor.bytes, [&](uint32_t field, pbf_reader& r) {
    if (field == number_field(11)) return out.push_back(r.get_uint64()), true;
    if (field == text_field(11)) return append(out, r.get_packed_uint64(), limit), true;
    return false;
  });
  return out;
}

}  // namespace hone::onnx

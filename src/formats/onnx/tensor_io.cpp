#include "formats/onnx/tensor_io.h"

#include <cstring>
#include <filesystem>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"
#include "tensor/stored.h"

namespace hone::onnx {

namespace {

struct TypeName {
  int32_t code;
  std::string_view name;
  std::optional<DType> dtype;
};

constexpr TypeName kTypes[] = {
    {1, "FLOAT", DType::kF32},      {2, "UINT8", DType::kU8},    {3, "INT8", DType::kI8},
    {4, "UINT16", DType::kU16},     {5, "INT16", DType::kI16},   {6, "INT32", DType::kI32},
    {7, "INT64", DType::kI64},      {8, "STRING", std::nullopt}, {9, "BOOL", DType::kBool},
    {10, "FLOAT16", DType::kF16},   {11, "DOUBLE", DType::kF64}, {12, "UINT32", DType::kU32},
    {13, "UINT64", DType::kU64},    {14, "COMPLEX64", {}},       {15, "COMPLEX128", {}},
    {16, "BFLOAT16", DType::kBF16}, {17, "FLOAT8E4M3FN", {}},    {18, "FLOAT8E4M3FNUZ", {}},
    {19, "FLOAT8E5M2", {}},         {20, "FLOAT8E5M2FNUZ", {}},  {21, "UINT4", DType::kU4},
    {22, "INT4", DType::kI4},
};

/// Bytes of `elements` in a file: 4-bit types lie two a byte.
int64_t file_bytes(DType dtype, int64_t elements) {
  return is_packed(dtype) ? checked_add(elements, 1) / 2 : checked_mul(elements, size_of(dtype));
}

/// One element a byte, low nibble first.
Tensor unpack(DType dtype, Dims dims, std::string_view bytes) {
  Tensor out = Tensor::empty(dtype, std::move(dims));
  auto* to = static_cast<uint8_t*>(out.mutable_raw());
  for (int64_t i = 0; i < out.elements(); ++i) {
    const auto byte = static_cast<uint8_t>(bytes[static_cast<size_t>(i / 2)]);
    uint8_t nibble = i % 2 == 0 ? byte & 15 : byte >> 4;
    if (dtype == DType::kI4 && nibble >= 8) nibble |= 0xf0;
    to[i] = nibble;
  }
  return out;
}

template <class From>
Tensor convert(const TensorProto& proto, DType dtype, Dims dims, const std::vector<From>& values) {
  Tensor out = Tensor::empty(dtype, std::move(dims));
  if (static_cast<int64_t>(values.size()) != out.elements()) {
    throw invalid_model(cat("onnx: tensor '", proto.name, "' of ", data_type_name(proto.data_type), " ", out.dims(),
                            " holds ", static_cast<int64_t>(values.size()), " elements, expected ", out.elements()));
  }
  dispatch(dtype, [&]<class T>(std::type_identity<T>) {
    auto* to = static_cast<T*>(out.mutable_raw());
    for (size_t i = 0; i < values.size(); ++i) {
      if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
        to[i].bits = static_cast<uint16_t>(values[i]);  // int32_data holds the bits of 16-bit floats
      } else if constexpr (std::is_same_v<T, bool>) {
        to[i] = values[i] != 0;
      } else {
        to[i] = static_cast<T>(values[i]);
      }
    }
  });
  return out;
}

int64_t parse_entry(std::string_view key, std::string_view value) {
  const auto number = parse_int(value);
  if (!number || *number < 0)
    throw invalid_model(cat("onnx: external data has ", key, " '", value, "', expected a number ≥ 0"));
  return *number;
}

}  // namespace

bool is_packed(DType dtype) { return dtype == DType::kI4 || dtype == DType::kU4; }

std::optional<DType> dtype_of(int32_t data_type) {
  for (const TypeName& type : kTypes)
    if (type.code == data_type) return type.dtype;
  return std::nullopt;
}

int32_t data_type_of(DType dtype) {
  for (const TypeName& type : kTypes)
    if (type.dtype == dtype) return type.code;
  throw internal_error(cat("onnx: no data type for ", to_string(dtype)));
}

std::string data_type_name(int32_t data_type) {
  for (const TypeName& type : kTypes)
    if (type.code == data_type) return std::string(type.name);
  return cat("type ", data_type);
}

Tensor TensorReader::read(const TensorProto& proto) {
  const auto dtype = dtype_of(proto.data_type);
  if (!dtype) {
    const std::string found = data_type_name(proto.data_type);
    throw unsupported(cat("onnx: tensor '", proto.name, "' holds elements of ", found));
  }
  for (int64_t dim : proto.dims) {
    if (dim < 0) throw invalid_model(cat("onnx: tensor '", proto.name, "' has a negative dimension: ", proto.dims));
  }
  checked_mul(checked_product(proto.dims), size_of(*dtype));
  if (proto.is_external) return from_file(proto, *dtype, proto.dims);
  if (!proto.raw) return from_fields(proto, *dtype, proto.dims);
  const int64_t expected = file_bytes(*dtype, checked_product(proto.dims));
  if (static_cast<int64_t>(proto.raw->size()) != expected) {
    throw invalid_model(cat("onnx: tensor '", proto.name, "' of ", to_string(*dtype), proto.dims, " holds ",
                            static_cast<int64_t>(proto.raw->size()), " bytes, expected ", expected));
  }
  return from_bytes(*dtype, proto.dims, *proto.raw, owner_);
}

Tensor TensorReader::from_bytes(DType dtype, Dims dims, std::string_view bytes,
                                const std::shared_ptr<const void>& owner) {
  if (is_packed(dtype)) return unpack(dtype, std::move(dims), bytes);
  return stored_tensor(dtype, std::move(dims), std::as_bytes(std::span(bytes)), owner);
}

Tensor TensorReader::from_fields(const TensorProto& proto, DType dtype, Dims dims) {
  const int64_t elements = checked_product(dims);
  // A payload is never longer than its message: a claim beyond that needs no memory to refuse.
  const auto limit = static_cast<int64_t>(proto.bytes.size()) * (is_packed(dtype) ? 2 : 1);
  if (elements > limit) {
    throw invalid_model(cat("onnx: tensor '", proto.name, "' of ", to_string(dtype), dims, " is ",
                            static_cast<int64_t>(proto.bytes.size()), " bytes long in all, expected ", elements,
                            " elements"));
  }
  switch (dtype) {
    case DType::kF32:
      return convert(proto, dtype, std::move(dims), decoder_.float_data(proto, elements + 1));
    case DType::kF64:
      return convert(proto, dtype, std::move(dims), decoder_.double_data(proto, elements + 1));
    case DType::kI64:
      return convert(proto, dtype, std::move(dims), decoder_.int64_data(proto, elements + 1));
    case DType::kU32:
    case DType::kU64:
      return convert(proto, dtype, std::move(dims), decoder_.uint64_data(proto, elements + 1));
    case DType::kI4:
    case DType::kU4: {
      std::string bytes;
      for (int32_t pair : decoder_.int32_data(proto, elements / 2 + 2)) bytes.push_back(static_cast<char>(pair));
      if (static_cast<int64_t>(bytes.size()) != file_bytes(dtype, elements))
        throw invalid_model(cat("onnx: tensor '", proto.name, "' does not hold ", elements, " elements"));
      return unpack(dtype, std::move(dims), bytes);
    }
    default:
      return convert(proto, dtype, std::move(dims), decoder_.int32_data(proto, elements + 1));
  }
}

std::shared_ptr<const MappedFile> TensorReader::external_file(std::string_view location) {
  namespace fs = std::filesystem;
  const fs::path relative(location);
  bool is_inside = !relative.empty() && !relative.is_absolute();
  for (const fs::path& part : relative) is_inside = is_inside && part != "..";
  std::error_code failed;
  const fs::path folder = fs::weakly_canonical(fs::absolute(fs::path(path_)).parent_path(), failed);
  const fs::path file = fs::weakly_canonical(folder / relative, failed);
  const auto [end, rest] = std::mismatch(folder.begin(), folder.end(), file.begin(), file.end());
  if (!is_inside || failed || end != folder.end() || path_.empty()) {
    throw invalid_model(cat("onnx: external data at '", location, "' lies outside the model's folder"));
  }
  auto& entry = files_[file.string()];
  if (!entry) entry = MappedFile::open(file.string());
  return entry;
}

Tensor TensorReader::from_file(const TensorProto& proto, DType dtype, Dims dims) {
  std::string_view location;
  int64_t offset = 0;
  std::optional<int64_t> length;
  for (const auto& [key, value] : proto.external) {
    if (key == "location") location = value;
    if (key == "offset") offset = parse_entry(key, value);
    if (key == "length") length = parse_entry(key, value);
  }
  return with_context(
      [&] { return cat("in external data of tensor '", proto.name, "'"); },
      [&] {
        const auto file = external_file(location);
        const auto size = static_cast<int64_t>(file->bytes().size());
        const int64_t expected = file_bytes(dtype, checked_product(dims));
        if (length.value_or(expected) != expected) {
          throw invalid_model(cat("onnx: external data is ", *length, " bytes long, expected ", expected));
        }
        if (offset > size || expected > size - offset) {
          throw invalid_model(cat("onnx: external data at bytes ", offset, " to ", checked_add(offset, expected),
                                  " of '", location, "', which has ", size));
        }
        const auto* begin = reinterpret_cast<const char*>(file->bytes().data()) + offset;
        return from_bytes(dtype, std::move(dims), {begin, static_cast<size_t>(expected)}, file);
      });
}

Tensor TensorReader::read(const SparseTensorProto& proto) {
  const Tensor values = read(proto.values);
  const std::vector<int64_t> indices = to_ints(read(proto.indices));
  for (int64_t dim : proto.dims)
    if (dim < 0) throw invalid_model(cat("onnx: sparse tensor has a negative dimension: ", proto.dims));
  constexpr int64_t kLimit = int64_t{1} << 28;
  const int64_t elements = checked_product(proto.dims);
  if (elements > kLimit) throw resource_error(cat("onnx: sparse tensor of ", elements, " elements, at most ", kLimit));
  Tensor out = Tensor::zeros(values.dtype(), proto.dims);
  const Dims strides = strides_of(proto.dims);
  const auto count = static_cast<size_t>(values.elements());
  const bool is_linear = indices.size() == count;
  if (!is_linear && indices.size() != count * proto.dims.size()) {
    throw invalid_model(cat("onnx: sparse tensor has ", static_cast<int64_t>(indices.size()), " indices for ",
                            static_cast<int64_t>(count), " values of rank ", static_cast<int64_t>(proto.dims.size())));
  }
  const auto width = static_cast<size_t>(size_of(values.dtype()));
  for (size_t i = 0; i < count; ++i) {
    int64_t place = 0;
    for (size_t d = 0; is_linear ? d < 1 : d < proto.dims.size(); ++d) {
      const int64_t index = is_linear ? indices[i] : indices[i * proto.dims.size() + d];
      if (index < 0 || index >= (is_linear ? elements : proto.dims[d]))
        throw invalid_model(cat("onnx: sparse tensor of ", proto.dims, " has index ", index));
      place += is_linear ? index : index * strides[d];
    }
    std::memcpy(static_cast<char*>(out.mutable_raw()) + static_cast<size_t>(place) * width,
                static_cast<const char*>(values.raw()) + i * width, width);
  }
  return out;
}

}  // namespace hone::onnx

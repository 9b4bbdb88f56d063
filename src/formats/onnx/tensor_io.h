#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/file.h"
#include "formats/onnx/proto.h"
#include "tensor/tensor.h"

namespace hone::onnx {

/// TensorProto.DataType ↔ DType. Empty for strings, complex numbers and 8-bit floats.
/// Whether a file holds two elements of this type in a byte.
bool is_packed(DType dtype);

std::optional<DType> dtype_of(int32_t data_type);
int32_t data_type_of(DType dtype);
/// "FLOAT", "STRING", "COMPLEX64", …; the number for unknown ones.
std::string data_type_name(int32_t data_type);

/// Turns tensor messages of one model file into tensors. Payloads that are aligned for their element type are viewed
/// where they lie, others copied; external files are mapped once each.
class TensorReader {
 public:
  /// `path`: the model's, whose folder holds external data. `owner` keeps the model's bytes alive; null: copy always.
  TensorReader(const Decoder& decoder, std::string path, std::shared_ptr<const void> owner)
      : decoder_(decoder), path_(std::move(path)), owner_(std::move(owner)) {}

  /// Throws Error(invalid_model) when sizes and payload disagree, Error(unsupported) for element types hone has not,
  /// Error(not_found) for a missing external file.
  Tensor read(const TensorProto& proto);
  /// The dense form; at most 2^28 elements.
  Tensor read(const SparseTensorProto& proto);

 private:
  Tensor from_bytes(DType dtype, Dims dims, std::string_view bytes, const std::shared_ptr<const void>& owner);
  Tensor from_fields(const TensorProto& proto, DType dtype, Dims dims);
  Tensor from_file(const TensorProto& proto, DType dtype, Dims dims);
  std::shared_ptr<const MappedFile> external_file(std::string_view location);

  const Decoder& decoder_;
  std::string path_;
  std::shared_ptr<const void> owner_;
  std::map<std::string, std::shared_ptr<const MappedFile>> files_;
};

}  // namespace hone::onnx

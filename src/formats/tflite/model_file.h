#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "formats/tflite/schema.h"
#include "tensor/tensor.h"

namespace hone::tflite {

/// An untrusted .tflite file whose tables have been verified: every offset, string and vector lies inside it.
/// What the tables say (indices, shapes, sizes) is still to be doubted.
class ModelFile {
 public:
  /// Throws Error(invalid_model) when the bytes are no intact TFLite flatbuffer of version 3.
  ModelFile(std::span<const std::byte> bytes, std::shared_ptr<const void> owner);

  const fb::Model& model() const { return *model_; }
  /// Bytes of buffer `index`, inside or outside the flatbuffer; empty when it has none. Throws Error(invalid_model).
  std::span<const std::byte> buffer(uint32_t index) const;
  /// `size` bytes at `offset` of the file. Throws Error(invalid_model) naming `what`.
  std::span<const std::byte> outside(uint64_t offset, uint64_t size, const char* what) const;
  /// Value of a tensor that has bytes in the file: a view where the layout allows, else a copy (4-bit, sparse,
  /// misaligned). Throws Error(invalid_model) when the byte count does not fit type and dims.
  Tensor constant(const fb::Tensor& tensor, DType dtype, Dims dims, QuantPtr quant);
  /// A zero-filled tensor for a variable. Throws Error(resource) when the file claims too much.
  Tensor zeros(DType dtype, Dims dims, QuantPtr quant);

  /// Counts `units` of work (operators, list entries) against a budget that is a multiple of the file's size, so that
  /// a small file whose tables share parts cannot cause endless work. Throws Error(resource).
  void spend(uint64_t units);

 private:
  void claim(DType dtype, const Dims& dims);

  std::span<const std::byte> bytes_;
  std::shared_ptr<const void> owner_;
  const fb::Model* model_ = nullptr;
  uint64_t work_left_ = 0;
  uint64_t memory_left_ = 0;
};

}  // namespace hone::tflite

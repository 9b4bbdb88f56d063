#include "formats/tflite/model_file.h"

#include <cstring>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"
#include "formats/tflite/sparse.h"

namespace hone::tflite {

namespace {

constexpr size_t kAlignment = 16;
constexpr size_t kLargestFlatbuffer = FLATBUFFERS_MAX_BUFFER_SIZE - 1;
constexpr uint64_t kMemoryBase = uint64_t(64) << 20;

bool is_aligned(const void* p, size_t to) { return reinterpret_cast<uintptr_t>(p) % to == 0; }

/// Copies bytes whose address does not suit the tables' own alignment.
std::shared_ptr<const void> aligned_copy(std::span<const std::byte>& bytes) {
  Tensor copy = Tensor::empty(DType::kU8, {static_cast<int64_t>(bytes.size())});
  std::memcpy(copy.mutable_raw(), bytes.data(), bytes.size());
  bytes = {static_cast<const std::byte*>(copy.raw()), bytes.size()};
  return std::make_shared<Tensor>(std::move(copy));
}

Tensor unpack_nibbles(std::span<const std::byte> bytes, Dims dims, QuantPtr quant) {
  Tensor t = Tensor::empty(DType::kI4, std::move(dims), std::move(quant));
  auto out = t.mutable_data<int8_t>();
  for (size_t i = 0; i < out.size(); ++i) {
    const int nibble = static_cast<int>(bytes[i / 2] >> (i % 2 * 4)) & 15;
    out[i] = static_cast<int8_t>(nibble < 8 ? nibble : nibble - 16);
  }
  return t;
}

bool holds_only_booleans(std::span<const std::byte> bytes) {
  for (const std::byte b : bytes)
    if (b > std::byte{1}) return false;
  return true;
}

Tensor copied(std::span<const std::byte> bytes, DType dtype, Dims dims, QuantPtr quant) {
  Tensor t = Tensor::empty(dtype, std::move(dims), std::move(quant));
  char* to = static_cast<char*>(t.mutable_raw());
  std::memcpy(to, bytes.data(), bytes.size());
  if (dtype == DType::kBool)
    for (size_t i = 0; i < bytes.size(); ++i) to[i] = to[i] != 0;
  return t;
}

}  // namespace

ModelFile::ModelFile(std::span<const std::byte> bytes, std::shared_ptr<const void> owner)
    : bytes_(bytes), owner_(std::move(owner)) {
  if (bytes.size() < 8 || std::memcmp(bytes.data() + 4, "TFL3", 4) != 0)
    throw invalid_model("no tflite file: the mark TFL3 is missing at byte 4");
  if (!is_aligned(bytes_.data(), kAlignment)) owner_ = aligned_copy(bytes_);
  const size_t size = std::min(bytes_.size(), kLargestFlatbuffer);
  const auto* data = reinterpret_cast<const uint8_t*>(bytes_.data());
  // Every table takes at least four bytes, so a count beyond that means tables that are shared to blow up the work.
  const auto most_tables = static_cast<flatbuffers::uoffset_t>(std::min<size_t>(size / 4 + 16, 2'000'000));
  flatbuffers::Verifier verifier(data, size, 64, most_tables);
  if (!fb::VerifyModelBuffer(verifier))
    throw invalid_model(cat("the tables of the tflite file (", size,
                            " bytes) are broken: an offset, a string or a "
                            "vector reaches outside the file"),
                        "the file may be truncated; compare its size and hash with the original");
  model_ = fb::GetModel(data);
  if (model_->version() != 3) throw unsupported(cat("tflite schema version is ", model_->version(), ", expected 3"));
  work_left_ = 65536 + 8 * uint64_t(bytes_.size());
  memory_left_ = kMemoryBase + 64 * uint64_t(bytes_.size());
}

void ModelFile::spend(uint64_t units) {
  if (units > work_left_)
    throw resource_error("the tflite file shares its tables so often that reading it would take too much work");
  work_left_ -= units;
}

void ModelFile::claim(DType dtype, const Dims& dims) {
  const uint64_t bytes = static_cast<uint64_t>(checked_mul(checked_product(dims), size_of(dtype)));
  if (bytes > memory_left_)
    throw resource_error(cat("shape ", Shape(dims), " claims ", human_bytes(bytes), ", out of proportion to a file of ",
                             human_bytes(bytes_.size())));
  memory_left_ -= bytes;
}

std::span<const std::byte> ModelFile::outside(uint64_t offset, uint64_t size, const char* what) const {
  if (offset > bytes_.size() || size > bytes_.size() - offset)
    throw invalid_model(cat(what, " lies at byte ", offset, " and is ", size, " bytes long, but the file ends at byte ",
                            bytes_.size()));
  return bytes_.subspan(offset, size);
}

std::span<const std::byte> ModelFile::buffer(uint32_t index) const {
  const auto* buffers = model_->buffers();
  const size_t count = buffers ? buffers->size() : 0;
  if (index == 0 && count == 0) return {};
  if (index >= count) throw invalid_model(cat("buffer index is ", index, ", expected less than ", count));
  const fb::Buffer* buffer = buffers->Get(index);
  if (!buffer) return {};
  if (buffer->offset() > 1) return outside(buffer->offset(), buffer->size(), "a buffer outside the flatbuffer");
  if (!buffer->data()) return {};
  return {reinterpret_cast<const std::byte*>(buffer->data()->data()), buffer->data()->size()};
}

Tensor ModelFile::zeros(DType dtype, Dims dims, QuantPtr quant) {
  claim(dtype, dims);
  // What stands for zero; 16-bit states are symmetric, and the runtime clears those of other types bit by bit.
  const int32_t zero = dtype == DType::kI8 && quant && quant->is_per_tensor() ? quant->zero_point() : 0;
  Tensor t = Tensor::zeros(dtype, std::move(dims), std::move(quant));
  if (zero != 0) std::memset(t.mutable_raw(), zero, static_cast<size_t>(t.byte_size()));
  return t;
}

Tensor ModelFile::constant(const fb::Tensor& tensor, DType dtype, Dims dims, QuantPtr quant) {
  const auto bytes = buffer(tensor.buffer());
  if (tensor.sparsity()) {
    claim(dtype, dims);
    return densify(*tensor.sparsity(), bytes, dtype, std::move(dims), std::move(quant));
  }
  const int64_t elements = checked_product(dims);
  const bool packed = dtype == DType::kI4;
  const int64_t expected = packed ? elements / 2 + elements % 2 : checked_mul(elements, size_of(dtype));
  if (static_cast<uint64_t>(expected) != bytes.size())
    throw invalid_model(
        cat("buffer holds ", bytes.size(), " bytes, expected ", expected, " for ", to_string(dtype), Shape(dims)));
  if (elements == 0) return Tensor::empty(dtype, std::move(dims), std::move(quant));
  if (packed) {
    claim(dtype, dims);
    return unpack_nibbles(bytes, std::move(dims), std::move(quant));
  }
  const bool is_clean = dtype != DType::kBool || holds_only_booleans(bytes);
  if (is_clean && is_aligned(bytes.data(), static_cast<size_t>(size_of(dtype))))
    return Tensor::view(dtype, std::move(dims), bytes.data(), owner_, std::move(quant));
  claim(dtype, dims);
  return copied(bytes, dtype, std::move(dims), std::move(quant));
}

}  // namespace hone::tflite

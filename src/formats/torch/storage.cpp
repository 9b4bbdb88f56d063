#include "formats/torch/storage.h"

#include <algorithm>
#include <cstring>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"

namespace hone::torch {

namespace {

struct DTypeRow {
  int64_t number;
  DType dtype;
  std::string_view storage;
};
constexpr DTypeRow kDTypes[] = {
    {0, DType::kU8, "torch.ByteStorage"},        {1, DType::kI8, "torch.CharStorage"},
    {2, DType::kI16, "torch.ShortStorage"},      {3, DType::kI32, "torch.IntStorage"},
    {4, DType::kI64, "torch.LongStorage"},       {5, DType::kF16, "torch.HalfStorage"},
    {6, DType::kF32, "torch.FloatStorage"},      {7, DType::kF64, "torch.DoubleStorage"},
    {11, DType::kBool, "torch.BoolStorage"},     {12, DType::kI8, "torch.QInt8Storage"},
    {13, DType::kU8, "torch.QUInt8Storage"},     {14, DType::kI32, "torch.QInt32Storage"},
    {15, DType::kBF16, "torch.BFloat16Storage"},
};

constexpr int64_t kFreeCopy = 1 << 20;  ///< elements that may repeat others without a question

}  // namespace

DType storage_dtype(const std::string& name) {
  for (const DTypeRow& row : kDTypes)
    if (row.storage == name) return row.dtype;
  throw unsupported(cat("a storage of kind '", name, "'"));
}

DType dtype_of(int64_t number) {
  for (const DTypeRow& row : kDTypes)
    if (row.number == number) return row.dtype;
  throw unsupported(cat("torch's dtype number ", number));
}

int64_t number_of(DType dtype) {
  for (const DTypeRow& row : kDTypes)
    if (row.dtype == dtype) return row.number;
  throw unsupported(cat("torch has no ", to_string(dtype)));
}

Tensor tensor_of(const Storage& storage, int64_t offset, Dims dims, const Dims& strides) {
  if (strides.size() != dims.size() || dims.size() > 64)
    throw invalid_model(cat(dims.size(), " dims with ", strides.size(), " strides"));
  const int64_t held = static_cast<int64_t>(storage.bytes.data.size()) / size_of(storage.dtype);
  for (size_t i = 0; i < dims.size(); ++i)
    if (dims[i] < 0 || strides[i] < 0) throw invalid_model("a tensor of negative dims or strides");
  const int64_t elements = checked_product(dims);
  int64_t last = offset;
  for (size_t i = 0; i < dims.size() && elements > 0; ++i)
    last = checked_add(last, checked_mul(dims[i] - 1, strides[i]));
  if (offset < 0 || (elements > 0 && last >= held))
    throw invalid_model(cat("a tensor reaches element ", last, " of a storage of ", held));
  if (elements == 0) return Tensor::empty(storage.dtype, std::move(dims));
  const auto* first = storage.bytes.data.data() + offset * size_of(storage.dtype);
  bool is_plain = true;
  int64_t expected = 1;
  for (size_t i = dims.size(); i-- > 0; expected *= dims[i]) is_plain &= dims[i] == 1 || strides[i] == expected;
  // torch aligns members to 64 bytes; other writers of archives need not.
  const bool is_aligned = reinterpret_cast<uintptr_t>(first) % static_cast<uintptr_t>(size_of(storage.dtype)) == 0;
  if (is_plain && is_aligned) return Tensor::view(storage.dtype, std::move(dims), first, storage.bytes.owner);
  if (elements > std::max(held, kFreeCopy))
    throw resource_error(cat("a tensor repeats ", held, " elements ", elements / held, " times"));
  Tensor copy = Tensor::empty(storage.dtype, dims);
  const auto size = static_cast<size_t>(size_of(storage.dtype));
  auto* to = static_cast<std::byte*>(copy.mutable_raw());
  Dims index(dims.size(), 0);
  do {
    int64_t at = 0;
    for (size_t i = 0; i < dims.size(); ++i) at += index[i] * strides[i];
    std::memcpy(to, first + at * static_cast<int64_t>(size), size);
    to += size;
  } while (next_index(index, dims));
  return copy;
}

}  // namespace hone::torch

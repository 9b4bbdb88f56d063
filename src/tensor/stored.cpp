#include "tensor/stored.h"

#include <algorithm>
#include <cstring>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"

namespace hone {

Tensor stored_tensor(DType dtype, Dims dims, std::span<const std::byte> bytes,
                     const std::shared_ptr<const void>& owner) {
  const int64_t expected = checked_mul(checked_product(dims), size_of(dtype));
  if (static_cast<int64_t>(bytes.size()) != expected)
    throw invalid_model(
        cat(to_string(dtype), Shape(dims), " is stored in ", bytes.size(), " bytes, expected ", expected));
  const bool is_aligned = reinterpret_cast<uintptr_t>(bytes.data()) % static_cast<uintptr_t>(size_of(dtype)) == 0;
  const auto is_boolean = [](std::byte b) { return b <= std::byte{1}; };
  const bool is_clean = dtype != DType::kBool || std::all_of(bytes.begin(), bytes.end(), is_boolean);
  if (owner && is_aligned && is_clean && !bytes.empty())
    return Tensor::view(dtype, std::move(dims), bytes.data(), owner);
  Tensor out = Tensor::empty(dtype, std::move(dims));
  if (!bytes.empty()) std::memcpy(out.mutable_raw(), bytes.data(), bytes.size());
  auto* first = static_cast<uint8_t*>(out.mutable_raw());
  if (!is_clean) std::transform(first, first + bytes.size(), first, [](uint8_t v) { return v != 0; });
  return out;
}

}  // namespace hone

#include "tensor/stored.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "base/error.h"

namespace hone {
namespace {

TEST(StoredTensor, IsAViewWhereElementsMayBeReadInPlaceAndACopyElsewhere) {
  const auto file = std::make_shared<std::array<std::byte, 32>>();
  alignas(8) static const float kValues[] = {1.5f, -2};
  for (const size_t at : {size_t{8}, size_t{9}}) {
    std::memcpy(file->data() + at, kValues, sizeof kValues);
    const Tensor t = stored_tensor(DType::kF32, {2}, std::span(*file).subspan(at, sizeof kValues), file);
    const bool is_aligned = reinterpret_cast<uintptr_t>(file->data() + at) % 4 == 0;
    EXPECT_EQ(t.raw() == file->data() + at, is_aligned);
    EXPECT_EQ(to_doubles(t), (std::vector<double>{1.5, -2}));
  }
}

TEST(StoredTensor, MakesBooleansOfAnyBytes) {
  const auto file = std::make_shared<std::array<std::byte, 3>>();
  (*file)[1] = std::byte{7};
  (*file)[2] = std::byte{1};
  EXPECT_EQ(to_ints(stored_tensor(DType::kBool, {3}, *file, file)), (std::vector<int64_t>{0, 1, 1}));
}

TEST(StoredTensor, RefusesAnotherNumberOfBytes) {
  EXPECT_THROW(stored_tensor(DType::kF32, {2}, std::span<const std::byte>(), nullptr), Error);
}

}  // namespace
}  // namespace hone

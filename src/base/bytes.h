#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace hone {

/// Bytes with whoever keeps them alive; a null owner means that the caller does.
struct Bytes {
  std::span<const std::byte> data;
  std::shared_ptr<const void> owner;

  std::string_view text() const { return {reinterpret_cast<const char*>(data.data()), data.size()}; }
};

}  // namespace hone

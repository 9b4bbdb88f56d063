#pragma once

#include <concepts>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "base/text.h"

namespace hone {

/// A place in untrusted little-endian bytes; reading outside of them throws Error(invalid_model).
class Cursor {
 public:
  /// Stands at `at`, which may be anything.
  Cursor(std::span<const std::byte> bytes, uint64_t at) : bytes_(bytes), at_(at) {}

  template <std::unsigned_integral T>
  T read() {
    T value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  /// An integer of 1, 2, 4 or 8 bytes.
  uint64_t read_sized(unsigned bytes) {
    uint64_t value = 0;
    const auto raw = take(bytes > 8 ? 8 : bytes);
    std::memcpy(&value, raw.data(), raw.size());
    return value;
  }
  std::span<const std::byte> take(uint64_t count) {
    if (at_ > bytes_.size() || count > bytes_.size() - at_)
      throw invalid_model(cat("bytes ", at_, " to ", at_ + count, " lie outside, found ", bytes_.size()));
    const auto found = bytes_.subspan(static_cast<size_t>(at_), static_cast<size_t>(count));
    at_ += count;
    return found;
  }
  std::string_view text(uint64_t count) {
    const auto raw = take(count);
    return {reinterpret_cast<const char*>(raw.data()), raw.size()};
  }
  /// Text up to a zero byte, which must come.
  std::string_view text_to_zero() {
    const size_t begin = static_cast<size_t>(at_ < bytes_.size() ? at_ : bytes_.size());
    const std::string_view rest(reinterpret_cast<const char*>(bytes_.data()) + begin, bytes_.size() - begin);
    const size_t end = rest.find('\0');
    if (end == std::string_view::npos) throw invalid_model("a name without an end");
    at_ = begin + end + 1;
    return rest.substr(0, end);
  }
  void skip(uint64_t count) { take(count); }
  /// Throws Error(invalid_model) unless the four bytes here are `magic`, which it passes over.
  void expect(std::string_view magic) {
    const std::string_view found = text(magic.size());
    if (found != magic) throw invalid_model(cat("expected '", magic, "' at byte ", at_ - magic.size()));
  }
  uint64_t at() const { return at_; }
  uint64_t left() const { return at_ < bytes_.size() ? bytes_.size() - at_ : 0; }

 private:
  std::span<const std::byte> bytes_;
  uint64_t at_;
};

}  // namespace hone

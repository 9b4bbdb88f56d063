#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "container/hdf5.h"

namespace hone::hdf5 {

/// Places that say "nothing".
inline constexpr uint64_t kNowhere = ~uint64_t{0};

/// Message types of an object header.
enum Message : uint16_t {
  kDataspace = 1,
  kLinkInfo = 2,
  kDatatype = 3,
  kLink = 6,
  kLayout = 8,
  kFilters = 11,
  kAttribute = 12,
  kContinuation = 16,
  kSymbolTable = 17,
};

/// What a datatype message says of one element.
struct ElementType {
  enum class Class { number, text, variable_text, other };
  Class kind = Class::other;
  Hdf5File::Kind number = Hdf5File::Kind::real;
  int64_t size = 0;
  bool is_big_endian = false;
};
ElementType element_type(std::span<const std::byte> message);

/// Dims of a dataspace message; none for a null one is {0}.
std::vector<int64_t> dataspace(std::span<const std::byte> message);

/// A step between chunks in the file and their elements.
struct Filter {
  uint16_t id = 0;  ///< 1 deflate, 2 shuffle
  uint32_t value = 0;
};
std::vector<Filter> filters(std::span<const std::byte> message);
/// Undoes `filters`, the last first, but those that `skipped` has a bit for. `size`: bytes of the whole chunk.
Bytes unfiltered(Bytes chunk, std::span<const Filter> filters, uint32_t skipped, int64_t size, int64_t element_size);

}  // namespace hone::hdf5

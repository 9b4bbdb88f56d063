#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace hone {

/// An HDF5 file, read only, as far as trained networks need it: groups, text attributes, arrays of numbers that lie in
/// one piece or in chunks (deflate, shuffle). Source: The HDF5 File Format Specification 3.0. Arrays in one piece are
/// views of the file's bytes. Soft and external links, and groups that the newest library keeps in fractal heaps, are
/// not followed. Everything it throws about the file is an Error; work is bounded by the file's size, cycles included.
class Hdf5File {
 public:
  static bool looks_like(std::span<const std::byte> bytes);
  /// Throws Error(invalid_model), Error(unsupported).
  explicit Hdf5File(Bytes file);

  using Address = uint64_t;
  Address root() const { return root_; }
  /// Objects in a group by name; none for an array.
  std::map<std::string, Address> children(Address group) const;
  /// The object at "a/b/c" below `group`, or none.
  std::optional<Address> find(Address group, std::string_view path) const;
  bool is_array(Address object) const;

  /// One text, or a list of them; none when the object has no such attribute or it holds no text.
  std::optional<std::vector<std::string>> texts(Address object, std::string_view attribute) const;

  enum class Kind { integer, unsigned_integer, real };
  struct Array {
    Kind kind = Kind::real;
    int64_t element_size = 4;
    std::vector<int64_t> dims;
    Bytes bytes;  ///< little-endian, row-major, exactly as many as dims say
  };
  /// Throws Error(unsupported) for other elements than numbers and for filters other than deflate and shuffle.
  Array array(Address object) const;

 private:
  struct Message {
    uint16_t type = 0;
    std::span<const std::byte> body;
  };
  std::vector<Message> messages(Address object) const;
  void add_messages_1(std::span<const std::byte> block, std::vector<Message>& out,
                      std::vector<std::span<const std::byte>>& more) const;
  void add_messages_2(std::span<const std::byte> block, bool has_order, std::vector<Message>& out,
                      std::vector<std::span<const std::byte>>& more) const;
  void add_symbols(Address tree, Address heap, std::map<std::string, Address>& out) const;
  std::string heap_text(Address collection, uint32_t index, uint64_t length) const;
  std::span<const std::byte> part(uint64_t at, uint64_t size) const;
  void spend(uint64_t units) const;

  Bytes file_;
  Address root_ = 0;
  mutable uint64_t budget_ = 0;
};

}  // namespace hone

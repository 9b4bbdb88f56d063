#include <algorithm>
#include <cstring>
#include <utility>

#include "base/checked.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/text.h"
#include "container/cursor.h"
#include "container/hdf5_types.h"

namespace hone {

using namespace hdf5;

namespace {

/// An array in pieces: what is the same for all.
struct Chunked {
  const std::vector<int64_t>& dims;
  std::vector<int64_t> chunk;  ///< elements of a chunk along each axis
  int64_t element_size = 4;
  std::string* out = nullptr;

  int64_t chunk_bytes() const { return checked_mul(checked_product(chunk), element_size); }

  /// Copies the part of `piece`, which begins at `start`, that lies inside of the array, row by row.
  void place(std::span<const std::byte> piece, const std::vector<int64_t>& start) const {
    const size_t rank = dims.size();
    std::vector<int64_t> index(rank, 0), count(rank);
    for (size_t i = 0; i < rank; ++i) {
      if (start[i] < 0 || start[i] >= dims[i] || chunk[i] == 0) return;
      count[i] = std::min(chunk[i], dims[i] - start[i]);
    }
    const int64_t row = count.back() * element_size;
    for (;;) {
      int64_t from = 0, to = 0;
      for (size_t i = 0; i < rank; ++i) {
        from = from * chunk[i] + index[i];
        to = to * dims[i] + start[i] + index[i];
      }
      std::memcpy(out->data() + to * element_size, piece.data() + from * element_size, static_cast<size_t>(row));
      size_t axis = rank - 1;
      while (axis > 0 && ++index[axis - 1] == count[axis - 1]) index[--axis] = 0;
      if (axis == 0) return;
    }
  }
};

/// Chunks of the array whose tree (version 1) begins at `tree`: body(place, stored bytes, skipped filters, start).
template <class Spend, class Body>
void each_chunk(std::span<const std::byte> file, uint64_t tree, size_t rank, Spend spend, Body body) {
  constexpr int kDeepestTree = 16;
  std::vector<std::pair<uint64_t, int>> open{{tree, 0}};
  while (!open.empty()) {
    const auto [node, depth] = open.back();
    open.pop_back();
    if (depth > kDeepestTree) throw invalid_model("hdf5: an array's tree is too deep");
    spend(64);
    Cursor entry(file, node);
    entry.expect("TREE");
    const auto kind = entry.read<uint8_t>(), level = entry.read<uint8_t>();
    const auto used = entry.read<uint16_t>();
    if (kind != 1) throw invalid_model("hdf5: an array's tree holds a group");
    entry.skip(16);
    for (int i = 0; i < used; ++i) {
      const auto stored = entry.read<uint32_t>(), skipped = entry.read<uint32_t>();
      std::vector<int64_t> start;
      for (size_t k = 0; k < rank; ++k) start.push_back(static_cast<int64_t>(entry.read<uint64_t>()));
      entry.skip(8);
      const auto child = entry.read<uint64_t>();
      if (level > 0)
        open.emplace_back(child, depth + 1);
      else
        body(child, stored, skipped, start);
    }
  }
}

/// The messages of an array's header.
struct Header {
  std::vector<int64_t> dims;
  ElementType type;
  std::vector<Filter> filters;
  std::span<const std::byte> layout;
};

Bytes swapped(const Bytes& bytes, size_t width) {
  const auto out = std::make_shared<std::string>(bytes.text());
  for (size_t i = 0; i + width <= out->size(); i += width)
    std::reverse(out->begin() + static_cast<int64_t>(i), out->begin() + static_cast<int64_t>(i + width));
  return {std::as_bytes(std::span(*out)), out};
}

std::shared_ptr<std::string> zeros(int64_t bytes) {
  require_memory(bytes, [] { return std::string("an array"); });
  return std::make_shared<std::string>(static_cast<size_t>(bytes), '\0');
}

}  // namespace

Hdf5File::Array Hdf5File::array(Address object) const {
  Header header;
  bool has_space = false;
  for (const Message& message : messages(object)) {
    if (message.type == kDataspace) header.dims = dataspace(message.body), has_space = true;
    if (message.type == kDatatype) header.type = element_type(message.body);
    if (message.type == kFilters) header.filters = filters(message.body);
    if (message.type == kLayout) header.layout = message.body;
  }
  if (header.layout.empty() || !has_space) throw invalid_model("hdf5: expected an array, found a group");
  const ElementType& type = header.type;
  if (type.kind != ElementType::Class::number) throw unsupported("hdf5: the array's elements are no numbers");
  const int64_t bytes = checked_mul(checked_product(header.dims), type.size);
  const auto work = [this](uint64_t units) { spend(units); };

  enum : uint8_t { kCompact, kInOnePiece, kInChunks };
  Cursor at(header.layout, 0);
  const auto version = at.read<uint8_t>(), layout = at.read<uint8_t>();
  if (version != 3 && !(version == 4 && layout < kInChunks))
    throw unsupported(cat("hdf5: layout version ", version, ", expected 3"),
                      "save the file again without libver='latest'");
  Bytes found;
  if (layout == kCompact) {
    found = {at.take(at.read<uint16_t>()), file_.owner};
  } else if (layout == kInOnePiece) {
    const auto where = at.read<uint64_t>();
    if (where != kNowhere) found = {part(where, static_cast<uint64_t>(bytes)), file_.owner};
  } else if (layout == kInChunks) {
    const auto rank = at.read<uint8_t>();
    if (rank != header.dims.size() + 1 || rank < 2)
      throw invalid_model("hdf5: chunks of another rank than their array");
    const auto tree = at.read<uint64_t>();
    Chunked pieces{.dims = header.dims, .chunk = {}, .element_size = type.size};
    for (int i = 0; i + 1 < rank; ++i) pieces.chunk.push_back(at.read<uint32_t>());
    const int64_t size = pieces.chunk_bytes();
    spend(static_cast<uint64_t>(bytes) / 64);
    const auto whole = zeros(bytes);
    pieces.out = whole.get();
    found = {std::as_bytes(std::span(*whole)), whole};
    if (tree != kNowhere)
      each_chunk(file_.data, tree, header.dims.size(), work,
                 [&](uint64_t where, uint32_t stored, uint32_t skipped, const std::vector<int64_t>& start) {
                   spend(static_cast<uint64_t>(size) / 16 + 64);
                   const Bytes piece{part(where, stored), file_.owner};
                   pieces.place(unfiltered(piece, header.filters, skipped, size, type.size).data, start);
                 });
  } else {
    throw unsupported(cat("hdf5: layout class ", layout));
  }
  if (found.data.empty() && bytes > 0) {  // never written: zeros, as many as a file of this size may claim
    spend(static_cast<uint64_t>(bytes));
    const auto whole = zeros(bytes);
    found = {std::as_bytes(std::span(*whole)), whole};
  }
  if (static_cast<int64_t>(found.data.size()) < bytes)
    throw invalid_model(cat("hdf5: an array of ", bytes, " bytes holds ", found.data.size()));
  found.data = found.data.first(static_cast<size_t>(bytes));
  if (type.is_big_endian && type.size > 1) found = swapped(found, static_cast<size_t>(type.size));
  return {type.number, type.size, header.dims, found};
}

}  // namespace hone

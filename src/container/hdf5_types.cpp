#include "container/hdf5_types.h"

#include <algorithm>

#include "base/checked.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/text.h"
#include "container/cursor.h"
#include "container/inflate.h"

namespace hone::hdf5 {

namespace {

constexpr uint16_t kDeflate = 1, kShuffle = 2, kChecksum = 3;

Bytes unshuffled(const Bytes& chunk, int64_t element_size) {
  const auto out = std::make_shared<std::string>(chunk.text());
  const auto width = static_cast<size_t>(element_size), count = out->size() / width;
  for (size_t byte = 0; byte < width; ++byte)
    for (size_t i = 0; i < count; ++i) (*out)[i * width + byte] = chunk.text()[byte * count + i];
  return {std::as_bytes(std::span(*out)), out};
}

}  // namespace

ElementType element_type(std::span<const std::byte> message) {
  Cursor at(message, 0);
  const unsigned kind = at.read<uint8_t>() & 15u, bits = at.read<uint8_t>();
  at.skip(2);
  ElementType type;
  type.size = at.read<uint32_t>();
  type.is_big_endian = (bits & 1) != 0;
  switch (kind) {
    case 0:
      type.kind = ElementType::Class::number;
      type.number = (bits & 8) ? Hdf5File::Kind::integer : Hdf5File::Kind::unsigned_integer;
      break;
    case 1:
      type.kind = ElementType::Class::number;
      break;
    case 3:
      type.kind = ElementType::Class::text;
      break;
    case 8:  // an enumeration, as booleans are stored: the numbers behind it
      return element_type(at.take(at.left()));
    case 9:
      if ((bits & 15) == 1) type.kind = ElementType::Class::variable_text;
      break;
    default:
      break;
  }
  const bool is_width = type.size == 1 || type.size == 2 || type.size == 4 || type.size == 8;
  if (type.kind == ElementType::Class::number && !is_width) type.kind = ElementType::Class::other;
  return type;
}

std::vector<int64_t> dataspace(std::span<const std::byte> message) {
  Cursor at(message, 0);
  const auto version = at.read<uint8_t>(), rank = at.read<uint8_t>();
  if (version != 1 && version != 2) throw unsupported(cat("hdf5: dataspace version ", version));
  at.skip(1);
  const auto kind = at.read<uint8_t>();
  if (version == 1) at.skip(4);
  if (version == 2 && kind == 2) return {0};
  if (rank > 32) throw invalid_model(cat("hdf5: rank is ", rank, ", expected at most 32"));
  std::vector<int64_t> dims;
  for (int i = 0; i < rank; ++i) {
    const auto dim = at.read<uint64_t>();
    if (dim > uint64_t{1} << 40) throw invalid_model(cat("hdf5: a dimension is ", dim));
    dims.push_back(static_cast<int64_t>(dim));
  }
  checked_product(dims);
  return dims;
}

std::vector<Filter> filters(std::span<const std::byte> message) {
  Cursor at(message, 0);
  const auto version = at.read<uint8_t>(), count = at.read<uint8_t>();
  if (version != 1 && version != 2) throw unsupported(cat("hdf5: filter message version ", version));
  if (version == 1) at.skip(6);
  std::vector<Filter> found;
  for (int i = 0; i < count; ++i) {
    Filter filter;
    filter.id = at.read<uint16_t>();
    const uint16_t name = version == 1 || filter.id >= 256 ? at.read<uint16_t>() : 0;
    at.skip(2);
    const auto values = at.read<uint16_t>();
    at.skip(version == 1 ? (name + 7u) / 8 * 8 : name);
    for (int k = 0; k < values; ++k) {
      const auto value = at.read<uint32_t>();
      if (k == 0) filter.value = value;
    }
    if (version == 1 && values % 2 == 1) at.skip(4);
    found.push_back(filter);
  }
  return found;
}

Bytes unfiltered(Bytes chunk, std::span<const Filter> filters, uint32_t skipped, int64_t size, int64_t element_size) {
  int64_t packed_size = size;  // what leaves deflate still has the checksums that came before it
  for (const Filter& filter : filters)
    if (filter.id == kChecksum) packed_size += 4;
  for (size_t i = filters.size(); i-- > 0;) {
    if (i < 32 && (skipped >> i & 1)) continue;
    switch (filters[i].id) {
      case kDeflate:
        chunk = inflate(chunk.data, packed_size, Deflated::zlib);
        break;
      case kShuffle:
        chunk = unshuffled(chunk, element_size);
        break;
      case kChecksum:
        if (chunk.data.size() < 4) throw invalid_model("hdf5: a chunk without its checksum");
        chunk.data = chunk.data.first(chunk.data.size() - 4);
        packed_size -= 4;
        break;
      default:
        throw unsupported(cat("hdf5: filter ", filters[i].id, ", expected deflate or shuffle"),
                          "save it again without that compression");
    }
  }
  if (static_cast<int64_t>(chunk.data.size()) < size)
    throw invalid_model(cat("hdf5: a chunk has ", chunk.data.size(), " bytes, expected ", size));
  return chunk;
}

}  // namespace hone::hdf5

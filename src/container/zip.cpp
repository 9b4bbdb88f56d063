#include "container/zip.h"

#include <zlib.h>

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "container/cursor.h"
#include "container/inflate.h"

namespace hone {

namespace {

constexpr std::string_view kLocal("PK\x03\x04", 4), kCentral("PK\x01\x02", 4), kEnd("PK\x05\x06", 4),
    kEnd64("PK\x06\x06", 4), kLocator64("PK\x06\x07", 4);
constexpr size_t kEndSize = 22, kLongestComment = 65535;
constexpr int64_t kLocator64Size = 20, kMostMembers = 65536;
constexpr uint32_t kIn64 = 0xFFFFFFFF;
constexpr uint16_t kEncrypted = 1, kStored = 0, kDeflated = 8, kExtra64 = 1;

/// Where the end record stands: the last one whose comment reaches to the end.
size_t find_end(std::string_view text) {
  const size_t first = text.size() > kEndSize + kLongestComment ? text.size() - kEndSize - kLongestComment : 0;
  for (size_t at = text.rfind(kEnd); at != std::string_view::npos && at >= first; at = text.rfind(kEnd, at - 1)) {
    if (text.size() - at >= kEndSize) return at;
    if (at == 0) break;
  }
  throw invalid_model("a zip archive without its directory: the file is truncated");
}

/// Sizes that did not fit into the 32 bits of a directory entry stand in its extra field, in this order.
void read_extra(std::span<const std::byte> extra, uint64_t& size, uint64_t& packed, uint64_t& header) {
  Cursor at(extra, 0);
  while (at.left() >= 4) {
    const auto id = at.read<uint16_t>(), length = at.read<uint16_t>();
    const auto body = at.take(length);
    if (id != kExtra64) continue;
    Cursor value(body, 0);
    for (uint64_t* field : {&size, &packed, &header})
      if (*field == kIn64) *field = value.read<uint64_t>();
  }
}

int64_t small(uint64_t value, const char* what, uint64_t limit) {
  if (value > limit) throw invalid_model(cat("zip: ", what, " is ", value, ", expected at most ", limit));
  return static_cast<int64_t>(value);
}

}  // namespace

bool ZipArchive::looks_like(std::span<const std::byte> bytes) {
  const std::string_view text = Bytes{bytes, nullptr}.text();
  return text.starts_with(kLocal) || text.starts_with(kEnd);
}

ZipArchive::ZipArchive(Bytes archive) : archive_(std::move(archive)) {
  const size_t end = find_end(archive_.text());
  Cursor record(archive_.data, end + 10);
  uint64_t count = record.read<uint16_t>(), size = record.read<uint32_t>(), start = record.read<uint32_t>();
  if (start == kIn64 || size == kIn64 || count == 0xFFFF) {
    Cursor locator(archive_.data, small(end, "the end record's place", end) - kLocator64Size);
    locator.expect(kLocator64);
    locator.skip(4);
    Cursor large(archive_.data, locator.read<uint64_t>());
    large.expect(kEnd64);
    large.skip(28);
    count = large.read<uint64_t>();
    size = large.read<uint64_t>();
    start = large.read<uint64_t>();
  }
  if (count > static_cast<uint64_t>(kMostMembers))
    throw resource_error(cat("zip: ", count, " members, at most ", kMostMembers));
  const int64_t first = small(start, "the directory's place", archive_.data.size());
  const int64_t length = small(size, "the directory's size", archive_.data.size() - start);
  read_directory(first, first + length, static_cast<int64_t>(count));
}

void ZipArchive::read_directory(int64_t at, int64_t end, int64_t count) {
  Cursor entry(archive_.data.first(static_cast<size_t>(end)), static_cast<uint64_t>(at));
  for (int64_t i = 0; i < count; ++i) {
    entry.expect(kCentral);
    entry.skip(4);
    Member member;
    member.flags = entry.read<uint16_t>();
    member.method = entry.read<uint16_t>();
    entry.skip(4);
    member.crc = entry.read<uint32_t>();
    uint64_t packed = entry.read<uint32_t>(), size = entry.read<uint32_t>();
    const auto name_size = entry.read<uint16_t>(), extra_size = entry.read<uint16_t>(),
               comment_size = entry.read<uint16_t>();
    entry.skip(8);
    uint64_t header = entry.read<uint32_t>();
    const std::string name(entry.text(name_size));
    read_extra(entry.take(extra_size), size, packed, header);
    entry.skip(comment_size);
    if (name.ends_with('/')) continue;
    member.packed = small(packed, "a packed size", archive_.data.size());
    // Deflate packs 1032 to 1 at most.
    member.size = small(size, "a size", member.method == kStored ? packed : packed * 1032 + 64);
    member.header = small(header, "a member's place", archive_.data.size());
    if (!members_.emplace(name, member).second) throw invalid_model(cat("zip: two members are called '", name, "'"));
  }
}

Bytes ZipArchive::open(const std::string& name) const {
  const auto found = members_.find(name);
  if (found == members_.end()) throw not_found(cat("the archive has no member '", name, "'"));
  return with_context([&] { return cat("in member '", name, "'"); },
                      [&]() -> Bytes {
                        const Member& member = found->second;
                        Cursor at(archive_.data, static_cast<uint64_t>(member.header));
                        at.expect(kLocal);
                        at.skip(22);
                        const auto name_size = at.read<uint16_t>(), extra_size = at.read<uint16_t>();
                        at.skip(uint64_t{name_size} + extra_size);
                        const auto packed = at.take(static_cast<uint64_t>(member.packed));
                        if (member.flags & kEncrypted) throw unsupported("is encrypted");
                        if (member.method == kStored) return {packed, archive_.owner};
                        if (member.method != kDeflated)
                          throw unsupported(cat("is packed by method ", member.method, ", expected 0 or 8 (deflate)"));
                        Bytes plain = inflate(packed, member.size, Deflated::raw);
                        const auto* first = reinterpret_cast<const Bytef*>(plain.data.data());
                        if (crc32_z(0, first, plain.data.size()) != member.crc)
                          throw invalid_model("its checksum is another: the archive is damaged");
                        return plain;
                      });
}

}  // namespace hone

#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/bytes.h"

namespace hone {

/// A zip archive, read through its directory (PKWARE's APPNOTE 6.3, with ZIP64). Members that are stored plain are
/// views of the archive's bytes, so that weights stay in a mapped file; deflated ones are unpacked when they are
/// opened.
class ZipArchive {
 public:
  static bool looks_like(std::span<const std::byte> bytes);
  /// Reads the directory. Throws Error(invalid_model) when it is damaged, Error(resource) for more than 65536 members.
  explicit ZipArchive(Bytes archive);

  struct Member {
    int64_t header = 0;  ///< place of the member's own header
    int64_t packed = 0, size = 0;
    uint16_t method = 0, flags = 0;
    uint32_t crc = 0;
  };
  /// By name, without folders.
  const std::map<std::string, Member>& members() const { return members_; }
  /// Throws Error(not_found); Error(invalid_model) for what is damaged, Error(unsupported) for encrypted members and
  /// other compressions than deflate.
  Bytes open(const std::string& name) const;

 private:
  void read_directory(int64_t at, int64_t end, int64_t count);
  Bytes archive_;
  std::map<std::string, Member> members_;
};

}  // namespace hone

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hone {

/// A zip archive (PKWARE's APPNOTE 6.3) of deflated members. Sizes are said in ZIP64's fields throughout, so that no
/// member and no archive is too large; all members are as old as such archives can say: the same members give the same
/// bytes.
class ZipWriter {
 public:
  /// `name`: UTF-8, at most 65535 bytes. Throws Error(invalid_argument) for a longer one.
  void add(std::string_view name, std::string_view bytes);
  /// The archive; nothing may be added after.
  std::string finish();

 private:
  std::string out_, directory_;
  uint64_t count_ = 0;
};

}  // namespace hone

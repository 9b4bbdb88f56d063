#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hone {

/// A file as it lies in an image or an archive.
struct PackedFile {
  std::string path;  ///< "usr/bin/hone", without a leading slash; ends with one for a folder
  std::string bytes;
  uint32_t mode = 0644;
};

/// A POSIX ustar archive (IEEE Std 1003.1-1988, section 10.1.1): the same files give the same bytes. All belong to user
/// and group 0 and are as old as `time` says.
class TarWriter {
 public:
  explicit TarWriter(int64_t time) : time_(time) {}
  /// Folders that lead to it are added once, before it. Throws Error(invalid_argument) for a path longer than 255 or a
  /// file of 8 GB and more.
  void add(const PackedFile& file);
  /// The archive; nothing may be added after.
  std::string finish();

 private:
  void add_folders(std::string_view path);
  void header(const std::string& path, uint32_t mode, int64_t size, char kind);

  int64_t time_;
  std::string out_;
  std::string folders_;  ///< those added, each between newlines
};

}  // namespace hone

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace hone {

/// The bytes of a file, read-only and memory-mapped; shared by every tensor that views them.
class MappedFile {
 public:
  /// Throws Error(not_found) or Error(io). An empty file gives empty bytes.
  static std::shared_ptr<const MappedFile> open(const std::string& path);
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }

  /// The mapped file that `owner` keeps alive, or null.
  static const MappedFile* find(const std::shared_ptr<const void>& owner);
  /// Takes the whole pages among these bytes of the file out of this process's memory; who touches them reads them
  /// from the file again. Safe while others read.
  void release(std::span<const std::byte> bytes) const;

 private:
  struct Deleter;
  MappedFile() = default;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

/// Whole file as bytes in a string. Throws Error(not_found) or Error(io).
std::string read_file(const std::string& path);

/// Writes to a temporary name beside `path`, syncs, renames: after a crash the old file is there or the new one.
/// Throws Error(io) and removes the temporary file when anything fails (a full disk, a missing folder).
void write_file(const std::string& path, std::span<const std::byte> bytes);
void write_file(const std::string& path, std::string_view text);

/// Creates the folder and its parents. Throws Error(io).
void make_directory(const std::string& path);

}  // namespace hone

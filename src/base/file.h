#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace hone {

/// The bytes of a file, read-only and memory-mapped; shared by every tensor that views them. Should another program
/// shorten the file meanwhile, the bytes it lost read as zeros and check_all() says so.
class MappedFile {
 public:
  /// Throws Error(not_found) or Error(io); folders, devices, pipes and sockets are io errors and never read. An empty
  /// file gives empty bytes.
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

  /// Throws Error(io) while some mapped file has lost bytes that were read, and once for those that were closed since.
  static void check_all();

 private:
  struct Deleter;
  MappedFile() = default;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
  int watched_ = -1;
};

/// Whole file as bytes in a string. Throws as MappedFile::open.
std::string read_file(const std::string& path);

/// Makes `path` hold `bytes`: written to a nameless or randomly named file in its folder, synced, renamed, so that
/// after a crash the old file is there or the new one. A file that was there gives its mode and owner to the new one; a
/// link stays and what it names is replaced. What is no file (a terminal, /dev/null, a pipe) is written to.
/// Throws Error(io) when anything fails (a full disk, a missing folder) or the file that is there is read-only; nothing
/// is left behind then.
void write_file(const std::string& path, std::span<const std::byte> bytes);
void write_file(const std::string& path, std::string_view text);

/// Creates the folder and its parents. Throws Error(io).
void make_directory(const std::string& path);

}  // namespace hone

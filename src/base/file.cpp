#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/error.h"
#include "base/text.h"

namespace hone {

namespace {

struct Descriptor {
  int fd = -1;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

std::string reason() { return std::strerror(errno); }

int open_for_reading(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd >= 0) return fd;
  if (errno == ENOENT) throw not_found(cat("no such file: '", path, "'"));
  throw io_error(cat("cannot open '", path, "': ", reason()));
}

size_t size_of(int fd, const std::string& path) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) throw io_error(cat("cannot read '", path, "': ", reason()));
  if (S_ISDIR(info.st_mode)) throw io_error(cat("'", path, "' is a folder, expected a file"));
  return static_cast<size_t>(info.st_size);
}

}  // namespace

/// Its type tells mapped files among owners of bytes.
struct MappedFile::Deleter {
  void operator()(MappedFile* file) const { delete file; }
  const MappedFile* file;
};

std::shared_ptr<const MappedFile> MappedFile::open(const std::string& path) {
  Descriptor file{open_for_reading(path)};
  auto* made = new MappedFile;
  std::shared_ptr<MappedFile> mapped(made, Deleter{made});
  mapped->size_ = size_of(file.fd, path);
  if (mapped->size_ == 0) return mapped;
  void* address = ::mmap(nullptr, mapped->size_, PROT_READ, MAP_PRIVATE, file.fd, 0);
  if (address == MAP_FAILED) {
    mapped->size_ = 0;
    throw io_error(cat("cannot map '", path, "': ", reason()));
  }
  mapped->data_ = static_cast<const std::byte*>(address);
  return mapped;
}

MappedFile::~MappedFile() {
  if (size_ != 0) ::munmap(const_cast<std::byte*>(data_), size_);
}

const MappedFile* MappedFile::find(const std::shared_ptr<const void>& owner) {
  const auto* deleter = std::get_deleter<Deleter>(owner);
  return deleter == nullptr ? nullptr : deleter->file;
}

void MappedFile::release(std::span<const std::byte> bytes) const {
  static const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = static_cast<size_t>(bytes.data() - data_);
  const size_t first = (begin + page - 1) / page * page;
  const size_t last = begin + bytes.size() == size_ ? size_ : (begin + bytes.size()) / page * page;
  // A private mapping that nobody wrote to: its pages are the file's.
  if (first < last) ::madvise(const_cast<std::byte*>(data_) + first, last - first, MADV_DONTNEED);
}

std::string read_file(const std::string& path) {
  Descriptor file{open_for_reading(path)};
  std::string content;
  content.reserve(size_of(file.fd, path));
  char buffer[65536];
  for (;;) {
    const ssize_t got = ::read(file.fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw io_error(cat("cannot read '", path, "': ", reason()));
    if (got == 0) return content;
    content.append(buffer, static_cast<size_t>(got));
  }
}

void write_file(const std::string& path, std::span<const std::byte> bytes) {
  const std::string temporary = cat(path, ".", static_cast<int64_t>(::getpid()), ".tmp");
  auto fail = [&](const char* what) {
    const std::string why = reason();
    ::unlink(temporary.c_str());
    throw io_error(cat("cannot ", what, " '", path, "': ", why));
  };
  {
    Descriptor file{::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)};
    if (file.fd < 0) fail("create");
    const char* at = reinterpret_cast<const char*>(bytes.data());
    for (size_t left = bytes.size(); left > 0;) {
      const ssize_t put = ::write(file.fd, at, left);
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) fail("write");
      at += put;
      left -= static_cast<size_t>(put);
    }
    if (::fsync(file.fd) != 0 && errno != EINVAL) fail("sync");
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) fail("rename");
}

void write_file(const std::string& path, std::string_view text) {
  write_file(path, std::as_bytes(std::span(text.data(), text.size())));
}

void make_directory(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) throw io_error(cat("cannot create folder '", path, "': ", error.message()));
}

}  // namespace hone

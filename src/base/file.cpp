#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/error.h"
#include "base/file_guard.h"
#include "base/limits.h"
#include "base/opened_files.h"
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

std::string_view kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  return S_ISREG(mode) ? "a file" : "a device";
}

/// An open file and its size. Opening does not wait for who writes into a pipe.
int open_for_reading(const std::string& path, size_t& size) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0 && errno == ENOENT) throw not_found(cat("no such file: '", path, "'"));
  if (fd < 0) throw io_error(cat("cannot open '", path, "': ", reason()));
  struct stat info {};
  const bool is_known = ::fstat(fd, &info) == 0;
  if (is_known && S_ISREG(info.st_mode)) {
    size = static_cast<size_t>(info.st_size);
    OpenedFiles::note(path);
    return fd;
  }
  const std::string why = is_known ? cat("is ", kind_of(info.st_mode), ", expected a file") : reason();
  ::close(fd);
  throw io_error(cat("'", path, "' ", why));
}

/// Puts the file's bytes into memory of this process, in the place of its mapping.
void copy_into(void* address, size_t size, int fd, const std::string& path) {
  require_memory(static_cast<int64_t>(size), [&] { return cat("a copy of '", path, "'"); });
  if (::mmap(address, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
    throw io_error(cat("cannot copy '", path, "': ", reason()));
  for (size_t at = 0; at < size;) {
    const ssize_t got = ::pread(fd, static_cast<char*>(address) + at, size - at, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw io_error(cat("cannot read '", path, "': ", reason()));
    if (got == 0) throw io_error(cat("'", path, "' was shortened by another program while it was read"));
    at += static_cast<size_t>(got);
  }
}

}  // namespace

/// Its type tells mapped files among owners of bytes.
struct MappedFile::Deleter {
  void operator()(MappedFile* file) const { delete file; }
  const MappedFile* file;
};

std::shared_ptr<const MappedFile> MappedFile::open(const std::string& path) {
  auto* made = new MappedFile;
  std::shared_ptr<MappedFile> mapped(made, Deleter{made});
  size_t size = 0;
  const Descriptor file{open_for_reading(path, size)};
  if (size == 0) return mapped;
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.fd, 0);
  if (address == MAP_FAILED) throw io_error(cat("cannot map '", path, "': ", reason()));
  mapped->size_ = size;
  mapped->data_ = static_cast<const std::byte*>(address);
  mapped->watched_ = file_guard::watch(address, size);
  if (mapped->watched_ < 0) copy_into(address, size, file.fd, path);  // what nobody watches must not vanish
  return mapped;
}

MappedFile::~MappedFile() {
  file_guard::forget(watched_);
  if (size_ != 0) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::check_all() {
  if (file_guard::is_any_lost())
    throw io_error("a file was shortened by another program while it was in use",
                   "copy the model and the data to where nobody writes to them");
}

const MappedFile* MappedFile::find(const std::shared_ptr<const void>& owner) {
  const auto* deleter = std::get_deleter<Deleter>(owner);
  return deleter == nullptr ? nullptr : deleter->file;
}

void MappedFile::release(std::span<const std::byte> bytes) const {
  if (watched_ < 0) return;  // a copy: its pages are nowhere else
  static const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = static_cast<size_t>(bytes.data() - data_);
  const size_t first = (begin + page - 1) / page * page;
  const size_t last = begin + bytes.size() == size_ ? size_ : (begin + bytes.size()) / page * page;
  // A private mapping that nobody wrote to: its pages are the file's.
  if (first < last) ::madvise(const_cast<std::byte*>(data_) + first, last - first, MADV_DONTNEED);
}

std::string read_file(const std::string& path) {
  size_t size = 0;
  const Descriptor file{open_for_reading(path, size)};
  std::string content;
  content.reserve(size);
  char buffer[65536];
  for (;;) {
    const ssize_t got = ::read(file.fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw io_error(cat("cannot read '", path, "': ", reason()));
    if (got == 0) return content;
    content.append(buffer, static_cast<size_t>(got));
  }
}

void make_directory(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) throw io_error(cat("cannot create folder '", path, "': ", error.message()));
}

}  // namespace hone

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/cancel.h"
#include "base/error.h"
#include "base/file.h"
#include "base/text.h"

namespace hone {

namespace {

/// One file being put in the place of another. Whatever happens, nothing half written stays.
class Replacement {
 public:
  explicit Replacement(const std::string& path) : path_(path) {}
  ~Replacement() {
    if (fd_ >= 0) ::close(fd_);
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
  }
  Replacement(const Replacement&) = delete;
  Replacement& operator=(const Replacement&) = delete;

  void write(std::span<const std::byte> bytes) {
    const bool is_there = ::stat(path_.c_str(), &old_) == 0;
    if (is_there && S_ISDIR(old_.st_mode)) throw io_error(cat("'", path_, "' is a folder, expected a file"));
    if (is_there && !S_ISREG(old_.st_mode)) return write_through(bytes);
    if (is_there && ((old_.st_mode & 0222) == 0 || ::faccessat(AT_FDCWD, path_.c_str(), W_OK, AT_EACCESS) != 0))
      throw io_error(cat("'", path_, "' is read-only"), cat("chmod u+w '", path_, "'"));
    target_ = resolved(is_there);
    create();
    put(bytes);
    if (is_there) take_over();
    if (::fsync(fd_) != 0 && errno != EINVAL) fail("sync");
    give_name();
    if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail("rename");
    temporary_.clear();
    sync_folder();
  }

 private:
  [[noreturn]] void fail(const char* what) const {
    throw io_error(cat("cannot ", what, " '", path_, "': ", std::strerror(errno)));
  }

  /// What a link names, so that the link stays.
  std::string resolved(bool is_there) const {
    struct stat link {};
    if (::lstat(path_.c_str(), &link) != 0 || !S_ISLNK(link.st_mode)) return path_;
    if (!is_there) throw io_error(cat("'", path_, "' is a link to a file that does not exist"));
    const std::unique_ptr<char, void (*)(void*)> real(::realpath(path_.c_str(), nullptr), std::free);
    if (!real) fail("resolve");
    return real.get();
  }

  std::string folder() const {
    const size_t slash = target_.rfind('/');
    return slash == std::string::npos ? "." : slash == 0 ? "/" : target_.substr(0, slash);
  }

  std::string random_name() const {
    uint64_t number = 0;
    if (::getrandom(&number, sizeof number, 0) != sizeof number) fail("name a temporary file for");
    return cat(folder(), "/.hone-", number, ".tmp");
  }

  /// Nameless where the file system can, so that not even a killed process leaves it behind.
  void create() {
    fd_ = ::open(folder().c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
    if (fd_ >= 0) return;
    const std::string name = random_name();
    fd_ = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd_ < 0) fail("create");
    temporary_ = name;
  }

  void give_name() {
    if (!temporary_.empty()) return;
    const std::string name = random_name();
    if (::linkat(AT_FDCWD, cat("/proc/self/fd/", fd_).c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) != 0)
      fail("name");
    temporary_ = name;
  }

  void put(std::span<const std::byte> bytes) const {
    const char* at = reinterpret_cast<const char*>(bytes.data());
    for (size_t left = bytes.size(); left > 0;) {
      check_interrupted();
      const ssize_t count = ::write(fd_, at, std::min<size_t>(left, size_t{1} << 24));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) fail("write");
      at += count;
      left -= static_cast<size_t>(count);
    }
  }

  /// Mode and owner of the file that goes. Who may not give files away leaves the owner, and then no rights that came
  /// with it.
  void take_over() const {
    mode_t mode = old_.st_mode & 07777;
    struct stat fresh {};
    const bool is_other = ::fstat(fd_, &fresh) != 0 || fresh.st_uid != old_.st_uid || fresh.st_gid != old_.st_gid;
    if (is_other && ::fchown(fd_, old_.st_uid, old_.st_gid) != 0) mode &= 0777;
    if (::fchmod(fd_, mode) != 0) fail("set the mode of");
  }

  void write_through(std::span<const std::byte> bytes) {
    do {
      check_interrupted();
      fd_ = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
    } while (fd_ < 0 && errno == EINTR);
    if (fd_ < 0) fail("open");
    put(bytes);
  }

  /// The new name is on disk too. File systems that cannot say so are believed.
  void sync_folder() const {
    const int fd = ::open(folder().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    ::fsync(fd);
    ::close(fd);
  }

  const std::string& path_;
  std::string target_, temporary_;
  struct stat old_ {};
  int fd_ = -1;
};

}  // namespace

void write_file(const std::string& path, std::span<const std::byte> bytes) { Replacement(path).write(bytes); }

void write_file(const std::string& path, std::string_view text) {
  write_file(path, std::as_bytes(std::span(text.data(), text.size())));
}

}  // namespace hone

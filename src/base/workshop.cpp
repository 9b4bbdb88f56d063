#include "base/workshop.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/file.h"
#include "base/text.h"

namespace hone {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kPrefix = ".hone-";

/// An open folder with its lock taken; −1 when another run holds it or it is none.
int lock_folder(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd >= 0 && ::flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
  if (fd >= 0) ::close(fd);
  return -1;
}

void remove_leftovers(const fs::path& folder) {
  std::error_code ignored;
  for (fs::directory_iterator it(folder, ignored), end; !ignored && it != end; it.increment(ignored)) {
    const std::string name = it->path().filename().string();
    if (!name.starts_with(kPrefix) || !parse_int(std::string_view(name).substr(kPrefix.size()))) continue;
    const int lock = lock_folder(it->path());
    if (lock < 0) continue;
    std::error_code error;
    fs::remove_all(it->path(), error);
    ::close(lock);
  }
}

struct Move {
  fs::path from, to;
  bool replaces = false;
};

Move planned(const fs::path& from, fs::path to) {
  struct stat old {};
  if (::lstat(to.c_str(), &old) != 0) return {from, to, false};
  if (S_ISLNK(old.st_mode)) {
    std::error_code error;
    const fs::path target = fs::canonical(to, error);
    if (error) throw io_error(cat("'", to.string(), "' is a link to a file that does not exist"));
    to = target;
  }
  if (::stat(to.c_str(), &old) != 0 || !S_ISREG(old.st_mode))
    throw io_error(cat("'", to.string(), "' is no file: it cannot be replaced"));
  if ((old.st_mode & 0222) == 0 || ::access(to.c_str(), W_OK) != 0)
    throw io_error(cat("'", to.string(), "' is read-only"), cat("chmod u+w '", to.string(), "'"));
  ::chmod(from.c_str(), old.st_mode & 0777);
  if (::geteuid() == 0 && ::chown(from.c_str(), old.st_uid, old.st_gid) != 0)
    throw io_error(cat("cannot keep the owner of '", to.string(), "': ", std::strerror(errno)));
  return {from, to, true};
}

/// Where both names exist they are exchanged in one step, so that the old file is at hand to go back.
bool carry_out(const Move& move) {
  const unsigned flags = move.replaces ? RENAME_EXCHANGE : RENAME_NOREPLACE;
  if (::renameat2(AT_FDCWD, move.from.c_str(), AT_FDCWD, move.to.c_str(), flags) == 0) return true;
  if (errno != EINVAL && errno != ENOSYS) return false;
  return ::rename(move.from.c_str(), move.to.c_str()) == 0;  // a file system that knows no exchange
}

/// Adds the folders that had to be made to `made`, the outer ones first.
bool make_folders(const fs::path& folder, std::vector<fs::path>& made) {
  if (folder.empty() || ::mkdir(folder.c_str(), 0777) == 0) {
    if (!folder.empty()) made.push_back(folder);
    return true;
  }
  if (errno == EEXIST) return true;
  if (errno != ENOENT || !make_folders(folder.parent_path(), made) || ::mkdir(folder.c_str(), 0777) != 0) return false;
  made.push_back(folder);
  return true;
}

}  // namespace

Workshop::Workshop(const fs::path& folder) : folder_(folder.empty() ? "." : folder) {
  if (::access(folder_.c_str(), W_OK) != 0)
    throw io_error(cat("cannot write into '", folder_.string(), "': ", std::strerror(errno)));
  remove_leftovers(folder_);
  path_ = folder_ / cat(kPrefix, static_cast<int64_t>(::getpid()));
  for (int i = 1; ::mkdir(path_.c_str(), 0777) != 0; ++i) {  // the number of a process in another container
    if (errno != EEXIST || i > 1000)
      throw io_error(cat("cannot create folder '", path_.string(), "': ", std::strerror(errno)));
    path_ = folder_ / cat(kPrefix, static_cast<int64_t>(::getpid()) * 1000 + i);
  }
  lock_ = lock_folder(path_);
}

Workshop::~Workshop() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
  if (lock_ >= 0) ::close(lock_);
}

Error Workshop::with_final_names(const Error& error) const {
  const std::string draft = path_.string() + "/", place = folder_ == "." ? "" : (folder_ / "").string();
  const auto renamed = [&](std::string text) {
    for (size_t at = text.find(draft); at != std::string::npos; at = text.find(draft, at + place.size()))
      text.replace(at, draft.size(), place);
    return text;
  };
  Error out(error.code(), renamed(error.message()), renamed(error.hint()));
  for (const std::string& frame : error.frames()) out.add_frame(renamed(frame));
  return out;
}

std::vector<std::string> Workshop::files() const {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(path_))
    if (entry.symlink_status().type() != fs::file_type::directory)
      names.push_back(entry.path().lexically_relative(path_).string());
  std::sort(names.begin(), names.end());
  return names;
}

void Workshop::publish() {
  std::vector<Move> moves;
  for (const std::string& name : files()) {
    const fs::path to = folder_ == "." ? fs::path(name) : folder_ / name;
    moves.push_back(planned(path_ / name, to));
  }
  std::vector<fs::path> made;
  const auto take_back = [&](size_t done) {
    while (done-- > 0)
      if (moves[done].replaces)
        carry_out(moves[done]);
      else
        ::unlink(moves[done].to.c_str());
    for (size_t k = made.size(); k-- > 0;) ::rmdir(made[k].c_str());
  };
  for (size_t i = 0; i < moves.size(); ++i) {
    if (make_folders(moves[i].to.parent_path(), made) && carry_out(moves[i])) continue;
    const std::string why = std::strerror(errno);
    take_back(i);
    throw io_error(cat("cannot write '", moves[i].to.string(), "': ", why));
  }
}

void require_source_survives(const std::string& source, const std::string& result, const std::string& hint) {
  std::error_code ignored;
  if (fs::equivalent(source, result, ignored))
    throw invalid_argument(cat("the result '", result, "' would overwrite the source"), hint);
}

}  // namespace hone

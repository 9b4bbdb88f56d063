#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"

namespace hone {

/// A hidden folder ".hone-PID" beside where results go. Files are written and proven in it under their final names and
/// moved to their places at the end, all or none; without publish() nothing is left and nothing was touched. What runs
/// that were killed have left is removed: a lock on the folder tells the living.
class Workshop {
 public:
  /// `folder` must exist. Throws Error(io) when nothing can be written there.
  explicit Workshop(const std::filesystem::path& folder);
  ~Workshop();
  Workshop(const Workshop&) = delete;
  Workshop& operator=(const Workshop&) = delete;

  std::string path() const { return path_.string(); }
  std::string file(const std::string& name) const { return (path_ / name).string(); }

  /// An error of work in here, speaking of the files' final places.
  Error with_final_names(const Error& error) const;

  /// Names of all files in it, those in folders too, sorted.
  std::vector<std::string> files() const;

  /// Moves every file in it to the folder, those in folders to folders of that name. Files that are there give their
  /// mode to the new ones; read-only ones, and anything that is no file, are an Error(io) before anything moved. When a
  /// move fails the moved ones go back.
  void publish();

 private:
  std::filesystem::path folder_, path_;
  int lock_ = -1;
};

/// Throws Error(invalid_argument) with this hint when writing `result` would overwrite `source`.
void require_source_survives(const std::string& source, const std::string& result, const std::string& hint);

}  // namespace hone

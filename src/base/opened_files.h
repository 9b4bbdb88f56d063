#pragma once

#include <string>
#include <vector>

namespace hone {

/// The files that this thread opened to read while this lives: what a model was made of, whatever its format. The
/// innermost notes.
class OpenedFiles {
 public:
  OpenedFiles();
  ~OpenedFiles();
  OpenedFiles(const OpenedFiles&) = delete;
  OpenedFiles& operator=(const OpenedFiles&) = delete;

  /// As they were named.
  const std::vector<std::string>& paths() const { return paths_; }
  /// By who opens one.
  static void note(const std::string& path);

 private:
  std::vector<std::string> paths_;
  OpenedFiles* outer_;
};

}  // namespace hone

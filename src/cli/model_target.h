#pragma once

#include <optional>
#include <string>

#include "cli/console.h"
#include "compress/file_forms.h"

namespace hone {

/// Where a command's model goes: to a file, into a pipe or device that is there, or, for "-", to standard output, which
/// then carries nothing else.
class ModelTarget {
 public:
  /// `format` may be "" where the name's extension says it, and may not contradict one.
  /// Throws Error(invalid_argument).
  ModelTarget(const std::string& name, const std::string& format);

  bool is_stream() const { return name_ == "-"; }
  /// The file to write.
  const std::string& path() const { return path_; }
  /// What names the format to write, ".tflite"; "" where the path does.
  std::string_view extension() const { return extension_; }
  /// As people call it.
  std::string shown() const { return is_stream() ? "standard output" : name_; }
  /// Passes on what stands in path() where that is no place to stay, and prints the report: on standard error when the
  /// model takes standard output. `has_model`: it was written.
  void finish(Console& console, const std::string& report, bool has_model = true) const;

 private:
  std::string name_;
  std::optional<TemporaryFolder> folder_;  ///< of what is passed on
  std::string path_;
  std::string_view extension_;
};

}  // namespace hone

#pragma once

#include <optional>
#include <string>

#include "cli/console.h"
#include "compress/file_forms.h"

namespace hone {

/// Where a command's model goes: to a file, or, for "-", to standard output, which then carries nothing else.
class ModelTarget {
 public:
  /// `format` may be "" where the file's extension says it, and may not contradict one; standard output needs one.
  /// Throws Error(invalid_argument).
  ModelTarget(const std::string& name, const std::string& format);

  bool is_stream() const { return folder_.has_value(); }
  /// The file to write.
  const std::string& path() const { return path_; }
  /// What names the format to write, ".tflite"; "" where the path does.
  std::string_view extension() const { return extension_; }
  /// As people call it.
  std::string shown() const { return is_stream() ? "standard output" : path_; }
  /// The report, beside the model: on standard error when the model takes standard output. `has_model`: it was written.
  void finish(Console& console, const std::string& report, bool has_model = true) const;

 private:
  std::optional<TemporaryFolder> folder_;
  std::string path_;
  std::string_view extension_;
};

}  // namespace hone

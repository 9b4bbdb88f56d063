#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "measure/metric.h"

namespace hone {

/// A folder of outputs for a command that scores them: samples.csv (`sample,label`) and for each sample a folder of
/// its number with an .npy (f32) an output. Gone with the object.
class OutputsFolder {
 public:
  OutputsFolder(const Task& task, const std::string& where);
  ~OutputsFolder();
  OutputsFolder(const OutputsFolder&) = delete;
  OutputsFolder& operator=(const OutputsFolder&) = delete;

  /// Thread-safe for different samples.
  void add(size_t sample, std::span<const Numbers> outputs) const;
  /// Runs `command` by /bin/sh with {outputs} replaced by the folder; the numbers it prints, one a line: one for each
  /// sample or one for all. Throws Error(invalid_argument) for another exit status than 0 or other output.
  std::vector<double> score(const std::string& command) const;

 private:
  std::filesystem::path path_;
  const Task& task_;
};

}  // namespace hone

#pragma once

#include <span>
#include <string>
#include <vector>

#include "compress/candidate.h"
#include "measure/samples.h"

namespace hone {

/// A folder that disappears with its content.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Writes `graph` as DIRECTORY/STEM.FORMAT. A format that cannot hold it yields a form without bytes, saying why.
FileForm write_form(const Graph& graph, const std::string& format, const std::string& directory,
                    const std::string& stem);

/// What hone runs when it is given that file.
Graph read_form(const FileForm& form, const Engine& engine);

/// Times models as their files run: each distinct list of steps once, in turns with the others.
class FileTimer {
 public:
  FileTimer(const Engine& engine, std::vector<Tensor> sample);
  /// Plans `graph`, fills in memory and steps of `form`, and remembers to time it.
  void add(const Graph& graph, FileForm& form);
  /// Measures all that were added.
  void measure(double seconds_each, const Progress& progress);
  Latency latency_of(const FileForm& form) const;

 private:
  const Engine& engine_;
  std::vector<Tensor> sample_;
  std::vector<std::string> steps_;
  std::vector<Session> sessions_;
  std::vector<Latency> latencies_;
};

/// Latency of the slower, size of the smaller and memory of the larger of the candidate's files.
void summarize_files(Candidate& candidate);

}  // namespace hone

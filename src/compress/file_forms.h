#pragma once

#include <span>
#include <string>
#include <vector>

#include "compress/candidate.h"
#include "compress/source_model.h"
#include "measure/engine.h"
#include "peers/peer.h"

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

/// The model as given, as it will be run: the source itself where a peer runs files of its format, else what hone
/// writes of it, as write_form.
FileForm source_form(const SourceModel& source, const Peer* peer, const std::string& format,
                     const std::string& directory);

/// Who runs files for the judge and the clock, as their user will: hone, or a peer.
class FileRuntime {
 public:
  /// `peer` null: hone's engine. Both must outlive this.
  FileRuntime(const Engine& engine, const Peer* peer) : engine_(engine), peer_(peer) {}

  const Peer* peer() const { return peer_; }
  /// What runs the file of `form`, into which `graph` was written, on inputs like `sample`. Tells `form` by whom, its
  /// memory and its steps. The file may go after the inferences were made. Throws what reading it throws.
  InferMaker open(FileForm& form, const Graph& graph, std::span<const Tensor> sample) const;

 private:
  const Engine& engine_;
  const Peer* peer_;
};

/// Times files as they run: each distinct list of steps once, in turns with the others.
class FileTimer {
 public:
  explicit FileTimer(std::vector<Tensor> sample) : sample_(std::move(sample)) {}
  const std::vector<Tensor>& sample() const { return sample_; }
  /// Remembers to time `file`, what FileRuntime::open made of `form`.
  void add(const FileForm& form, const InferMaker& file);
  /// Measures all that were added.
  void measure(double seconds_each, const Progress& progress);
  Latency latency_of(const FileForm& form) const;

 private:
  std::vector<Tensor> sample_;
  std::vector<std::string> steps_;
  std::vector<Infer> models_;
  std::vector<Latency> latencies_;
};

/// Latency of the slower, size of the smaller and memory of the larger of the candidate's files.
void summarize_files(Candidate& candidate);

}  // namespace hone

#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "compress/job.h"

namespace hone {

/// The folder of the results, made before hours of work and gone again when nothing was written into it. Models are
/// written and proven in a hidden folder inside; an interruption leaves what was there before.
class ResultFolder {
 public:
  /// Throws Error(io) when it cannot be made or written into.
  explicit ResultFolder(const std::string& path);
  ~ResultFolder();
  ResultFolder(const ResultFolder&) = delete;
  ResultFolder& operator=(const ResultFolder&) = delete;

  std::string workshop() const { return workshop_.string(); }
  /// Moves what was proven to its place.
  void publish(std::vector<Deliverable>& files) const;

 private:
  std::filesystem::path path_, workshop_;
  bool is_new_ = false;
};

/// Writes `graph`, the outcome's best with its manifest, into `directory` in each of the job's formats, reads each file
/// back, judges and times it by itself, beside the baseline. A format that cannot hold it yields an entry without bytes
/// that says why. Throws Error(unsupported) when no format can.
std::vector<Deliverable> deliver(const Graph& graph, const Job& job, const Engine& engine, const Judge& judge,
                                 const Outcome& outcome, const std::string& directory, const Sink& sink);

}  // namespace hone

#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/workshop.h"
#include "compress/job.h"

namespace hone {

/// The folder of the results, made before hours of work and gone again when nothing was written into it. Files are
/// written and proven in a workshop inside; an interruption leaves what was there before.
class ResultFolder {
 public:
  /// Throws Error(io) when it cannot be made or written into.
  explicit ResultFolder(const std::string& path);
  ~ResultFolder();
  ResultFolder(const ResultFolder&) = delete;
  ResultFolder& operator=(const ResultFolder&) = delete;

  std::string workshop() const { return workshop_->path(); }
  /// Where a file of the workshop will lie.
  std::string final_path(const std::string& path) const;
  /// Moves what was proven to its place, all or nothing.
  void publish() { workshop_->publish(); }

 private:
  std::filesystem::path path_;
  bool is_new_ = false;
  std::optional<Workshop> workshop_;
};

/// Writes `graph`, the outcome's best with its manifest, to which golden answers are added, into `directory` in each of
/// the job's formats, reads each file back, judges and times it by itself, beside the baseline. A format that cannot
/// hold it yields an entry without bytes that says why. Throws Error(unsupported) when no format can.
std::vector<Deliverable> deliver(const Graph& graph, const Job& job, const Engine& engine, const Judge& judge,
                                 const Outcome& outcome, const std::string& directory, const Sink& sink);

}  // namespace hone

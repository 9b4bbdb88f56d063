#pragma once

#include <map>
#include <memory>
#include <string>

#include "compress/calibrate.h"

namespace hone {

/// Representative data of one source model and who runs it: what a transform may look at beside a graph. Copies share
/// what was collected.
class Evidence {
 public:
  Evidence() = default;  ///< none
  /// `progress` follows each collection, in samples.
  Evidence(SampleSource samples, Engine engine, Progress progress = {});

  bool is_empty() const { return samples_.count == 0; }
  const SampleSource& samples() const { return samples_; }
  const Engine& engine() const { return engine_; }
  const Progress& progress() const { return progress_; }
  /// Of `graph`, which the steps `made_by` (as text) made of the source; collected when first asked for.
  const Statistics& statistics(const std::string& made_by, const Graph& graph) const;

 private:
  SampleSource samples_;
  Engine engine_;
  Progress progress_;
  std::shared_ptr<std::map<std::string, Statistics>> collected_;
};

}  // namespace hone

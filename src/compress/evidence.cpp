#include "compress/evidence.h"

namespace hone {

Evidence::Evidence(SampleSource samples, Engine engine, Progress progress)
    : samples_(std::move(samples)),
      engine_(std::move(engine)),
      progress_(std::move(progress)),
      collected_(std::make_shared<std::map<std::string, Statistics>>()) {}

const Statistics& Evidence::statistics(const std::string& made_by, const Graph& graph) const {
  static const Statistics kNone;
  if (!collected_) return kNone;
  const auto known = collected_->find(made_by);
  if (known != collected_->end()) return known->second;
  return (*collected_)[made_by] = collect_statistics(graph, samples_, engine_, progress_);
}

}  // namespace hone

#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/spread.h"
#include "ir/graph.h"

namespace hone {

/// What was found of an input or output.
struct Drift {
  std::string tensor;
  bool is_input = false;
  int64_t runs = 0;                 ///< that were looked at
  std::optional<double> stability;  ///< population stability index; none: too few runs, or nothing to compare with
  std::optional<double> clipped;    ///< share of the numbers at the ends of the integers that store them, 0…1
  std::optional<double> expected_clipped;  ///< the same on the data that the model was made with
};

/// Compares what a model is given with the data that it was made with, as `optimize` writes that into its manifest.
/// Looks at 256 numbers of a tensor in each run, at others each time, and at the last 1,000 to 2,000 runs. Thread-safe.
class DriftWatch {
 public:
  /// Watches nothing where the model has no such manifest, or one that makes no sense.
  explicit DriftWatch(const Graph& graph);

  void see(std::span<const Tensor> inputs, std::span<const Tensor> outputs);
  std::vector<Drift> findings() const;

 private:
  struct Watched {
    Spread expected;
    bool is_input = false;
    SpreadCounts now, before;  ///< of this window, and of the one before it
  };

  static constexpr int64_t kNumbers = 256, kWindow = 1000, kLeastRuns = 20;

  mutable std::mutex mutex_;
  int64_t runs_ = 0, runs_now_ = 0, runs_before_ = 0;
  std::vector<Watched> tensors_;  ///< inputs, then outputs
  size_t inputs_ = 0;
};

}  // namespace hone

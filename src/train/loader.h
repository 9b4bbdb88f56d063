#pragma once

#include <optional>
#include <span>
#include <vector>

#include "train/trainer.h"

namespace hone {

/// A batch as the model takes it, and what goes with it.
struct Batch {
  std::vector<Tensor> inputs;
  std::vector<int64_t> labels;  ///< −1 where there is none
};

/// Loads samples side by side.
class Loader {
 public:
  /// `types`: of the model's inputs, a batch long. `options` must outlive it.
  Loader(std::vector<TensorType> types, const TrainOptions& options, int threads)
      : options_(options), threads_(threads), types_(std::move(types)) {}

  /// Samples `which`, changed by the augments when `epoch` is one of training. Throws Error(invalid_argument) for a
  /// sample that is not what the model takes, or that is too small for what an augment does.
  Batch load(const TrainingData& data, std::span<const size_t> which, std::optional<uint64_t> epoch) const;

 private:
  const TrainOptions& options_;
  int threads_;
  std::vector<TensorType> types_;
};

}  // namespace hone

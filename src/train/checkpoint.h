#pragma once

#include <string>
#include <vector>

#include "tensor/tensor.h"
#include "train/results.h"

namespace hone {

/// Where training stands after an epoch: all that the next one depends on.
struct Checkpoint {
  std::vector<EpochResult> results;
  std::vector<Tensor> states;  ///< of the training graph, in its order
  std::vector<Tensor> best;    ///< weights of the best result
};

/// A .npz of the states, the best weights, the results and `identity`, a digest of the job that it belongs to. Throws
/// Error(io); a crash leaves the old file or the new one.
void write_checkpoint(const std::string& path, const std::string& identity, const Checkpoint& checkpoint);

/// Throws Error(not_found), Error(invalid_argument) for what is no checkpoint or one of another job.
Checkpoint read_checkpoint(const std::string& path, const std::string& identity);

}  // namespace hone

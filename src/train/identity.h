#pragma once

#include <string>

#include "train/trainer.h"

namespace hone {

/// A digest of all that decides what training gives: models, options, how many samples with which labels. The samples
/// themselves are not read.
std::string identity_of(const Graph& model, const Graph* teacher, const TrainingData& data,
                        const TrainingData& held_out, const TrainOptions& options);

}  // namespace hone

#pragma once

#include <cstdint>

#include "compress/evidence.h"
#include "ir/graph.h"

namespace hone {

/// `student` trained for so many epochs to answer as `teacher` does on the samples of `evidence`: by softened scores
/// where the teacher ends in a Softmax, else by all float outputs. No labels are needed; a tenth of the samples judges
/// which weights are kept. Both take the same inputs and give the same outputs. Throws Error(invalid_argument) for
/// fewer than ten samples, Error(cancelled) when interrupted.
Graph taught(const Graph& student, const Graph& teacher, const Evidence& evidence, int64_t epochs);

/// Throws Error(invalid_argument) for fewer than ten samples and Error(unsupported) for a model that cannot be trained,
/// before anything long begins.
void require_trainable(const Graph& graph, size_t samples);

}  // namespace hone

#pragma once

#include "ir/graph.h"

namespace hone {

/// `graph` for `samples` samples at once: every input's first axis, which counts samples and is 1 or open, becomes that
/// long. Reshapes that state a batch of 1 keep the batch that comes. Throws Error(unsupported) where the graph holds
/// one sample only, naming what does.
Graph with_batch(const Graph& graph, int64_t samples);

}  // namespace hone

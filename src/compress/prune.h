#pragma once

#include "compress/evidence.h"
#include "ir/graph.h"

namespace hone {

struct PruneOptions {
  double macs = 0.7;  ///< share of the multiply-accumulates that stays, 0 … 1
};

struct Pruned {
  Graph graph;
  int64_t macs_before = 0, macs_after = 0;  ///< of layers with weights
  int64_t channels_before = 0, channels_after = 0;
};

/// Structured pruning of a float graph without training: whole channels leave until at most `macs` of the
/// multiply-accumulates are left, the remaining weights are refitted on unlabelled data (refit.h). Channels that only
/// go together are groups (channel_groups.h). The next to go is the one whose loss costs least for what it saves: the
/// error that it leaves at the layers that read it, in parts of what they make, when their other weights make up
/// for it as well as they can, wᵀ·([H⁻¹]ᵦᵦ)⁻¹·w with H the second moments of their inputs (Hassibi and Stork, "Optimal
/// Brain Surgeon", 1993; for structures Kurtic et al., "ZipLM", 2023). At least an eighth of each group stays. Throws
/// Error(invalid_argument) when macs is not in 0…1, or no channel may go.
Pruned prune(const Graph& graph, const Evidence& evidence, const PruneOptions& options = {});

}  // namespace hone

#pragma once

#include <vector>

#include "compress/channel_groups.h"
#include "compress/evidence.h"

namespace hone {

struct RefitOptions {
  size_t samples = 512;      ///< of the evidence at most, spread evenly
  bool keeps_zeros = false;  ///< weights that are zero stay so: for single weights pruned instead of channels
};

/// `pruned` is `original` with the channels `kept` (see with_channels). Layer by layer in execution order, weights and
/// bias become those of the least squares between what the layer makes of its inputs in `pruned` as refitted so far and
/// what stays of the original layer's results on the same samples, held to the weights as they are where the data says
/// little; where the result is added to another, that one's error is made up for too. Two runs of each sample for
/// each layer. Sources: He et al., "Channel Pruning for Accelerating Very Deep Neural Networks", 2017, section 3.2.
Graph refit(const Graph& original, Graph pruned, const ChannelGroups& groups,
            const std::vector<std::vector<int64_t>>& kept, const Evidence& evidence, const RefitOptions& options = {});

}  // namespace hone

#pragma once

#include "ir/graph.h"

namespace hone {

/// `source` with the share `width` of the channels of every group that may lose some (channel_groups.h): those whose
/// weights are longest where they are made stay, with their numbers. A student of the same shape for a teacher. Source:
/// Li et al., Pruning Filters for Efficient ConvNets, 2017. Throws Error(invalid_argument) when width is not in 0…1, or
/// no channel may go.
Graph narrowed(const Graph& source, double width);

}  // namespace hone

#pragma once

#include <vector>

#include "ir/graph.h"

namespace hone {

/// Channels that can only go together: the last axis of all `values`, what the weights of `makers` write, those of
/// `readers` read and those of `carriers` (depthwise) pass on. Derived from the operators' channel_rule.
struct ChannelGroup {
  int64_t channels = 0;
  std::vector<ValueId> values;  ///< activations, and constants that meet them element by element
  std::vector<NodeId> makers, readers, carriers;
  bool is_fixed = false;  ///< something needs the channels as they are: an input, an output, an operator without a rule
};

struct ChannelGroups {
  std::vector<ChannelGroup> groups;  ///< in execution order of their first values
  std::vector<int> of_value;         ///< by value index; −1: none
};

ChannelGroups channel_groups(const Graph& graph);

/// `graph` without the channels that kept[g], the indices that stay in ascending order, leaves out of group g. The
/// weights that stay keep their numbers.
Graph with_channels(const Graph& graph, const ChannelGroups& groups, const std::vector<std::vector<int64_t>>& kept);

}  // namespace hone

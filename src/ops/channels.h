#pragma once

#include <cstdint>

#include "ir/graph.h"

namespace hone {

/// What an operator does with channels, the last axis of its activations.
enum class ChannelRule : uint8_t {
  kFixed,      ///< their number and order must stay
  kEach,       ///< channel c of each result comes from channel c of the inputs alone; inputs of last size 1 spread
  kMix,        ///< weights [O, …, I] read all of them and make others: Conv, FullyConnected
  kDepthwise,  ///< weights [C, …, 1] turn channel c into channel c
};

/// By the operator's row, and what its attributes and constants say; kFixed where sizes are unknown.
ChannelRule channel_rule(const Graph& graph, const Node& node);

}  // namespace hone

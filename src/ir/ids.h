#pragma once

#include <compare>
#include <cstdint>

namespace hone {

/// Index of a value or node of one graph; stable while the graph lives. Default: none (an absent optional input).
struct ValueId {
  int32_t index = -1;
  bool exists() const { return index >= 0; }
  friend auto operator<=>(ValueId, ValueId) = default;
};
struct NodeId {
  int32_t index = -1;
  bool exists() const { return index >= 0; }
  friend auto operator<=>(NodeId, NodeId) = default;
};

}  // namespace hone

#pragma once

#include <functional>
#include <vector>

#include "ir/graph.h"

namespace hone {

/// A graph being written anew from another, node by node: `map[old value index]` is the value in `graph`.
struct Rebuild {
  explicit Rebuild(const Graph& source);

  const Graph& from;
  Graph graph;  ///< has name, metadata and arithmetic of the source, and nothing else
  std::vector<ValueId> map;

  ValueId& operator[](ValueId old) { return map[static_cast<size_t>(old.index)]; }
  /// The constant `old`, copied on first use.
  ValueId constant(ValueId old);
  /// Copies the states; what they become is said by the caller, when the nodes are there.
  void add_states();
  /// Copies a node with the given inputs, keeping names, types and subgraphs; maps its outputs.
  NodeId copy(const Node& node, std::vector<ValueId> inputs);
  /// NodeSpec of `node` with other inputs, for callers that change types.
  NodeSpec spec_of(const Node& node, std::vector<ValueId> inputs) const;
};

}  // namespace hone

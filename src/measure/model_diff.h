#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace hone {

/// What became of one node of a in b.
struct NodeDiff {
  enum class Kind : int { added, removed, changed };
  Kind kind = Kind::changed;
  std::string name;               ///< of its first output's value, by which nodes are matched
  std::string op;                 ///< in b; in a when it was removed
  std::vector<std::string> what;  ///< of a changed one: operator, attributes, storage, inputs, each as "A -> B";
                                  ///< weights by their error
};

struct ModelDiff {
  int64_t same = 0;             ///< nodes that are equal in every respect
  std::vector<NodeDiff> nodes;  ///< those that are not, in b's order, the removed ones last
};

/// Compares two graphs that went through the same passes, node by node. Weights are compared as the real numbers that
/// they stand for.
ModelDiff diff_models(const Graph& a, const Graph& b);

}  // namespace hone

#pragma once

#include <map>
#include <set>
#include <span>
#include <string>

#include "ir/graph.h"
#include "measure/engine.h"

namespace hone {

/// Values of one run by name.
using SeenValues = std::map<std::string, Tensor, std::less<>>;

/// Runs a graph as it is and shows the values that were asked for, graph inputs included.
class Watcher {
 public:
  Watcher(const Graph& graph, std::set<std::string> values, const Engine& engine);
  /// The values of a run on `inputs`, in graph order; they are the caller's.
  SeenValues run(std::span<const Tensor> inputs);

 private:
  Runner runner_;
  std::set<std::string> values_;
};

}  // namespace hone

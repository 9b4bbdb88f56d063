#pragma once

#include <optional>
#include <span>
#include <vector>

#include "measure/engine.h"

namespace hone {

/// One node of a graph, run by itself on real numbers: what its own arithmetic does, whatever stands before it.
class NodeProbe {
 public:
  /// Nothing when the node has subgraphs or a size is open.
  static std::optional<NodeProbe> make(const Graph& graph, NodeId id, const Engine& engine);

  /// The values that run takes, each once: those inputs of the node that are no constants.
  const std::vector<ValueId>& inputs() const { return inputs_; }
  /// Output 0 for real numbers of each input, stored as the node takes them.
  std::vector<double> run(std::span<const std::vector<double>* const> values);

 private:
  NodeProbe(Session session, std::vector<ValueId> inputs, std::vector<TensorType> types)
      : session_(std::move(session)), inputs_(std::move(inputs)), types_(std::move(types)) {}

  Session session_;
  std::vector<ValueId> inputs_;
  std::vector<TensorType> types_;
};

}  // namespace hone

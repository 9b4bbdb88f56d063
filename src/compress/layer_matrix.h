#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace hone {

/// A Conv or FullyConnected with constant weights as a matrix product: for each group, y = W·x + b with W: [R, K] (its
/// weights as they are stored), x the K numbers under the window.
struct LayerMatrix {
  NodeId node;
  int64_t groups = 1;
  int64_t rows = 0;      ///< R, output channels of a group
  int64_t columns = 0;   ///< K = taps · channels
  int64_t channels = 0;  ///< input channels of a group; column k belongs to channel k mod channels

  int64_t all_rows() const { return groups * rows; }
};

/// None for other nodes, and where the weights are not constant.
std::optional<LayerMatrix> as_matrix(const Graph& graph, NodeId node);
/// Every such layer in execution order.
std::vector<LayerMatrix> matrix_layers(const Graph& graph);

/// `graph` where no such layer shares weights or bias with another user, so that they may change for it alone: equal
/// constants are merged when models are read, zero biases above all.
Graph with_own_constants(Graph graph);

/// Names of the nodes with weights before or behind which no others stand: the first layers and the last. They see raw
/// inputs and make the answer, and few bits cost most there.
std::set<std::string> outer_layers(const Graph& graph);

/// Rows of numbers that a layer's window saw at some of its places.
struct Patches {
  int64_t count = 0;        ///< P
  std::vector<float> data;  ///< [groups, P, K]
};

/// What the layer sees of its input x, at `most` places at most, spread evenly; always the same places.
Patches patches_of(const Graph& graph, const LayerMatrix& layer, const Tensor& x, int64_t most);

}  // namespace hone

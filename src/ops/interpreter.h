#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "ir/graph.h"

namespace hone {

/// Options of the reference interpreter.
struct EvalOptions {
  uint64_t seed = 0;  ///< for random operators
  /// Called after each top-level node with its outputs, e.g. to collect ranges or compare layers.
  std::function<void(NodeId, std::span<const Tensor>)> observe;
  /// What the graph's states hold, in their order: read, then replaced. Empty: their initial values. Null: those, and
  /// what they become is forgotten.
  std::vector<Tensor>* states = nullptr;
};

/// Runs one node on concrete inputs: chooses eval, eval_quantized or dequantize → eval → quantize, and checks that the
/// results have the dtypes inference promised. `bodies`, when there, runs the subgraphs of a control operator. Throws
/// Error with a frame naming the node.
std::vector<Tensor> evaluate_node(const Node& node, std::span<const TensorType* const> output_types,
                                  std::span<const Tensor> inputs, QuantArithmetic arithmetic, uint64_t seed = 0,
                                  BodyRunner* bodies = nullptr);

/// Runs a whole graph node by node: plain, slow, the judge of everything else. `inputs` in the order of graph.inputs();
/// their dtypes and known dims must match. Any symbol may take any size. Values are freed after their last use.
std::vector<Tensor> evaluate(const Graph& graph, std::span<const Tensor> inputs, const EvalOptions& options = {});

}  // namespace hone

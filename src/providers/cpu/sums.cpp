#include "providers/cpu/sums.h"

#include <algorithm>

#include "ops/binary.h"

namespace hone::cpu {

namespace {

/// Computed by a node with one result that one node reads, once.
bool feeds_alone(const Graph& graph, ValueId id) {
  const Node* producer = graph.producer(id);
  return producer && producer->outputs.size() == 1 && graph.value(id).users.size() == 1 && !graph.is_output(id);
}

Claim claim_of(const SumRequest& sum, const SumKernel& kernel) {
  const Node& last = sum.sum.node();
  Claim claim{.nodes = {sum.layer.id, sum.sum.id},
              .inputs = sum.layer.node().inputs,
              .outputs = last.outputs,
              .op = kernel.op,
              .kernel = kernel.name,
              .make = [sum, make = kernel.make] { return make(sum); }};
  claim.inputs.push_back(last.inputs[1 - sum.at]);
  return claim;
}

}  // namespace

std::vector<Claim> claim_sums(const ClaimRequest& request, std::span<const SumKernel> kernels) {
  const Graph& graph = request.graph;
  const std::vector<NodeId> order = graph.order();
  std::vector<size_t> place(graph.node_capacity());
  for (size_t i = 0; i < order.size(); ++i) place[static_cast<size_t>(order[i].index)] = i;
  std::vector<Claim> claims;
  for (const NodeId id : order) {
    const Node& last = graph.node(id);
    if (!last.is<Add>()) continue;
    std::vector<std::pair<size_t, size_t>> layers;  // place, input of the Add
    for (size_t at = 0; at < 2; ++at)
      if (feeds_alone(graph, last.inputs[at]))
        layers.emplace_back(place[static_cast<size_t>(graph.value(last.inputs[at]).producer.index)], at);
    std::sort(layers.rbegin(), layers.rend());
    for (const auto& [before, at] : layers)
      for (const SumKernel& kernel : kernels)
        if (kernel.layer == graph.node(order[before]).def)
          claims.push_back(claim_of({request.node(order[before]), request.node(id), at}, kernel));
  }
  return claims;
}

}  // namespace hone::cpu

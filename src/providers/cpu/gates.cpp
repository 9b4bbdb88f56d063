#include "providers/cpu/gates.h"

#include <limits>

#include "ops/binary.h"
#include "ops/unary.h"

namespace hone::cpu {

std::vector<Claim> claim_silu(const ClaimRequest& request, MakeStep make, const KernelTable& table) {
  const Graph& graph = request.graph;
  std::vector<Claim> claims;
  for (const NodeId id : graph.order()) {
    const Node& product = graph.node(id);
    if (!product.is<Mul>() || product.as<Mul>().act_min > -std::numeric_limits<float>::infinity() ||
        product.as<Mul>().act_max < std::numeric_limits<float>::infinity())
      continue;
    for (size_t at = 0; at < 2; ++at) {
      const Node* sigmoid = graph.producer(product.inputs[at]);
      if (!sigmoid || !sigmoid->is<Sigmoid>() || sigmoid->inputs[0] != product.inputs[1 - at] ||
          graph.value(product.inputs[at]).users.size() != 1 || graph.is_output(product.inputs[at]) ||
          !is_f32(graph.type(product.outputs[0])))
        continue;
      const NodeId gate = graph.value(product.inputs[at]).producer;
      claims.push_back({.nodes = {gate, id},
                        .inputs = {sigmoid->inputs[0]},
                        .outputs = product.outputs,
                        .op = "Sigmoid+Mul",
                        .kernel = "silu_f32",
                        .make = [r = request.node(gate), make, &table] { return make(r, table); }});
      break;
    }
  }
  return claims;
}

}  // namespace hone::cpu

#include "passes/bounds.h"

#include "ops/unary.h"
#include "passes/rewrite.h"

namespace hone {

std::optional<Bounds> bounds_of(const Node& node) {
  if (node.is<Relu>()) return Bounds{0};
  if (node.is<Clamp>()) return Bounds{node.as<Clamp>().min, node.as<Clamp>().max};
  return std::nullopt;
}

bool is_transparent(const Graph& graph, ValueId middle, ValueId result) {
  return !graph.type(middle).quant || same_storage(graph.type(middle), graph.type(result));
}

}  // namespace hone

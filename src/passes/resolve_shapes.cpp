#include <algorithm>

#include "ops/binary.h"
#include "ops/movement.h"
#include "ops/shaping.h"
#include "ops/unary.h"
#include "passes/rewrite.h"
#include "passes/shape_values.h"
#include "passes/simplify.h"

namespace hone {
namespace {

/// A constant of the value's type when all elements are numbers.
Tensor as_constant(const ShapeElements& elements, const TensorType& type) {
  if (!is_integer(type.dtype) || type.quant || !type.shape.has_rank()) return {};
  std::vector<int64_t> numbers;
  for (const ShapeElement& x : elements) {
    if (!x.number) return {};
    numbers.push_back(*x.number);
  }
  if (type.shape.rank() == 0 && numbers.size() != 1) return {};
  const Dims dims = type.shape.rank() == 0 ? Dims{} : Dims{static_cast<int64_t>(numbers.size())};
  Tensor result = Tensor::of<int64_t>(dims, std::span<const int64_t>(numbers));
  return type.dtype == DType::kI64 ? result : cast(result, type.dtype);
}

bool settle_argument(Graph& graph, NodeId id, ShapeValues& values) {
  const Node& node = graph.node(id);
  if (!node.is<Reshape>() || graph.is_constant(node.input(1)) || node.as<Reshape>().allow_zero) return false;
  const ShapeElements* target = values.find(node.input(1));
  if (!target) return false;
  const auto argument = settled_reshape(graph.type(node.inputs[0]).shape, *target);
  if (!argument) return false;
  graph.set_input(id, 1, add_ints(graph, *argument));
  return true;
}

}  // namespace

int64_t resolve_shapes(Graph& graph, PassContext& context) {
  int64_t changes = 0;
  ShapeValues values(graph);
  for (NodeId id : graph.order()) {
    if (context.budget.left <= 0) break;
    bool changed = settle_argument(graph, id, values);
    if (!changed && graph.node(id).outputs.size() == 1) {
      const ValueId out = graph.node(id).outputs[0];
      const ShapeElements* elements = values.find(out);
      Tensor constant = elements ? as_constant(*elements, graph.type(out)) : Tensor();
      if (constant.exists()) {
        graph.replace_uses(out, graph.add_constant(std::move(constant), graph.value(out).name));
        graph.remove(id);
        changed = true;
      }
    }
    if (changed && context.budget.take()) ++changes;
  }
  return changes;
}

}  // namespace hone

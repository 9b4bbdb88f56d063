#include "compress/fake_quant.h"

#include "ops/quantize.h"
#include "passes/rewrite.h"

namespace hone {

Ranges take_fake_quantization(Graph& graph) {
  std::vector<std::pair<ValueId, Range>> found;
  for (const NodeId id : graph.order()) {
    if (!graph.node(id).is<Dequantize>()) continue;
    const ValueId stored = graph.node(id).inputs[0], result = graph.node(id).outputs[0];
    const Node* first = producer_as<Quantize>(graph, stored);
    if (!first) continue;
    const ValueId x = first->inputs[0];
    const TensorType type = graph.type(stored);
    if (!substitute(graph, result, x)) continue;
    if (graph.is_constant(x) || !type.quant->is_per_tensor()) continue;
    const float scale = type.quant->scales[0];
    const double zero = type.quant->zero_points[0];
    found.push_back({x,
                     {static_cast<float>(scale * (static_cast<double>(min_of(type.dtype)) - zero)),
                      static_cast<float>(scale * (static_cast<double>(max_of(type.dtype)) - zero))}});
  }
  graph.remove_dead();
  Ranges out;
  for (const auto& [value, range] : found) out[graph.value(value).name] = range;
  return out;
}

void add_default_range(Ranges& ranges, const Graph& graph, Range range) {
  const auto add = [&](ValueId id) {
    if (id.exists() && graph.type(id).dtype == DType::kF32 && !graph.is_constant(id))
      ranges.emplace(graph.value(id).name, range);
  };
  for (const ValueId id : graph.inputs()) add(id);
  for (const NodeId id : graph.order())
    for (const ValueId out : graph.node(id).outputs) add(out);
}

}  // namespace hone

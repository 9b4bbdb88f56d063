#include "ops/subgraph.h"

#include "base/error.h"
#include "base/text.h"
#include "ops/interpreter.h"

namespace hone {

std::vector<Tensor> run_subgraph(const EvalContext& context, size_t which, std::vector<Tensor> inputs, uint64_t seed) {
  if (context.bodies) return context.bodies->run(which, std::move(inputs), seed);
  const Graph& graph = context.subgraphs[which];
  return evaluate(graph, as_stored(graph, std::move(inputs)), {.seed = seed});
}

std::vector<Tensor> as_stored(const Graph& graph, std::vector<Tensor> inputs) {
  if (inputs.size() != graph.inputs().size())
    throw invalid_model(cat("subgraph '", graph.name, "' takes ", static_cast<int64_t>(graph.inputs().size()),
                            " inputs, got ", static_cast<int64_t>(inputs.size())));
  for (size_t i = 0; i < inputs.size(); ++i) {
    const TensorType& type = graph.type(graph.inputs()[i]);
    if (type.quant && inputs[i].exists() && !inputs[i].quant()) inputs[i] = quantize(inputs[i], type.dtype, type.quant);
  }
  return inputs;
}

Tensor as_wanted(const Tensor& result, const TensorType& wanted) {
  return result.quant() && !wanted.quant ? dequantize(result) : result;
}

TensorType subgraph_output(const Graph& graph, size_t i) {
  if (i >= graph.outputs().size())
    throw invalid_model(cat("subgraph '", graph.name, "' has ", static_cast<int64_t>(graph.outputs().size()),
                            " outputs, expected more than ", static_cast<int64_t>(i)));
  const TensorType& type = graph.type(graph.outputs()[i]);
  return {type.logical_dtype(), type.shape, nullptr};
}

Shape common_shape(const Shape& a, const Shape& b) {
  if (!a.has_rank() || !b.has_rank() || a.rank() != b.rank()) return Shape::unranked();
  Shape out = a;
  for (int64_t i = 0; i < a.rank(); ++i)
    if (!(a[i] == b[i])) out[i] = Dim();
  return out;
}

}  // namespace hone

#pragma once

#include <vector>

#include "ir/graph.h"
#include "ir/op_def.h"

namespace hone {

/// Runs subgraph `which` of a control operator on `inputs`, which may be the reals of its quantized inputs; results of
/// quantized type come back as they are stored.
std::vector<Tensor> run_subgraph(const EvalContext& context, size_t which, std::vector<Tensor> inputs, uint64_t seed);

/// `inputs` as the graph's inputs store them. Throws Error(invalid_model) when their number is another.
std::vector<Tensor> as_stored(const Graph& graph, std::vector<Tensor> inputs);

/// What `wanted` says of a result: its reals when no quantization is asked for.
Tensor as_wanted(const Tensor& result, const TensorType& wanted);

/// Logical type of output i of a subgraph. Throws Error(invalid_model) when there is none.
TensorType subgraph_output(const Graph& graph, size_t i);

/// The shape both have: unknown dims where they differ, unranked where ranks do.
Shape common_shape(const Shape& a, const Shape& b);

}  // namespace hone

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "ir/graph.h"

namespace hone {

/// What rules are written with: questions about the graph, and edits that keep names, sources and storage types.
/// References to nodes and values outlive edits that add others, not those that remove their node.

/// The number in a constant of one element; none for other values.
std::optional<double> constant_scalar(const Graph& graph, ValueId value);
/// The integers of a plain integer constant; none for other values.
std::optional<std::vector<int64_t>> constant_ints(const Graph& graph, ValueId value);
/// Whether every element of a constant is `number`.
bool is_constant_full_of(const Graph& graph, ValueId value, double number);

/// The plain constant behind a plain Cast that makes `value` (float16 weights); none for other values. Writers put such
/// a Cast where its result is used, over a constant in the layout that is wanted there.
ValueId widened_constant(const Graph& graph, ValueId value);

/// Used exactly once and not an output of the graph: may be merged into its user.
bool is_private(const Graph& graph, ValueId value);
/// Whether no node and no output of the graph needs any output of the node.
bool is_dead(const Graph& graph, NodeId node);
/// The producer of `value` when it is an Op, else null.
template <class Op>
const Node* producer_as(const Graph& graph, ValueId value) {
  const Node* node = value.exists() ? graph.producer(value) : nullptr;
  return node && node->is<Op>() ? node : nullptr;
}

/// Rank of a value, −1 when unknown.
int64_t rank_of(const Graph& graph, ValueId value);
/// Dims of a value of static shape; none otherwise.
std::optional<Dims> static_dims(const Graph& graph, ValueId value);
/// Same number of equal dims, each a number or a named symbol: certainly the same at run time.
bool same_shape(const Shape& a, const Shape& b);
/// Same dtype and quantization.
bool same_storage(const TensorType& a, const TensorType& b);
/// The shape as an argument of Reshape: −1 for at most one dim that is no number; none when that does not suffice.
std::optional<std::vector<int64_t>> reshape_argument(const Shape& shape);

/// A constant i64[k].
ValueId add_ints(Graph& graph, const std::vector<int64_t>& values);
/// A constant of the float dtype `dtype`.
Tensor make_floats(DType dtype, Dims dims, std::span<const double> values);
/// The constant with its axes permuted: y.dims[i] = x.dims[perm[i]]; the axis of its quantization moves along.
Tensor permuted(const Tensor& x, std::span<const int64_t> perm);

/// The node as Graph::add takes it, so that an edited copy can stand beside it.
NodeSpec spec_of(const Graph& graph, NodeId node);

/// Adds an operator whose result stands for `old`: with its storage type and source.
ValueId add_for(Graph& graph, ValueId old, const OpDef& def, Attrs attrs, std::vector<ValueId> inputs);
template <class Op>
ValueId add_for(Graph& graph, ValueId old, Op op, std::vector<ValueId> inputs) {
  return add_for(graph, old, Op::def, Attrs::of(std::move(op)), std::move(inputs));
}
/// The same for a step on the way to `old`: keeps only the source.
ValueId add_step(Graph& graph, ValueId old, const OpDef& def, Attrs attrs, std::vector<ValueId> inputs);
template <class Op>
ValueId add_step(Graph& graph, ValueId old, Op op, std::vector<ValueId> inputs) {
  return add_step(graph, old, Op::def, Attrs::of(std::move(op)), std::move(inputs));
}

/// Whether uses of `old` may become uses of `by` without changing what the graph's caller sees: an output must not
/// turn into an input or into another output.
bool can_substitute(const Graph& graph, ValueId old, ValueId by);
/// Every use of `old` becomes a use of `by`; its node is removed when it dies by that. Returns false, changing nothing,
/// unless can_substitute.
bool substitute(Graph& graph, ValueId old, ValueId by);
/// As substitute for a `by` that add_for has just made: it takes over the names too. Returns true.
bool supersede(Graph& graph, ValueId old, ValueId by);
/// add_for and supersede in one.
template <class Op>
bool replace_by(Graph& graph, ValueId old, Op op, std::vector<ValueId> inputs) {
  return supersede(graph, old, add_for(graph, old, std::move(op), std::move(inputs)));
}
/// Adds `spec` as a node that replaces all outputs of `node`, and removes `node`.
NodeId replace_node(Graph& graph, NodeId node, NodeSpec spec);

/// Removes `node` if it is dead, and then what only it needed. Returns the number of removed nodes.
size_t remove_if_dead(Graph& graph, NodeId node);

}  // namespace hone

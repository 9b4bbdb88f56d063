#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "ir/graph.h"

namespace hone {

/// An order of axes: a value stored with `perm` has stored.dims[i] = dims[perm[i]]. Empty: in its own order.
using Perm = std::vector<int64_t>;

bool is_identity(const Perm& perm);
/// Spelled out for `rank` axes.
Perm full(const Perm& perm, int64_t rank);
/// Where each axis went: result[perm[i]] = i.
Perm inverse(const Perm& perm);
/// r[i] = outer[inner[i]]: the order of a value that is first permuted by `outer`, and that by `inner`. Empty operands
/// are identities.
Perm compose(const Perm& outer, const Perm& inner);
/// The axes of a Transpose node, its default spelled out; none when the rank is unknown.
std::optional<Perm> perm_of_transpose(const Graph& graph, const Node& node);

/// Whether a value stored in order a has its elements in the same sequence as in order b: they differ only in where
/// axes of size 1 stand.
bool same_sequence(const Shape& shape, const Perm& a, const Perm& b);
Shape permuted(const Shape& shape, const Perm& perm);
TensorType permuted(const TensorType& type, const Perm& perm);
/// The order of what is left when axes marked in `removed` go.
Perm without(const Perm& perm, const std::vector<bool>& removed);

/// How a Reshape cuts and joins axes: a sequence of factors, each part of one axis of x and of one axis of y.
struct ReshapeFactors {
  struct Factor {
    int64_t x_axis, y_axis;
  };
  std::vector<Factor> factors;
  int64_t x_rank = 0, y_rank = 0;
};

/// None when a dim is unknown or the cuts do not line up ([2,3] → [3,2]). Symbols stand for themselves.
std::optional<ReshapeFactors> reshape_factors(const Shape& x, const Shape& y);
/// Whether x stored in order `x_perm` read in sequence is y stored in order `y_perm`.
bool is_plain_reshape(const ReshapeFactors& factors, const Perm& x_perm, const Perm& y_perm);
/// The order of y that makes it so; none when there is none.
std::optional<Perm> order_after_reshape(const ReshapeFactors& factors, const Perm& x_perm);
/// The same seen from y.
ReshapeFactors swapped(const ReshapeFactors& factors);

}  // namespace hone

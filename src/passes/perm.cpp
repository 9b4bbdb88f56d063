#include "passes/perm.h"

#include <algorithm>

#include "ops/movement.h"

namespace hone {

bool is_identity(const Perm& perm) {
  for (size_t i = 0; i < perm.size(); ++i) {
    if (perm[i] != static_cast<int64_t>(i)) return false;
  }
  return true;
}

Perm full(const Perm& perm, int64_t rank) {
  Perm result = perm;
  for (int64_t i = static_cast<int64_t>(result.size()); i < rank; ++i) result.push_back(i);
  return result;
}

Perm inverse(const Perm& perm) {
  Perm result(perm.size());
  for (size_t i = 0; i < perm.size(); ++i) result[static_cast<size_t>(perm[i])] = static_cast<int64_t>(i);
  return result;
}

Perm compose(const Perm& outer, const Perm& inner) {
  if (outer.empty()) return inner;
  if (inner.empty()) return outer;
  Perm result;
  for (int64_t i : inner) result.push_back(outer[static_cast<size_t>(i)]);
  return result;
}

std::optional<Perm> perm_of_transpose(const Graph& graph, const Node& node) {
  const Shape& shape = graph.type(node.inputs[0]).shape;
  if (!shape.has_rank()) return std::nullopt;
  Perm perm = node.as<Transpose>().perm;
  if (perm.empty()) {
    for (int64_t i = shape.rank(); i-- > 0;) perm.push_back(i);
  }
  return perm;
}

namespace {

bool is_one(const Dim& dim) { return dim.is_known() && dim.value() == 1; }

}  // namespace

bool same_sequence(const Shape& shape, const Perm& a, const Perm& b) {
  const auto size = [&](const Perm& perm) { return perm.empty() ? shape.rank() : std::ssize(perm); };
  const auto axis = [](const Perm& perm, int64_t i) { return perm.empty() ? i : perm[static_cast<size_t>(i)]; };
  const auto skip_ones = [&](const Perm& perm, int64_t& i) {
    while (i < size(perm) && is_one(shape[axis(perm, i)])) ++i;
    return i < size(perm);
  };
  for (int64_t i = 0, j = 0;; ++i, ++j) {
    const bool more = skip_ones(a, i);
    if (more != skip_ones(b, j)) return false;
    if (!more) return true;
    if (axis(a, i) != axis(b, j)) return false;
  }
}

Shape permuted(const Shape& shape, const Perm& perm) {
  if (perm.empty() || !shape.has_rank()) return shape;
  std::vector<Dim> dims;
  for (int64_t axis : perm) dims.push_back(shape[axis]);
  return Shape(std::move(dims));
}

TensorType permuted(const TensorType& type, const Perm& perm) {
  TensorType result{type.dtype, permuted(type.shape, perm), type.quant};
  if (!perm.empty() && type.quant && type.quant->axis >= 0) {
    auto moved = std::make_shared<QuantParams>(*type.quant);
    moved->axis = inverse(perm)[static_cast<size_t>(moved->axis)];
    result.quant = moved;
  }
  return result;
}

Perm without(const Perm& perm, const std::vector<bool>& removed) {
  std::vector<int64_t> number(removed.size(), 0);
  int64_t next = 0;
  for (size_t i = 0; i < removed.size(); ++i) number[i] = removed[i] ? -1 : next++;
  Perm result;
  for (int64_t axis : perm) {
    if (!removed[static_cast<size_t>(axis)]) result.push_back(number[static_cast<size_t>(axis)]);
  }
  return result;
}

namespace {

/// What is left to match of one axis: a number or a symbol.
struct Rest {
  int64_t axis;
  int64_t number;
  std::string symbol;
};

/// Axes of size other than 1; none when one is unknown or empty.
std::optional<std::vector<Rest>> rests_of(const Shape& shape) {
  std::vector<Rest> result;
  for (int64_t i = 0; i < shape.rank(); ++i) {
    if (is_one(shape[i])) continue;
    if (!shape[i].is_known() && shape[i].symbol().empty()) return std::nullopt;
    if (shape[i].is_known() && shape[i].value() == 0) return std::nullopt;
    result.push_back({i, shape[i].is_known() ? shape[i].value() : 0, shape[i].symbol()});
  }
  return result;
}

}  // namespace

std::optional<ReshapeFactors> reshape_factors(const Shape& x, const Shape& y) {
  if (!x.has_rank() || !y.has_rank()) return std::nullopt;
  auto a = rests_of(x), b = rests_of(y);
  if (!a || !b) return std::nullopt;
  ReshapeFactors result;
  result.x_rank = x.rank();
  result.y_rank = y.rank();
  size_t i = 0, j = 0;
  while (i < a->size() && j < b->size()) {
    Rest& p = (*a)[i];
    Rest& q = (*b)[j];
    if (p.symbol != q.symbol) return std::nullopt;
    const int64_t factor = std::min(p.number, q.number);
    if (p.symbol.empty() && (p.number % factor != 0 || q.number % factor != 0)) return std::nullopt;
    result.factors.push_back({p.axis, q.axis});
    if (!p.symbol.empty()) {
      ++i, ++j;
      continue;
    }
    p.number /= factor;
    q.number /= factor;
    if (p.number == 1) ++i;
    if (q.number == 1) ++j;
  }
  if (i != a->size() || j != b->size()) return std::nullopt;
  return result;
}

namespace {

/// Indices of the factors in the sequence in which x stored in order `perm` holds them.
std::vector<size_t> sequence_of_x(const ReshapeFactors& f, const Perm& perm) {
  std::vector<size_t> result;
  for (int64_t axis : full(perm, f.x_rank)) {
    for (size_t i = 0; i < f.factors.size(); ++i) {
      if (f.factors[i].x_axis == axis) result.push_back(i);
    }
  }
  return result;
}

}  // namespace

ReshapeFactors swapped(const ReshapeFactors& f) {
  ReshapeFactors result{{}, f.y_rank, f.x_rank};
  for (const auto& factor : f.factors) result.factors.push_back({factor.y_axis, factor.x_axis});
  return result;
}

bool is_plain_reshape(const ReshapeFactors& f, const Perm& x_perm, const Perm& y_perm) {
  return sequence_of_x(f, x_perm) == sequence_of_x(swapped(f), y_perm);
}

std::optional<Perm> order_after_reshape(const ReshapeFactors& f, const Perm& x_perm) {
  const std::vector<size_t> sequence = sequence_of_x(f, x_perm);
  // Axes of y in the order in which their first factors come; axes of size 1 stay behind the axis before them.
  Perm axes;
  for (size_t i : sequence) {
    const int64_t axis = f.factors[i].y_axis;
    if (std::find(axes.begin(), axes.end(), axis) == axes.end()) axes.push_back(axis);
  }
  for (int64_t axis = 0; axis < f.y_rank; ++axis) {
    if (std::find(axes.begin(), axes.end(), axis) != axes.end()) continue;
    const auto before = std::find(axes.begin(), axes.end(), axis - 1);
    axes.insert(before == axes.end() ? axes.begin() : before + 1, axis);
  }
  if (!is_plain_reshape(f, x_perm, axes)) return std::nullopt;
  return axes;
}

}  // namespace hone

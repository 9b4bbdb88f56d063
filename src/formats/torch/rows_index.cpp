#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "formats/torch/call.h"
#include "ops/binary.h"
#include "ops/movement.h"
#include "ops/reduce.h"
#include "ops/shaping.h"
#include "ops/unary.h"

namespace hone::torch {

namespace {

void read_embedding(Call& n) {
  const ValueId weight = n.x("weight");
  n.emit(n.add(Gather{.axis = 0}, {weight, n.indices(n.arg("indices"))}));
}
void read_gather(Call& n) {
  const int64_t axis = n.axis("dim", n.rank(n.x()));
  n.emit(n.add(GatherElements{.axis = axis}, {n.x(), n.indices(n.arg("index"))}));
}
void read_index_select(Call& n) {
  const int64_t axis = n.axis("dim", n.rank(n.x()));
  n.emit(n.add(Gather{.axis = axis}, {n.x(), n.indices(n.arg("index"))}));
}
void read_take(Call& n) { n.emit(n.add(Gather{.axis = 0}, {n.reshape(n.x(), {-1}), n.indices(n.arg("index"))})); }

/// x[i, :, j, …]: indices that stand side by side replace their axes where they stand; with gaps between them the
/// result begins with theirs. Source: NumPy's advanced indexing.
struct Indexed {
  std::vector<int64_t> axes;
  std::vector<ValueId> indices;
};
Indexed indexed_axes(Call& n, ValueId x) {
  Indexed out;
  int64_t axis = 0;
  for (const Value& item : to_list(n.arg("indices")).items) {
    if (!is_none(item)) {
      const ValueId index = n.value(item);
      if (n.dtype(index) == DType::kBool || n.dtype(index) == DType::kU8)
        throw unsupported("indexing with a mask, whose result has an open size");
      out.axes.push_back(axis);
      out.indices.push_back(n.indices(item));
    }
    ++axis;
  }
  if (out.axes.empty() || axis > n.rank(x)) throw invalid_model("indexes axes that are not there");
  return out;
}

/// The indexed axes moved to the front.
std::vector<int64_t> front(const std::vector<int64_t>& axes, int64_t rank) {
  std::vector<int64_t> perm = axes;
  for (int64_t i = 0; i < rank; ++i)
    if (std::find(axes.begin(), axes.end(), i) == axes.end()) perm.push_back(i);
  return perm;
}
/// [k…] each → [k…, axes]: one vector of places.
ValueId joined(Call& n, const std::vector<ValueId>& indices, int64_t& rank) {
  Shape shape;
  for (const ValueId index : indices) shape = broadcast(shape, n.type(index).shape);
  rank = shape.rank();
  std::vector<ValueId> parts;
  for (const ValueId index : indices)
    parts.push_back(n.add(Unsqueeze{}, {n.add(Expand{}, {n.cast(index, DType::kI64), n.ints_value(shape.dims())}),
                                        n.ints_value({rank})}));
  return parts.size() == 1 ? parts[0] : n.add(Concat{.axis = rank}, parts);
}

void read_index(Call& n) {
  const ValueId x = n.x();
  const Indexed at = indexed_axes(n, x);
  if (at.axes.size() == 1) return n.emit(n.add(Gather{.axis = at.axes[0]}, {x, at.indices[0]}));
  int64_t rank = 0;
  const ValueId places = joined(n, at.indices, rank);
  ValueId y = n.add(GatherND{}, {n.transpose(x, front(at.axes, n.rank(x))), places});
  const bool is_together = at.axes.back() - at.axes.front() + 1 == static_cast<int64_t>(at.axes.size());
  if (is_together && at.axes[0] > 0) {
    // What was in front of the indexed axes goes there again.
    std::vector<int64_t> perm;
    for (int64_t i = 0; i < at.axes[0]; ++i) perm.push_back(rank + i);
    for (int64_t i = 0; i < rank; ++i) perm.push_back(i);
    for (int64_t i = rank + at.axes[0]; i < n.rank(y); ++i) perm.push_back(i);
    y = n.transpose(y, perm);
  }
  n.emit(y);
}

void read_index_put(Call& n) {
  const ValueId x = n.x();
  const Indexed at = indexed_axes(n, x);
  int64_t rank = 0;
  const ValueId places = joined(n, at.indices, rank);
  const std::vector<int64_t> perm = front(at.axes, n.rank(x));
  const ValueId moved = n.transpose(x, perm);
  const bool is_in_order = std::is_sorted(perm.begin(), perm.end());
  if (!is_in_order) throw unsupported("puts values at indices of inner axes");
  Dims dims = n.type(places).shape.dims();
  dims.pop_back();
  for (int64_t i = static_cast<int64_t>(at.axes.size()); i < n.rank(x); ++i) dims.push_back(n.dim(moved, i));
  const ValueId values = n.add(Expand{}, {n.cast(n.x("values"), n.dtype(x)), n.ints_value(dims)});
  const ScatterND op{.reduction = n.flag("accumulate") ? ScatterReduction::add : ScatterReduction::none};
  n.emit(n.add(op, {moved, places, values}));
}

/// Updates as large as the indices.
void scatter(Call& n, ScatterReduction reduction) {
  const ValueId x = n.x();
  const int64_t axis = n.axis("dim", n.rank(x));
  const ValueId index = n.indices(n.arg("index"));
  ValueId updates = n.cast(n.x("src"), n.dtype(x));
  if (n.rank(updates) == 0 && n.rank(x) > 0)
    updates = n.add(Expand{}, {updates, n.ints_value(n.type(index).shape.dims())});
  n.emit(n.add(ScatterElements{.axis = axis, .reduction = reduction}, {x, index, updates}));
}
void read_scatter(Call& n) {
  if (!n.has("reduce")) return scatter(n, ScatterReduction::none);
  scatter(n, to_text_value(n.arg("reduce")) == "add" ? ScatterReduction::add : ScatterReduction::mul);
}
void read_scatter_add(Call& n) { scatter(n, ScatterReduction::add); }

void read_nonzero(Call& n) { n.emit(n.add(Transpose{.perm = {1, 0}}, {n.add(NonZero{}, {n.x()})})); }
void read_one_hot(Call& n) {
  const int64_t classes = n.integer("num_classes");
  if (classes < 1) throw unsupported("one-hot vectors of a length known only at run time");
  const ValueId depth = n.add_constant(Tensor::scalar(classes)),
                values = n.add_constant(Tensor::of<int64_t>({2}, {0, 1}));
  n.emit(n.add(OneHot{}, {n.indices(n.arg("self")), depth, values}));
}
/// How many boundaries are smaller (or no larger, from the right).
template <bool kBoundariesFirst>
void bucketize(Call& n) {
  const ValueId x = n.x(), edges = n.x("boundaries");
  if (n.rank(edges) != 1) throw unsupported("boundaries of several rows");
  const ValueId each = n.add(Unsqueeze{}, {x, n.ints_value({n.rank(x)})});
  const auto [a, b] = n.promoted(n.tensor_value(edges), n.tensor_value(each));
  const ValueId is_below = n.flag("right") ? n.add(LessOrEqual{}, {a, b}) : n.add(Less{}, {a, b});
  n.emit(n.add(ReduceSum{.keepdims = false}, {n.cast(is_below, DType::kI64), n.ints_value({n.rank(x)})}));
}

constexpr OpRow kRows[] = {
    {"embedding", "weight indices padding_idx=-1 scale_grad_by_freq=False sparse=False", read_embedding},
    {"gather", "self dim index sparse_grad=False", read_gather},
    {"take_along_dim", "self index dim", read_gather},
    {"index_select", "self dim index", read_index_select},
    {"take", "self index", read_take},
    {"index", "self indices", read_index},
    {"index_put", "self indices values accumulate=False", read_index_put},
    {"scatter", "self dim index src reduce=None", read_scatter},
    {"scatter_add", "self dim index src", read_scatter_add},
    {"nonzero", "self", read_nonzero},
    {"one_hot", "self num_classes=-1", read_one_hot},
    {"bucketize", "self boundaries out_int32=False right=False", bucketize<false>},
    {"searchsorted", "boundaries self out_int32=False right=False", bucketize<true>},
};

}  // namespace

std::span<const OpRow> index_rows() { return kRows; }

}  // namespace hone::torch

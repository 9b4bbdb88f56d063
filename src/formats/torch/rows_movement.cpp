#include <algorithm>
#include <limits>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"
#include "formats/torch/call.h"
#include "ops/movement.h"
#include "ops/shaping.h"
#include "ops/unary.h"

namespace hone::torch {

namespace {

constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();
constexpr int64_t kMostParts = 65536;

std::vector<int64_t> iota(int64_t count) {
  std::vector<int64_t> out;
  for (int64_t i = 0; i < count; ++i) out.push_back(i);
  return out;
}

void read_reshape(Call& n) {
  const std::string_view key = n.row.signature.find("shape") != std::string_view::npos ? "shape" : "size";
  if (!is<List*>(n.arg(key))) return n.emit(n.reshape(n.x(), n.ints(key)));
  n.emit(n.add(Reshape{.allow_zero = true}, {n.x(), n.dims_value(to_list(n.arg(key)).items)}));
}
void read_reshape_as(Call& n) { n.emit(n.add(Reshape{.allow_zero = true}, {n.x(), n.add(ShapeOf{}, {n.x("other")})})); }

void read_flatten(Call& n) {
  const ValueId x = n.x();
  const int64_t rank = n.rank(x);
  if (rank == 0) return n.emit(n.reshape(x, {1}));
  const int64_t first = n.axis("start_dim", rank), last = n.axis("end_dim", rank);
  std::vector<int64_t> dims;
  for (int64_t i = 0; i < rank; ++i) {
    if (i <= first || i > last)
      dims.push_back(n.dim(x, i));
    else
      dims.back() = checked_mul(dims.back(), n.dim(x, i));
  }
  n.emit(n.reshape(x, dims));
}

void read_unflatten(Call& n) {
  const ValueId x = n.x();
  const int64_t axis = n.axis("dim", n.rank(x));
  std::vector<int64_t> dims;
  for (int64_t i = 0; i < n.rank(x); ++i) {
    if (i != axis)
      dims.push_back(n.dim(x, i));
    else
      for (const int64_t size : n.ints("sizes")) dims.push_back(size);
  }
  n.emit(n.reshape(x, dims));
}

void read_permute(Call& n) {
  const ValueId x = n.x();
  std::vector<int64_t> perm = n.ints("dims");
  for (int64_t& axis : perm) axis = normalize_axis(axis, n.rank(x), "axis");
  n.emit(n.transpose(x, perm));
}
void swap_axes(Call& n, int64_t a, int64_t b) {
  std::vector<int64_t> perm = iota(n.rank(n.x()));
  std::swap(perm[static_cast<size_t>(a)], perm[static_cast<size_t>(b)]);
  n.emit(n.transpose(n.x(), perm));
}
void read_transpose(Call& n) {
  const int64_t rank = n.rank(n.x());
  if (rank == 0) return n.emit(n.x());
  swap_axes(n, n.axis("dim0", rank), n.axis("dim1", rank));
}
void read_t(Call& n) { n.rank(n.x()) < 2 ? n.emit(n.x()) : swap_axes(n, 0, 1); }
void read_matrix_t(Call& n) { swap_axes(n, n.rank(n.x()) - 2, n.rank(n.x()) - 1); }
void read_reversed(Call& n) {
  std::vector<int64_t> perm = iota(n.rank(n.x()));
  std::reverse(perm.begin(), perm.end());
  n.emit(n.transpose(n.x(), perm));
}
void read_movedim(Call& n) {
  const int64_t rank = n.rank(n.x());
  std::vector<int64_t> from = n.ints("source"), to = n.ints("destination"), perm(static_cast<size_t>(rank), -1);
  if (from.size() != to.size()) throw invalid_model("moves axes to another number of places");
  for (size_t i = 0; i < from.size(); ++i) {
    from[i] = normalize_axis(from[i], rank, "source");
    perm[static_cast<size_t>(normalize_axis(to[i], rank, "destination"))] = from[i];
  }
  int64_t next = 0;
  for (int64_t& axis : perm) {
    if (axis >= 0) continue;
    while (std::find(from.begin(), from.end(), next) != from.end()) ++next;
    axis = next++;
  }
  n.emit(n.transpose(n.x(), perm));
}

/// Axes of another size than 1 stay.
void read_squeeze(Call& n) {
  const ValueId x = n.x();
  const int64_t rank = n.rank(x);
  std::vector<int64_t> axes = n.has("dim") ? n.ints("dim") : iota(rank), kept;
  for (const int64_t axis : axes) {
    if (rank == 0) continue;
    const int64_t place = normalize_axis(axis, rank, "axis");
    if (n.type(x).shape[place] == Dim(1)) kept.push_back(place);
  }
  n.emit(kept.empty() ? x : n.add(Squeeze{}, {x, n.ints_value(kept)}));
}
void read_unsqueeze(Call& n) {
  const int64_t axis = n.axis("dim", n.rank(n.x()) + 1);
  n.emit(n.add(Unsqueeze{}, {n.x(), n.ints_value({axis})}));
}

/// Parts of several dtypes become what torch computes in; an empty one of rank 1 counts for the dtype alone.
std::vector<ValueId> joinable(Call& n) {
  std::vector<Value> items = to_list(n.arg("tensors")).items;
  std::vector<ValueId> out;
  for (const Value& item : items) {
    const ValueId id = n.value(item);
    if (n.rank(id) == 1 && n.type(id).shape[0] == Dim(0)) continue;
    out.push_back(id);
  }
  if (out.empty()) throw invalid_model("joins nothing");
  const DType to = n.common_dtype(items);
  for (ValueId& part : out) part = n.cast(part, to);
  return out;
}
void read_cat(Call& n) {
  const std::vector<ValueId> parts = joinable(n);
  const int64_t axis = n.axis("dim", n.rank(parts[0]));
  n.emit(parts.size() == 1 ? parts[0] : n.add(Concat{.axis = axis}, parts));
}
void read_stack(Call& n) {
  std::vector<ValueId> parts = joinable(n);
  const int64_t axis = n.axis("dim", n.rank(parts[0]) + 1);
  for (ValueId& part : parts) part = n.add(Unsqueeze{}, {part, n.ints_value({axis})});
  n.emit(n.add(Concat{.axis = axis}, parts));
}
template <int64_t kAxis>
void join_along(Call& n) {
  const std::vector<ValueId> parts = joinable(n);
  n.emit(n.add(Concat{.axis = n.rank(parts[0]) > kAxis ? kAxis : 0}, parts));
}

void split(Call& n, int64_t axis, const std::vector<int64_t>& sizes) {
  if (sizes.empty() || static_cast<int64_t>(sizes.size()) > kMostParts)
    throw unsupported(cat("splits into ", sizes.size(), " parts"));
  if (sizes.size() == 1) return n.emit_all({n.x()}, false);
  n.emit_all(n.add_many(Split{.axis = axis}, {n.x(), n.ints_value(sizes)}, sizes.size()), false);
}
std::vector<int64_t> equal_parts(int64_t all, int64_t size) {
  if (size < 1 || all / size >= kMostParts) throw unsupported(cat("splits ", all, " into parts of ", size));
  std::vector<int64_t> sizes;
  for (int64_t left = all; left > 0; left -= size) sizes.push_back(std::min(size, left));
  return sizes;
}
void read_split(Call& n) {
  const int64_t axis = n.axis("dim", n.rank(n.x()));
  split(n, axis, is<List*>(n.arg("size")) ? n.ints("size") : equal_parts(n.dim(n.x(), axis), n.integer("size")));
}
void read_chunk(Call& n) {
  const int64_t axis = n.axis("dim", n.rank(n.x())), all = n.dim(n.x(), axis), count = n.integer("chunks");
  if (count < 1) throw invalid_model(cat("splits into ", count, " parts"));
  split(n, axis, equal_parts(all, std::max<int64_t>((all + count - 1) / count, 1)));
}
void read_tensor_split(Call& n) {
  const int64_t axis = n.axis("dim", n.rank(n.x())), all = n.dim(n.x(), axis);
  std::vector<int64_t> sizes;
  if (is<List*>(n.arg("sections"))) {
    int64_t begin = 0;
    for (const int64_t end : n.ints("sections")) sizes.push_back(end - begin), begin = end;
    sizes.push_back(all - begin);
  } else {
    const int64_t count = n.integer("sections");
    if (count < 1 || count > kMostParts) throw unsupported(cat("splits into ", count, " parts"));
    for (int64_t i = 0; i < count; ++i) sizes.push_back(all / count + (i < all % count));
  }
  split(n, axis, sizes);
}
void read_unbind(Call& n) {
  const int64_t axis = n.axis("dim", n.rank(n.x())), count = n.dim(n.x(), axis);
  std::vector<ValueId> out;
  if (count < 1 || count > kMostParts) throw unsupported(cat("takes apart ", count, " slices"));
  if (count == 1) return n.emit_all({n.add(Squeeze{}, {n.x(), n.ints_value({axis})})}, false);
  const std::vector<int64_t> sizes(static_cast<size_t>(count), 1);
  for (const ValueId part : n.add_many(Split{.axis = axis}, {n.x(), n.ints_value(sizes)}, sizes.size()))
    out.push_back(n.add(Squeeze{}, {part, n.ints_value({axis})}));
  n.emit_all(out, false);
}

ValueId sliced(Call& n, int64_t axis, const Value& begin, const Value& end, int64_t step) {
  return n.add(Slice{},
               {n.x(), n.dims_value({begin}), n.dims_value({end}), n.ints_value({axis}), n.ints_value({step})});
}
void read_slice(Call& n) {
  const int64_t axis = n.axis("dim", n.rank(n.x()));
  const Value begin = n.has("start") ? n.arg("start") : Value(int64_t{0}),
              end = n.has("end") ? n.arg("end") : Value(kEnd);
  if (equal(n.heap, begin, int64_t{0}) && equal(n.heap, end, kEnd) && n.integer("step") == 1) return n.emit(n.x());
  n.emit(sliced(n, axis, begin, end, n.integer("step")));
}
void read_narrow(Call& n) {
  const int64_t axis = n.axis("dim", n.rank(n.x())), length = n.integer("length"), size = n.dim(n.x(), axis);
  int64_t begin = n.integer("start");
  if (begin < 0) begin += size;
  if (begin < 0 || length < 0 || begin > size || length > size - begin)
    throw invalid_model(cat("takes ", length, " elements from ", n.integer("start"), " of an axis of ", size));
  n.emit(sliced(n, axis, begin, begin + length, 1));
}
void read_select(Call& n) {
  const int64_t axis = n.axis("dim", n.rank(n.x()));
  const ValueId index = n.cast(n.x("index"), DType::kI64);
  n.emit(n.add(Gather{.axis = axis}, {n.x(), index}));
}

/// −1 keeps a size; axes are added in front.
void read_expand(Call& n) {
  const ValueId x = n.x();
  std::vector<Value> dims = to_list(n.arg("size")).items;
  const auto added = static_cast<int64_t>(dims.size()) - n.rank(x);
  for (int64_t i = 0; i < static_cast<int64_t>(dims.size()); ++i) {
    Value& dim = dims[static_cast<size_t>(i)];
    const bool is_kept = is<int64_t>(dim) && to_int(dim) == -1 && i >= added;
    if (is_kept) dim = int64_t{1};  // broadcasting leaves what is there
  }
  n.emit(n.add(Expand{}, {x, n.dims_value(dims)}));
}
void read_expand_as(Call& n) { n.emit(n.add(Expand{}, {n.x(), n.add(ShapeOf{}, {n.x("other")})})); }

void read_repeat(Call& n) {
  ValueId x = n.x();
  std::vector<Value> repeats = to_list(n.arg("repeats")).items;
  while (static_cast<int64_t>(repeats.size()) < n.rank(x)) repeats.insert(repeats.begin(), int64_t{1});
  if (static_cast<int64_t>(repeats.size()) > n.rank(x))
    x = n.add(Unsqueeze{}, {x, n.ints_value(iota(static_cast<int64_t>(repeats.size()) - n.rank(x)))});
  n.emit(n.add(Tile{}, {x, n.dims_value(repeats)}));
}
/// Each element several times, one after the other.
void read_repeat_interleave(Call& n) {
  ValueId x = n.x();
  const int64_t times = n.integer("repeats");
  if (!n.has("dim")) x = n.reshape(x, {-1});
  const int64_t axis = n.has("dim") ? n.axis("dim", n.rank(x)) : 0, size = n.dim(x, axis);
  if (times < 1 || checked_mul(times, size) > 1 << 24) throw unsupported(cat("repeats ", times, " times"));
  std::vector<int64_t> places;
  for (int64_t i = 0; i < size * times; ++i) places.push_back(i / times);
  n.emit(n.add(Gather{.axis = axis}, {x, n.ints_value(places)}));
}

void read_flip(Call& n) {
  std::vector<int64_t> axes = n.ints("dims");
  for (int64_t& axis : axes) axis = normalize_axis(axis, n.rank(n.x()), "axis");
  n.emit(axes.empty() ? n.x() : n.add(Reverse{}, {n.x(), n.ints_value(axes)}));
}
void read_roll(Call& n) {
  const ValueId start = n.x();
  const std::vector<int64_t> shifts = n.ints("shifts"), axes = n.ints("dims");
  if (axes.size() != shifts.size()) throw unsupported("rolls a tensor without naming axes");
  ValueId x = start;
  for (size_t i = 0; i < axes.size(); ++i) {
    const int64_t axis = normalize_axis(axes[i], n.rank(x), "axis"), size = n.dim(x, axis);
    if (size == 0) continue;
    const int64_t shift = ((shifts[i] % size) + size) % size;
    if (shift == 0) continue;
    const auto parts = n.add_many(Split{.axis = axis}, {x, n.ints_value({size - shift, shift})}, 2);
    x = n.add(Concat{.axis = axis}, {parts[1], parts[0]});
  }
  n.emit(x);
}
template <bool kUpper>
void triangle(Call& n) {
  n.emit(n.add(Trilu{.upper = kUpper}, {n.x(), n.add_constant(Tensor::scalar<int64_t>(n.integer("diagonal")))}));
}

/// [… d …] → [… n …, size]: windows along an axis.
void read_unfold(Call& n) {
  const ValueId x = n.x();
  const int64_t axis = n.axis("dimension", n.rank(x)), size = n.integer("size"), step = n.integer("step"),
                all = n.dim(x, axis);
  if (size < 1 || step < 1 || size > all) throw invalid_model(cat("windows of ", size, " in ", all));
  const int64_t windows = (all - size) / step + 1;
  if (checked_mul(windows, size) > 1 << 24) throw unsupported("that many windows");
  Tensor places = Tensor::empty(DType::kI64, {windows, size});
  for (int64_t w = 0; w < windows; ++w)
    for (int64_t i = 0; i < size; ++i) places.mutable_data<int64_t>()[static_cast<size_t>(w * size + i)] = w * step + i;
  const ValueId y = n.add(Gather{.axis = axis}, {x, n.add_constant(places)});
  std::vector<int64_t> perm = iota(n.rank(y));
  perm.erase(perm.begin() + axis + 1);
  perm.push_back(axis + 1);
  n.emit(n.transpose(y, perm));
}

void read_meshgrid(Call& n) {
  const std::vector<ValueId> axes = n.tensors("tensors");
  const bool is_xy = to_text_value(n.arg("indexing")) == "xy" && axes.size() > 1;
  std::vector<int64_t> all;
  for (const ValueId axis : axes) all.push_back(n.rank(axis) == 0 ? 1 : n.dim(axis, 0));
  if (is_xy) std::swap(all[0], all[1]);
  std::vector<ValueId> out;
  for (size_t i = 0; i < axes.size(); ++i) {
    const size_t place = is_xy && i < 2 ? 1 - i : i;
    std::vector<int64_t> dims(axes.size(), 1);
    dims[place] = all[place];
    out.push_back(n.add(Expand{}, {n.reshape(axes[i], dims), n.ints_value(all)}));
  }
  n.emit_all(out, false);
}

constexpr OpRow kRows[] = {
    {"view", "self size", read_reshape, true},
    {"_unsafe_view", "self size", read_reshape},
    {"reshape", "self shape", read_reshape, true},
    {"view_as", "self other", read_reshape_as, true},
    {"reshape_as", "self other", read_reshape_as, true},
    {"flatten", "self start_dim=0 end_dim=-1", read_flatten, true},
    {"unflatten", "self dim sizes names=None", read_unflatten, true},
    {"permute", "self dims", read_permute, true},
    {"transpose", "self dim0 dim1", read_transpose, true},
    {"swapaxes", "self dim0 dim1", read_transpose, true},
    {"swapdims", "self dim0 dim1", read_transpose, true},
    {"t", "self", read_t, true},
    {"mT", "self", read_matrix_t, true},
    {"adjoint", "self", read_matrix_t, true},
    {"numpy_T", "self", read_reversed, true},
    {"movedim", "self source destination", read_movedim, true},
    {"squeeze", "self dim=None", read_squeeze, true},
    {"unsqueeze", "self dim", read_unsqueeze, true},
    {"cat", "tensors dim=0", read_cat},
    {"concat", "tensors dim=0", read_cat},
    {"stack", "tensors dim=0", read_stack},
    {"hstack", "tensors", join_along<1>},
    {"vstack", "tensors", join_along<0>},
    {"split", "self size dim=0", read_split, true},
    {"split_with_sizes", "self size dim=0", read_split, true},
    {"unsafe_split", "self size dim=0", read_split, true},
    {"chunk", "self chunks dim=0", read_chunk, true},
    {"unsafe_chunk", "self chunks dim=0", read_chunk, true},
    {"tensor_split", "self sections dim=0", read_tensor_split, true},
    {"unbind", "self dim=0", read_unbind, true},
    {"slice", "self dim=0 start=None end=None step=1", read_slice, true},
    {"narrow", "self dim start length", read_narrow, true},
    {"select", "self dim index", read_select, true},
    {"expand", "self size implicit=False", read_expand, true},
    {"broadcast_to", "self size", read_expand},
    {"expand_as", "self other", read_expand_as, true},
    {"repeat", "self repeats", read_repeat},
    {"tile", "self repeats", read_repeat},
    {"repeat_interleave", "self repeats dim=None output_size=None", read_repeat_interleave},
    {"flip", "self dims", read_flip},
    {"roll", "self shifts dims=[]", read_roll},
    {"triu", "self diagonal=0", triangle<true>},
    {"tril", "self diagonal=0", triangle<false>},
    {"unfold", "self dimension size step", read_unfold},
    {"meshgrid", "tensors indexing=ij", read_meshgrid},
};

}  // namespace

std::span<const OpRow> movement_rows() { return kRows; }

}  // namespace hone::torch

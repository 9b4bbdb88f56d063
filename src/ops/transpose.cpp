#include <algorithm>
#include <numeric>

#include "base/checked.h"
#include "ops/movement.h"
#include "ops/strided.h"

namespace hone {

namespace {

std::vector<int64_t> permutation_of(const std::vector<int64_t>& perm, int64_t rank) {
  std::vector<int64_t> out = perm;
  if (out.empty()) {
    out.resize(static_cast<size_t>(rank));
    std::iota(out.rbegin(), out.rend(), 0);
    return out;
  }
  std::vector<int64_t> sorted = out, expected(static_cast<size_t>(rank));
  std::sort(sorted.begin(), sorted.end());
  std::iota(expected.begin(), expected.end(), 0);
  if (sorted != expected)
    throw op_error(Transpose::kName, cat("perm ", perm, " is not a permutation of the axes of rank ", rank));
  return out;
}

void infer_transpose(InferContext& c) {
  const Shape& x = c.shape(0);
  const auto& perm = c.attrs<Transpose>().perm;
  if (!x.has_rank())
    return c.output(0, c.dtype(0),
                    perm.empty() ? Shape::unranked() : Shape::unknown_of_rank(static_cast<int64_t>(perm.size())));
  std::vector<Dim> out;
  for (int64_t axis : permutation_of(perm, x.rank())) out.push_back(x[axis]);
  c.output(0, c.dtype(0), Shape(std::move(out)));
}

void eval_transpose(EvalContext& c) {
  const Tensor& x = c.in(0);
  const Dims own = strides_of(x.dims());
  Dims dims, strides;
  for (int64_t axis : permutation_of(c.op<Transpose>().perm, x.rank())) {
    dims.push_back(x.dim(axis));
    strides.push_back(own[static_cast<size_t>(axis)]);
  }
  move_strided(c, dims, 0, dims, strides);
}

void infer_expand(InferContext& c) {
  if (const auto target = constant_ints(Expand::kName, c, 1)) {
    for (int64_t d : *target)
      if (d < 0) throw op_error(Expand::kName, cat("shape ", *target, " has a negative dimension"));
    return c.output(0, c.dtype(0), broadcast_of(Expand::kName, c.shape(0), Shape(*target)));
  }
  const auto length = known_length(Expand::kName, c, 1);
  const bool has_rank = length && c.shape(0).has_rank();
  c.output(0, c.dtype(0), has_rank ? Shape::unknown_of_rank(std::max(*length, c.shape(0).rank())) : Shape::unranked());
}

void eval_expand(EvalContext& c) {
  const Dims dims = c.output_types[0].shape.dims();
  move_strided(c, dims, 0, dims, broadcast_strides(c.in(0).dims(), dims));
}

void infer_tile(InferContext& c) {
  const Shape& x = c.shape(0);
  const auto repeats = constant_ints(Tile::kName, c, 1);
  if (!x.has_rank()) return c.output(0, c.dtype(0), Shape::unranked());
  if (!repeats) return c.output(0, c.dtype(0), Shape::unknown_of_rank(x.rank()));
  if (static_cast<int64_t>(repeats->size()) != x.rank())
    throw op_error(Tile::kName, cat("repeats ", *repeats, " do not have one entry for each axis of ", x));
  std::vector<Dim> out;
  for (int64_t i = 0; i < x.rank(); ++i) {
    const int64_t n = (*repeats)[static_cast<size_t>(i)];
    if (n < 0) throw op_error(Tile::kName, cat("repeats ", *repeats, " have a negative entry"));
    out.push_back(n == 1 ? x[i] : x[i].is_known() ? Dim(checked_mul(x[i].value(), n)) : Dim());
  }
  c.output(0, c.dtype(0), Shape(std::move(out)));
}

/// Every axis becomes two, (repeat, own); the first is walked with stride 0.
void eval_tile(EvalContext& c) {
  const Tensor& x = c.in(0);
  const std::vector<int64_t> repeats = to_ints(c.in(1));
  const Dims own = strides_of(x.dims());
  Dims walk, strides;
  for (size_t i = 0; i < own.size(); ++i) {
    walk.insert(walk.end(), {repeats[i], x.dims()[i]});
    strides.insert(strides.end(), {0, own[i]});
  }
  move_strided(c, c.output_types[0].shape.dims(), 0, walk, strides);
}

void infer_reverse(InferContext& c) {
  if (const auto axes = constant_ints(Reverse::kName, c, 1); axes && c.shape(0).has_rank())
    axes_of(Reverse::kName, *axes, c.shape(0).rank());
  c.output(0, c.dtype(0), c.shape(0));
}

void eval_reverse(EvalContext& c) {
  const Tensor& x = c.in(0);
  Dims strides = strides_of(x.dims());
  int64_t offset = 0;
  for (int64_t axis : axes_of(Reverse::kName, to_ints(c.in(1)), x.rank())) {
    auto& stride = strides[static_cast<size_t>(axis)];
    offset += stride * std::max<int64_t>(x.dim(axis) - 1, 0);
    stride = -stride;
  }
  move_strided(c, x.dims(), offset, x.dims(), strides);
}

Dim scaled(const Dim& d, int64_t factor) { return d.is_known() ? Dim(checked_mul(d.value(), factor)) : Dim(); }

Dim divided(std::string_view op, const Dim& d, int64_t by) {
  if (!d.is_known()) return Dim();
  if (d.value() % by != 0) throw op_error(op, cat("dimension ", d.value(), " does not divide by ", by));
  return Dim(d.value() / by);
}

void check_blocks(std::string_view op, const Shape& x, int64_t block) {
  if (block < 1 || block > 1 << 20) throw op_error(op, cat("block ", block, ", expected 1 or more"));
  if (x.has_rank() && x.rank() != 4) throw op_error(op, cat("x has shape ", x, ", expected [N,H,W,C]"));
}

void infer_depth_to_space(InferContext& c) {
  const int64_t b = c.attrs<DepthToSpace>().block;
  const Shape& x = c.shape(0);
  check_blocks(DepthToSpace::kName, x, b);
  if (!x.has_rank()) return c.output(0, c.dtype(0), Shape::unknown_of_rank(4));
  c.output(0, c.dtype(0), Shape{x[0], scaled(x[1], b), scaled(x[2], b), divided(DepthToSpace::kName, x[3], b * b)});
}

void eval_depth_to_space(EvalContext& c) {
  const Tensor& x = c.in(0);
  const int64_t b = c.op<DepthToSpace>().block;
  const int64_t n = x.dim(0), h = x.dim(1), w = x.dim(2), depth = x.dim(3), out = depth / (b * b);
  const bool crd = c.op<DepthToSpace>().column_row_depth;
  const int64_t row = crd ? b : b * out, column = crd ? 1 : out, channel = crd ? b * b : 1;
  move_strided(c, {n, h * b, w * b, out}, 0, {n, h, b, w, b, out},
               {h * w * depth, w * depth, row, depth, column, channel});
}

void infer_space_to_depth(InferContext& c) {
  const int64_t b = c.attrs<SpaceToDepth>().block;
  const Shape& x = c.shape(0);
  check_blocks(SpaceToDepth::kName, x, b);
  if (!x.has_rank()) return c.output(0, c.dtype(0), Shape::unknown_of_rank(4));
  c.output(
      0, c.dtype(0),
      Shape{x[0], divided(SpaceToDepth::kName, x[1], b), divided(SpaceToDepth::kName, x[2], b), scaled(x[3], b * b)});
}

void eval_space_to_depth(EvalContext& c) {
  const Tensor& x = c.in(0);
  const int64_t b = c.op<SpaceToDepth>().block;
  const int64_t n = x.dim(0), h = x.dim(1) / b, w = x.dim(2) / b, depth = x.dim(3), line = x.dim(2) * depth;
  move_strided(c, {n, h, w, b * b * depth}, 0, {n, h, w, b, b, depth},
               {x.dim(1) * line, b * line, b * depth, line, depth, 1});
}

constexpr InputRule kExpandInputs[] = {{.name = "x"}, {.name = "shape", .dtypes = Integers::kSet, .max_rank = 1}};

constexpr InputRule kTileInputs[] = {{.name = "x"}, {.name = "repeats", .dtypes = Integers::kSet, .max_rank = 1}};

constexpr InputRule kReverseInputs[] = {{.name = "x"}, {.name = "axes", .dtypes = Integers::kSet, .max_rank = 1}};

}  // namespace

constinit const OpDef Transpose::def = mover<Transpose>(infer_transpose, eval_transpose, 1, 1);
constinit const OpDef Expand::def = mover<Expand>(infer_expand, eval_expand, 2, 2, kExpandInputs);
constinit const OpDef Tile::def = mover<Tile>(infer_tile, eval_tile, 2, 2, kTileInputs);
constinit const OpDef Reverse::def = mover<Reverse>(infer_reverse, eval_reverse, 2, 2, kReverseInputs);
constinit const OpDef DepthToSpace::def = mover<DepthToSpace>(infer_depth_to_space, eval_depth_to_space, 1, 1);
constinit const OpDef SpaceToDepth::def = mover<SpaceToDepth>(infer_space_to_depth, eval_space_to_depth, 1, 1);

}  // namespace hone

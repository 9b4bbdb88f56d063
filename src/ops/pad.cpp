#include <algorithm>

#include "base/checked.h"
#include "ops/movement.h"
#include "ops/strided.h"

namespace hone {

namespace {

/// Elements added (or cut, when negative) before and after each axis.
struct Margins {
  std::vector<int64_t> before, after;
};

Margins margins_of(const std::vector<int64_t>& pads, const std::optional<std::vector<int64_t>>& axes, int64_t rank) {
  const size_t k = axes ? axes->size() : static_cast<size_t>(rank);
  if (pads.size() != 2 * k)
    throw op_error(Pad::kName, cat("pads ", pads, " have ", pads.size(), " entries, expected ", 2 * k));
  Margins m{std::vector<int64_t>(static_cast<size_t>(rank), 0), std::vector<int64_t>(static_cast<size_t>(rank), 0)};
  for (size_t i = 0; i < k; ++i) {
    const auto axis = axes ? static_cast<size_t>(axis_of(Pad::kName, (*axes)[i], rank)) : i;
    m.before[axis] = pads[i];
    m.after[axis] = pads[k + i];
  }
  return m;
}

int64_t padded(int64_t dim, int64_t before, int64_t after) {
  constexpr int64_t kLimit = int64_t(1) << 48;
  if (std::max({dim, before, after, ~before, ~after}) > kLimit)
    throw op_error(Pad::kName, cat("pads ", before, " and ", after, " of ", dim, ", expected at most 2^48"));
  const int64_t sum = dim + before + after;
  if (sum < 0)
    throw op_error(Pad::kName, cat("pads ", before, " and ", after, " cut more than the ", dim, " there are"));
  return sum;
}

void infer_pad(InferContext& c) {
  const Shape& x = c.shape(0);
  const auto pads = constant_ints(Pad::kName, c, 1), axes = constant_ints(Pad::kName, c, 3);
  if (!x.has_rank()) return c.output(0, c.dtype(0), Shape::unranked());
  if (!pads || (c.has_input(3) && !axes)) return c.output(0, c.dtype(0), Shape::unknown_of_rank(x.rank()));
  const Margins m = margins_of(*pads, axes, x.rank());
  Shape out = x;
  for (int64_t i = 0; i < x.rank(); ++i) {
    const int64_t before = m.before[static_cast<size_t>(i)], after = m.after[static_cast<size_t>(i)];
    if (x[i].is_known())
      out[i] = Dim(padded(x[i].value(), before, after));
    else if (before != 0 || after != 0)
      out[i] = Dim();
    if (c.attrs<Pad>().mode != PadMode::constant && x[i] == Dim(0) && (before > 0 || after > 0))
      throw op_error(Pad::kName, cat("axis ", i, " of ", x, " is empty: there is nothing to repeat"));
  }
  c.output(0, c.dtype(0), std::move(out));
}

/// Where position i (outside 0 … n−1) takes its element from; −1: from the fill value.
int64_t source_position(PadMode mode, int64_t i, int64_t n) {
  if (i >= 0 && i < n) return i;
  const auto modulo = [](int64_t a, int64_t m) { return (a % m + m) % m; };
  switch (mode) {
    case PadMode::constant:
      return -1;
    case PadMode::edge:
      return i < 0 ? 0 : n - 1;
    case PadMode::wrap:
      return modulo(i, n);
    case PadMode::symmetric: {
      const int64_t r = modulo(i, 2 * n);
      return r < n ? r : 2 * n - 1 - r;
    }
    case PadMode::reflect: {
      if (n == 1) return 0;
      const int64_t r = modulo(i, 2 * n - 2);
      return r < n ? r : 2 * n - 2 - r;
    }
  }
  return -1;
}

/// Offsets into x (in elements) of each position along one axis of the result; −1 for the fill value. What negative
/// pads cut is gone before anything is repeated.
std::vector<int64_t> axis_table(PadMode mode, const Margins& m, size_t axis, int64_t out, int64_t dim, int64_t stride) {
  const int64_t cut = std::max<int64_t>(-m.before[axis], 0);
  const int64_t rest = dim - cut - std::max<int64_t>(-m.after[axis], 0);
  if (rest <= 0 && out > 0 && mode != PadMode::constant)
    throw invalid_argument(cat("pad: nothing is left of axis ", static_cast<int64_t>(axis), " to repeat"));
  std::vector<int64_t> table(static_cast<size_t>(out));
  for (int64_t i = 0; i < out; ++i) {
    const int64_t from = source_position(mode, i - std::max<int64_t>(m.before[axis], 0), rest);
    table[static_cast<size_t>(i)] = from < 0 ? -1 : (from + cut) * stride;
  }
  return table;
}

/// y[index] = x at the sum of the tables' offsets, or `fill` where any says −1.
template <class U>
void copy_by_tables(const U* x, const std::vector<std::vector<int64_t>>& tables, const Dims& dims, U fill, U* y) {
  Dims outer(dims.begin(), dims.end() - 1);
  const std::vector<int64_t>& row = tables.back();
  Dims index(outer.size(), 0);
  do {
    int64_t offset = 0;
    bool is_fill = false;
    for (size_t i = 0; i < outer.size(); ++i) {
      const int64_t at = tables[i][static_cast<size_t>(index[i])];
      is_fill |= at < 0;
      offset += at;
    }
    for (size_t j = 0; j < row.size(); ++j) y[j] = is_fill || row[j] < 0 ? fill : x[offset + row[j]];
    y += row.size();
  } while (next_index(index, outer));
}

void pad_into(const Tensor& x, const Margins& m, PadMode mode, uint64_t fill, Tensor& y) {
  if (y.elements() == 0) return;
  if (y.rank() == 0) return copy_strided(x, 0, {}, {}, y);
  const Dims strides = strides_of(x.dims());
  std::vector<std::vector<int64_t>> tables;
  for (size_t i = 0; i < strides.size(); ++i)
    tables.push_back(axis_table(mode, m, i, y.dims()[i], x.dims()[i], strides[i]));
  dispatch_size(x.dtype(), [&]<class U>(std::type_identity<U>) {
    copy_by_tables(static_cast<const U*>(x.raw()), tables, y.dims(), static_cast<U>(fill),
                   static_cast<U*>(y.mutable_raw()));
  });
}

void eval_pad(EvalContext& c) {
  const Tensor& x = c.in(0);
  const auto axes = c.has(3) ? std::optional(to_ints(c.in(3))) : std::nullopt;
  uint64_t fill = zero_element(x);
  if (c.has(2)) {
    if (c.in(2).elements() != 1) throw invalid_argument("pad: the value has not exactly one element");
    fill = element_bits(requantized(c.in(2), x.type()), 0);
  }
  Tensor& y = c.make_output(0, x.dtype(), c.output_types[0].shape.dims());
  pad_into(x, margins_of(to_ints(c.in(1)), axes, x.rank()), c.op<Pad>().mode, fill, y);
}

/// Block sizes and margins ([M, 2]) of SpaceToBatch and BatchToSpace, when both are constant.
struct Blocks {
  std::vector<int64_t> sizes, margins;
};

std::optional<Blocks> blocks_of(std::string_view op, const InferContext& c) {
  const auto sizes = constant_ints(op, c, 1), margins = constant_ints(op, c, 2);
  if (!sizes || !margins) return std::nullopt;
  if (margins->size() != 2 * sizes->size())
    throw op_error(op, cat(sizes->size(), " block sizes with ", margins->size(), " margins"));
  for (int64_t size : *sizes)
    if (size < 1) throw op_error(op, cat("block sizes ", *sizes, ", expected 1 or more"));
  for (int64_t margin : *margins)
    if (margin < 0) throw op_error(op, cat("margins ", *margins, ", expected 0 or more"));
  const Shape& x = c.shape(0);
  if (x.has_rank() && x.rank() < static_cast<int64_t>(sizes->size()) + 1)
    throw op_error(op, cat("x has shape ", x, ", too few axes for ", sizes->size(), " blocks"));
  return Blocks{*sizes, *margins};
}

/// The result's shape when blocks or margins are computed at run time: axes behind the blocks' are those of x.
Shape shape_behind_blocks(const InferContext& c) {
  const Shape &x = c.shape(0), &sizes = c.shape(1);
  if (!x.has_rank()) return Shape::unranked();
  Shape out = Shape::unknown_of_rank(x.rank());
  if (!sizes.is_static() || sizes.rank() != 1) return out;
  for (int64_t i = sizes[0].value() + 1; i < x.rank(); ++i) out[i] = x[i];
  return out;
}

void infer_space_to_batch(InferContext& c) {
  const Shape& x = c.shape(0);
  const auto blocks = blocks_of(SpaceToBatch::kName, c);
  if (!blocks || !x.has_rank()) return c.output(0, c.dtype(0), shape_behind_blocks(c));
  Shape out = x;
  int64_t product = 1;
  for (size_t i = 0; i < blocks->sizes.size(); ++i) {
    const int64_t block = blocks->sizes[i];
    product = checked_mul(product, block);
    Dim& dim = out[static_cast<int64_t>(i) + 1];
    if (!dim.is_known()) {
      dim = Dim();
      continue;
    }
    const int64_t size = padded(dim.value(), blocks->margins[2 * i], blocks->margins[2 * i + 1]);
    if (size % block != 0)
      throw op_error(SpaceToBatch::kName, cat("padded size ", size, " does not divide by block ", block));
    dim = Dim(size / block);
  }
  out[0] = x[0].is_known() ? Dim(checked_mul(x[0].value(), product)) : Dim();
  c.output(0, c.dtype(0), std::move(out));
}

/// [N, S0·b0, S1·b1, …, rest] read as [b0, b1, …, N, S0, S1, …, rest].
void eval_space_to_batch(EvalContext& c) {
  const Tensor& x = c.in(0);
  const std::vector<int64_t> sizes = to_ints(c.in(1)), pads = to_ints(c.in(2));
  const size_t m = sizes.size();
  Margins margins{std::vector<int64_t>(x.dims().size(), 0), std::vector<int64_t>(x.dims().size(), 0)};
  Dims dims = x.dims();
  for (size_t i = 0; i < m; ++i) {
    margins.before[i + 1] = pads[2 * i];
    margins.after[i + 1] = pads[2 * i + 1];
    dims[i + 1] = padded(dims[i + 1], pads[2 * i], pads[2 * i + 1]);
  }
  Tensor wide = Tensor::empty(x.dtype(), dims, x.quant());
  pad_into(x, margins, PadMode::constant, zero_element(x), wide);
  const Dims own = strides_of(dims);
  Dims walk(sizes.begin(), sizes.end()), strides(own.begin() + 1, own.begin() + 1 + static_cast<int64_t>(m));
  for (size_t i = 0; i < dims.size(); ++i) {
    const bool is_block = i >= 1 && i <= m;
    walk.push_back(is_block ? dims[i] / sizes[i - 1] : dims[i]);
    strides.push_back(is_block ? own[i] * sizes[i - 1] : own[i]);
  }
  Tensor& y = c.make_output(0, x.dtype(), c.output_types[0].shape.dims());
  copy_strided(wide, 0, walk, strides, y);
}

void infer_batch_to_space(InferContext& c) {
  const Shape& x = c.shape(0);
  const auto blocks = blocks_of(BatchToSpace::kName, c);
  if (!blocks || !x.has_rank()) return c.output(0, c.dtype(0), shape_behind_blocks(c));
  Shape out = x;
  int64_t product = 1;
  for (size_t i = 0; i < blocks->sizes.size(); ++i) {
    product = checked_mul(product, blocks->sizes[i]);
    Dim& dim = out[static_cast<int64_t>(i) + 1];
    dim = dim.is_known() ? Dim(padded(checked_mul(dim.value(), blocks->sizes[i]), -blocks->margins[2 * i],
                                      -blocks->margins[2 * i + 1]))
                         : Dim();
  }
  if (x[0].is_known() && x[0].value() % product != 0)
    throw op_error(BatchToSpace::kName, cat("batch ", x[0].value(), " does not divide by ", product));
  out[0] = x[0].is_known() ? Dim(x[0].value() / product) : Dim();
  c.output(0, c.dtype(0), std::move(out));
}

/// [b0, b1, …, N, S0, S1, …, rest] read as [N, S0, b0, S1, b1, …, rest], then cropped.
void eval_batch_to_space(EvalContext& c) {
  const Tensor& x = c.in(0);
  const std::vector<int64_t> sizes = to_ints(c.in(1)), crops = to_ints(c.in(2));
  const Dims own = strides_of(x.dims());
  const Dims out = c.output_types[0].shape.dims();
  // Stride of block index i along the batch axis: blocks after it, times the images of one block.
  Dims block_strides(sizes.size());
  int64_t images = out[0];
  for (size_t i = sizes.size(); i-- > 0; images *= sizes[i]) block_strides[i] = own[0] * images;
  Dims walk{out[0]}, strides{own[0]}, uncropped{out[0]};
  for (size_t i = 1; i < out.size(); ++i) {
    walk.push_back(x.dims()[i]);
    strides.push_back(own[i]);
    if (i > sizes.size()) {
      uncropped.push_back(x.dims()[i]);
      continue;
    }
    walk.push_back(sizes[i - 1]);
    strides.push_back(block_strides[i - 1]);
    uncropped.push_back(x.dims()[i] * sizes[i - 1]);
  }
  Tensor wide = Tensor::empty(x.dtype(), uncropped, x.quant());
  copy_strided(x, 0, walk, strides, wide);
  const Dims wide_strides = strides_of(uncropped);
  int64_t offset = 0;
  for (size_t i = 0; i < sizes.size(); ++i) offset += crops[2 * i] * wide_strides[i + 1];
  Tensor& y = c.make_output(0, x.dtype(), out);
  copy_strided(wide, offset, out, wide_strides, y);
}

constexpr InputRule kPadInputs[] = {{.name = "x"},
                                    {.name = "pads", .dtypes = Integers::kSet},
                                    {.name = "value", .same_dtype_as = 0},
                                    {.name = "axes", .dtypes = Integers::kSet}};

}  // namespace

constinit const OpDef Pad::def = mover<Pad>(infer_pad, eval_pad, 2, 4, kPadInputs);
constinit const OpDef SpaceToBatch::def = mover<SpaceToBatch>(infer_space_to_batch, eval_space_to_batch, 3, 3);
constinit const OpDef BatchToSpace::def = mover<BatchToSpace>(infer_batch_to_space, eval_batch_to_space, 3, 3);

}  // namespace hone

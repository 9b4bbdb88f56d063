#include <algorithm>
#include <numeric>

#include "ops/kernel.h"
#include "ops/movement.h"
#include "ops/shaping.h"
#include "train/gradient_rows.h"

namespace hone {
namespace {

void reshape(Backward& b) { b.give(0, b.reshape(b.dy(), b.dims(b.x()))); }

void transpose(Backward& b) {
  std::vector<int64_t> perm = b.op<Transpose>().perm;
  if (perm.empty()) {
    perm.resize(static_cast<size_t>(b.rank(b.x())));
    std::iota(perm.rbegin(), perm.rend(), 0);
  }
  std::vector<int64_t> back(perm.size());
  for (size_t i = 0; i < perm.size(); ++i)
    back[static_cast<size_t>(axis_of("transpose", perm[i], static_cast<int64_t>(perm.size())))] =
        static_cast<int64_t>(i);
  b.give(0, b.transpose(b.dy(), back));
}

void expand(Backward& b) { b.give(0, b.sum_to(b.dy(), b.dims(b.x()))); }

/// [r·d] is [r, d] summed over r.
void tile(Backward& b) {
  const Dims x = b.dims(b.x());
  const std::vector<int64_t> repeats = b.ints(1);
  Dims apart;
  std::vector<int64_t> axes;
  for (size_t i = 0; i < x.size(); ++i) {
    axes.push_back(static_cast<int64_t>(apart.size()));
    apart.push_back(repeats[i]);
    apart.push_back(x[i]);
  }
  b.give(0, b.reshape(b.sum(b.reshape(b.dy(), apart), axes), x));
}

void concat(Backward& b) {
  const int64_t axis = axis_of("concat", b.op<Concat>().axis, b.rank(b.y()));
  int64_t at = 0;
  for (size_t i = 0; i < b.node().inputs.size(); ++i) {
    const int64_t count = b.dims(b.x(i))[static_cast<size_t>(axis)];
    if (b.wants(i)) b.give(i, b.part(b.dy(), axis, at, count));
    at += count;
  }
}

void split(Backward& b) {
  std::vector<ValueId> parts;
  for (size_t i = 0; i < b.node().outputs.size(); ++i)
    parts.push_back(b.dy(i).exists() ? b.dy(i) : b.zeros(b.dims(b.y(i))));
  b.give(0, b.apply(Concat{.axis = b.op<Split>().axis}, parts));
}

ValueId pad(Backward& b, ValueId v, std::vector<int64_t> begin, const std::vector<int64_t>& end) {
  begin.insert(begin.end(), end.begin(), end.end());
  return b.apply(Pad{}, {v, b.shape(begin)});
}

/// Along one axis: `count` elements back to first, first + step, … of `size`.
ValueId put_back(Backward& b, ValueId v, size_t axis, int64_t first, int64_t step, int64_t size) {
  Dims dims = b.dims(v);
  const int64_t count = dims[axis];
  if (count == 0) {
    dims[axis] = size;
    return b.zeros(dims);
  }
  if (step < 0) {
    v = b.apply(Reverse{}, {v, b.shape({static_cast<int64_t>(axis)})});
    first += (count - 1) * step;
    step = -step;
  }
  std::vector<int64_t> begin(dims.size()), end(dims.size());
  if (step > 1) {
    Dims apart = dims;
    apart.insert(apart.begin() + static_cast<int64_t>(axis) + 1, 1);
    std::vector<int64_t> before(apart.size()), after(apart.size());
    after[axis + 1] = step - 1;
    dims[axis] = count * step;
    v = b.reshape(pad(b, b.reshape(v, apart), before, after), dims);
  }
  begin[axis] = first;
  end[axis] = size - first - dims[axis];
  return begin[axis] == 0 && end[axis] == 0 ? v : pad(b, v, begin, end);
}

void slice(Backward& b) {
  const Dims x = b.dims(b.x());
  const auto rank = static_cast<int64_t>(x.size());
  const std::vector<int64_t> starts = b.ints(1);
  std::vector<int64_t> axes(starts.size()), steps(starts.size(), 1);
  std::iota(axes.begin(), axes.end(), 0);
  if (b.has(3)) axes = b.ints(3);
  if (b.has(4)) steps = b.ints(4);
  ValueId v = b.dy();
  for (size_t i = 0; i < starts.size(); ++i) {
    const auto axis = static_cast<size_t>(axis_of("slice", axes[i], rank));
    const int64_t start = starts[i] < 0 ? starts[i] + x[axis] : starts[i];
    const int64_t first = std::clamp<int64_t>(start, 0, steps[i] > 0 ? x[axis] : x[axis] - 1);
    v = put_back(b, v, axis, first, steps[i], x[axis]);
  }
  b.give(0, v);
}

void unpad(Backward& b) {
  if (b.op<Pad>().mode != PadMode::constant) b.refuse("where padding repeats elements");
  if (!b.wants(0)) return;
  const std::vector<int64_t> pads = b.ints(1);
  const int64_t rank = b.rank(b.x());
  std::vector<int64_t> axes(pads.size() / 2), begin(static_cast<size_t>(rank)), end(begin);
  std::iota(axes.begin(), axes.end(), 0);
  if (b.has(3)) axes = b.ints(3);
  for (size_t i = 0; i < axes.size(); ++i) {
    const auto axis = static_cast<size_t>(axis_of("pad", axes[i], rank));
    begin[axis] = -pads[i];
    end[axis] = -pads[axes.size() + i];
  }
  b.give(0, pad(b, b.dy(), begin, end));
}

/// Rows of dy are added where they were taken from.
void gather(Backward& b) {
  const auto& op = b.op<Gather>();
  if (op.batch_dims != 0) b.refuse("with shared leading axes");
  const Dims x = b.dims(b.x()), indices = b.dims(b.x(1));
  const int64_t axis = axis_of("gather", op.axis, static_cast<int64_t>(x.size()));
  const auto width = static_cast<int64_t>(indices.size());
  std::vector<int64_t> to_front, to_back;
  for (int64_t i = 0; i < width; ++i) to_front.push_back(axis + i);
  for (int64_t i = 0; i < axis; ++i) to_front.push_back(i);
  for (int64_t i = axis + width; i < b.rank(b.y()); ++i) to_front.push_back(i);
  Dims rows{x[static_cast<size_t>(axis)]};
  for (int64_t i = 0; i < static_cast<int64_t>(x.size()); ++i) {
    if (i != axis) rows.push_back(x[static_cast<size_t>(i)]);
    to_back.push_back(i < axis ? i + 1 : i == axis ? 0 : i);
  }
  Dims places = indices;
  places.push_back(1);
  const ValueId sum = b.apply(ScatterND{.reduction = ScatterReduction::add},
                              {b.zeros(rows), b.reshape(b.x(1), places), b.transpose(b.dy(), to_front)});
  b.give(0, b.transpose(sum, to_back));
}

void depth_to_space(Backward& b) {
  const auto& op = b.op<DepthToSpace>();
  if (!op.column_row_depth) return b.give(0, b.apply(SpaceToDepth{.block = op.block}, {b.dy()}));
  // Channel c·block² + i·block + j went to row i and column j of its block.
  const Dims x = b.dims(b.x());
  const int64_t block = op.block, channels = x[3] / (block * block);
  const ValueId apart = b.reshape(b.dy(), {x[0], x[1], block, x[2], block, channels});
  b.give(0, b.reshape(b.transpose(apart, {0, 1, 3, 5, 2, 4}), x));
}

void space_to_depth(Backward& b) { b.give(0, b.apply(DepthToSpace{.block = b.op<SpaceToDepth>().block}, {b.dy()})); }

void reverse(Backward& b) { b.give(0, b.apply(Reverse{}, {b.dy(), b.x(1)})); }

void dropout(Backward& b) {
  if (b.has(2)) b.refuse("while it may drop");
  b.give(0, b.dy());
}

/// Elements of dy are added where they were taken from.
void gather_elements(Backward& b) {
  const auto& op = b.op<GatherElements>();
  b.give(0, b.apply(ScatterElements{.axis = op.axis, .reduction = ScatterReduction::add},
                    {b.zeros(b.dims(b.x())), b.x(1), b.dy()}));
}

void gather_nd(Backward& b) {
  if (b.op<GatherND>().batch_dims != 0) b.refuse("with shared leading axes");
  b.give(0, b.apply(ScatterND{.reduction = ScatterReduction::add}, {b.zeros(b.dims(b.x())), b.x(1), b.dy()}));
}

void top_k(Backward& b) {
  b.give(0, b.apply(ScatterElements{.axis = b.op<TopK>().axis, .reduction = ScatterReduction::add},
                    {b.zeros(b.dims(b.x())), b.y(1), b.dy()}));
}

/// Reversing what was reversed gives back the order.
void reverse_sequence(Backward& b) { b.give(0, b.apply(b.op<ReverseSequence>(), {b.dy(), b.x(1)})); }

void triangle(Backward& b) {
  std::vector<ValueId> inputs{b.dy()};
  if (b.has(1)) inputs.push_back(b.x(1));
  b.give(0, b.apply(b.op<Trilu>(), inputs));
}

void space_to_batch(Backward& b) { b.give(0, b.apply(BatchToSpace{}, {b.dy(), b.x(1), b.x(2)})); }

void batch_to_space(Backward& b) { b.give(0, b.apply(SpaceToBatch{}, {b.dy(), b.x(1), b.x(2)})); }

/// Sums from the other end.
void cumulative_sum(Backward& b) {
  CumSum op = b.op<CumSum>();
  op.reverse = !op.reverse;
  b.give(0, b.apply(op, {b.dy(), b.x(1)}));
}

constexpr GradientRow kRows[] = {
    {&BatchToSpace::def, batch_to_space},
    {&Concat::def, concat},
    {&CumSum::def, cumulative_sum},
    {&DepthToSpace::def, depth_to_space},
    {&Dropout::def, dropout},
    {&Expand::def, expand},
    {&Flatten::def, reshape},
    {&Gather::def, gather, weights({0})},
    {&GatherElements::def, gather_elements},
    {&GatherND::def, gather_nd},
    {&Pad::def, unpad},
    {&Reshape::def, reshape},
    {&Reverse::def, reverse},
    {&ReverseSequence::def, reverse_sequence},
    {&Slice::def, slice},
    {&SpaceToBatch::def, space_to_batch},
    {&Split::def, split},
    {&SpaceToDepth::def, space_to_depth},
    {&Squeeze::def, reshape},
    {&Tile::def, tile},
    {&TopK::def, top_k},
    {&Transpose::def, transpose},
    {&Trilu::def, triangle},
    {&Unsqueeze::def, reshape},
};

}  // namespace

std::span<const GradientRow> movement_gradients() { return kRows; }

}  // namespace hone

#include <algorithm>
#include <limits>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"
#include "formats/tflite/rows.h"
#include "ops/binary.h"
#include "ops/movement.h"
#include "ops/unary.h"

namespace hone::tflite {

namespace {

using B = fb::BuiltinOperator;

constexpr int64_t kToTheEnd = std::numeric_limits<int64_t>::max();
constexpr int64_t kToTheFront = std::numeric_limits<int64_t>::min();

/// SLICE names sizes, −1 for what is left; the canonical form names ends.
void read_slice(ReadNode& n) {
  std::vector<int64_t> axes;
  for (int64_t i = 0; i < n.rank(0); ++i) axes.push_back(i);
  if (!n.is_constant(1) || !n.is_constant(2)) {
    const ValueId begin = n.list_i64(1), size = n.list_i64(2);
    const ValueId zero = n.add_ints({0}), last = n.add_ints({kToTheEnd});
    const ValueId end = n.temp(Where{}, {n.temp(Less{}, {size, zero}), last, n.temp(Add{}, {begin, size})});
    return n.emit(Slice{}, {n.in(0), begin, end, n.add_ints(axes)});
  }
  const std::vector<int64_t> begin = n.ints(1), size = n.ints(2);
  if (begin.size() != axes.size() || size.size() != axes.size())
    throw invalid_model(
        cat("begin and size have ", begin.size(), " and ", size.size(), " entries, expected ", axes.size()));
  std::vector<int64_t> end;
  for (size_t i = 0; i < size.size(); ++i) {
    if (size[i] < -1 || begin[i] < 0) throw invalid_model(cat("slice begins at ", begin[i], " with size ", size[i]));
    end.push_back(size[i] == -1 ? kToTheEnd : checked_add(begin[i], size[i]));
  }
  n.emit(Slice{}, {n.in(0), n.add_ints(begin, "begin"), n.add_ints(end, "end"), n.add_ints(axes, "axes")});
}

/// STRIDED_SLICE taken apart: what each axis of the input keeps, which axes vanish, where new ones appear.
struct StridedPlan {
  std::vector<int64_t> begins, ends, axes, steps;  ///< axes that are cut at all
  std::vector<int64_t> dropped;                    ///< axes of the input
  std::vector<int64_t> added;                      ///< axes of the result
};

/// Throws Error(invalid_model) for positions no tensor of this format can have.
int64_t in_32_bits(int64_t position) {
  if (position != static_cast<int32_t>(position)) throw invalid_model(cat("slice position ", position));
  return position;
}

StridedPlan plan_strided(ReadNode& n, const fb::StridedSliceOptionsT& o) {
  const std::vector<int64_t> begin = n.ints(1), end = n.ints(2), step = n.ints(3);
  const size_t entries = begin.size();
  if (end.size() != entries || step.size() != entries || entries > 31)
    throw invalid_model(
        cat("begin, end and strides have ", entries, ", ", end.size(), " and ", step.size(), " entries"));
  auto has = [](int32_t mask, size_t i) { return (mask >> i & 1) != 0; };
  int64_t spent = 0;
  for (size_t i = 0; i < entries; ++i) spent += !has(o.ellipsis_mask, i) && !has(o.new_axis_mask, i);
  StridedPlan plan;
  int64_t axis = 0, result_axis = 0;
  bool seen_ellipsis = false;
  for (size_t i = 0; i < entries; ++i) {
    if (has(o.ellipsis_mask, i)) {
      if (seen_ellipsis) throw invalid_model("two ellipses in a strided slice");
      seen_ellipsis = true;
      const int64_t skipped = n.rank(0) - spent;
      if (skipped < 0) throw invalid_model(cat("strided slice of ", spent, " axes, the input has ", n.rank(0)));
      axis += skipped;
      result_axis += skipped;
    } else if (has(o.new_axis_mask, i)) {
      plan.added.push_back(result_axis++);
    } else {
      if (axis >= n.rank(0)) throw invalid_model(cat("strided slice of more than ", n.rank(0), " axes"));
      if (step[i] == 0) throw invalid_model("strided slice with a stride of 0");
      const bool shrinks = has(o.shrink_axis_mask, i);
      const bool forward = step[i] > 0;
      const int64_t stop = o.offset ? in_32_bits(begin[i]) + in_32_bits(end[i]) : end[i];
      int64_t from = has(o.begin_mask, i) ? (forward ? 0 : kToTheEnd) : begin[i];
      int64_t to = has(o.end_mask, i) ? (forward ? kToTheEnd : kToTheFront) : stop;
      if (shrinks) {
        from = has(o.begin_mask, i) ? 0 : in_32_bits(begin[i]);
        to = from == -1 ? kToTheEnd : from + 1;
        plan.dropped.push_back(axis);
      } else {
        ++result_axis;
      }
      plan.begins.push_back(from);
      plan.ends.push_back(to);
      plan.steps.push_back(shrinks ? 1 : step[i]);
      plan.axes.push_back(axis++);
    }
  }
  return plan;
}

/// Beyond every axis, and small enough to be written as 32 bits.
constexpr int64_t kFarEnd = std::numeric_limits<int32_t>::max();
constexpr int64_t kFarFront = -kFarEnd;

/// Positions known only at run time; strides are constant, and entries and axes go together one by one.
void read_moving_slice(ReadNode& n, const fb::StridedSliceOptionsT& o) {
  const std::vector<int64_t> step = n.ints(3);
  if (o.ellipsis_mask != 0 || o.new_axis_mask != 0 || o.offset)
    throw unsupported("strided slice at places of run time with an ellipsis, new axes or offsets");
  const auto rank = static_cast<int64_t>(step.size());
  if (rank > n.rank(0) || rank > 31) throw invalid_model(cat("strided slice of more than ", n.rank(0), " axes"));
  std::vector<int64_t> axes, from, to, is_shrunk, dropped;
  for (int64_t i = 0; i < rank; ++i) {
    const int64_t s = step[static_cast<size_t>(i)];
    if (s == 0) throw invalid_model("strided slice with a stride of 0");
    const bool shrinks = (o.shrink_axis_mask >> i & 1) != 0;
    if (shrinks && s != 1) throw unsupported("strided slice that drops an axis with a stride");
    if (shrinks) dropped.push_back(i);
    axes.push_back(i);
    is_shrunk.push_back(shrinks);
    from.push_back(s > 0 ? 0 : kFarEnd);
    to.push_back(s > 0 ? kFarEnd : kFarFront);
  }
  const auto flags = [&](auto is_set) {
    Tensor t = Tensor::empty(DType::kBool, {rank});
    for (int64_t i = 0; i < rank; ++i) t.mutable_data<bool>()[static_cast<size_t>(i)] = is_set(i);
    return n.add_constant(t, "mask");
  };
  ValueId begin = n.list_i64(1), end = n.list_i64(2);
  if (o.begin_mask != 0)
    begin = n.temp(Where{}, {flags([&](int64_t i) { return (o.begin_mask >> i & 1) != 0; }), n.add_ints(from), begin});
  if (o.end_mask != 0)
    end = n.temp(Where{}, {flags([&](int64_t i) { return (o.end_mask >> i & 1) != 0; }), n.add_ints(to), end});
  if (!dropped.empty()) {
    // A dropped axis keeps the one element at its begin, −1 being the last.
    const ValueId last = n.temp(Equal{}, {begin, n.add_ints({-1})});
    const ValueId next = n.temp(Where{}, {last, n.add_ints({kFarEnd}), n.temp(Add{}, {begin, n.add_ints({1})})});
    end = n.temp(Where{}, {flags([&](int64_t i) { return is_shrunk[static_cast<size_t>(i)] != 0; }), next, end});
  }
  std::vector<ValueId> inputs{n.in(0), begin, end, n.add_ints(axes, "axes"), n.add_ints(step, "steps")};
  if (dropped.empty()) return n.emit(Slice{}, std::move(inputs));
  n.emit(Squeeze{}, {n.temp(Slice{}, std::move(inputs)), n.add_ints(dropped, "dropped")});
}

void read_strided_slice(ReadNode& n) {
  const auto o = n.options<fb::StridedSliceOptionsT>();
  if (!n.is_constant(1) || !n.is_constant(2)) return read_moving_slice(n, o);
  const StridedPlan plan = plan_strided(n, o);
  std::vector<ValueId> inputs{n.in(0), n.add_ints(plan.begins, "begin"), n.add_ints(plan.ends, "end"),
                              n.add_ints(plan.axes, "axes"), n.add_ints(plan.steps, "steps")};
  if (plan.dropped.empty() && plan.added.empty()) return n.emit(Slice{}, std::move(inputs));
  ValueId x = n.temp(Slice{}, std::move(inputs));
  if (plan.added.empty()) return n.emit(Squeeze{}, {x, n.add_ints(plan.dropped, "dropped")});
  if (!plan.dropped.empty()) x = n.temp(Squeeze{}, {x, n.add_ints(plan.dropped, "dropped")});
  n.emit(Unsqueeze{}, {x, n.add_ints(plan.added, "added")});
}

struct FileSlice {
  std::vector<int64_t> begin, end, step;
  int32_t begin_mask = 0, end_mask = 0;
};

int64_t narrowed(int64_t v) {
  return std::clamp<int64_t>(v, std::numeric_limits<int32_t>::min() + 1, std::numeric_limits<int32_t>::max());
}

FileSlice slice_of(const WriteNode& n) {
  const auto rank = static_cast<size_t>(n.rank(0));
  FileSlice s{std::vector<int64_t>(rank, 0), std::vector<int64_t>(rank, 0), std::vector<int64_t>(rank, 1)};
  const std::vector<int64_t> begins = n.ints(1), ends = n.ints(2);
  std::vector<int64_t> axes, steps(begins.size(), 1);
  if (n.has(3))
    axes = n.ints(3);
  else
    for (size_t i = 0; i < begins.size(); ++i) axes.push_back(static_cast<int64_t>(i));
  if (n.has(4)) steps = n.ints(4);
  for (size_t i = 0; i < rank; ++i) s.begin_mask |= 1 << i, s.end_mask |= 1 << i;
  for (size_t i = 0; i < axes.size(); ++i) {
    const auto axis = static_cast<size_t>(normalize_axis(axes[i], n.rank(0), "slice"));
    s.step[axis] = steps[i];
    s.begin[axis] = narrowed(begins[i]);
    s.end[axis] = narrowed(ends[i]);
    const bool from_start = steps[i] > 0 && begins[i] == 0;
    const bool to_end =
        steps[i] > 0 ? ends[i] >= std::numeric_limits<int32_t>::max() : ends[i] <= std::numeric_limits<int32_t>::min();
    const bool from_end = steps[i] < 0 && begins[i] >= std::numeric_limits<int32_t>::max();
    if (!from_start && !from_end) s.begin_mask &= ~(1 << axis);
    if (!to_end) s.end_mask &= ~(1 << axis);
  }
  return s;
}

/// Positions of run time, of the first axes in their order.
bool write_moving_slice(WriteNode& n) {
  if (n.has(3)) {
    const std::vector<int64_t> axes = n.ints(3);
    for (size_t i = 0; i < axes.size(); ++i)
      if (axes[i] != static_cast<int64_t>(i)) throw unsupported("slice at places of run time along some axes only");
  }
  if (!n.type(1).shape.has_rank() || n.type(1).shape.rank() != 1 || !n.type(1).shape[0].is_known())
    throw unsupported("slice of an unknown number of axes");
  const std::vector<int64_t> ones(static_cast<size_t>(n.type(1).shape[0].value()), 1);
  const TensorIndex step = n.add_ints(n.has(4) ? n.ints(4) : ones, "step");
  n.emit(B::STRIDED_SLICE, n.rank(0) > 4 ? 4 : Versions{1, 2, 4}.of(n.type(0)), fb::StridedSliceOptionsT(),
         {n.in(0), n.in_i32(1), n.in_i32(2), step}, {n.out()});
  return true;
}

bool write_slice(WriteNode& n) {
  if (n.rank(0) > 5) throw unsupported(cat("slice of ", n.rank(0), " axes, tflite takes at most 5"));
  if (!n.is_constant(1) || !n.is_constant(2)) return write_moving_slice(n);
  const FileSlice s = slice_of(n);
  fb::StridedSliceOptionsT o;
  o.begin_mask = s.begin_mask;
  o.end_mask = s.end_mask;
  n.emit(B::STRIDED_SLICE, n.rank(0) > 4 ? 4 : Versions{1, 2, 4}.of(n.type(0)), o,
         {n.in(0), n.add_ints(s.begin, "begin"), n.add_ints(s.end, "end"), n.add_ints(s.step, "steps")}, {n.out()});
  return true;
}

constexpr Row kRows[] = {
    {B::SLICE, 6, read_slice, nullptr, nullptr},
    {B::STRIDED_SLICE, 8, read_strided_slice, &Slice::def, write_slice},
};

}  // namespace

std::span<const Row> slice_rows() { return kRows; }

}  // namespace hone::tflite

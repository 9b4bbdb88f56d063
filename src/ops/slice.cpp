#include <algorithm>
#include <limits>

#include "ops/movement.h"
#include "ops/strided.h"

namespace hone {

namespace {

/// One axis of a slice.
struct Cut {
  int64_t axis = 0;
  int64_t start = 0, end = 0, step = 1;  ///< as given: negative from the end, not yet clamped

  /// Positions taken from an axis of `dim` elements: first and how many.
  struct Taken {
    int64_t first = 0, count = 0;
  };
  Taken of(int64_t dim) const {
    const auto from_end = [&](int64_t v) { return v < 0 ? v + dim : v; };
    const int64_t low = step > 0 ? 0 : -1, high = step > 0 ? dim : dim - 1;
    const int64_t first = std::clamp(from_end(start), std::min(step > 0 ? low : int64_t(0), high), high);
    const int64_t last = std::clamp(from_end(end), low, std::max(low, high));
    const int64_t distance = last - first;
    if (dim == 0 || distance == 0 || (distance > 0) != (step > 0)) return {};
    return {first, distance / step + (distance % step != 0 ? 1 : 0)};
  }
  bool takes_all() const { return step == 1 && start == 0 && end >= std::numeric_limits<int32_t>::max(); }
};

/// The axes a slice names, or the first ones when it names none; nothing when they are not known.
std::optional<std::vector<int64_t>> axes_cut(const InferContext& c, int64_t rank) {
  if (const auto axes = constant_ints(Slice::kName, c, 3)) {
    axes_of(Slice::kName, *axes, rank);
    std::vector<int64_t> out;
    for (int64_t axis : *axes) out.push_back(axis_of(Slice::kName, axis, rank));
    return out;
  }
  if (c.has_input(3)) return std::nullopt;
  const auto length = known_length(Slice::kName, c, 1);
  if (!length) return std::nullopt;
  if (*length > rank) throw op_error(Slice::kName, cat(*length, " starts for a tensor of rank ", rank));
  std::vector<int64_t> out;
  for (int64_t i = 0; i < *length; ++i) out.push_back(i);
  return out;
}

/// `steps`: none given means 1 along each axis.
std::vector<Cut> cuts_of(const std::vector<int64_t>& axes, const std::vector<int64_t>& starts,
                         const std::vector<int64_t>& ends, const std::optional<std::vector<int64_t>>& steps) {
  if (starts.size() != axes.size() || ends.size() != axes.size() || (steps && steps->size() != axes.size()))
    throw op_error(Slice::kName, cat("starts ", starts, ", ends ", ends, ", axes ", axes, " and steps ",
                                     steps ? cat(*steps) : "of 1", " differ in length"));
  std::vector<Cut> cuts;
  for (size_t i = 0; i < axes.size(); ++i) {
    const int64_t step = steps ? (*steps)[i] : 1;
    if (step == 0) throw op_error(Slice::kName, "a step is 0");
    cuts.push_back({axes[i], starts[i], ends[i], step});
  }
  return cuts;
}

/// Whatever is known of where a slice starts, ends, lies and steps is of one length.
void check_lengths(const InferContext& c) {
  std::optional<int64_t> length;
  for (size_t i = 1; i < 5; ++i) {
    const auto own = c.has_input(i) ? known_length(Slice::kName, c, i) : std::nullopt;
    if (own && length.value_or(*own) != *own)
      throw op_error(Slice::kName, cat("starts, ends, axes and steps differ in length: ", *length, " and ", *own));
    if (own) length = own;
  }
}

void infer_slice(InferContext& c) {
  Shape out = c.shape(0);
  check_lengths(c);
  const auto starts = constant_ints(Slice::kName, c, 1), ends = constant_ints(Slice::kName, c, 2);
  const auto steps = constant_ints(Slice::kName, c, 4);
  if (!out.has_rank()) return c.output(0, c.dtype(0), Shape::unranked());
  const auto axes = axes_cut(c, out.rank());
  if (!axes) return c.output(0, c.dtype(0), Shape::unknown_of_rank(out.rank()));
  if (starts && ends && (steps || !c.has_input(4))) {
    for (const Cut& cut : cuts_of(*axes, *starts, *ends, steps)) {
      Dim& dim = out[cut.axis];
      if (dim.is_known())
        dim = Dim(cut.of(dim.value()).count);
      else if (!cut.takes_all())
        dim = Dim();
    }
  } else {
    for (int64_t axis : *axes) out[axis] = Dim();
  }
  c.output(0, c.dtype(0), std::move(out));
}

void eval_slice(EvalContext& c) {
  const Tensor& x = c.in(0);
  std::vector<int64_t> axes;
  const std::vector<int64_t> starts = to_ints(c.in(1));
  for (size_t i = 0; i < starts.size(); ++i) axes.push_back(static_cast<int64_t>(i));
  if (c.has(3)) axes = to_ints(c.in(3));
  for (int64_t& axis : axes) axis = axis_of(Slice::kName, axis, x.rank());
  Dims dims = x.dims(), strides = strides_of(x.dims());
  int64_t offset = 0;
  const auto steps = c.has(4) ? std::optional(to_ints(c.in(4))) : std::nullopt;
  for (const Cut& cut : cuts_of(axes, starts, to_ints(c.in(2)), steps)) {
    const auto axis = static_cast<size_t>(cut.axis);
    const Cut::Taken taken = cut.of(dims[axis]);
    dims[axis] = taken.count;
    offset += taken.first * strides[axis];
    // A single element needs no stride, and its step may be as large as it likes.
    strides[axis] = taken.count > 1 ? strides[axis] * cut.step : 0;
  }
  move_strided(c, dims, offset, dims, strides);
}

constexpr InputRule kSliceInputs[] = {{.name = "x"},
                                      {.name = "starts", .dtypes = Integers::kSet, .max_rank = 1},
                                      {.name = "ends", .dtypes = Integers::kSet, .max_rank = 1},
                                      {.name = "axes", .dtypes = Integers::kSet, .max_rank = 1},
                                      {.name = "steps", .dtypes = Integers::kSet, .max_rank = 1}};

}  // namespace

constinit const OpDef Slice::def = mover<Slice>(infer_slice, eval_slice, 3, 5, kSliceInputs);

}  // namespace hone

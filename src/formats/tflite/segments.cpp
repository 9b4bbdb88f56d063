#include "formats/tflite/segments.h"

#include <algorithm>
#include <limits>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"
#include "ops/movement.h"
#include "ops/shaping.h"

namespace hone::tflite {

namespace {

/// A single element of `dtype`: the smallest or largest value where asked for, else `value`.
Tensor neutral(DType dtype, ScatterReduction reduction) {
  const bool is_max = reduction == ScatterReduction::max, is_min = reduction == ScatterReduction::min;
  if (is_float(dtype)) {
    const float lowest = std::numeric_limits<float>::lowest();
    const float value = is_max ? lowest : is_min ? -lowest : reduction == ScatterReduction::mul ? 1.0f : 0.0f;
    return cast(Tensor::of<float>({1}, {value}), dtype);
  }
  const int64_t value = is_max ? min_of(dtype) : is_min ? max_of(dtype) : reduction == ScatterReduction::mul ? 1 : 0;
  return cast(Tensor::of<int64_t>({1}, {value}), dtype);
}

void emit_segments(ReadNode& n, int64_t count, ScatterReduction reduction) {
  if (count < 0) throw invalid_model(cat("number of segments is ", count));
  for (const int64_t id : n.ints(1))
    if (id < 0 || id >= count) throw unsupported(cat("segment id ", id, " outside 0…", count - 1));
  const Shape& data = n.type(0).shape;
  if (n.rank(1) > n.rank(0)) throw invalid_model("segment ids have more axes than the data");
  Dims shape{count};
  for (int64_t axis = n.rank(1); axis < n.rank(0); ++axis) {
    if (!data[axis].is_known()) throw unsupported("segments of data of unknown size");
    shape.push_back(data[axis].value());
  }
  const ValueId start = n.temp(ConstantOfShape{.value = neutral(n.type(0).dtype, reduction)}, {n.add_ints(shape)});
  Dims index_dims = n.constant(1).dims();
  index_dims.push_back(1);
  const ValueId indices = n.add_constant(cast(n.constant(1), DType::kI64).reshaped(index_dims), "ids");
  n.emit(ScatterND{.reduction = reduction}, {start, indices, n.in(0)});
}

void read_unsorted(ReadNode& n, ScatterReduction reduction) {
  const std::vector<int64_t> count = n.ints(2);
  if (count.size() != 1) throw invalid_model(cat("found ", count.size(), " segment counts, expected 1"));
  emit_segments(n, count[0], reduction);
}

}  // namespace

void read_segment_sum(ReadNode& n) {
  const std::vector<int64_t> ids = n.ints(1);
  emit_segments(n, ids.empty() ? 0 : checked_add(std::max<int64_t>(*std::max_element(ids.begin(), ids.end()), 0), 1),
                ScatterReduction::add);
}

void read_unsorted_sum(ReadNode& n) { read_unsorted(n, ScatterReduction::add); }
void read_unsorted_prod(ReadNode& n) { read_unsorted(n, ScatterReduction::mul); }
void read_unsorted_max(ReadNode& n) { read_unsorted(n, ScatterReduction::max); }
void read_unsorted_min(ReadNode& n) { read_unsorted(n, ScatterReduction::min); }

}  // namespace hone::tflite

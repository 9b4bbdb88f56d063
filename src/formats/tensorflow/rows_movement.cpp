#include <limits>

#include "base/error.h"
#include "base/text.h"
#include "formats/tensorflow/node.h"
#include "ops/movement.h"
#include "ops/shaping.h"
#include "ops/unary.h"

namespace hone::tensorflow {

namespace {

constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();

int64_t single(const std::vector<int64_t>& values, const char* what) {
  if (values.size() != 1) throw invalid_model(cat("found ", values.size(), " values, expected one ", what));
  return values[0];
}

/// An axis counted from the front of `rank` axes.
int64_t from_front(int64_t axis, int64_t rank) { return axis < 0 ? axis + rank : axis; }

ValueId wide(OpNode& n, ValueId x) {
  return n.graph.type(x).dtype == DType::kI64 ? x : n.add(Cast{.to = DType::kI64}, {x});
}

void read_const(OpNode& n) {
  const auto value = n.def.attributes.find("value");
  if (value == n.def.attributes.end()) throw invalid_model("has no value");
  n.emit(n.graph.add_constant(read_tensor(value->second.tensor(), n.owner), n.name));
}

void read_reshape(OpNode& n) { n.emit(n.add(Reshape{.allow_zero = true}, {n.x(0), n.x(1)})); }

void read_squeeze(OpNode& n) {
  const std::vector<int64_t> axes = n.integers("squeeze_dims");
  n.emit(axes.empty() ? n.add(Squeeze{}, {n.x()}) : n.add(Squeeze{}, {n.x(), n.ints(axes, "axes")}));
}

void read_expand_dims(OpNode& n) { n.emit(n.add(Unsqueeze{}, {n.x(0), n.ints(n.constant_ints(1), "axes")})); }
void read_transpose(OpNode& n) { n.emit(n.add(Transpose{.perm = n.constant_ints(1)}, {n.x(0)})); }

void read_concat(OpNode& n) {
  if (n.in.size() < 2) throw invalid_model("joins nothing");
  std::vector<ValueId> parts;
  for (size_t i = 0; i + 1 < n.in.size(); ++i) parts.push_back(n.x(i));
  const int64_t axis = single(n.constant_ints(n.in.size() - 1), "axis");
  n.emit(n.add(Concat{.axis = from_front(axis, n.rank(0))}, parts));
}

void read_pack(OpNode& n) {
  const int64_t axis = from_front(n.integer("axis", 0), n.rank(0) + 1);
  std::vector<ValueId> parts;
  for (size_t i = 0; i < n.in.size(); ++i) parts.push_back(n.add(Unsqueeze{}, {n.x(i), n.ints({axis}, "axes")}));
  n.emit(n.add(Concat{.axis = axis}, parts));
}

void split(OpNode& n, ValueId x, int64_t axis, std::vector<int64_t> sizes) {
  const size_t count = sizes.size();
  for (const ValueId part : n.add_many(Split{.axis = axis}, {x, n.ints(sizes, "sizes")}, count)) n.emit(part);
}

int64_t known_dim(const OpNode& n, size_t i, int64_t axis) {
  const Shape& shape = n.type(i).shape;
  if (axis < 0 || axis >= n.rank(i)) throw invalid_model(cat("axis ", axis, " of an input of rank ", n.rank(i)));
  if (!shape[axis].is_known()) throw unsupported(cat("axis ", axis, " of input ", i, " is open"));
  return shape[axis].value();
}

int64_t part_count(int64_t count) {
  if (count < 1 || count > 65536) throw invalid_model(cat("splits into ", count, " parts"));
  return count;
}

void read_split(OpNode& n) {
  const int64_t axis = from_front(single(n.constant_ints(0), "axis"), n.rank(1)), size = known_dim(n, 1, axis);
  const int64_t count = part_count(n.integer("num_split", 1));
  if (size % count != 0) throw invalid_model(cat("splits ", size, " into ", count, " equal parts"));
  split(n, n.x(1), axis, std::vector<int64_t>(static_cast<size_t>(count), size / count));
}

void read_split_v(OpNode& n) {
  const int64_t axis = from_front(single(n.constant_ints(2), "axis"), n.rank(0));
  std::vector<int64_t> sizes = n.constant_ints(1);
  int64_t rest = known_dim(n, 0, axis);
  for (const int64_t s : sizes) rest -= s < 0 ? 0 : s;
  for (int64_t& s : sizes) s = s < 0 ? rest : s;
  split(n, n.x(0), axis, sizes);
}

void read_unpack(OpNode& n) {
  const int64_t axis = from_front(n.integer("axis", 0), n.rank(0)), count = part_count(known_dim(n, 0, axis));
  std::vector<int64_t> sizes(static_cast<size_t>(count), 1);
  for (const ValueId part : n.add_many(Split{.axis = axis}, {n.x(0), n.ints(sizes, "sizes")}, sizes.size()))
    n.emit(n.add(Squeeze{}, {part, n.ints({axis}, "axes")}));
}

void read_slice(OpNode& n) {
  const std::vector<int64_t> begin = n.constant_ints(1), size = n.constant_ints(2);
  std::vector<int64_t> ends;
  for (size_t i = 0; i < begin.size() && i < size.size(); ++i) ends.push_back(size[i] < 0 ? kEnd : begin[i] + size[i]);
  n.emit(n.add(Slice{}, {n.x(0), n.ints(begin, "starts"), n.ints(ends, "ends")}));
}

/// Python's x[a:b:c, ..., None, i], the parts as bit masks.
void read_strided_slice(OpNode& n) {
  const std::vector<int64_t> begin = n.constant_ints(1), end = n.constant_ints(2), step = n.constant_ints(3);
  const int64_t begins = n.integer("begin_mask", 0), ends = n.integer("end_mask", 0),
                dots = n.integer("ellipsis_mask", 0), added = n.integer("new_axis_mask", 0),
                dropped = n.integer("shrink_axis_mask", 0);
  const auto bit = [](int64_t mask, size_t i) { return i < 63 && (mask >> i & 1) != 0; };
  if (end.size() != begin.size() || step.size() != begin.size()) throw invalid_model("begins, ends and steps differ");
  std::vector<int64_t> starts, stops, steps, axes, squeezed, inserted;
  int64_t axis = 0, place = 0;  // of the input, of the result before axes are dropped and added
  for (size_t i = 0; i < begin.size(); ++i) {
    if (bit(dots, i)) {
      int64_t later = 0;
      for (size_t k = i + 1; k < begin.size(); ++k) later += !bit(added, k);
      const int64_t skipped = n.rank(0) - axis - later;
      if (skipped < 0) throw invalid_model("takes more axes than there are");
      axis += skipped, place += skipped;
    } else if (bit(added, i)) {
      inserted.push_back(place++);
    } else {
      const bool is_one = bit(dropped, i);
      starts.push_back(bit(begins, i) && !is_one ? (step[i] < 0 ? kEnd : 0) : begin[i]);
      stops.push_back(is_one         ? (begin[i] == -1 ? kEnd : begin[i] + 1)
                      : bit(ends, i) ? (step[i] < 0 ? -kEnd : kEnd)
                                     : end[i]);
      steps.push_back(is_one ? 1 : step[i]);
      axes.push_back(axis);
      if (is_one)
        squeezed.push_back(axis);
      else
        ++place;
      ++axis;
    }
  }
  ValueId y = n.x(0);
  if (!axes.empty())
    y = n.add(Slice{},
              {y, n.ints(starts, "starts"), n.ints(stops, "ends"), n.ints(axes, "axes"), n.ints(steps, "steps")});
  if (!squeezed.empty()) y = n.add(Squeeze{}, {y, n.ints(squeezed, "squeezed")});
  if (!inserted.empty()) y = n.add(Unsqueeze{}, {y, n.ints(inserted, "inserted")});
  n.emit(y);
}

/// Pairs [rank, 2] as begins, then ends.
std::vector<int64_t> pads(const OpNode& n) {
  const std::vector<int64_t> pairs = n.constant_ints(1);
  std::vector<int64_t> out;
  for (const size_t half : {size_t{0}, size_t{1}})
    for (size_t i = half; i < pairs.size(); i += 2) out.push_back(pairs[i]);
  return out;
}

void read_pad(OpNode& n) {
  std::vector<ValueId> inputs{n.x(0), n.ints(pads(n), "pads")};
  if (n.in.size() > 2) inputs.push_back(n.x(2));
  n.emit(n.add(Pad{}, inputs));
}

void read_mirror_pad(OpNode& n) {
  const PadMode mode = n.text("mode", "REFLECT") == "SYMMETRIC" ? PadMode::symmetric : PadMode::reflect;
  n.emit(n.add(Pad{.mode = mode}, {n.x(0), n.ints(pads(n), "pads")}));
}

void read_tile(OpNode& n) { n.emit(n.add(Tile{}, {n.x(0), wide(n, n.x(1))})); }
void read_broadcast(OpNode& n) { n.emit(n.add(Expand{}, {n.x(0), wide(n, n.x(1))})); }

void read_gather(OpNode& n) {
  const int64_t axis = n.in.size() > 2 ? single(n.constant_ints(2), "axis") : 0;
  n.emit(n.add(Gather{.axis = axis, .batch_dims = n.integer("batch_dims", 0)}, {n.x(0), n.x(1)}));
}
void read_gather_nd(OpNode& n) { n.emit(n.add(GatherND{}, {n.x(0), n.x(1)})); }

void read_shape(OpNode& n) {
  const auto to = n.def.attributes.find("out_type");
  n.emit(n.add(ShapeOf{.dtype = to == n.def.attributes.end() ? DType::kI32 : dtype_of(to->second.type())}, {n.x()}));
}

void read_fill(OpNode& n) { n.emit(n.add(Fill{}, {n.x(0), n.x(1)})); }
void read_range(OpNode& n) { n.emit(n.add(Range{}, {n.x(0), n.x(1), n.x(2)})); }
void read_depth_to_space(OpNode& n) {
  n.emit(n.from_channels_last(n.add(DepthToSpace{.block = n.integer("block_size", 2)}, {n.to_channels_last(n.x())})));
}
void read_space_to_depth(OpNode& n) {
  n.emit(n.from_channels_last(n.add(SpaceToDepth{.block = n.integer("block_size", 2)}, {n.to_channels_last(n.x())})));
}
void read_space_to_batch(OpNode& n) { n.emit(n.add(SpaceToBatch{}, {n.x(0), n.x(1), n.x(2)})); }
void read_batch_to_space(OpNode& n) { n.emit(n.add(BatchToSpace{}, {n.x(0), n.x(1), n.x(2)})); }

constexpr OpRow kRows[] = {
    {"Const", read_const},
    {"Reshape", read_reshape},
    {"Squeeze", read_squeeze},
    {"ExpandDims", read_expand_dims},
    {"Transpose", read_transpose},
    {"ConcatV2", read_concat},
    {"Pack", read_pack},
    {"Unpack", read_unpack},
    {"Split", read_split},
    {"SplitV", read_split_v},
    {"Slice", read_slice},
    {"StridedSlice", read_strided_slice},
    {"Pad", read_pad},
    {"PadV2", read_pad},
    {"MirrorPad", read_mirror_pad},
    {"Tile", read_tile},
    {"BroadcastTo", read_broadcast},
    {"Gather", read_gather},
    {"GatherV2", read_gather},
    {"GatherNd", read_gather_nd},
    {"Shape", read_shape},
    {"Fill", read_fill},
    {"Range", read_range},
    {"DepthToSpace", read_depth_to_space},
    {"SpaceToDepth", read_space_to_depth},
    {"SpaceToBatchND", read_space_to_batch},
    {"BatchToSpaceND", read_batch_to_space},
};

}  // namespace

std::span<const OpRow> movement_rows() { return kRows; }

}  // namespace hone::tensorflow

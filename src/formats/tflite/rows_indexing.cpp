#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "base/text.h"
#include "formats/tflite/complex.h"
#include "formats/tflite/rows.h"
#include "formats/tflite/segments.h"
#include "formats/tflite/types.h"
#include "ops/binary.h"
#include "ops/movement.h"
#include "ops/quantize.h"
#include "ops/reduce.h"
#include "ops/shaping.h"
#include "ops/unary.h"

namespace hone::tflite {

namespace {

using B = fb::BuiltinOperator;

constexpr int64_t kMostBroadcast = 4;

/// Whether no index in `id` can count from the end: by its type, its values, or the operator that makes it.
bool counts_from_front(const Graph& graph, ValueId id, int depth = 0) {
  constexpr int kDeepest = 8;
  const TensorType& type = graph.type(id);
  if (type.dtype == DType::kU8 || type.dtype == DType::kU16 || type.dtype == DType::kU32) return true;
  if (graph.is_constant(id)) {
    const std::vector<double> values = to_doubles(graph.value(id).constant);
    return std::all_of(values.begin(), values.end(), [](double v) { return v >= 0; });
  }
  const Node* node = graph.producer(id);
  if (!node || depth > kDeepest) return false;
  if (node->is<ArgMax>() || node->is<ArgMin>() || node->is<ShapeOf>() || node->is<NonZero>()) return true;
  if (node->is<TopK>()) return graph.value(id).output_index == 1;
  if (node->is<Mod>()) return !node->as<Mod>().fmod && counts_from_front(graph, node->inputs[1], depth + 1);
  const bool is_sum = node->is<Add>() || node->is<Concat>();
  if (!is_sum && !node->def->moves_data && !node->is<Cast>()) return false;
  const size_t count = is_sum ? node->inputs.size() : 1;
  return std::all_of(node->inputs.begin(), node->inputs.begin() + static_cast<std::ptrdiff_t>(count),
                     [&](ValueId in) { return counts_from_front(graph, in, depth + 1); });
}

/// Indices into axes of `sizes`, which repeat along the last dim: counting from the end is a canonical liberty, the
/// runtime counts from the front only. A size known only at run time is left to the runtime, which refuses what is
/// negative.
TensorIndex from_front(WriteNode& n, size_t i, const std::vector<Dim>& sizes) {
  const bool is_known = std::all_of(sizes.begin(), sizes.end(), [](const Dim& d) { return d.is_known(); });
  if (n.is_constant(i)) {
    std::vector<int64_t> indices = n.ints(i);
    for (size_t k = 0; k < indices.size(); ++k) {
      if (indices[k] >= 0) continue;
      const Dim& size = sizes[k % sizes.size()];
      if (!size.is_known()) throw unsupported("negative index into an axis of unknown size");
      indices[k] += size.value();
    }
    return n.add_constant(cast(Tensor::of<int64_t>(n.constant(i).dims(), indices), DType::kI32), "indices");
  }
  const bool is_counted = n.node().source.format == "tflite" || counts_from_front(n.graph(), n.node().inputs[i]);
  if (is_counted || !is_known || sizes.empty()) return n.in(i);
  std::vector<int64_t> wide;
  for (const Dim& size : sizes) wide.push_back(size.value());
  const DType dtype = n.type(i).dtype;
  const Dims dims = wide.size() == 1 ? Dims{} : Dims{static_cast<int64_t>(wide.size())};
  const TensorIndex divisor = n.add_constant(cast(Tensor::of<int64_t>(dims, wide), dtype), "sizes");
  const TensorIndex counted = n.temp(n.type(i), "counted");
  // The runtime broadcasts over four axes at most: more of them become a row for each set of sizes.
  const bool is_flat = n.type(i).shape.is_static() && n.type(i).shape.rank() > kMostBroadcast;
  if (!is_flat) {
    n.emit(B::FLOOR_MOD, 1, {n.in(i), divisor}, {counted});
    return counted;
  }
  const auto columns = static_cast<int64_t>(wide.size());
  const TensorType row{dtype, Shape(Dims{n.type(i).shape.elements() / columns, columns}), nullptr};
  const TensorIndex before = n.temp(row, "row"), after = n.temp(row, "counted_row");
  n.reshape(n.in(i), before);
  n.emit(B::FLOOR_MOD, 1, {before, divisor}, {after});
  n.reshape(after, counted);
  return counted;
}

/// The sizes that a row of indices at input i goes into: those of the first axes of input 0.
std::vector<Dim> sizes_of_rows(const WriteNode& n, size_t i) {
  const Shape &x = n.type(0).shape, &rows = n.type(i).shape;
  std::vector<Dim> sizes;
  if (!rows.has_rank() || rows.rank() == 0 || !rows[rows.rank() - 1].is_known() || !x.has_rank())
    throw unsupported("indices of unknown shape");
  for (int64_t k = 0; k < rows[rows.rank() - 1].value(); ++k) sizes.push_back(x[k]);
  return sizes;
}

void read_gather(ReadNode& n) {
  const auto o = n.options<fb::GatherOptionsT>();
  n.emit(Gather{.axis = o.axis, .batch_dims = o.batch_dims}, {n.in(0), n.in(1)});
}

bool write_gather(WriteNode& n) {
  fb::GatherOptionsT o;
  o.axis = static_cast<int32_t>(normalize_axis(n.as<Gather>().axis, n.rank(0), "gather"));
  o.batch_dims = static_cast<int32_t>(n.as<Gather>().batch_dims);
  if (write_complex_part(n, o.axis)) return true;
  const TensorIndex indices = from_front(n, 1, {n.type(0).shape[o.axis]});
  n.emit(B::GATHER, o.batch_dims > 0 ? 5 : Versions{1, 2, 4}.of(n.type(0)), o, {n.in(0), indices}, {n.out()});
  return true;
}

/// (ids, table): rows of the table, made real where the table is quantized and the result is not.
void read_embedding_lookup(ReadNode& n) {
  if (n.type(1).quant && !n.out_type(0).quant) return n.emit(Dequantize{}, {n.temp(Gather{}, {n.in(1), n.in(0)})});
  n.emit(Gather{}, {n.in(1), n.in(0)});
}

void read_gather_nd(ReadNode& n) { n.emit(GatherND{}, {n.in(0), n.in(1)}); }

bool write_gather_nd(WriteNode& n) {
  if (n.as<GatherND>().batch_dims != 0) return false;
  n.emit(B::GATHER_ND, Versions{1, 1, 3}.of(n.type(0)), fb::GatherNdOptionsT(),
         {n.in(0), from_front(n, 1, sizes_of_rows(n, 1))}, {n.out()});
  return true;
}

/// (indices, updates, shape): updates that meet are added.
void read_scatter_nd(ReadNode& n) {
  const DType dtype = n.type(1).dtype;
  const ValueId zeros = n.temp(ConstantOfShape{.value = cast(Tensor::of<float>({1}, {0.0f}), dtype)}, {n.list_i64(2)});
  n.emit(ScatterND{.reduction = ScatterReduction::add}, {zeros, n.temp(Cast{.to = DType::kI64}, {n.in(0)}), n.in(1)});
}

TensorIndex as_i32(WriteNode& n, TensorIndex x) {
  if (n.type_of(x).dtype == DType::kI32) return x;
  const TensorIndex narrow = n.temp({DType::kI32, n.type_of(x).shape, nullptr}, "i32");
  n.emit_cast(x, narrow, false);
  return narrow;
}

bool write_scatter_nd(WriteNode& n) {
  const ScatterND& op = n.as<ScatterND>();
  // Onto zeros it is the runtime's own operator; onto anything else the sum of both.
  if (op.reduction != ScatterReduction::add || n.type(0).quant) return false;
  const TensorIndex shape = n.out_shape_from(0);
  const TensorIndex scattered = n.temp(n.out_type(), "scattered");
  n.emit(B::SCATTER_ND, 1, fb::ScatterNdOptionsT(), {as_i32(n, from_front(n, 1, sizes_of_rows(n, 1))), n.in(2), shape},
         {scattered});
  n.emit(B::ADD, 1, fb::AddOptionsT(), {n.in(0), scattered}, {n.out()});
  return true;
}

void read_topk(ReadNode& n) {
  const ValueId k = n.list_i64(1);
  Graph& graph = n.graph();
  NodeSpec spec{.def = &TopK::def, .attrs = Attrs::of(TopK{}), .inputs = {n.in(0), k}, .outputs = 2};
  if (n.type(0).quant) spec.output_types.push_back({n.type(0).dtype, Shape::unranked(), n.type(0).quant});
  const NodeId id = graph.add(std::move(spec));
  n.bind(0, graph.node(id).outputs[0]);
  n.bind(1, n.temp(Cast{.to = n.out_type(1).dtype}, {graph.node(id).outputs[1]}));
}

bool write_topk(WriteNode& n) {
  const TopK& op = n.as<TopK>();
  if (!op.largest || (op.axis != -1 && op.axis != n.rank(0) - 1)) return false;
  const std::vector<int64_t> k = n.ints(1);
  const TensorIndex count = n.add_constant(Tensor::scalar(static_cast<int32_t>(k.at(0))), "k");
  const TensorIndex indices = n.temp({DType::kI32, n.out_type(1).shape, nullptr}, "indices");
  n.emit(B::TOPK_V2, Versions{}.of(n.type(0)), fb::TopKV2OptionsT(), {n.in(0), count}, {n.out(0), indices});
  fb::CastOptionsT o;
  o.in_data_type = fb::TensorType::INT32;
  o.out_data_type = fb::TensorType::INT64;
  if (n.is_used(1)) n.emit(B::CAST, 1, o, {indices}, {n.out(1)});
  return true;
}

template <class Op, class Options>
void read_arg(ReadNode& n) {
  const std::vector<int64_t> axis = n.ints(1);
  if (axis.size() != 1) throw invalid_model(cat("found ", axis.size(), " axes, expected 1"));
  Op op;
  op.axis = axis[0];
  op.keepdims = false;
  op.dtype = n.out_type(0).dtype;
  n.emit(std::move(op), {n.in(0)});
}

template <class Op, class Options, B Code>
bool write_arg(WriteNode& n) {
  const Op& op = n.as<Op>();
  if (op.select_last_index) return false;
  const int64_t axis = normalize_axis(op.axis, n.rank(0), "argmax");
  Options o;
  o.output_type = file_type_of(op.dtype);
  TensorIndex to = n.out();
  if (op.keepdims) {
    TensorType flat = n.out_type();
    flat.shape.list().erase(flat.shape.list().begin() + axis);
    to = n.temp(flat, "flat");
  }
  const TensorIndex where = n.add_constant(Tensor::scalar(static_cast<int32_t>(axis)), "axis");
  n.emit(Code, Versions{}.of(n.type(0)), o, {n.in(0), where}, {to});
  if (op.keepdims) n.reshape(to, n.out());
  return true;
}

/// Coordinates as rows; the canonical operator has them as columns.
void read_where(ReadNode& n) {
  // The selecting form of an early converter; today's name for it is SELECT.
  if (n.input_count() == 3) return n.emit(Where{}, {n.in(0), n.in(1), n.in(2)});
  if (n.input_count() != 1) throw unsupported(cat("WHERE with ", n.input_count(), " inputs"));
  n.emit(Transpose{.perm = {1, 0}}, {n.temp(NonZero{}, {n.in(0)})});
}

bool write_non_zero(WriteNode& n) {
  if (n.rank(0) == 0) throw unsupported("NonZero of a scalar, which the runtime refuses");
  Shape rows = Shape::unknown_of_rank(2);
  rows[1] = Dim(n.rank(0));
  const TensorIndex to = n.temp({DType::kI64, rows, nullptr}, "rows");
  n.emit(B::WHERE, 1, fb::WhereOptionsT(), {n.in(0)}, {to});
  n.transpose(to, n.out(), {1, 0});
  return true;
}

void read_unique(ReadNode& n) {
  Graph& graph = n.graph();
  NodeSpec spec{.def = &Unique::def, .attrs = Attrs::of(Unique{.sorted = false}), .inputs = {n.in(0)}, .outputs = 3};
  const NodeId id = graph.add(std::move(spec));
  n.bind(0, graph.node(id).outputs[0]);
  n.bind(1, n.temp(Cast{.to = n.out_type(1).dtype}, {graph.node(id).outputs[2]}));
}

/// (indices, depth, on, off)
void read_one_hot(ReadNode& n) {
  ValueId values;
  if (n.is_constant(2) && n.is_constant(3)) {
    const Tensor& on = n.constant(2);
    const Tensor& off = n.constant(3);
    Tensor both = Tensor::empty(on.dtype(), {2});
    if (on.elements() != 1 || off.elements() != 1 || off.dtype() != on.dtype())
      throw invalid_model("one-hot values must be single elements of one type");
    const auto size = static_cast<size_t>(size_of(on.dtype()));
    std::memcpy(both.mutable_raw(), off.raw(), size);
    std::memcpy(static_cast<char*>(both.mutable_raw()) + size, on.raw(), size);
    values = n.add_constant(both, "values");
  } else {
    const ValueId one = n.add_ints({1}, "one");
    values = n.temp(Concat{.axis = 0}, {n.temp(Reshape{}, {n.in(3), one}), n.temp(Reshape{}, {n.in(2), one})});
  }
  n.emit(OneHot{.axis = n.options<fb::OneHotOptionsT>().axis}, {n.in(0), n.scalar(1), values});
}

bool write_one_hot(WriteNode& n) {
  const Tensor& values = n.constant(2);
  const auto size = static_cast<size_t>(size_of(values.dtype()));
  Tensor off = Tensor::empty(values.dtype(), {}), on = Tensor::empty(values.dtype(), {});
  std::memcpy(off.mutable_raw(), values.raw(), size);
  std::memcpy(on.mutable_raw(), static_cast<const char*>(values.raw()) + size, size);
  fb::OneHotOptionsT o;
  o.axis = static_cast<int32_t>(n.as<OneHot>().axis);
  const TensorIndex depth = n.add_constant(Tensor::scalar(static_cast<int32_t>(n.ints(1).at(0))), "depth");
  n.emit(B::ONE_HOT, 1, o, {n.in_i32(0), depth, n.add_constant(on, "on"), n.add_constant(off, "off")}, {n.out()});
  return true;
}

/// (x, update, start): the start is pulled back so that the update fits.
void read_dynamic_update_slice(ReadNode& n) {
  const Shape &x = n.type(0).shape, &u = n.type(1).shape;
  if (!x.is_static() || !u.is_static() || x.rank() != u.rank()) throw unsupported("update slice of unknown size");
  const Dims from = x.dims(), patch = u.dims();
  if (u.elements() * u.rank() > 1 << 24) throw unsupported("update slice of more than sixteen million indices");
  std::vector<int64_t> limits, grid;
  for (size_t i = 0; i < from.size(); ++i) limits.push_back(from[i] - patch[i]);
  Dims index(patch.size(), 0), grid_dims = patch;
  grid_dims.push_back(x.rank());
  if (u.elements() > 0) do
      grid.insert(grid.end(), index.begin(), index.end());
    while (next_index(index, patch));
  const ValueId start = n.temp(Minimum{}, {n.temp(Maximum{}, {n.list_i64(2), n.add_ints({0})}), n.add_ints(limits)});
  const ValueId offsets = n.add_constant(Tensor::of<int64_t>(grid_dims, grid), "grid");
  n.emit(ScatterND{}, {n.in(0), n.temp(Add{}, {offsets, start}), n.in(1)});
}

/// (indices, shape, values, default)
void read_sparse_to_dense(ReadNode& n) {
  ValueId indices = n.temp(Cast{.to = DType::kI64}, {n.in(0)});
  const ValueId shape = n.list_i64(1);
  if (n.rank(0) == 0) indices = n.temp(Reshape{}, {indices, n.add_ints({1, 1})});
  if (n.rank(0) == 1) indices = n.temp(Reshape{}, {indices, n.add_ints({-1, 1})});
  const ValueId count = n.temp(Slice{}, {n.temp(ShapeOf{}, {indices}), n.add_ints({0}), n.add_ints({1})});
  const ValueId values = n.temp(Expand{}, {n.in(2), count});
  n.emit(ScatterND{}, {n.temp(Expand{}, {n.scalar(3), shape}), indices, values});
}

constexpr Row kRows[] = {
    {B::GATHER, 7, read_gather, &Gather::def, write_gather},
    {B::EMBEDDING_LOOKUP, 4, read_embedding_lookup, nullptr, nullptr},
    {B::GATHER_ND, 5, read_gather_nd, &GatherND::def, write_gather_nd},
    {B::SCATTER_ND, 1, read_scatter_nd, &ScatterND::def, write_scatter_nd},
    {B::TOPK_V2, 3, read_topk, &TopK::def, write_topk},
    {B::ARG_MAX, 3, read_arg<ArgMax, fb::ArgMaxOptionsT>, &ArgMax::def,
     write_arg<ArgMax, fb::ArgMaxOptionsT, B::ARG_MAX>},
    {B::ARG_MIN, 3, read_arg<ArgMin, fb::ArgMinOptionsT>, &ArgMin::def,
     write_arg<ArgMin, fb::ArgMinOptionsT, B::ARG_MIN>},
    {B::WHERE, 2, read_where, &NonZero::def, write_non_zero},
    {B::UNIQUE, 1, read_unique, nullptr, nullptr},
    {B::ONE_HOT, 1, read_one_hot, &OneHot::def, write_one_hot},
    {B::DYNAMIC_UPDATE_SLICE, 2, read_dynamic_update_slice, nullptr, nullptr},
    {B::SPARSE_TO_DENSE, 3, read_sparse_to_dense, nullptr, nullptr},
    {B::SEGMENT_SUM, 1, read_segment_sum, nullptr, nullptr},
    {B::UNSORTED_SEGMENT_SUM, 1, read_unsorted_sum, nullptr, nullptr},
    {B::UNSORTED_SEGMENT_PROD, 1, read_unsorted_prod, nullptr, nullptr},
    {B::UNSORTED_SEGMENT_MAX, 1, read_unsorted_max, nullptr, nullptr},
    {B::UNSORTED_SEGMENT_MIN, 1, read_unsorted_min, nullptr, nullptr},
};

}  // namespace

std::span<const Row> indexing_rows() { return kRows; }

}  // namespace hone::tflite

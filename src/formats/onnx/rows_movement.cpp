#include <limits>

#include "base/text.h"
#include "formats/onnx/kernels.h"
#include "formats/onnx/rows.h"
#include "ops/binary.h"
#include "ops/movement.h"
#include "ops/shaping.h"
#include "ops/unary.h"

namespace hone::onnx {

namespace {

void read_reshape(NodeReader& r) {
  const ValueId shape = r.opset() < 5 && r.has_attr("shape") ? r.ints(r.attr_ints("shape")) : r.in(1);
  r.output(0, r.emit(Reshape{.allow_zero = r.attr_bool("allowzero", false)}, {r.in(0), shape}));
}

void write_reshape(NodeWriter& w) {
  if (w.alias_reshape()) return;
  AttributeList attributes;
  if (w.op<Reshape>().allow_zero) attributes.add("allowzero", true);
  w.emit("Reshape", {w.any_order_in(), w.ints_in(1)}, {w.plain_out()}, attributes);
}

/// Operators whose axes moved from an attribute to an input.
template <class Op>
void read_axes(NodeReader& r) {
  const ValueId axes = r.has_attr("axes") ? r.ints(r.attr_ints("axes")) : r.maybe(1);
  r.output(0, r.emit(Op{}, {r.in(0), axes}));
}

void write_with_ints(NodeWriter& w) {
  std::vector<std::string> inputs{w.plain_in(0)};
  for (size_t i = 1; i < w.input_count(); ++i) inputs.push_back(w.ints_in(i));
  w.emit(w.op_name(), std::move(inputs), {w.plain_out()}, same_attributes(w.node()));
}

void read_concat(NodeReader& r) { r.output(0, r.emit(Concat{.axis = r.attr_int("axis", 1)}, r.inputs())); }

void write_concat(NodeWriter& w) {
  w.try_channels_first(w.input_count());
  const int64_t rank = w.output_rank();
  w.emit("Concat", w.all_in(), {w.out()}, AttributeList().add("axis", w.map_axis(w.op<Concat>().axis, rank)));
}

void read_split(NodeReader& r) {
  const ValueId sizes = r.has_attr("split") ? r.ints(r.attr_ints("split")) : r.maybe(1);
  const auto parts = r.emit_many(Split{.axis = r.attr_int("axis", 0)}, {r.in(0), sizes}, r.output_count());
  for (size_t i = 0; i < parts.size(); ++i) r.output(i, parts[i]);
}

/// Sizes are said wherever they are known: without them operator set 17 takes equal parts only and 18 wants a count.
void write_split(NodeWriter& w) {
  w.try_channels_first();
  std::vector<std::string> inputs{w.in(0)};
  AttributeList attributes;
  attributes.add("axis", w.map_axis(w.op<Split>().axis, w.rank(0)));
  std::vector<int64_t> sizes;
  const int64_t axis = normalize_axis(w.op<Split>().axis, w.rank(0), "axis");
  for (size_t i = 0; i < w.output_count(); ++i) {
    const Shape& part = w.output_type(i).shape;
    if (part.has_rank() && part[axis].is_known()) sizes.push_back(part[axis].value());
  }
  if (w.has(1)) {
    inputs.push_back(w.ints_in(1));
  } else if (sizes.size() == w.output_count()) {
    inputs.push_back(w.ints(std::move(sizes), "sizes"));
  } else {
    w.needs(18);
    attributes.add("num_outputs", static_cast<int64_t>(w.output_count()));
  }
  std::vector<std::string> outputs;
  for (size_t i = 0; i < w.output_count(); ++i) outputs.push_back(w.out(i));
  w.emit("Split", std::move(inputs), std::move(outputs), attributes);
}

void read_slice(NodeReader& r) {
  if (r.opset() >= 10) return read_same<Slice>(r);
  const ValueId axes = r.has_attr("axes") ? r.ints(r.attr_ints("axes")) : ValueId{};
  r.output(0, r.emit(Slice{}, {r.in(0), r.ints(r.attr_ints("starts")), r.ints(r.attr_ints("ends")), axes}));
}

PadMode pad_mode(std::string_view name) {
  for (size_t i = 0; i < std::size(kPadModeNames); ++i)
    if (kPadModeNames[i] == name) return static_cast<PadMode>(i);
  throw invalid_model(cat("onnx: pad: mode '", name, "' is unknown"));
}

void read_pad(NodeReader& r) {
  const Pad op{.mode = pad_mode(r.attr_string("mode", "constant"))};
  if (r.opset() >= 11) return r.output(0, r.emit(op, r.inputs()));
  const ValueId pads = r.ints(r.attr_ints(r.has_attr("pads") ? "pads" : "paddings"));
  r.output(0, r.emit(op, {r.in(0), pads, r.scalar_like(r.in(0), r.attr_float("value", 0))}));
}

/// Operator set 17 has no axes input: constant pads are spread over all axes.
void write_pad(NodeWriter& w) {
  const PadMode mode = w.op<Pad>().mode;
  if (mode == PadMode::symmetric) throw unsupported("onnx: pad of mode symmetric has no form in ONNX");
  if (mode == PadMode::wrap) w.needs(19);
  AttributeList attributes;
  attributes.add("mode", kPadModeNames[static_cast<int>(mode)]);
  const bool is_constant = w.constant(1).exists() && (!w.has(3) || w.constant(3).exists());
  if (!is_constant) {
    if (w.has(3)) w.needs(18);
    return w.emit("Pad", {w.plain_in(0), w.ints_in(1), w.has(2) ? w.plain_in(2) : "", w.has(3) ? w.ints_in(3) : ""},
                  {w.plain_out()}, attributes);
  }
  w.try_channels_first();
  const int64_t rank = w.rank(0);
  const std::vector<int64_t> pads = w.constant_ints(1);
  std::vector<int64_t> axes;
  if (w.has(3)) axes = w.constant_ints(3);
  for (int64_t i = static_cast<int64_t>(axes.size()); !w.has(3) && i < rank; ++i) axes.push_back(i);
  std::vector<int64_t> all(static_cast<size_t>(2 * rank));
  for (size_t i = 0; i < axes.size(); ++i) {
    const int64_t axis = w.map_axis(axes[i], rank);
    all[static_cast<size_t>(axis)] = pads[i];
    all[static_cast<size_t>(axis + rank)] = pads[i + axes.size()];
  }
  std::vector<std::string> inputs{w.in(0), w.ints(std::move(all), "pads")};
  if (w.has(2)) inputs.push_back(w.plain_in(2));
  w.emit("Pad", std::move(inputs), {w.out()}, attributes);
}

/// As many elements are added or cut at both ends of an axis, the odd one at the far end: a Pad whose pads may be
/// negative. What is not known before is computed from the shape at run time.
void read_center_crop_pad(NodeReader& r) {
  const ValueId x = r.in(0);
  std::vector<int64_t> axes;
  for (const int64_t axis : r.attr_ints("axes")) axes.push_back(normalize_axis(axis, r.rank(x), "axis"));
  for (int64_t axis = 0; !r.has_attr("axes") && axis < r.rank(x); ++axis) axes.push_back(axis);
  const Tensor& target = r.constant(r.in(1));
  std::vector<int64_t> pads(2 * axes.size());
  bool is_known = target.exists();
  if (is_known && target.elements() != static_cast<int64_t>(axes.size()))
    throw invalid_model(cat("onnx: shape of ", target.elements(), " entries for ", axes.size(), " axes"));
  for (size_t i = 0; is_known && i < axes.size(); ++i) {
    const Dim& dim = r.type(x).shape[axes[i]];
    is_known = dim.is_known();
    const int64_t size = to_ints(target)[i];
    if (size < 0) throw invalid_model(cat("onnx: shape has a negative entry, ", size));
    if (!is_known) break;
    pads[i] = (size - dim.value()) / 2;
    pads[i + axes.size()] = size - dim.value() - pads[i];
  }
  const ValueId which = r.ints(axes);
  if (is_known) return r.output(0, r.emit(Pad{}, {x, r.ints(std::move(pads)), ValueId{}, which}));
  const ValueId dims = r.emit(Gather{}, {r.emit(ShapeOf{}, {x}), which});
  const ValueId more = r.emit(Sub{}, {r.emit(Cast{.to = DType::kI64}, {r.in(1)}), dims});
  const ValueId before = r.emit(Div{}, {more, r.constant(Tensor::scalar<int64_t>(2))});
  const ValueId after = r.emit(Sub{}, {more, before});
  r.output(0, r.emit(Pad{}, {x, r.emit(Concat{.axis = 0}, {before, after}), ValueId{}, which}));
}

void read_tile(NodeReader& r) {
  if (r.opset() >= 6) return read_same<Tile>(r);
  std::vector<int64_t> repeats(static_cast<size_t>(r.rank(r.in(0))), 1);
  const int64_t axis = normalize_axis(r.constant_int(2), r.rank(r.in(0)), "axis");
  repeats[static_cast<size_t>(axis)] = r.constant_int(1);
  r.output(0, r.emit(Tile{}, {r.in(0), r.ints(std::move(repeats))}));
}

void read_transpose(NodeReader& r) { r.output(0, r.emit(Transpose{.perm = r.attr_ints("perm")}, {r.in(0)})); }

void write_transpose(NodeWriter& w) {
  if (w.alias_transpose()) return;
  AttributeList attributes;
  if (!w.op<Transpose>().perm.empty()) attributes.add("perm", w.op<Transpose>().perm);
  w.emit("Transpose", {w.plain_in(0)}, {w.plain_out()}, attributes);
}

/// x[…, ::−1, …] as a slice with negative step.
void write_reverse(NodeWriter& w) {
  const std::vector<int64_t> axes = w.constant_ints(1);
  const std::vector<int64_t> last(axes.size(), -1);
  const std::vector<int64_t> begin(axes.size(), std::numeric_limits<int64_t>::min());
  w.emit("Slice",
         {w.plain_in(0), w.ints(last, "starts"), w.ints(begin, "ends"), w.ints(axes, "axes"), w.ints(last, "steps")},
         {w.plain_out()});
}

void read_depth_to_space(NodeReader& r) {
  const DepthToSpace op{.block = r.attr_int("blocksize"), .column_row_depth = r.attr_string("mode", "DCR") == "CRD"};
  r.output(0, r.channels_first(r.emit(op, {r.channels_last(r.in(0))})));
}

void write_depth_to_space(NodeWriter& w) {
  const auto& op = w.op<DepthToSpace>();
  w.use_channels_first();
  w.emit("DepthToSpace", {w.in(0)}, {w.out()},
         AttributeList().add("blocksize", op.block).add("mode", op.column_row_depth ? "CRD" : "DCR"));
}

void read_space_to_depth(NodeReader& r) {
  const SpaceToDepth op{.block = r.attr_int("blocksize")};
  r.output(0, r.channels_first(r.emit(op, {r.channels_last(r.in(0))})));
}

void write_space_to_depth(NodeWriter& w) {
  w.use_channels_first();
  w.emit("SpaceToDepth", {w.in(0)}, {w.out()}, AttributeList().add("blocksize", w.op<SpaceToDepth>().block));
}

/// Block and pads of SpaceToBatch or BatchToSpace over a static shape.
struct Blocks {
  Dims dims;
  std::vector<int64_t> block, pads;
};

Blocks blocks_of(NodeWriter& w) {
  if (!w.type(0).shape.is_static()) throw unsupported("onnx: space and batch of a shape that is not known");
  return {w.type(0).shape.dims(), w.constant_ints(1), w.constant_ints(2)};
}

/// Pad, then [N, s₀/b₀, b₀, …, C] with the blocks moved to the front: [b₀…, N, s₀/b₀…, C].
void write_space_to_batch(NodeWriter& w) {
  const Blocks b = blocks_of(w);
  const size_t m = b.block.size(), rank = b.dims.size();
  std::vector<int64_t> pads(2 * rank), split{b.dims[0]}, perm, merged{-1};
  for (size_t i = 0; i < m; ++i) {
    pads[i + 1] = b.pads[2 * i];
    pads[i + 1 + rank] = b.pads[2 * i + 1];
    split.push_back((b.dims[i + 1] + b.pads[2 * i] + b.pads[2 * i + 1]) / b.block[i]);
    split.push_back(b.block[i]);
    merged.push_back(split[split.size() - 2]);
    perm.push_back(static_cast<int64_t>(2 * i + 2));
  }
  perm.push_back(0);
  for (size_t i = 0; i < m; ++i) perm.push_back(static_cast<int64_t>(2 * i + 1));
  for (size_t i = m + 1; i < rank; ++i) {
    perm.push_back(static_cast<int64_t>(split.size()));
    split.push_back(b.dims[i]);
    merged.push_back(b.dims[i]);
  }
  const std::string padded = w.temp("padded"), cut = w.temp("split"), moved = w.temp("moved");
  w.emit("Pad", {w.plain_in(0), w.ints(std::move(pads), "pads")}, {padded});
  w.emit("Reshape", {padded, w.ints(std::move(split), "shape")}, {cut});
  w.emit("Transpose", {cut}, {moved}, AttributeList().add("perm", perm));
  w.emit("Reshape", {moved, w.ints(std::move(merged), "shape")}, {w.plain_out()});
}

/// [b₀…, N/∏b, s₀…, C] → [N/∏b, s₀, b₀, …, C], merged and cropped.
void write_batch_to_space(NodeWriter& w) {
  const Blocks b = blocks_of(w);
  const size_t m = b.block.size(), rank = b.dims.size();
  int64_t blocks = 1;
  for (const int64_t block : b.block) blocks *= block;
  std::vector<int64_t> split = b.block, perm{static_cast<int64_t>(m)}, merged{b.dims[0] / blocks}, starts, ends, axes;
  split.push_back(b.dims[0] / blocks);
  split.insert(split.end(), b.dims.begin() + 1, b.dims.end());
  for (size_t i = 0; i < m; ++i) {
    perm.push_back(static_cast<int64_t>(m + 1 + i));
    perm.push_back(static_cast<int64_t>(i));
    merged.push_back(b.dims[i + 1] * b.block[i]);
    starts.push_back(b.pads[2 * i]);
    ends.push_back(merged.back() - b.pads[2 * i + 1]);
    axes.push_back(static_cast<int64_t>(i + 1));
  }
  for (size_t i = m + 1; i < rank; ++i) {
    perm.push_back(static_cast<int64_t>(m + i));
    merged.push_back(b.dims[i]);
  }
  const std::string cut = w.temp("split"), moved = w.temp("moved"), whole = w.temp("merged");
  w.emit("Reshape", {w.plain_in(0), w.ints(std::move(split), "shape")}, {cut});
  w.emit("Transpose", {cut}, {moved}, AttributeList().add("perm", perm));
  w.emit("Reshape", {moved, w.ints(std::move(merged), "shape")}, {whole});
  w.emit("Slice", {whole, w.ints(starts, "starts"), w.ints(ends, "ends"), w.ints(axes, "axes")}, {w.plain_out()});
}

void write_gather(NodeWriter& w) {
  const Gather& op = w.op<Gather>();
  if (op.batch_dims != 0) throw unsupported("onnx: gather with batch_dims has no form in ONNX");
  w.emit("Gather", {w.plain_in(0), w.plain_in(1)}, {w.plain_out()}, AttributeList().add("axis", op.axis));
}

/// The runtime has no reductions of these types.
template <class Op>
void write_scatter(NodeWriter& w) {
  const DType dtype = w.type(0).logical_dtype();
  const bool is_half = dtype == DType::kF16 || dtype == DType::kBF16;
  if (w.op<Op>().reduction != ScatterReduction::none && (is_half || dtype == DType::kBool))
    throw unsupported(cat("onnx: ", kRuntime, " has no ", w.op_name(), " of ", to_string(dtype), " with a reduction"));
  write_same(w);
}

template <class Op>
void read_optional_axis(NodeReader& r) {
  Op op;
  read_fields(r, attr_type<Op>(), &op);
  op.has_axis = r.has_attr("axis");
  const auto outputs = r.emit_many(std::move(op), r.inputs(), r.output_count());
  for (size_t i = 0; i < outputs.size(); ++i) r.output(i, outputs[i]);
}

void write_compress(NodeWriter& w) {
  const Compress& op = w.op<Compress>();
  AttributeList attributes;
  if (op.has_axis) attributes.add("axis", op.axis);
  w.emit("Compress", w.all_in(), {w.plain_out()}, attributes);
}

void write_unique(NodeWriter& w) {
  const Unique& op = w.op<Unique>();
  AttributeList attributes;
  if (op.has_axis) attributes.add("axis", op.axis);
  attributes.add("sorted", op.sorted);
  w.emit("Unique", w.all_in(), w.all_out(), attributes);
}

void read_top_k(NodeReader& r) {
  TopK op;
  read_fields(r, attr_type<TopK>(), &op);
  const ValueId k = r.opset() < 10 ? r.ints({r.attr_int("k")}) : r.in(1);
  const auto outputs = r.emit_many(op, {r.in(0), k}, 2);
  for (size_t i = 0; i < outputs.size(); ++i) r.output(i, outputs[i]);
}

void write_top_k(NodeWriter& w) {
  w.emit("TopK", {w.plain_in(0), w.ints_in(1)}, w.all_out(), same_attributes(w.node()));
}

/// Before operator set 10 the mask had the type of x.
void read_dropout(NodeReader& r) {
  const auto inputs = r.opset() < 12 ? std::vector<ValueId>{r.in(0)} : r.inputs();
  const auto outputs = r.emit_many(Dropout{.seed = r.attr_int("seed", 0)}, inputs, r.output_count());
  r.output(0, outputs[0]);
  if (outputs.size() < 2) return;
  const bool is_old = r.opset() < 10;
  r.output(1, is_old ? r.emit(Cast{.to = r.type(r.in(0)).logical_dtype()}, {outputs[1]}) : outputs[1]);
}

constexpr Row kRows[] = {
    {"Reshape", 1, kNewestOpset, read_reshape, &Reshape::def, write_reshape},
    same<Flatten>("Flatten"),
    {"Squeeze", 1, kNewestOpset, read_axes<Squeeze>, &Squeeze::def, write_with_ints},
    {"Unsqueeze", 1, kNewestOpset, read_axes<Unsqueeze>, &Unsqueeze::def, write_with_ints},
    {"Transpose", 1, kNewestOpset, read_transpose, &Transpose::def, write_transpose},
    {"Expand", 1, kNewestOpset, read_same<Expand>, &Expand::def, write_with_ints},
    {"Tile", 1, kNewestOpset, read_tile, &Tile::def, write_with_ints},
    {"Concat", 1, kNewestOpset, read_concat, &Concat::def, write_concat},
    {"Split", 1, kNewestOpset, read_split, &Split::def, write_split},
    {"Slice", 1, kNewestOpset, read_slice, &Slice::def, write_with_ints},
    {"Pad", 1, kNewestOpset, read_pad, &Pad::def, write_pad},
    {"CenterCropPad", 18, kNewestOpset, read_center_crop_pad},
    {"Gather", 1, kNewestOpset, read_same<Gather>, &Gather::def, write_gather},
    same<GatherElements>("GatherElements"),
    same<GatherND>("GatherND"),
    reads_same<ScatterElements>("Scatter"),
    {"ScatterElements", 1, kNewestOpset, read_same<ScatterElements>, &ScatterElements::def,
     write_scatter<ScatterElements>},
    {"ScatterND", 1, kNewestOpset, read_same<ScatterND>, &ScatterND::def, write_scatter<ScatterND>},
    same<ReverseSequence>("ReverseSequence"),
    {"", 1, 0, nullptr, &Reverse::def, write_reverse},
    {"DepthToSpace", 1, kNewestOpset, read_depth_to_space, &DepthToSpace::def, write_depth_to_space},
    {"SpaceToDepth", 1, kNewestOpset, read_space_to_depth, &SpaceToDepth::def, write_space_to_depth},
    {"", 1, 0, nullptr, &SpaceToBatch::def, write_space_to_batch},
    {"", 1, 0, nullptr, &BatchToSpace::def, write_batch_to_space},
    {"Compress", 1, kNewestOpset, read_optional_axis<Compress>, &Compress::def, write_compress},
    same<Trilu>("Trilu"),
    {"TopK", 1, kNewestOpset, read_top_k, &TopK::def, write_top_k},
    {"Unique", 1, kNewestOpset, read_optional_axis<Unique>, &Unique::def, write_unique},
    {"Dropout", 1, kNewestOpset, read_dropout, &Dropout::def, write_same},
};

}  // namespace

std::span<const Row> movement_rows() { return kRows; }

}  // namespace hone::onnx

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"
#include "formats/tflite/complex.h"
#include "formats/tflite/rows.h"
#include "formats/tflite/run_shape.h"
#include "formats/tflite/types.h"
#include "formats/tflite/window.h"
#include "ops/movement.h"
#include "ops/unary.h"
#include "passes/shape_values.h"

namespace hone::tflite {

namespace {

using B = fb::BuiltinOperator;

/// The shape with the axis of real and imaginary parts behind it.
void bind_complex_reshape(ReadNode& n, std::vector<int64_t> shape) {
  bool has_zero = false;
  for (const int64_t d : shape) has_zero = has_zero || d == 0;
  shape.push_back(2);
  n.bind(0, n.temp(Reshape{.allow_zero = has_zero}, {n.complex_in(0), n.add_ints(shape, "shape")}));
}

/// In TFLite a zero in a shape is a size of zero; the old one-entry shape [0] in the options means a scalar.
void emit_reshape(ReadNode& n, std::vector<int64_t> shape) {
  if (n.is_complex(0)) return bind_complex_reshape(n, std::move(shape));
  bool has_zero = false;
  for (const int64_t d : shape) has_zero = has_zero || d == 0;
  n.emit(Reshape{.allow_zero = has_zero}, {n.in(0), n.add_ints(shape, "shape")});
}

void read_reshape(ReadNode& n) {
  if (n.has(1) && n.is_constant(1)) return emit_reshape(n, n.ints(1));
  if (n.has(1) && n.is_complex(0))
    return n.bind(0, n.temp(Reshape{}, {n.complex_in(0), n.temp(Concat{.axis = 0}, {n.list_i64(1), n.add_ints({2})})}));
  if (n.has(1)) {
    // Converters compute shapes with an open batch; what is known of them is known to the operators behind.
    ShapeValues values(n.graph());
    const ShapeElements* target = values.find(n.in(1));
    const auto shape = target ? settled_reshape(n.type(0).shape, *target) : std::nullopt;
    return shape ? emit_reshape(n, *shape) : n.emit(Reshape{}, {n.in(0), n.list_i64(1)});
  }
  const auto o = n.options<fb::ReshapeOptionsT>();
  if (o.new_shape.size() == 1 && o.new_shape[0] == 0) return emit_reshape(n, {});
  emit_reshape(n, {o.new_shape.begin(), o.new_shape.end()});
}

bool write_reshape(WriteNode& n) {
  if (write_complex_reshape(n)) return true;
  if (n.out_type().shape.has_rank()) {
    int64_t unknown = 0;
    for (const Dim& d : n.out_type().shape.list()) unknown += !d.is_known();
    if (unknown <= 1) {
      n.reshape(n.in(0), n.out());
      return true;
    }
  }
  TensorIndex shape = -1;
  if (n.is_constant(1)) {
    const bool copies = !n.as<Reshape>().allow_zero;
    std::vector<RunSize> sizes;
    for (const int64_t size : n.ints(1))
      sizes.push_back(size == 0 && copies ? RunSize{.axis = static_cast<int64_t>(sizes.size())}
                                          : RunSize{.number = size});
    shape = run_shape(n, n.in(0), sizes);
  } else {
    shape = n.in_i32(1);
  }
  n.emit(B::RESHAPE, 1, fb::ReshapeOptionsT(), {n.in(0), shape}, {n.out()});
  return true;
}

bool write_as_reshape(WriteNode& n) {
  n.reshape(n.in(0), n.out());
  return true;
}

/// Axes of a complex tensor, counted without that of the parts, as axes ≥ 0.
std::vector<int64_t> complex_axes(ReadNode& n, std::vector<int64_t> axes, int64_t added) {
  const Shape& shape = n.graph().type(n.complex_in(0)).shape;
  if (!shape.has_rank()) throw unsupported("complex numbers of unknown rank");
  for (int64_t& axis : axes) axis = normalize_axis(axis, shape.rank() - 1 + added, "axis");
  return axes;
}

void read_expand_dims(ReadNode& n) {
  if (n.is_complex(0))
    return n.bind(0, n.temp(Unsqueeze{}, {n.complex_in(0), n.add_ints(complex_axes(n, n.ints(1), 1), "axes")}));
  n.emit(Unsqueeze{}, {n.in(0), n.add_ints(n.ints(1), "axes")});
}

bool write_unsqueeze(WriteNode& n) {
  if (write_complex_reshape(n)) return true;
  int64_t unknown = 0;
  for (const Dim& d : n.out_type().shape.list()) unknown += !d.is_known();
  if (unknown <= 1) return write_as_reshape(n);
  if (n.ints(1).size() != 1) return false;
  n.emit(B::EXPAND_DIMS, 1, fb::ExpandDimsOptionsT(), {n.in(0), n.add_ints(n.ints(1), "axis")}, {n.out()});
  return true;
}

void read_squeeze(ReadNode& n) {
  const auto o = n.options<fb::SqueezeOptionsT>();
  if (n.is_complex(0)) {
    const std::vector<int64_t> axes = complex_axes(n, {o.squeeze_dims.begin(), o.squeeze_dims.end()}, 0);
    if (axes.empty()) throw unsupported("SQUEEZE of complex numbers that names no axes");
    return n.bind(0, n.temp(Squeeze{}, {n.complex_in(0), n.add_ints(axes, "axes")}));
  }
  if (o.squeeze_dims.empty()) return n.emit(Squeeze{}, {n.in(0)});
  n.emit(Squeeze{}, {n.in(0), n.add_ints({o.squeeze_dims.begin(), o.squeeze_dims.end()}, "axes")});
}

bool write_squeeze(WriteNode& n) {
  if (write_complex_reshape(n)) return true;
  fb::SqueezeOptionsT o;
  if (n.has(1))
    for (const int64_t axis : n.ints(1)) o.squeeze_dims.push_back(static_cast<int32_t>(axis));
  n.emit(B::SQUEEZE, Versions{}.of(n.type(0)), o, {n.in(0)}, {n.out()});
  return true;
}

void read_transpose(ReadNode& n) { n.emit(Transpose{.perm = n.ints(1)}, {n.in(0)}); }

bool write_transpose(WriteNode& n) {
  std::vector<int64_t> perm = n.as<Transpose>().perm;
  if (perm.empty())
    for (int64_t i = n.rank(0); i-- > 0;) perm.push_back(i);
  n.transpose(n.in(0), n.out(), perm);
  return true;
}

void read_concat(ReadNode& n) {
  const auto o = n.options<fb::ConcatenationOptionsT>();
  const FusedActivation fused = fused_activation(o.fused_activation_function);
  std::vector<ValueId> inputs;
  for (size_t i = 0; i < n.input_count(); ++i) inputs.push_back(n.in(i));
  if (o.fused_activation_function == fb::Activation::NONE) return n.emit(Concat{.axis = o.axis}, std::move(inputs));
  if (fused.is_tanh) throw unsupported("concatenation with a fused TANH");
  n.emit(Clamp{.min = fused.min, .max = fused.max}, {n.temp(Concat{.axis = o.axis}, std::move(inputs))});
}

bool write_concat(WriteNode& n) {
  fb::ConcatenationOptionsT o;
  o.axis = static_cast<int32_t>(normalize_axis(n.as<Concat>().axis, n.rank(0), "concat"));
  std::vector<TensorIndex> inputs;
  // Kernels of u8 alone rescale their inputs.
  const bool rescales = n.out_type().dtype == DType::kU8;
  for (size_t i = 0; i < n.input_count(); ++i)
    inputs.push_back(rescales ? n.in(i) : n.stored_as(n.in(i), n.out_type()));
  n.emit(B::CONCATENATION, Versions{}.of(n.type(0)), o, std::move(inputs), {n.out()});
  return true;
}

int64_t single(const std::vector<int64_t>& values, const char* what) {
  if (values.size() != 1) throw invalid_model(cat(what, " has ", values.size(), " entries, expected 1"));
  return values[0];
}

void read_split(ReadNode& n) { n.emit(Split{.axis = single(n.ints(0), "split axis")}, {n.in(1)}, n.output_count()); }

/// One size may be −1: what the others leave.
std::vector<int64_t> split_sizes(ReadNode& n, int64_t axis) {
  std::vector<int64_t> sizes = n.ints(1);
  int64_t rest = -1, sum = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] < 0 && rest >= 0) throw invalid_model("two split sizes are −1");
    if (sizes[i] < 0)
      rest = static_cast<int64_t>(i);
    else
      sum = checked_add(sum, sizes[i]);
  }
  if (rest < 0) return sizes;
  const Dim& d = n.type(0).shape[normalize_axis(axis, n.rank(0), "split")];
  if (!d.is_known()) throw unsupported("split of an unknown size with a size of −1");
  if (sum > d.value()) throw invalid_model(cat("split sizes add up to ", sum, ", the axis has ", d.value()));
  sizes[static_cast<size_t>(rest)] = d.value() - sum;
  return sizes;
}

void read_split_v(ReadNode& n) {
  const int64_t axis = single(n.ints(2), "split axis");
  n.emit(Split{.axis = axis}, {n.in(0), n.add_ints(split_sizes(n, axis), "sizes")}, n.output_count());
}

bool write_split(WriteNode& n) {
  const int64_t axis = normalize_axis(n.as<Split>().axis, n.rank(0), "split");
  fb::SplitVOptionsT o;
  o.num_splits = static_cast<int32_t>(n.output_count());
  std::vector<int64_t> sizes;
  std::vector<TensorIndex> outputs;
  for (size_t j = 0; j < n.output_count(); ++j) {
    sizes.push_back(n.out_dim(j, axis));
    outputs.push_back(n.out(j));
  }
  const TensorIndex where = n.add_constant(Tensor::scalar(static_cast<int32_t>(axis)), "axis");
  n.emit(B::SPLIT_V, Versions{}.of(n.type(0)), o, {n.in(0), n.add_ints(sizes, "sizes"), where}, std::move(outputs));
  return true;
}

void read_pack(ReadNode& n) {
  const auto o = n.options<fb::PackOptionsT>();
  const int64_t axis = normalize_axis(o.axis, n.rank(0) + 1, "pack");
  std::vector<ValueId> parts;
  for (size_t i = 0; i < n.input_count(); ++i) parts.push_back(n.temp(Unsqueeze{}, {n.in(i), n.add_ints({axis})}));
  n.emit(Concat{.axis = axis}, std::move(parts));
}

void read_unpack(ReadNode& n) {
  const int64_t axis = normalize_axis(n.options<fb::UnpackOptionsT>().axis, n.rank(0), "unpack");
  const TensorType type = n.type(0);
  for (size_t j = 0; j < n.output_count(); ++j) {
    const auto at = static_cast<int64_t>(j);
    const ValueId part =
        n.temp(Slice{}, {n.in(0), n.add_ints({at}), n.add_ints({at + 1}), n.add_ints({axis}), n.add_ints({1})});
    const ValueId flat = n.temp(Squeeze{}, {part, n.add_ints({axis})});
    n.bind(j, flat);
  }
}

/// TFLite keeps a pair for each axis, the canonical form all begins before all ends.
ValueId read_pads(ReadNode& n) {
  if (!n.is_constant(1)) {
    const ValueId wide = n.temp(Cast{.to = DType::kI64}, {n.in(1)});
    return n.temp(Reshape{}, {n.temp(Transpose{.perm = {1, 0}}, {wide}), n.add_ints({-1}, "flat")});
  }
  const std::vector<int64_t> pairs = n.ints(1);
  if (static_cast<int64_t>(pairs.size()) != 2 * n.rank(0))
    throw invalid_model(cat("found ", pairs.size(), " paddings, expected ", 2 * n.rank(0)));
  std::vector<int64_t> pads;
  for (size_t i = 0; i < pairs.size(); i += 2) pads.push_back(pairs[i]);
  for (size_t i = 1; i < pairs.size(); i += 2) pads.push_back(pairs[i]);
  return n.add_ints(pads, "pads");
}

void read_pad(ReadNode& n) { n.emit(Pad{}, {n.in(0), read_pads(n)}); }

void read_pad_v2(ReadNode& n) { n.emit(Pad{}, {n.in(0), read_pads(n), n.scalar(2)}); }

void read_mirror_pad(ReadNode& n) {
  const bool repeats = n.options<fb::MirrorPadOptionsT>().mode == fb::MirrorPadMode::SYMMETRIC;
  n.emit(Pad{.mode = repeats ? PadMode::symmetric : PadMode::reflect}, {n.in(0), read_pads(n)});
}

/// [rank, 2] as i32 from begins and ends of some axes.
TensorIndex write_pads(WriteNode& n) {
  const std::vector<int64_t> pads = n.ints(1);
  const auto rank = static_cast<size_t>(n.rank(0));
  std::vector<int64_t> axes;
  if (n.has(3))
    for (const int64_t axis : n.ints(3)) axes.push_back(normalize_axis(axis, n.rank(0), "pad"));
  else
    for (size_t i = 0; i < rank; ++i) axes.push_back(static_cast<int64_t>(i));
  std::vector<int64_t> pairs(2 * rank, 0);
  for (size_t i = 0; i < axes.size(); ++i) {
    pairs[2 * static_cast<size_t>(axes[i])] = pads[i];
    pairs[2 * static_cast<size_t>(axes[i]) + 1] = pads[axes.size() + i];
  }
  for (const int64_t p : pairs)
    if (p < 0) throw unsupported("negative padding", "a Slice does the same");
  return n.add_constant(cast(Tensor::of<int64_t>({static_cast<int64_t>(rank), 2}, pairs), DType::kI32), "paddings");
}

bool write_pad(WriteNode& n) {
  const PadMode mode = n.as<Pad>().mode;
  if (mode == PadMode::reflect || mode == PadMode::symmetric) {
    fb::MirrorPadOptionsT o;
    o.mode = mode == PadMode::reflect ? fb::MirrorPadMode::REFLECT : fb::MirrorPadMode::SYMMETRIC;
    n.emit(B::MIRROR_PAD, Versions{}.of(n.type(0)), o, {n.in(0), write_pads(n)}, {n.out()});
    return true;
  }
  if (mode != PadMode::constant) throw unsupported("padding that repeats the border or wraps around");
  const Versions versions{.f32 = 1, .i8 = 2, .i16 = 3};
  bool is_zero = !n.has(2);
  if (n.has(2) && n.is_constant(2)) {
    const std::vector<double> value = to_doubles(n.constant(2));
    is_zero = value.size() == 1 && value[0] == 0;
  }
  if (is_zero) {
    n.emit(B::PAD, versions.of(n.type(0)), fb::PadOptionsT(), {n.in(0), write_pads(n)}, {n.out()});
    return true;
  }
  TensorIndex value = n.in(2);
  if (n.is_constant(2)) {
    Tensor v = n.constant(2);
    if (n.type(0).quant && !same_quant(v.quant(), n.type(0).quant)) v = quantize(v, n.type(0).dtype, n.type(0).quant);
    value = n.add_constant(v.reshaped({1}), "value");
  }
  n.emit(B::PADV2, Versions{}.of(n.type(0)), fb::PadV2OptionsT(), {n.in(0), write_pads(n), value}, {n.out()});
  return true;
}

void read_bitcast(ReadNode& n) { n.emit(Bitcast{.to = n.out_type(0).dtype}, {n.in(0)}); }

bool write_bitcast(WriteNode& n) {
  n.emit(B::BITCAST, 1, fb::BitcastOptionsT(), {n.in(0)}, {n.out()});
  return true;
}

void read_tile(ReadNode& n) { n.emit(Tile{}, {n.in(0), n.list_i64(1)}); }

bool write_tile(WriteNode& n) {
  n.emit(B::TILE, 1, fb::TileOptionsT(), {n.in(0), n.in_i32(1)}, {n.out()});
  return true;
}

void read_broadcast_to(ReadNode& n) { n.emit(Expand{}, {n.in(0), n.list_i64(1)}); }

bool write_expand(WriteNode& n) {
  TensorIndex shape = 0;
  if (n.out_type().shape.has_rank() && n.out_type().shape.is_static())
    shape = n.add_ints(n.out_dims(), "shape");
  else
    shape = n.in_i32(1);
  n.emit(B::BROADCAST_TO, Versions{2, 3, 3}.of(n.type(0)), fb::BroadcastToOptionsT(), {n.in(0), shape}, {n.out()});
  return true;
}

void read_reverse(ReadNode& n) { n.emit(Reverse{}, {n.in(0), n.list_i64(1)}); }

bool write_reverse(WriteNode& n) {
  TensorIndex at = n.in(0);
  std::vector<int64_t> axes = n.ints(1);
  for (size_t i = 0; i < axes.size(); ++i) {
    // The runtime flips one axis at a time.
    const TensorIndex to = i + 1 == axes.size() ? n.out() : n.temp(n.out_type(), "reversed");
    n.emit(B::REVERSE_V2, 1, fb::ReverseV2OptionsT(), {at, n.add_ints({axes[i]}, "axis")}, {to});
    at = to;
  }
  if (axes.empty()) n.reshape(at, n.out());
  return true;
}

void read_reverse_sequence(ReadNode& n) {
  const auto o = n.options<fb::ReverseSequenceOptionsT>();
  n.emit(ReverseSequence{.batch_axis = o.batch_dim, .time_axis = o.seq_dim}, {n.in(0), n.list_i64(1)});
}

bool write_reverse_sequence(WriteNode& n) {
  fb::ReverseSequenceOptionsT o;
  o.batch_dim = static_cast<int32_t>(n.as<ReverseSequence>().batch_axis);
  o.seq_dim = static_cast<int32_t>(n.as<ReverseSequence>().time_axis);
  n.emit(B::REVERSE_SEQUENCE, 1, o, {n.in(0), n.in_i32(1)}, {n.out()});
  return true;
}

void read_depth_to_space(ReadNode& n) {
  n.emit(DepthToSpace{.block = positive(n.options<fb::DepthToSpaceOptionsT>().block_size, "block_size")}, {n.in(0)});
}

bool write_depth_to_space(WriteNode& n) {
  const DepthToSpace& op = n.as<DepthToSpace>();
  fb::DepthToSpaceOptionsT o;
  o.block_size = static_cast<int32_t>(op.block);
  TensorIndex x = n.in(0);
  if (op.column_row_depth) {
    // CRD keeps the block innermost, TFLite outermost: exchange the two parts of the channel axis.
    const int64_t cells = op.block * op.block, channels = n.dim(0, 3) / cells;
    const Shape& d = n.type(0).shape;
    const Dim pixels = Shape{d[0], d[1], d[2]}.is_static() ? Dim(Shape{d[0], d[1], d[2]}.elements()) : Dim();
    TensorType parts = n.type(0), swapped = n.type(0);
    parts.shape = Shape{pixels, Dim(channels), Dim(cells)};
    swapped.shape = Shape{pixels, Dim(cells), Dim(channels)};
    const TensorIndex a = n.temp(parts, "parts"), b = n.temp(swapped, "swapped"), c = n.temp(n.type(0), "reordered");
    n.reshape(x, a);
    n.transpose(a, b, {0, 2, 1});
    n.reshape(b, c);
    x = c;
  }
  n.emit(B::DEPTH_TO_SPACE, Versions{.f32 = 1, .i8 = 1, .i16 = 1}.of(n.type(0)), o, {x}, {n.out()});
  return true;
}

void read_space_to_depth(ReadNode& n) {
  n.emit(SpaceToDepth{.block = positive(n.options<fb::SpaceToDepthOptionsT>().block_size, "block_size")}, {n.in(0)});
}

bool write_space_to_depth(WriteNode& n) {
  fb::SpaceToDepthOptionsT o;
  o.block_size = static_cast<int32_t>(n.as<SpaceToDepth>().block);
  n.emit(B::SPACE_TO_DEPTH, Versions{}.of(n.type(0)), o, {n.in(0)}, {n.out()});
  return true;
}

template <class Op>
void read_blocks(ReadNode& n) {
  ValueId pads = n.is_constant(2) ? n.add_constant(cast(n.constant(2), DType::kI64), "pads")
                                  : n.temp(Cast{.to = DType::kI64}, {n.in(2)});
  n.emit(Op{}, {n.in(0), n.list_i64(1), pads});
}

template <B Code>
bool write_blocks(WriteNode& n) {
  n.emit(Code, Versions{}.of(n.type(0)), {n.in(0), n.in_i32(1), n.in_i32(2)}, {n.out()});
  return true;
}

constexpr Row kRows[] = {
    {B::RESHAPE, 2, read_reshape, &Reshape::def, write_reshape},
    {B::RESHAPE, 1, nullptr, &Flatten::def, write_as_reshape},
    {B::EXPAND_DIMS, 2, read_expand_dims, &Unsqueeze::def, write_unsqueeze},
    {B::SQUEEZE, 3, read_squeeze, &Squeeze::def, write_squeeze},
    {B::TRANSPOSE, 7, read_transpose, &Transpose::def, write_transpose},
    {B::CONCATENATION, 4, read_concat, &Concat::def, write_concat},
    {B::SPLIT, 5, read_split, nullptr, nullptr},
    {B::SPLIT_V, 3, read_split_v, &Split::def, write_split},
    {B::PACK, 4, read_pack, nullptr, nullptr},
    {B::UNPACK, 4, read_unpack, nullptr, nullptr},
    {B::PAD, 4, read_pad, &Pad::def, write_pad},
    {B::PADV2, 4, read_pad_v2, nullptr, nullptr},
    {B::MIRROR_PAD, 3, read_mirror_pad, nullptr, nullptr},
    {B::BITCAST, 1, read_bitcast, &Bitcast::def, write_bitcast},
    {B::TILE, 3, read_tile, &Tile::def, write_tile},
    {B::BROADCAST_TO, 4, read_broadcast_to, &Expand::def, write_expand},
    {B::REVERSE_V2, 3, read_reverse, &Reverse::def, write_reverse},
    {B::REVERSE_SEQUENCE, 1, read_reverse_sequence, &ReverseSequence::def, write_reverse_sequence},
    {B::DEPTH_TO_SPACE, 2, read_depth_to_space, &DepthToSpace::def, write_depth_to_space},
    {B::SPACE_TO_DEPTH, 2, read_space_to_depth, &SpaceToDepth::def, write_space_to_depth},
    {B::SPACE_TO_BATCH_ND, 4, read_blocks<SpaceToBatch>, &SpaceToBatch::def, write_blocks<B::SPACE_TO_BATCH_ND>},
    {B::BATCH_TO_SPACE_ND, 4, read_blocks<BatchToSpace>, &BatchToSpace::def, write_blocks<B::BATCH_TO_SPACE_ND>},
};

}  // namespace

std::span<const Row> movement_rows() { return kRows; }

}  // namespace hone::tflite

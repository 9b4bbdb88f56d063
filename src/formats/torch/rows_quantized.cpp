#include <limits>

#include "base/error.h"
#include "base/text.h"
#include "formats/torch/call.h"
#include "formats/torch/spatial.h"
#include "formats/torch/storage.h"
#include "ops/binary.h"
#include "ops/conv.h"
#include "ops/matmul.h"
#include "ops/movement.h"
#include "ops/quantize.h"
#include "ops/unary.h"

namespace hone::torch {

namespace {

/// What an object of packed weights was made from.
const std::vector<Value>& packed(Call& n, size_t parts) {
  const auto* object = std::get_if<Object*>(&n.arg("packed"));
  const auto* state = object ? std::get_if<List*>(&(*object)->state) : nullptr;
  if (!state || (*state)->items.size() < parts)
    throw unsupported(cat("packed weights of a kind that hone does not know",
                          object ? cat(" ('", (*object)->type, "')") : std::string()));
  return (*state)->items;
}

std::vector<int64_t> ints(const Value& value) {
  std::vector<int64_t> out;
  for (const Value& item : to_list(value).items) out.push_back(to_int(item));
  return out;
}

/// Bounds of the activation behind a packed layer: numbers or None.
template <class Op>
void set_bounds(Op& op, const Value& low, const Value& high) {
  if (!is_none(low)) op.act_min = static_cast<float>(to_real(low));
  if (!is_none(high)) op.act_max = static_cast<float>(to_real(high));
}

/// (weight, bias, stride, padding, dilation, groups, min, max).
/// Source: aten/src/ATen/native/xnnpack/OpContext.h, SerializationTypeConv2dPrePack.
void read_prepacked_conv(Call& n) {
  const std::vector<Value>& p = packed(n, 8);
  Conv op{.strides = ints(p[2]), .dilations = ints(p[4]), .pads = both_ends(ints(p[3])), .groups = to_int(p[5])};
  set_bounds(op, p[6], p[7]);
  std::vector<ValueId> inputs{n.to_channels_last(n.x()), n.to_channels_last(n.value(p[0]))};
  if (!is_none(p[1])) inputs.push_back(n.value(p[1]));
  n.emit(n.from_channels_last(n.add(op, inputs)));
}
/// (weight, bias, stride, padding, output padding, dilation, groups, min, max).
void read_prepacked_transposed(Call& n) {
  const std::vector<Value>& p = packed(n, 9);
  ConvTranspose op{.strides = ints(p[2]),
                   .dilations = ints(p[5]),
                   .pads = both_ends(ints(p[3])),
                   .output_padding = ints(p[4]),
                   .groups = to_int(p[6])};
  set_bounds(op, p[7], p[8]);
  std::vector<ValueId> inputs{n.to_channels_last(n.x()), n.to_channels_last(n.value(p[0]))};
  if (!is_none(p[1])) inputs.push_back(n.value(p[1]));
  n.emit(n.from_channels_last(n.add(op, inputs)));
}
/// (weight, bias, min, max).
void read_prepacked_linear(Call& n) {
  const std::vector<Value>& p = packed(n, 4);
  FullyConnected op;
  set_bounds(op, p[2], p[3]);
  std::vector<ValueId> inputs{n.x(), n.value(p[0])};
  if (!is_none(p[1])) inputs.push_back(n.value(p[1]));
  n.emit(n.add(op, inputs));
}

/// (weight in 8 bits, bias). The original rounds activations to 8 bits by their range in each run; here they stay real.
template <bool kRelu>
void read_linear_dynamic(Call& n) {
  const std::vector<Value>& p = packed(n, 2);
  FullyConnected op;
  if (kRelu) op.act_min = 0;
  std::vector<ValueId> inputs{n.x(), n.value(p[0])};
  if (!is_none(p[1])) inputs.push_back(n.value(p[1]));
  n.emit(n.add(op, inputs));
}

/// A convolution in 8 bits: as the file packs it, or as the program packed it just now.
struct PackedConv {
  Value weight, bias;
  std::vector<int64_t> stride, padding, dilation;
  int64_t groups = 1;
};
/// The state is ("2", [numbers, weight], [bias]) or (3, numbers, […, weight, bias]) with numbers = axes, then stride,
/// padding, dilation and output padding of each, groups, whether it is transposed.
/// Source: aten/src/ATen/native/quantized/cpu/conv_serialization.h.
PackedConv packed_conv(Call& n) {
  const std::vector<Value>& state = packed(n, 3);
  if (state.size() == 6) return {state[0], state[1], ints(state[2]), ints(state[3]), ints(state[4]), to_int(state[5])};
  std::vector<Value> tensors;
  std::vector<int64_t> numbers;
  for (size_t i = 1; i < state.size(); ++i)
    for (const Value& item : to_list(state[i]).items) {
      const auto* cell = std::get_if<Cell*>(&item);
      if (is<int64_t>(item))
        numbers.push_back(to_int(item));
      else if (cell && (*cell)->array.dtype() == DType::kI16)
        numbers = to_ints((*cell)->array);
      else if (cell)
        tensors.push_back(item);
    }
  const int64_t axes = numbers.empty() ? 0 : numbers[0];
  if (axes < 1 || axes > 3 || static_cast<int64_t>(numbers.size()) < 4 * axes + 3 || tensors.empty())
    throw unsupported("packed weights of another version");
  if (numbers[static_cast<size_t>(4 * axes + 2)] % 2 != 0) throw unsupported("a transposed convolution in 8 bits");
  const auto part = [&](int64_t which) {
    const auto first = numbers.begin() + 1 + which * axes;
    return std::vector<int64_t>(first, first + axes);
  };
  return {tensors[0], tensors.size() > 1 ? tensors[1] : Value{}, part(0), part(1),
          part(2),    numbers[static_cast<size_t>(4 * axes + 1)]};
}

/// The real bias in steps of input scale · weight scale.
ValueId stored_bias(Call& n, ValueId x, ValueId weight, const Value& bias) {
  const QuantPtr &in = n.type(x).quant, &w = n.type(weight).quant;
  const Tensor* real = n.constant(n.value(bias));
  if (!in || !w || !real) throw invalid_model("a layer in 8 bits with real inputs or weights");
  std::vector<float> scales;
  for (const float scale : w->scales) scales.push_back(scale * in->scale());
  const QuantPtr quant = w->is_per_tensor()
                             ? QuantParams::per_tensor(scales[0], 0)
                             : QuantParams::per_channel(scales, std::vector<int32_t>(scales.size(), 0), 0);
  return n.add_constant(quantize(*real, DType::kI32, quant));
}

QuantPtr output_quant(Call& n) {
  const double scale = n.real("scale");
  if (!(scale > 0)) throw invalid_model(cat("an output in steps of ", scale));
  return QuantParams::per_tensor(static_cast<float>(scale), static_cast<int32_t>(n.integer("zero_point")));
}

template <bool kRelu>
void read_conv(Call& n) {
  const PackedConv p = packed_conv(n);
  Conv op{.strides = p.stride, .dilations = p.dilation, .pads = both_ends(p.padding), .groups = p.groups};
  if (kRelu) op.act_min = 0;
  const ValueId x = n.x(), weight = n.to_channels_last(n.value(p.weight));
  std::vector<ValueId> inputs{n.to_channels_last(x), weight};
  if (!is_none(p.bias)) inputs.push_back(stored_bias(n, x, weight, p.bias));
  n.emit(n.from_channels_last(n.add_stored(op, inputs, n.type(x).dtype, output_quant(n))));
}
template <bool kRelu>
void read_linear(Call& n) {
  const std::vector<Value>& p = packed(n, 2);
  FullyConnected op;
  if (kRelu) op.act_min = 0;
  const ValueId x = n.x(), weight = n.value(p[0]);
  std::vector<ValueId> inputs{x, weight};
  if (!is_none(p[1])) inputs.push_back(stored_bias(n, x, weight, p[1]));
  n.emit(n.add_stored(op, inputs, n.type(x).dtype, output_quant(n)));
}
template <class Op, bool kRelu>
void read_binary(Call& n) {
  Op op;
  if (kRelu) op.act_min = 0;
  const ValueId a = n.x(), b = n.x("other");
  n.emit(n.add_stored(op, {a, b}, n.type(a).dtype, output_quant(n)));
}
void read_cat(Call& n) {
  const std::vector<ValueId> parts = n.tensors("tensors");
  if (parts.empty()) throw invalid_model("joins nothing");
  const int64_t axis = n.axis("dim", n.rank(parts[0]));
  n.emit(n.add_stored(Concat{.axis = axis}, parts, n.type(parts[0]).dtype, output_quant(n)));
}
template <class Op>
void read_stored_unary(Call& n) {
  n.emit(n.add_stored(Op{}, {n.x()}, n.type(n.x()).dtype, output_quant(n)));
}

void read_quantize(Call& n) {
  n.emit(n.add_stored(Quantize{}, {n.x()}, dtype_of(n.integer("dtype")), output_quant(n)));
}
void read_dequantize(Call& n) { n.emit(n.type(n.x()).quant ? n.add(Dequantize{}, {n.x()}) : n.x()); }

/// What the program packs while it is read.
void read_pack(Call& n) {
  Object* object = n.heap.object("packed");
  std::vector<Value> parts{n.arg("weight"), n.arg("bias")};
  if (n.row.signature.find("stride") != std::string_view::npos)
    for (const std::string_view key : {"stride", "padding", "dilation", "groups"}) parts.push_back(n.arg(key));
  object->state = n.heap.list(std::move(parts), true);
  n.result = object;
}

constexpr std::string_view kLayer = "self packed scale zero_point", kBinary = "self other scale zero_point";
constexpr std::string_view kPackedConv = "weight bias stride padding dilation groups",
                           kStored = "self scale zero_point";

constexpr OpRow kRows[] = {
    {"prepacked.conv2d_clamp_run", "self packed", read_prepacked_conv},
    {"prepacked.conv2d_transpose_clamp_run", "self packed", read_prepacked_transposed},
    {"prepacked.linear_clamp_run", "self packed", read_prepacked_linear},
    {"quantized.linear_dynamic", "self packed reduce_range=False", read_linear_dynamic<false>},
    {"quantized.conv1d", kLayer, read_conv<false>},
    {"quantized.conv2d", kLayer, read_conv<false>},
    {"quantized.conv2d_relu", kLayer, read_conv<true>},
    {"quantized.linear", kLayer, read_linear<false>},
    {"quantized.linear_relu", kLayer, read_linear<true>},
    {"quantized.add", kBinary, read_binary<Add, false>},
    {"quantized.add_relu", kBinary, read_binary<Add, true>},
    {"quantized.mul", kBinary, read_binary<Mul, false>},
    {"quantized.cat", "tensors dim scale zero_point", read_cat},
    {"quantized.hardswish", kStored, read_stored_unary<HardSwish>},
    {"quantized.sigmoid", kStored, read_stored_unary<Sigmoid>},
    {"quantized.conv2d_prepack", kPackedConv, read_pack},
    {"quantized.linear_prepack", "weight bias=None", read_pack},
    {"quantize_per_tensor", "self scale zero_point dtype", read_quantize},
    {"dequantize", "self", read_dequantize},
    {"quantized.linear_relu_dynamic", "self packed reduce_range=False", read_linear_dynamic<true>},
};

}  // namespace

std::span<const OpRow> quantized_rows() { return kRows; }

}  // namespace hone::torch

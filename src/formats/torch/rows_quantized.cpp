#include <limits>

#include "base/error.h"
#include "base/text.h"
#include "formats/torch/call.h"
#include "formats/torch/spatial.h"
#include "ops/conv.h"
#include "ops/matmul.h"

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

constexpr OpRow kRows[] = {
    {"prepacked.conv2d_clamp_run", "self packed", read_prepacked_conv},
    {"prepacked.conv2d_transpose_clamp_run", "self packed", read_prepacked_transposed},
    {"prepacked.linear_clamp_run", "self packed", read_prepacked_linear},
    {"quantized.linear_dynamic", "self packed reduce_range=False", read_linear_dynamic<false>},
    {"quantized.linear_relu_dynamic", "self packed reduce_range=False", read_linear_dynamic<true>},
};

}  // namespace

std::span<const OpRow> quantized_rows() { return kRows; }

}  // namespace hone::torch

#include "base/error.h"
#include "base/text.h"
#include "formats/onnx/rows.h"
#include "ops/binary.h"
#include "ops/conv.h"
#include "ops/matmul.h"
#include "ops/movement.h"
#include "ops/quantize.h"
#include "ops/unary.h"

namespace hone::onnx {

namespace {

/// Input `i`, a zero point, in the shape of the scale before it. A file may say one number as [] here and as [1] there.
ValueId zero_point(NodeReader& r, size_t i) {
  const ValueId zero = r.maybe(i);
  if (!zero.exists() || !r.constant(zero).exists() || !r.constant(r.in(i - 1)).exists()) return zero;
  const Tensor &z = r.constant(zero), &scale = r.constant(r.in(i - 1));
  if (z.elements() != 1 || scale.elements() != 1 || z.rank() == scale.rank()) return zero;
  return r.constant(z.reshaped(scale.dims()));
}

/// i32 is for biases, whose zero point "is supposed to be 0" (ONNX, DequantizeLinear): the runtimes do not look at it.
ValueId no_zero_point(NodeReader& r, ValueId zero) {
  if (!zero.exists()) return {};
  const Tensor& points = r.constant(zero);
  if (!points.exists())
    throw unsupported("onnx: DequantizeLinear of i32: the zero point is computed at run time, expected 0");
  for (const int64_t point : to_ints(points))
    if (point != 0) throw unsupported(cat("onnx: DequantizeLinear of i32: the zero point is ", point, ", expected 0"));
  return {};
}

void read_quantize_linear(NodeReader& r) {
  QuantizeLinear op{.axis = r.attr_int("axis", 1), .block_size = r.attr_int("block_size", 0)};
  if (r.attr_int("output_dtype", 0) != 0) {
    op.dtype = r.attr_dtype("output_dtype", DType::kU8);
    op.has_dtype = true;
  }
  r.output(0, r.emit(op, {r.in(0), r.in(1), zero_point(r, 2)}));
}

void read_dequantize_linear(NodeReader& r) {
  const DequantizeLinear op{.axis = r.attr_int("axis", 1), .block_size = r.attr_int("block_size", 0)};
  ValueId zero = zero_point(r, 2);
  if (r.type(r.in(0)).dtype == DType::kI32) zero = no_zero_point(r, zero);
  const ValueId y = r.emit(op, {r.in(0), r.in(1), zero});
  if (r.attr_int("output_dtype", 0) == 0) return r.output(0, y);
  const DType wanted = r.attr_dtype("output_dtype", DType::kF32);
  r.output(0, wanted == r.type(y).dtype ? y : r.emit(Cast{.to = wanted}, {y}));
}

/// Operator set 17 has f32 scales, one of them or one for each channel, and 8 bits; 19 other floats; 21 the rest.
AttributeList linear_attributes(NodeWriter& w, DType stored, int64_t axis, int64_t block_size) {
  if (w.type(1).dtype != DType::kF32) w.needs(19);
  if (block_size != 0 || is_packed(stored) || size_of(stored) == 2) w.needs(21);
  AttributeList attributes;
  attributes.add("axis", axis);
  if (block_size != 0) attributes.add("block_size", block_size);
  return attributes;
}

void write_quantize_linear(NodeWriter& w) {
  const QuantizeLinear& op = w.op<QuantizeLinear>();
  const DType stored = w.output_type().dtype;
  AttributeList attributes = linear_attributes(w, stored, op.axis, op.block_size);
  if (!w.has(2) && stored != DType::kU8) {
    w.needs(21);
    attributes.add("output_dtype", stored);
  }
  w.emit("QuantizeLinear", w.all_in(), {w.plain_out()}, attributes);
}

/// The runtime takes i32 for biases and does not look at a zero point: it is taken off before.
void write_dequantize_linear(NodeWriter& w) {
  const DequantizeLinear& op = w.op<DequantizeLinear>();
  if (w.type(0).dtype == DType::kI32 && w.has(2)) {
    if (!w.type(2).shape.is_static() || w.type(2).shape.elements() != 1)
      throw unsupported("onnx: DequantizeLinear of i32 with several zero points");
    const std::string centered = w.temp("centered");
    w.emit("Sub", {w.plain_in(0), w.plain_in(2)}, {centered});
    return w.emit("DequantizeLinear", {centered, w.plain_in(1)}, {w.plain_out()},
                  linear_attributes(w, DType::kI32, op.axis, op.block_size));
  }
  w.emit("DequantizeLinear", w.all_in(), {w.plain_out()},
         linear_attributes(w, w.type(0).dtype, op.axis, op.block_size));
}

void read_dynamic_quantize(NodeReader& r) {
  const auto outputs = r.emit_many(DynamicQuantizeLinear{}, {r.in(0)}, 3);
  for (size_t i = 0; i < outputs.size() && i < r.output_count(); ++i) r.output(i, outputs[i]);
}

/// Inputs first … first+2 are a quantized tensor, its scale and its zero point.
ValueId real(NodeReader& r, size_t first, int64_t axis) {
  return r.emit(DequantizeLinear{.axis = axis}, {r.in(first), r.in(first + 1), zero_point(r, first + 2)});
}

ValueId quantized(NodeReader& r, ValueId y, size_t scale) {
  return r.emit(QuantizeLinear{}, {y, r.in(scale), zero_point(r, scale + 1)});
}

/// (x, x scale, x zero point, w, …, y scale, y zero point, bias?): reals in between, which the Q/DQ folding takes away.
/// In ONNX Runtime's domain activations may be channels last.
void read_q_linear_conv(NodeReader& r) {
  Conv op{.strides = r.attr_ints("strides"),
          .dilations = r.attr_ints("dilations"),
          .pads = r.attr_ints("pads"),
          .groups = r.attr_int("group", 1)};
  const std::string pad = r.attr_string("auto_pad", "NOTSET");
  if (pad == "SAME_UPPER") op.auto_pad = AutoPad::same_upper;
  if (pad == "SAME_LOWER") op.auto_pad = AutoPad::same_lower;
  if (pad == "VALID") op.auto_pad = AutoPad::valid;
  const int64_t rank = r.rank(r.in(3));
  const bool is_last = r.attr_bool("channels_last", false);
  const ValueId x = is_last ? real(r, 0, 1) : r.transposed(real(r, 0, 1), to_channels_last_perm(rank));
  const ValueId weight = r.emit(DequantizeLinear{.axis = 0},
                                {r.transposed(r.in(3), to_channels_last_perm(rank)), r.in(4), zero_point(r, 5)});
  std::vector<ValueId> inputs{x, weight};
  if (r.has(8)) {
    const Tensor &a = r.constant(r.in(1)), &b = r.constant(r.in(4));
    ValueId scale;
    if (a.exists() && b.exists() && a.elements() == 1) {
      std::vector<float> product;
      for (const double s : to_doubles(b))
        product.push_back(static_cast<float>(s) * static_cast<float>(to_doubles(a)[0]));
      scale = r.constant(Tensor::of<float>(b.dims(), product));
    } else {
      scale = r.emit(Mul{}, {r.in(1), r.in(4)});
    }
    inputs.push_back(r.emit(DequantizeLinear{.axis = 0}, {r.in(8), scale}));
  }
  const ValueId y = r.emit(op, std::move(inputs));
  r.output(0, quantized(r, is_last ? y : r.transposed(y, to_channels_first_perm(rank)), 6));
}

void read_q_linear_mat_mul(NodeReader& r) {
  const ValueId a = real(r, 0, r.rank(r.in(0)) - 2);
  const ValueId b = real(r, 3, r.rank(r.in(3)) - 1);
  r.output(0, quantized(r, r.emit(MatMul{}, {a, b}), 6));
}

void write_quantize(NodeWriter& w) {
  w.try_channels_first();
  w.emit_quantize(w.in(0), 0);
}

/// With a stored result it is a Quantize.
void write_dequantize(NodeWriter& w) { w.output_type().quant ? write_quantize(w) : w.define_dequantized(); }

constexpr Row kRows[] = {
    {"QuantizeLinear", 1, kNewestOpset, read_quantize_linear, &QuantizeLinear::def, write_quantize_linear},
    {"DequantizeLinear", 1, kNewestOpset, read_dequantize_linear, &DequantizeLinear::def, write_dequantize_linear},
    {"DynamicQuantizeLinear", 1, kNewestOpset, read_dynamic_quantize, &DynamicQuantizeLinear::def, write_same},
    {"QLinearConv", 1, kNewestOpset, read_q_linear_conv},
    {"QLinearMatMul", 1, kNewestOpset, read_q_linear_mat_mul},
    {"", 1, 0, nullptr, &Quantize::def, write_quantize},
    {"", 1, 0, nullptr, &Dequantize::def, write_dequantize},
};

}  // namespace

std::span<const Row> quantize_rows() { return kRows; }

}  // namespace hone::onnx

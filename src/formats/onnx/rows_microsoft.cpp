// Operators of ONNX Runtime's own domain that its quantizer and its saved optimized models hold. They are read in the
// words of ONNX's own operators and never written.

#include <array>

#include "base/text.h"
#include "formats/onnx/rows.h"
#include "ops/binary.h"
#include "ops/matmul.h"
#include "ops/movement.h"
#include "ops/norm.h"
#include "ops/pool.h"
#include "ops/quantize.h"
#include "ops/recurrent.h"
#include "ops/reduce.h"
#include "ops/unary.h"

namespace hone::onnx {

namespace {

/// Inputs first … first+2: a quantized tensor, its scale and its zero point.
ValueId real(NodeReader& r, size_t first) {
  return r.emit(DequantizeLinear{}, {r.in(first), r.in(first + 1), r.maybe(first + 2)});
}

void output_quantized(NodeReader& r, ValueId y, size_t scale) {
  r.output(0, r.emit(QuantizeLinear{}, {y, r.in(scale), r.maybe(scale + 1)}));
}

/// As ONNX's own operator of that name.
template <FixedString Name>
void read_as_own(NodeReader& r) {
  find_reader(Name.view(), kNewestOpset)->read(r);
}

template <class Op>
void read_q_binary(NodeReader& r) {
  output_quantized(r, r.emit(Op{}, {real(r, 0), real(r, 3)}), 6);
}

void read_q_sigmoid(NodeReader& r) { output_quantized(r, r.emit(Sigmoid{}, {real(r, 0)}), 3); }

void read_q_leaky_relu(NodeReader& r) {
  output_quantized(r, r.emit(LeakyRelu{.alpha = r.attr_float("alpha", 0.01f)}, {real(r, 0)}), 3);
}

/// Before operator set 13 all axes from `axis` on are one.
void read_q_softmax(NodeReader& r) {
  const int64_t rank = r.rank(r.in(0)), axis = normalize_axis(r.attr_int("axis", -1), rank, "axis");
  if (r.attr_int("opset", kNewestOpset) < 13 && axis != rank - 1)
    throw unsupported("onnx: QLinearSoftmax with the meaning of operator set 12");
  output_quantized(r, r.emit(Softmax{.axis = axis}, {real(r, 0)}), 3);
}

void read_q_average_pool(NodeReader& r) {
  const bool is_last = r.attr_bool("channels_last", false);
  const ValueId x = is_last ? real(r, 0) : r.channels_last(real(r, 0));
  const ValueId y = r.emit(average_pool_of(r), {x});
  output_quantized(r, is_last ? y : r.channels_first(y), 3);
}

/// 8-bit MaxPool over channels that are last in the file too.
void read_nhwc_max_pool(NodeReader& r) {
  const AveragePool window = average_pool_of(r);
  r.output(0, r.emit(MaxPool{.kernel = window.kernel,
                             .strides = window.strides,
                             .dilations = window.dilations,
                             .pads = window.pads,
                             .auto_pad = window.auto_pad,
                             .ceil_mode = window.ceil_mode},
                     {r.in(0)}));
}

/// (condition, x, scale, zero point, y, scale, zero point, scale, zero point).
void read_q_where(NodeReader& r) { output_quantized(r, r.emit(Where{}, {r.in(0), real(r, 1), real(r, 4)}), 7); }

/// a · the reals of (b, scale, zero point?) + bias; a is of reals. b's scales belong to its columns.
void output_product(NodeReader& r, ValueId a, std::array<size_t, 3> b, size_t bias) {
  const DequantizeLinear op{.axis = r.rank(r.in(b[0])) - 1};
  const ValueId y = r.emit(MatMul{}, {a, r.emit(op, {r.in(b[0]), r.in(b[1]), r.maybe(b[2])})});
  r.output(0, r.has(bias) ? r.emit(Add{}, {y, r.in(bias)}) : y);
}

/// (a: f32, b: 8 bits, b scale, b zero point?, bias?): a is quantized to its own range first.
void read_dynamic_quantize_mat_mul(NodeReader& r) {
  const auto parts = r.emit_many(DynamicQuantizeLinear{}, {r.in(0)}, 3);
  output_product(r, r.emit(DequantizeLinear{}, {parts[0], parts[1], parts[2]}), {1, 2, 3}, 4);
}

/// (a, b, a scale, b scale, a zero point?, b zero point?, bias?).
void read_mat_mul_integer_to_float(NodeReader& r) {
  output_product(r, r.emit(DequantizeLinear{}, {r.in(0), r.in(2), r.maybe(4)}), {1, 3, 5}, 6);
}

/// (8 bits [D, I, 4·H], scale [D] or [D, 4·H], zero point) → f32 [D, 4·H, I].
ValueId real_gates(NodeReader& r, size_t weight, size_t scale) {
  const bool is_per_channel = r.rank(r.in(scale)) == 2;
  const ValueId axes = is_per_channel ? r.ints({1}) : r.ints({1, 2});
  const auto wide = [&](size_t i) { return r.emit(Unsqueeze{}, {r.in(i), axes}); };
  ValueId x = r.emit(Cast{.to = DType::kF32}, {r.in(weight)});
  if (r.has(scale + 1)) x = r.emit(Sub{}, {x, r.emit(Cast{.to = DType::kF32}, {wide(scale + 1)})});
  return r.emit(Transpose{.perm = {0, 2, 1}}, {r.emit(Mul{}, {x, wide(scale)})});
}

/// (x, w, r, b?, lengths?, h0?, c0?, peephole?, w scale, w zero point, r scale, r zero point): computed on the real
/// values of the weights and on x as it is, which the runtime quantizes to its own range at every step.
void read_dynamic_quantize_lstm(NodeReader& r) {
  Lstm op;
  read_fields(r, attr_type<Lstm>(), &op);
  const std::vector<ValueId> inputs{r.in(0),    real_gates(r, 1, 8), real_gates(r, 2, 10), r.maybe(3),
                                    r.maybe(4), r.maybe(5),          r.maybe(6),           r.maybe(7)};
  const auto outputs = r.emit_many(std::move(op), inputs, r.output_count());
  for (size_t i = 0; i < outputs.size(); ++i) r.output(i, outputs[i]);
}

void read_q_global_average_pool(NodeReader& r) {
  const bool is_last = r.attr_bool("channels_last", false);
  const int64_t rank = r.rank(r.in(0));
  std::vector<int64_t> axes;
  for (int64_t axis = is_last ? 1 : 2; axis < (is_last ? rank - 1 : rank); ++axis) axes.push_back(axis);
  output_quantized(r, r.emit(ReduceMean{.keepdims = true}, {real(r, 0), r.ints(std::move(axes))}), 3);
}

/// (y scale, y zero point, then x, scale and zero point of each part).
void read_q_concat(NodeReader& r) {
  std::vector<ValueId> parts;
  for (size_t i = 2; i + 2 < r.input_count(); i += 3) parts.push_back(real(r, i));
  const ValueId whole = r.emit(Concat{.axis = r.attr_int("axis")}, std::move(parts));
  r.output(0, r.emit(QuantizeLinear{}, {whole, r.in(0), r.maybe(1)}));
}

/// (a, scale, zero point, b, scale, zero point, c?: i32 of scale a·b, y scale?, y zero point?).
void read_q_gemm(NodeReader& r) {
  const bool is_transposed = r.attr_bool("transB", false);
  const ValueId a = real(r, 0);
  const ValueId b = r.emit(DequantizeLinear{.axis = is_transposed ? 0 : 1}, {r.in(3), r.in(4), r.maybe(5)});
  ValueId c;
  if (r.has(6)) {
    const Tensor &sa = r.constant(r.in(1)), &sb = r.constant(r.in(4));
    if (!sa.exists() || !sb.exists() || sa.elements() != 1)
      throw unsupported("onnx: QGemm with scales that are computed at run time");
    std::vector<float> scales;
    for (const double s : to_doubles(sb)) scales.push_back(static_cast<float>(s * to_doubles(sa)[0]));
    c = r.emit(DequantizeLinear{.axis = 0}, {r.in(6), r.constant(Tensor::of<float>(sb.dims(), scales))});
  }
  const Gemm op{
      .alpha = r.attr_float("alpha", 1), .transpose_a = r.attr_bool("transA", false), .transpose_b = is_transposed};
  const ValueId y = r.emit(op, {a, b, c});
  if (r.has(7)) return output_quantized(r, y, 7);
  r.output(0, y);
}

/// FusedConv has its activation's numbers in a list, FusedGemm each under its name.
ValueId activated(NodeReader& r, ValueId x) {
  const std::string name = r.attr_string("activation", "");
  const std::vector<float> p = r.attr_floats("activation_params");
  const bool is_beta_second = name == "HardSigmoid";
  const auto at = [&](size_t i, float otherwise) {
    if (i < p.size()) return p[i];
    return i == 0           ? r.attr_float("activation_alpha", otherwise)
           : is_beta_second ? r.attr_float("activation_beta", otherwise)
                            : otherwise;
  };
  if (name.empty()) return x;
  if (name == "Relu") return r.emit(Relu{}, {x});
  if (name == "Sigmoid") return r.emit(Sigmoid{}, {x});
  if (name == "Tanh") return r.emit(Tanh{}, {x});
  if (name == "LeakyRelu") return r.emit(LeakyRelu{.alpha = at(0, 0.01f)}, {x});
  if (name == "Clip") return r.emit(Clamp{.min = at(0, Clamp{}.min), .max = at(1, Clamp{}.max)}, {x});
  if (name == "HardSigmoid") return r.emit(HardSigmoid{.alpha = at(0, 0.2f), .beta = at(1, 0.5f)}, {x});
  throw unsupported(cat("onnx: fused activation '", name, "'"));
}

/// Conv, then + z, then an activation.
void read_fused_conv(NodeReader& r) {
  find_reader("Conv", kNewestOpset)->read(r);
  ValueId y = r.results().at(0);
  if (r.has(3)) y = r.emit(Add{}, {y, r.in(3)});
  r.output(0, activated(r, y));
}

void read_fused_gemm(NodeReader& r) {
  find_reader("Gemm", kNewestOpset)->read(r);
  r.output(0, activated(r, r.results().at(0)));
}

/// x · sigmoid(alpha · x).
void read_quick_gelu(NodeReader& r) {
  const ValueId x = r.in(0);
  const ValueId steep = r.emit(Mul{}, {x, r.scalar_like(x, static_cast<double>(r.attr_float("alpha", 1.702f)))});
  r.output(0, r.emit(Mul{}, {x, r.emit(Sigmoid{}, {steep})}));
}

void read_fused_mat_mul(NodeReader& r) {
  if (r.attr_bool("transBatchA", false) || r.attr_bool("transBatchB", false))
    throw unsupported("onnx: FusedMatMul of transposed batches");
  const MatMul op{.transpose_a = r.attr_bool("transA", false), .transpose_b = r.attr_bool("transB", false)};
  const ValueId y = r.emit(op, {r.in(0), r.in(1)});
  const float alpha = r.attr_float("alpha", 1);
  r.output(0, alpha == 1 ? y : r.emit(Mul{}, {y, r.scalar_like(y, alpha)}));
}

void read_biased_gelu(NodeReader& r) {
  const ValueId x = r.has(1) ? r.emit(Add{}, {r.in(0), r.in(1)}) : r.in(0);
  r.output(0, r.emit(Gelu{.approximate = r.proto().op_type == "FastGelu"}, {x}));
}

constexpr Row kRows[] = {
    {"BiasGelu", 1, kNewestOpset, read_biased_gelu},
    {"DequantizeLinear", 1, kNewestOpset, read_as_own<"DequantizeLinear">},
    {"DynamicQuantizeLSTM", 1, kNewestOpset, read_dynamic_quantize_lstm},
    {"DynamicQuantizeMatMul", 1, kNewestOpset, read_dynamic_quantize_mat_mul},
    {"FastGelu", 1, kNewestOpset, read_biased_gelu},
    {"FusedConv", 1, kNewestOpset, read_fused_conv},
    {"FusedGemm", 1, kNewestOpset, read_fused_gemm},
    {"FusedMatMul", 1, kNewestOpset, read_fused_mat_mul},
    {"Gelu", 1, kNewestOpset, read_biased_gelu},
    {"MatMulIntegerToFloat", 1, kNewestOpset, read_mat_mul_integer_to_float},
    {"NhwcMaxPool", 1, kNewestOpset, read_nhwc_max_pool},
    {"QGemm", 1, kNewestOpset, read_q_gemm},
    {"QLinearAdd", 1, kNewestOpset, read_q_binary<Add>},
    {"QLinearAveragePool", 1, kNewestOpset, read_q_average_pool},
    {"QLinearConcat", 1, kNewestOpset, read_q_concat},
    {"QLinearConv", 1, kNewestOpset, read_as_own<"QLinearConv">},
    {"QLinearGlobalAveragePool", 1, kNewestOpset, read_q_global_average_pool},
    {"QLinearLeakyRelu", 1, kNewestOpset, read_q_leaky_relu},
    {"QLinearMul", 1, kNewestOpset, read_q_binary<Mul>},
    {"QLinearSigmoid", 1, kNewestOpset, read_q_sigmoid},
    {"QLinearSoftmax", 1, kNewestOpset, read_q_softmax},
    {"QLinearWhere", 1, kNewestOpset, read_q_where},
    {"QuantizeLinear", 1, kNewestOpset, read_as_own<"QuantizeLinear">},
    {"QuickGelu", 1, kNewestOpset, read_quick_gelu},
    {"TransposeMatMul", 1, kNewestOpset, read_fused_mat_mul},
};

}  // namespace

std::span<const Row> microsoft_rows() { return kRows; }

}  // namespace hone::onnx

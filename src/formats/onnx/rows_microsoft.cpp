// Operators of ONNX Runtime's own domain that its quantizer and its saved optimized models hold. They are read in the
// words of ONNX's own operators and never written.

#include "base/text.h"
#include "formats/onnx/rows.h"
#include "ops/binary.h"
#include "ops/matmul.h"
#include "ops/movement.h"
#include "ops/norm.h"
#include "ops/quantize.h"
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

void read_q_softmax(NodeReader& r) {
  if (r.attr_int("opset", kNewestOpset) < 13 && r.attr_int("axis", -1) != -1)
    throw unsupported("onnx: QLinearSoftmax with the meaning of operator set 12");
  output_quantized(r, r.emit(Softmax{.axis = r.attr_int("axis", -1)}, {real(r, 0)}), 3);
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

ValueId activated(NodeReader& r, ValueId x) {
  const std::string name = r.attr_string("activation", "");
  const std::vector<float> p = r.attr_floats("activation_params");
  const auto at = [&](size_t i, float otherwise) { return i < p.size() ? p[i] : otherwise; };
  if (name.empty()) return x;
  if (name == "Relu") return r.emit(Relu{}, {x});
  if (name == "Sigmoid") return r.emit(Sigmoid{}, {x});
  if (name == "Tanh") return r.emit(Tanh{}, {x});
  if (name == "LeakyRelu") return r.emit(LeakyRelu{.alpha = at(0, 0.01f)}, {x});
  if (name == "Clip") return r.emit(Clamp{.min = at(0, Clamp{}.min), .max = at(1, Clamp{}.max)}, {x});
  if (name == "HardSigmoid") return r.emit(HardSigmoid{.alpha = at(0, 0.2f), .beta = at(1, 0.5f)}, {x});
  throw unsupported(cat("onnx: FusedConv with activation '", name, "'"));
}

/// Conv, then + z, then an activation.
void read_fused_conv(NodeReader& r) {
  find_reader("Conv", kNewestOpset)->read(r);
  ValueId y = r.results().at(0);
  if (r.has(3)) y = r.emit(Add{}, {y, r.in(3)});
  r.output(0, activated(r, y));
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
    {"FastGelu", 1, kNewestOpset, read_biased_gelu},
    {"FusedConv", 1, kNewestOpset, read_fused_conv},
    {"FusedMatMul", 1, kNewestOpset, read_fused_mat_mul},
    {"Gelu", 1, kNewestOpset, read_biased_gelu},
    {"QGemm", 1, kNewestOpset, read_q_gemm},
    {"QLinearAdd", 1, kNewestOpset, read_q_binary<Add>},
    {"QLinearConcat", 1, kNewestOpset, read_q_concat},
    {"QLinearGlobalAveragePool", 1, kNewestOpset, read_q_global_average_pool},
    {"QLinearLeakyRelu", 1, kNewestOpset, read_q_leaky_relu},
    {"QLinearMul", 1, kNewestOpset, read_q_binary<Mul>},
    {"QLinearSigmoid", 1, kNewestOpset, read_q_sigmoid},
    {"QLinearSoftmax", 1, kNewestOpset, read_q_softmax},
    {"QuantizeLinear", 1, kNewestOpset, read_as_own<"QuantizeLinear">},
};

}  // namespace

const Row* find_microsoft_reader(std::string_view op) {
  for (const Row& row : kRows)
    if (row.op == op) return &row;
  return nullptr;
}

}  // namespace hone::onnx

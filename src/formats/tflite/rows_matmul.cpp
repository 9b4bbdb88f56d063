#include "base/error.h"
#include "base/text.h"
#include "formats/tflite/bias.h"
#include "formats/tflite/rows.h"
#include "formats/tflite/types.h"
#include "ops/matmul.h"

namespace hone::tflite {

namespace {

using B = fb::BuiltinOperator;

bool is_matrix_of(const Shape& shape, const Dim& columns) {
  return shape.has_rank() && shape.rank() == 2 && shape[1].is_known() && columns.is_known() && shape[1] == columns;
}

ValueId read_bias(ReadNode& n) {
  if (!n.has(2)) return {};
  const QuantPtr qx = n.type(0).quant, qw = n.type(1).quant;
  if (!qx || !qw || !qw->is_per_tensor() || n.type(2).quant || !n.is_constant(2) || is_float(n.type(2).dtype))
    return n.in(2);
  return n.add_constant(n.constant(2).with_quant(QuantParams::per_tensor(qx->scale() * qw->scale(), 0)), "bias");
}

void read_fully_connected(ReadNode& n) {
  const auto o = n.options<fb::FullyConnectedOptionsT>();
  if (o.weights_format != fb::WeightsFormat::DEFAULT) throw unsupported("shuffled weights");
  if (n.rank(1) != 2) throw invalid_model(cat("weight has rank ", n.rank(1), ", expected 2"));
  const bool is_hybrid = !n.type(0).quant && n.type(1).quant;
  FullyConnected op{.keep_dims = o.keep_num_dims || is_matrix_of(n.type(0).shape, n.type(1).shape[1]),
                    .asymmetric_inputs = o.asymmetric_quantize_inputs || !is_hybrid};
  n.emit_activated(std::move(op), o.fused_activation_function, {n.in(0), n.in(1), read_bias(n)});
}

int32_t version_of(const WriteNode& n, bool keeps_dims, bool has_bias) {
  int32_t version = Versions{.f32 = 1, .i8 = 4, .i16 = 7}.of(n.type(0));
  if (!n.type(0).quant && n.type(1).quant) version = 3;
  if (keeps_dims) version = std::max(version, 5);
  if (!has_bias) version = std::max(version, 6);
  return version;
}

/// FULLY_CONNECTED takes the first of several scales for all; a convolution of one pixel has one for each output.
bool write_as_convolution(WriteNode& n, const FullyConnected& op) {
  if (!n.type(0).quant || n.type(1).quant->axis != 0) return false;
  const Dims w = n.dims(1);
  const Shape& y = n.out_type().shape;
  const Dim pixels = y.is_static() && w[0] > 0 ? Dim(y.elements() / w[0]) : Dim();
  const TensorType from{n.type(0).dtype, Shape{pixels, Dim(1), Dim(1), Dim(w[1])}, n.type(0).quant};
  const TensorType to{n.out_type().dtype, Shape{pixels, Dim(1), Dim(1), Dim(w[0])}, n.out_type().quant};
  const TensorIndex a = n.temp(from, "pixels"), b = n.temp(to, "sums");
  n.reshape(n.in(0), a);
  const TensorIndex weight = n.add_constant(n.constant(1).reshaped({w[0], 1, 1, w[1]}), "weight");
  fb::Conv2DOptionsT o;
  o.padding = fb::Padding::VALID;
  o.stride_h = o.stride_w = o.dilation_h_factor = o.dilation_w_factor = 1;
  n.emit_activated(B::CONV_2D, Versions{.f32 = 1, .i8 = 3, .i16 = 4}.of(from), o, op.act_min, op.act_max,
                   {a, weight, bias(n, 2, n.type(0), n.type(1), w[0])}, b);
  n.reshape(b, n.out());
  return true;
}

bool write_fully_connected(WriteNode& n) {
  const FullyConnected& op = n.as<FullyConnected>();
  if (n.type(1).quant && !n.type(1).quant->is_per_tensor()) return write_as_convolution(n, op);
  fb::FullyConnectedOptionsT o;
  o.keep_num_dims = op.keep_dims && n.rank(0) != 2;
  o.asymmetric_quantize_inputs = op.asymmetric_inputs && !n.type(0).quant && n.type(1).quant;
  const TensorIndex added =
      n.has(2) ? bias(n, 2, n.type(0), n.type(1), n.out_dim(0, n.out_type().shape.rank() - 1)) : -1;
  std::vector<TensorIndex> inputs{n.in(0), n.in(1), added};
  const int32_t version = version_of(n, o.keep_num_dims, n.has(2));
  n.emit_activated(B::FULLY_CONNECTED, o.asymmetric_quantize_inputs ? std::max(version, 9) : version, o, op.act_min,
                   op.act_max, inputs, n.out());
  return true;
}

void read_batch_matmul(ReadNode& n) {
  const auto o = n.options<fb::BatchMatMulOptionsT>();
  n.emit(MatMul{.transpose_a = o.adj_x, .transpose_b = o.adj_y}, {n.in(0), n.in(1)});
}

bool write_matmul(WriteNode& n) {
  const MatMul& op = n.as<MatMul>();
  if (n.rank(0) < 2 || n.rank(1) < 2) throw unsupported("matrix product with a vector");
  if (n.is_constant(1) && n.rank(1) == 2 && !op.transpose_a && (!n.type(1).quant || n.type(1).quant->is_per_tensor())) {
    fb::FullyConnectedOptionsT o;
    o.keep_num_dims = n.rank(0) != 2;
    n.emit(B::FULLY_CONNECTED, version_of(n, o.keep_num_dims, false), o,
           {n.in(0), op.transpose_b ? n.in(1) : n.permuted(1, {1, 0}), -1}, {n.out()});
    return true;
  }
  fb::BatchMatMulOptionsT o;
  o.adj_x = op.transpose_a;
  o.adj_y = op.transpose_b;
  n.emit(B::BATCH_MATMUL, Versions{.f32 = 1, .i8 = 2, .i16 = 3}.of(n.type(0)), o, {n.in(0), n.in(1)}, {n.out()});
  return true;
}

Tensor scaled(const Tensor& x, float factor) {
  if (factor == 1) return x;
  Tensor y = cast(x, DType::kF32).clone();
  for (float& v : y.mutable_data<float>()) v *= factor;
  return y;
}

/// a · b by FULLY_CONNECTED when b is constant, else by BATCH_MATMUL; alpha is folded into b or multiplied after.
TensorIndex gemm_product(WriteNode& n, const Gemm& op, TensorIndex to) {
  if (n.is_constant(1)) {
    const Tensor b = scaled(n.constant(1), op.alpha);
    TensorIndex a = n.in(0);
    if (op.transpose_a) a = n.permuted(0, {1, 0});
    const TensorIndex w = n.add_constant(op.transpose_b ? b : transposed(b, {1, 0}), "weight");
    n.emit(B::FULLY_CONNECTED, 6, fb::FullyConnectedOptionsT(), {a, w, -1}, {to});
    return to;
  }
  fb::BatchMatMulOptionsT o;
  o.adj_x = op.transpose_a;
  o.adj_y = op.transpose_b;
  const TensorIndex product = op.alpha == 1 ? to : n.temp(n.type_of(to), "product");
  n.emit(B::BATCH_MATMUL, 1, o, {n.in(0), n.in(1)}, {product});
  if (op.alpha != 1) n.emit(B::MUL, 1, fb::MulOptionsT(), {product, n.add_scalar(op.alpha)}, {to});
  return to;
}

bool write_gemm(WriteNode& n) {
  const Gemm& op = n.as<Gemm>();
  if (n.type(0).quant || n.type(1).quant || n.type(0).dtype != DType::kF32) return false;
  if (!n.has(2) || op.beta == 0) {
    gemm_product(n, op, n.out());
    return true;
  }
  const TensorIndex product = gemm_product(n, op, n.temp(n.out_type(), "product"));
  TensorIndex c = n.is_constant(2) ? n.add_constant(scaled(n.constant(2), op.beta), "bias") : n.in(2);
  if (!n.is_constant(2) && op.beta != 1) {
    const TensorIndex weighted = n.temp(n.type(2), "weighted");
    n.emit(B::MUL, 1, fb::MulOptionsT(), {c, n.add_scalar(op.beta)}, {weighted});
    c = weighted;
  }
  n.emit(B::ADD, 1, fb::AddOptionsT(), {product, c}, {n.out()});
  return true;
}

constexpr Row kRows[] = {
    {B::FULLY_CONNECTED, 12, read_fully_connected, &FullyConnected::def, write_fully_connected},
    {B::BATCH_MATMUL, 5, read_batch_matmul, &MatMul::def, write_matmul},
    {B::FULLY_CONNECTED, 1, nullptr, &Gemm::def, write_gemm},
};

}  // namespace

std::span<const Row> matmul_rows() { return kRows; }

}  // namespace hone::tflite

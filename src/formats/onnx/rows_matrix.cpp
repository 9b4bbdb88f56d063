#include "formats/onnx/integer_product.h"
#include "formats/onnx/rows.h"
#include "ops/binary.h"
#include "ops/matmul.h"
#include "ops/movement.h"
#include "ops/unary.h"

namespace hone::onnx {

namespace {

void read_mat_mul(NodeReader& r) { r.output(0, r.emit(MatMul{}, {r.in(0), r.in(1)})); }

/// The name of input i with its last two axes swapped.
std::string swapped(NodeWriter& w, size_t i) {
  const int64_t rank = w.rank(i);
  std::vector<int64_t> perm;
  for (int64_t axis = 0; axis < rank; ++axis) perm.push_back(axis);
  std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
  return w.transposed_in(i, perm);
}

void write_mat_mul(NodeWriter& w) {
  const MatMul& op = w.op<MatMul>();
  if (is_byte_product(w.graph(), w.node())) return write_integer_product(w, "MatMulInteger", "MatMul", {});
  w.emit("MatMul", {op.transpose_a ? swapped(w, 0) : w.plain_in(0), op.transpose_b ? swapped(w, 1) : w.plain_in(1)},
         {w.plain_out()});
}

/// x − zero point as i32. A vector of zero points of the left operand belongs to its rows.
ValueId centered(NodeReader& r, size_t x, size_t zero_point, bool is_left) {
  const ValueId wide = r.emit(Cast{.to = DType::kI32}, {r.in(x)});
  if (!r.has(zero_point)) return wide;
  ValueId offset = r.emit(Cast{.to = DType::kI32}, {r.in(zero_point)});
  if (is_left && r.rank(offset) == 1 && r.type(offset).shape != Shape{1})
    offset = r.emit(Unsqueeze{}, {offset, r.ints({1})});
  return r.emit(Sub{}, {wide, offset});
}

void read_mat_mul_integer(NodeReader& r) {
  r.output(0, r.emit(MatMul{}, {centered(r, 0, 2, true), centered(r, 1, 3, false)}));
}

void read_gemm(NodeReader& r) {
  const Gemm op{.alpha = r.attr_float("alpha", 1),
                .beta = r.attr_float("beta", 1),
                .transpose_a = r.attr_bool("transA", false),
                .transpose_b = r.attr_bool("transB", false)};
  r.output(0, r.emit(op, {r.in(0), r.in(1), r.maybe(2)}));
}

void write_gemm(NodeWriter& w) {
  const Gemm& op = w.op<Gemm>();
  AttributeList attributes;
  attributes.add("alpha", op.alpha).add("beta", op.beta);
  attributes.add("transA", op.transpose_a).add("transB", op.transpose_b);
  w.emit("Gemm", w.all_in(), {w.plain_out()}, attributes);
}

/// Two dims: Gemm with the weight as it is; more: MatMul with the weight turned, then the bias.
void write_fully_connected(NodeWriter& w) {
  const FullyConnected& op = w.op<FullyConnected>();
  const bool is_matrix = w.rank(0) == 2 || !op.keep_dims;
  if (!is_matrix) {
    if (!w.has(2)) return w.emit_clamped("MatMul", {w.plain_in(0), swapped(w, 1)}, {}, op.act_min, op.act_max);
    const std::string product = w.temp("matmul");
    w.emit("MatMul", {w.plain_in(0), swapped(w, 1)}, {product});
    return w.emit_clamped("Add", {product, w.plain_in(2)}, {}, op.act_min, op.act_max);
  }
  std::vector<std::string> inputs{w.plain_in(0), w.plain_in(1)};
  if (w.has(2)) inputs.push_back(w.plain_in(2));
  if (w.rank(0) != 2) {
    const Dim& depth = w.type(1).shape[1];
    if (!depth.is_known()) throw unsupported("onnx: fully connected with a weight of unknown shape");
    inputs[0] = w.temp("flat");
    w.emit("Reshape", {w.plain_in(0), w.ints({-1, depth.value()}, "shape")}, {inputs[0]});
  }
  w.emit_clamped("Gemm", std::move(inputs), AttributeList().add("transB", true), op.act_min, op.act_max);
}

constexpr Row kRows[] = {
    {"MatMul", 1, kNewestOpset, read_mat_mul, &MatMul::def, write_mat_mul},
    {"MatMulInteger", 1, kNewestOpset, read_mat_mul_integer},
    {"Gemm", 1, kNewestOpset, read_gemm, &Gemm::def, write_gemm},
    {"", 1, 0, nullptr, &FullyConnected::def, write_fully_connected},
    same<Einsum>("Einsum"),
    same<Det>("Det"),
};

}  // namespace

std::span<const Row> matrix_rows() { return kRows; }

}  // namespace hone::onnx

#include <bit>

#include "base/error.h"
#include "base/text.h"
#include "formats/tflite/complex.h"
#include "formats/tflite/rows.h"
#include "ops/movement.h"
#include "ops/reduce.h"
#include "ops/signal.h"

namespace hone::tflite {

namespace {

using B = fb::BuiltinOperator;

ValueId number(ReadNode& n, int64_t value, const char* name) { return n.add_constant(Tensor::scalar(value), name); }

/// (x: […,H,W], lengths: [h,w]) → […,h,w/2+1] complex: real transforms of the rows, then complex ones of the columns.
void read_rfft2d(ReadNode& n) {
  const std::vector<int64_t> lengths = n.ints(1);
  if (lengths.size() != 2 || lengths[0] < 1 || lengths[1] < 1)
    throw invalid_model(cat("transform lengths are ", lengths, ", expected two numbers ≥ 1"));
  if (n.rank(0) < 2) throw invalid_model(cat("input has rank ", n.rank(0), ", expected 2 or more"));
  const Dim height = n.type(0).shape[n.rank(0) - 2];
  const ValueId x = n.temp(Unsqueeze{}, {n.in(0), n.add_ints({-1}, "parts")});
  ValueId y = n.temp(Dft{.axis = -2, .onesided = true}, {x, number(n, lengths[1], "width")});
  if (lengths[0] != 1 || height != Dim(1)) y = n.temp(Dft{.axis = -3}, {y, number(n, lengths[0], "height")});
  n.bind(0, y);
}

template <int64_t Part>
void read_part(ReadNode& n) {
  const ValueId x = n.complex_in(0);
  n.emit(Gather{.axis = n.graph().type(x).shape.rank() - 1}, {x, number(n, Part, "part")});
}

void read_complex_abs(ReadNode& n) { n.emit(ReduceL2{.keepdims = false}, {n.complex_in(0), n.add_ints({-1}, "axes")}); }

int64_t length_of(const WriteNode& n, const Graph& graph, const Node& dft, int64_t axis) {
  const ValueId length = dft.input(1);
  if (!length.exists()) {
    const Dim& d = graph.type(dft.inputs[0]).shape[axis];
    if (!d.is_known()) throw unsupported("transform of unknown length");
    return d.value();
  }
  if (!graph.is_constant(length))
    throw unsupported(cat("length of ", n.node().def->name, " is known only at run time"));
  return to_ints(graph.value(length).constant).at(0);
}

/// The transform along the columns that follows one along the rows, in one operator with it; else null.
const Node* columns_after(const Graph& graph, const Node& rows) {
  const Value& y = graph.value(rows.outputs[0]);
  if (y.users.size() != 1 || graph.is_output(rows.outputs[0])) return nullptr;
  const Node& user = graph.node(y.users.front());
  if (!user.is<Dft>() || user.inputs[0] != rows.outputs[0]) return nullptr;
  const Dft& op = user.as<Dft>();
  const int64_t rank = y.type.shape.rank();
  const bool is_column = !op.inverse && !op.onesided && normalize_axis(op.axis, rank, "dft: axis") == rank - 3;
  return is_column ? &user : nullptr;
}

/// A one-sided transform of real numbers along the innermost axis, as RFFT2D can do it.
bool is_real_transform(const Graph& graph, const Node& node) {
  const Dft& op = node.as<Dft>();
  const TensorType& x = graph.type(node.inputs[0]);
  if (op.inverse || !op.onesided || x.dtype != DType::kF32 || x.quant || !x.shape.has_rank()) return false;
  const int64_t rank = x.shape.rank();
  return rank >= 2 && x.shape[rank - 1] == Dim(1) && normalize_axis(op.axis, rank, "dft: axis") == rank - 2;
}

int32_t power_of_two(int64_t length) {
  if (length < 1 || length > 1 << 24 || !std::has_single_bit(static_cast<uint64_t>(length)))
    throw unsupported(cat("transform of length ", length, ", tflite takes powers of two"));
  return static_cast<int32_t>(length);
}

/// `x` (real, without the axis of parts) → RFFT2D with these lengths.
TensorIndex emit_rfft2d(WriteNode& n, TensorIndex x, int64_t height, int64_t width) {
  Shape shape = n.type_of(x).shape;
  shape[shape.rank() - 2] = Dim(height);
  shape[shape.rank() - 1] = Dim(width / 2 + 1);
  const TensorIndex lengths = n.add_ints({power_of_two(height), power_of_two(width)}, "lengths");
  const TensorIndex y = n.complex_temp(shape, "transform");
  n.emit(B::RFFT2D, 1, fb::Rfft2dOptionsT(), {x, lengths}, {y});
  return y;
}

/// Rows and columns at once.
bool write_plane(WriteNode& n) {
  const Graph& graph = n.graph();
  const Node* rows = graph.producer(n.node().inputs[0]);
  if (!rows || !rows->is<Dft>() || !is_real_transform(graph, *rows) || columns_after(graph, *rows) != &n.node())
    throw unsupported("transform of complex numbers");
  TensorType real = graph.type(rows->inputs[0]);
  real.shape.list().pop_back();
  const int64_t rank = real.shape.rank();
  const TensorIndex x = n.temp(real, "real");
  n.reshape(n.tensor_of(rows->inputs[0]), x);
  n.bind_complex(0, emit_rfft2d(n, x, length_of(n, graph, n.node(), rank - 2), length_of(n, graph, *rows, rank - 1)));
  return true;
}

bool write_dft(WriteNode& n) {
  const Graph& graph = n.graph();
  if (n.as<Dft>().inverse) throw unsupported("inverse transform");
  if (!n.as<Dft>().onesided) return write_plane(n);
  if (!is_real_transform(graph, n.node())) throw unsupported("transform along another axis than the innermost");
  if (columns_after(graph, n.node())) return true;
  TensorType real = n.type(0);
  const int64_t rank = real.shape.rank();
  const int64_t width = length_of(n, graph, n.node(), rank - 2);
  std::swap(real.shape[rank - 2], real.shape[rank - 1]);
  const TensorIndex x = n.temp(real, "rows");
  n.reshape(n.in(0), x);
  n.bind_complex(0, n.complex_reshaped(emit_rfft2d(n, x, 1, width), n.out_type().shape));
  return true;
}

constexpr Row kRows[] = {
    {B::RFFT2D, 1, read_rfft2d, &Dft::def, write_dft},
    {B::REAL, 1, read_part<0>, nullptr, nullptr},
    {B::IMAG, 1, read_part<1>, nullptr, nullptr},
    {B::COMPLEX_ABS, 1, read_complex_abs, nullptr, nullptr},
};

}  // namespace

bool write_complex_abs(WriteNode& n, bool keepdims) {
  if (!n.is_complex(0) || !n.is_constant(1)) return false;
  const std::vector<int64_t> axes = n.ints(1);
  if (axes.size() != 1 || normalize_axis(axes[0], n.rank(0), "axis") != n.rank(0) - 1) return false;
  TensorType flat = n.type(0);
  flat.shape.list().pop_back();
  const TensorIndex y = keepdims ? n.temp(flat, "magnitude") : n.out();
  n.emit(B::COMPLEX_ABS, 1, std::vector{n.complex_in(0)}, std::vector{y});
  if (keepdims) n.reshape(y, n.out());
  return true;
}

bool write_complex_part(WriteNode& n, int64_t axis) {
  if (!n.is_complex(0) || axis != n.rank(0) - 1 || !n.is_constant(1) || n.constant(1).rank() != 0) return false;
  const int64_t part = n.ints(1)[0] & 1;  // −2 is the first from the end, −1 the second
  n.emit(part == 0 ? B::REAL : B::IMAG, 1, std::vector{n.complex_in(0)}, std::vector{n.out()});
  return true;
}

bool write_complex_reshape(WriteNode& n) {
  const Shape& to = n.out_type().shape;
  if (!n.is_complex(0) || !to.has_rank() || to.rank() < 1 || to[to.rank() - 1] != Dim(2)) return false;
  n.bind_complex(0, n.complex_reshaped(n.complex_in(0), to));
  return true;
}

std::span<const Row> signal_rows() { return kRows; }

}  // namespace hone::tflite

#include "base/error.h"
#include "base/text.h"
#include "formats/tflite/complex.h"
#include "formats/tflite/rows.h"
#include "ops/reduce.h"
#include "ops/unary.h"

namespace hone::tflite {

namespace {

using B = fb::BuiltinOperator;

template <class Op>
void read_reduce(ReadNode& n) {
  Op op;
  op.keepdims = n.options<fb::ReducerOptionsT>().keep_dims;
  op.noop_with_empty_axes = true;
  n.emit(std::move(op), {n.in(0), n.list_i64(1)});
}

/// The axes as a constant i32 list; all of them where the node names none and does not mean none.
std::vector<int64_t> reduced_axes(const WriteNode& n, bool noop) {
  std::vector<int64_t> axes;
  if (n.has(1)) axes = n.ints(1);
  if (axes.empty() && !noop)
    for (int64_t i = 0; i < n.rank(0); ++i) axes.push_back(i);
  return axes;
}

void emit_reduce(WriteNode& n, B code, int32_t version, TensorIndex x, TensorIndex to, bool keepdims, bool noop) {
  fb::ReducerOptionsT o;
  o.keep_dims = keepdims;
  n.emit(code, version, o, {x, n.add_ints(reduced_axes(n, noop), "axes")}, {to});
}

template <class Op, B Code>
bool write_reduce(WriteNode& n) {
  const Op& op = n.as<Op>();
  emit_reduce(n, Code, Versions{1, 2, 3}.of(n.type(0)), n.in(0), n.out(), op.keepdims, op.noop_with_empty_axes);
  return true;
}

void check_float(const WriteNode& n) {
  if (n.type(0).quant || n.type(0).dtype != DType::kF32)
    throw unsupported(cat("tflite has no ", n.node().def->name, " of ", to_text(n.type(0))));
}

/// Reductions TFLite lacks: after(sum(before(x))).
template <class Op>
bool write_composed(WriteNode& n, B before, B after) {
  check_float(n);
  const Op& op = n.as<Op>();
  TensorIndex x = n.in(0);
  if (before != B::CUSTOM) {
    const TensorIndex mapped = n.temp(n.type(0), "mapped");
    n.emit(before, 1, {x}, {mapped});
    x = mapped;
  }
  const TensorIndex sum = after == B::CUSTOM ? n.out() : n.temp(n.out_type(), "sum");
  emit_reduce(n, B::SUM, 1, x, sum, op.keepdims, op.noop_with_empty_axes);
  if (after != B::CUSTOM) n.emit(after, 1, {sum}, {n.out()});
  return true;
}

bool write_l1(WriteNode& n) { return write_composed<ReduceL1>(n, B::ABS, B::CUSTOM); }
bool write_l2(WriteNode& n) {
  return write_complex_abs(n, n.as<ReduceL2>().keepdims) || write_composed<ReduceL2>(n, B::SQUARE, B::SQRT);
}
bool write_log_sum(WriteNode& n) { return write_composed<ReduceLogSum>(n, B::CUSTOM, B::LOG); }

/// m + ln Σe^(x − m), m the maximum: what does not overflow.
bool write_log_sum_exp(WriteNode& n) {
  check_float(n);
  const ReduceLogSumExp& op = n.as<ReduceLogSumExp>();
  const bool noop = op.noop_with_empty_axes;
  TensorType kept = n.type(0);
  for (int64_t axis : reduced_axes(n, noop)) kept.shape[normalize_axis(axis, n.rank(0), "axis")] = Dim(1);
  const TensorIndex max = n.temp(kept, "max"), shifted = n.temp(n.type(0), "shifted");
  const TensorIndex exp = n.temp(n.type(0), "exp"), sum = n.temp(n.out_type(), "sum"),
                    log = n.temp(n.out_type(), "log");
  emit_reduce(n, B::REDUCE_MAX, 1, n.in(0), max, true, noop);
  n.emit(B::SUB, 1, fb::SubOptionsT(), {n.in(0), max}, {shifted});
  n.emit(B::EXP, 1, {shifted}, {exp});
  emit_reduce(n, B::SUM, 1, exp, sum, op.keepdims, noop);
  n.emit(B::LOG, 1, {sum}, {log});
  TensorIndex back = max;
  if (!op.keepdims) {
    back = n.temp(n.out_type(), "max_again");
    n.reshape(max, back);
  }
  n.emit(B::ADD, 1, fb::AddOptionsT(), {log, back}, {n.out()});
  return true;
}

bool write_sum_square(WriteNode& n) { return write_composed<ReduceSumSquare>(n, B::SQUARE, B::CUSTOM); }

constexpr Row kRows[] = {
    {B::MEAN, 3, read_reduce<ReduceMean>, &ReduceMean::def, write_reduce<ReduceMean, B::MEAN>},
    {B::SUM, 3, read_reduce<ReduceSum>, &ReduceSum::def, write_reduce<ReduceSum, B::SUM>},
    {B::REDUCE_PROD, 2, read_reduce<ReduceProd>, &ReduceProd::def, write_reduce<ReduceProd, B::REDUCE_PROD>},
    {B::REDUCE_MAX, 3, read_reduce<ReduceMax>, &ReduceMax::def, write_reduce<ReduceMax, B::REDUCE_MAX>},
    {B::REDUCE_MIN, 3, read_reduce<ReduceMin>, &ReduceMin::def, write_reduce<ReduceMin, B::REDUCE_MIN>},
    {B::REDUCE_ANY, 1, read_reduce<ReduceAny>, &ReduceAny::def, write_reduce<ReduceAny, B::REDUCE_ANY>},
    {B::REDUCE_ALL, 1, read_reduce<ReduceAll>, &ReduceAll::def, write_reduce<ReduceAll, B::REDUCE_ALL>},
    {B::SUM, 1, nullptr, &ReduceL1::def, write_l1},
    {B::SUM, 1, nullptr, &ReduceL2::def, write_l2},
    {B::SUM, 1, nullptr, &ReduceLogSum::def, write_log_sum},
    {B::SUM, 1, nullptr, &ReduceLogSumExp::def, write_log_sum_exp},
    {B::SUM, 1, nullptr, &ReduceSumSquare::def, write_sum_square},
};

}  // namespace

std::span<const Row> reduce_rows() { return kRows; }

}  // namespace hone::tflite

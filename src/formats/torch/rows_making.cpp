#include <cmath>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"
#include "formats/torch/call.h"
#include "formats/torch/storage.h"
#include "ops/binary.h"
#include "ops/movement.h"
#include "ops/shaping.h"

namespace hone::torch {

namespace {

constexpr int64_t kMostMade = 1 << 20;    ///< elements of a table that a program makes
constexpr int64_t kMostFilled = 1 << 26;  ///< of one number, made when the model runs

DType wanted(Call& n, DType otherwise) { return n.has("dtype") ? dtype_of(n.integer("dtype")) : otherwise; }

/// One number everywhere.
ValueId filled(Call& n, const std::vector<Value>& dims, double value, DType dtype) {
  const ValueId shape = n.dims_value(dims);
  if (const Tensor* known = n.constant(shape); known && checked_product(to_ints(*known)) > kMostFilled)
    throw resource_error(cat("a tensor of ", to_text(to_ints(*known)), " filled by the program"));
  return n.add(Expand{}, {n.scalar(value, dtype), shape});
}
template <int kValue>
void made(Call& n) {
  n.emit(filled(n, to_list(n.arg("size")).items, kValue, wanted(n, DType::kF32)));
}
void read_full(Call& n) {
  const Value& value = n.arg("fill_value");
  const DType dtype = is<bool>(value) ? DType::kBool : is<int64_t>(value) ? DType::kI64 : DType::kF32;
  n.emit(filled(n, to_list(n.arg("size")).items, n.real("fill_value"), wanted(n, dtype)));
}

void filled_like(Call& n, double value) {
  const ValueId x = n.x();
  n.emit(n.add(Expand{}, {n.scalar(value, wanted(n, n.dtype(x))), n.add(ShapeOf{}, {x})}));
}
template <int kValue>
void like(Call& n) {
  filled_like(n, kValue);
}
void read_full_like(Call& n) { filled_like(n, n.real("fill_value")); }
template <int kValue>
void new_made(Call& n) {
  n.emit(filled(n, to_list(n.arg("size")).items, kValue, wanted(n, n.dtype(n.x()))));
}
void read_new_full(Call& n) {
  n.emit(filled(n, to_list(n.arg("size")).items, n.real("fill_value"), wanted(n, n.dtype(n.x()))));
}

/// arange(end), arange(start, end), arange(start, end, step).
void read_arange(Call& n) {
  Value start = n.arg("a"), end = n.arg("b"), step = n.arg("c");
  if (is_none(end)) end = start, start = int64_t{0};
  if (is_none(step)) step = int64_t{1};
  const bool is_whole = !is<double>(start) && !is<double>(end) && !is<double>(step);
  const DType dtype = wanted(n, is_whole ? DType::kI64 : DType::kF32);
  const auto known = [](const Value& v) { return !is<Cell*>(v) || std::get<Cell*>(v)->array.exists(); };
  if (known(start) && known(end) && known(step)) {
    const double count = std::ceil((to_real(end) - to_real(start)) / to_real(step));
    if (!(count >= 0) || count > kMostMade) throw unsupported(cat("a range of ", count, " numbers"));
    Tensor all = Tensor::empty(DType::kF64, {static_cast<int64_t>(count)});
    for (size_t i = 0; i < all.mutable_data<double>().size(); ++i)
      all.mutable_data<double>()[i] = to_real(start) + static_cast<double>(i) * to_real(step);
    return n.emit(n.add_constant(hone::cast(all, dtype)));
  }
  const auto of = [&](const Value& v) { return n.reshape(n.cast(n.value(v), dtype), {}); };
  n.emit(n.add(Range{}, {of(start), of(end), of(step)}));
}
void read_linspace(Call& n) {
  const int64_t steps = n.integer("steps");
  if (steps < 0 || steps > kMostMade) throw unsupported(cat(steps, " steps"));
  const double start = n.real("start"), end = n.real("end");
  Tensor all = Tensor::empty(DType::kF64, {steps});
  for (int64_t i = 0; i < steps; ++i)
    all.mutable_data<double>()[static_cast<size_t>(i)] =
        steps == 1 ? start : start + (end - start) * static_cast<double>(i) / static_cast<double>(steps - 1);
  n.emit(n.add_constant(hone::cast(all, wanted(n, DType::kF32))));
}
void read_eye(Call& n) {
  const int64_t rows = n.integer("n"), columns = n.has("m") ? n.integer("m") : rows;
  if (rows < 0 || columns < 0 || checked_mul(rows, columns) > kMostMade) throw unsupported("a matrix of that size");
  Tensor eye = Tensor::zeros(DType::kF32, {rows, columns});
  for (int64_t i = 0; i < std::min(rows, columns); ++i)
    eye.mutable_data<float>()[static_cast<size_t>(i * columns + i)] = 1;
  n.emit(n.add_constant(hone::cast(eye, wanted(n, DType::kF32))));
}

/// Numbers of nested lists, row by row, with their dims.
void flatten(const Value& value, size_t depth, Dims& dims, std::vector<double>& out, bool& is_whole, bool& is_flag) {
  if (!is<List*>(value)) {
    is_whole &= !is<double>(value);
    is_flag &= is<bool>(value);
    return out.push_back(to_real(value));
  }
  const List& list = to_list(value);
  if (depth >= 16) throw unsupported("lists nested that deep");
  if (dims.size() == depth) dims.push_back(static_cast<int64_t>(list.items.size()));
  if (dims[depth] != static_cast<int64_t>(list.items.size())) throw invalid_model("a tensor of ragged lists");
  for (const Value& item : list.items) flatten(item, depth + 1, dims, out, is_whole, is_flag);
}
void read_tensor(Call& n) {
  if (n.is_tensor("data")) return n.emit(n.cast(n.x("data"), wanted(n, n.dtype(n.x("data")))));
  Dims dims;
  std::vector<double> values;
  bool is_whole = true, is_flag = true;
  flatten(n.arg("data"), 0, dims, values, is_whole, is_flag);
  const DType dtype = values.empty() ? DType::kF32 : is_flag ? DType::kBool : is_whole ? DType::kI64 : DType::kF32;
  n.emit(n.add_constant(hone::cast(Tensor::of<double>(std::move(dims), values), wanted(n, dtype))));
}
void read_number(Call& n) {
  const Value& value = n.arg("self");
  if (is<Cell*>(value)) return void(n.result = value);
  const DType dtype = is<bool>(value) ? DType::kBool : is<int64_t>(value) ? DType::kI64 : DType::kF32;
  n.emit(n.scalar(to_real(value), dtype));
}

/// What is open stays a number known at run time: a tensor of rank 0.
Value size_of_axis(Call& n, ValueId x, int64_t axis) {
  const Dim& dim = n.type(x).shape[axis];
  if (dim.is_known()) return dim.value();
  return n.tensor_value(n.reshape(n.add(ShapeOf{.start = axis, .end = axis + 1}, {x}), {}));
}
void read_size(Call& n) {
  const ValueId x = n.x();
  if (n.has("dim")) return void(n.result = size_of_axis(n, x, n.axis("dim", n.rank(x))));
  std::vector<Value> sizes;
  for (int64_t i = 0; i < n.rank(x); ++i) sizes.push_back(size_of_axis(n, x, i));
  n.result = n.heap.list(std::move(sizes));
}
void read_length(Call& n) { n.result = size_of_axis(n, n.x(), n.axis("dim", n.rank(n.x()))); }
void read_rank(Call& n) { n.result = n.rank(n.x()); }
void read_numel(Call& n) {
  const ValueId x = n.x();
  if (!n.type(x).shape.is_static()) throw unsupported("counts elements of an open shape");
  n.result = n.type(x).shape.elements();
}
void read_dtype(Call& n) { n.result = number_of(n.dtype(n.x())); }
void read_is_float(Call& n) { n.result = is_float(n.dtype(n.x())); }
template <bool kIs>
void answer(Call& n) {
  n.result = kIs;
}
/// A number that is known becomes one; else it stays a tensor.
void read_item(Call& n) {
  const ValueId x = n.x();
  const Tensor* known = n.constant(x);
  if (!known || known->elements() != 1) return n.emit(n.reshape(x, {}));
  const double value = to_doubles(*known)[0];
  if (is_float(n.dtype(x)))
    n.result = value;
  else if (n.dtype(x) == DType::kBool)
    n.result = value != 0;
  else
    n.result = to_ints(*known)[0];
}

constexpr std::string_view kMade = "size dtype=None", kLike = "self dtype=None", kNew = "self size dtype=None";

constexpr OpRow kRows[] = {
    {"zeros", kMade, made<0>},
    {"ones", kMade, made<1>},
    {"empty", kMade, made<0>},
    {"full", "size fill_value dtype=None", read_full},
    {"zeros_like", kLike, like<0>},
    {"ones_like", kLike, like<1>},
    {"empty_like", kLike, like<0>},
    {"full_like", "self fill_value dtype=None", read_full_like},
    {"new_zeros", kNew, new_made<0>},
    {"new_ones", kNew, new_made<1>},
    {"new_empty", kNew, new_made<0>},
    {"new_full", "self size fill_value dtype=None", read_new_full},
    {"arange", "a b=None c=None dtype=None", read_arange},
    {"linspace", "start end steps=100 dtype=None", read_linspace},
    {"eye", "n m=None dtype=None", read_eye},
    {"tensor", "data dtype=None", read_tensor},
    {"as_tensor", "data dtype=None", read_tensor},
    {"scalar_tensor", "data dtype=None", read_tensor},
    {"prim.NumToTensor", "self", read_number},
    {"lift_fresh_copy", "self", read_number},
    {"lift_fresh", "self", read_number},
    {"size", "self dim=None", read_size},
    {"prim.shape", "self dim=None", read_size},
    {"len", "self dim=0", read_length},
    {"dim", "self", read_rank},
    {"ndimension", "self", read_rank},
    {"prim.ndim", "self", read_rank},
    {"numel", "self", read_numel},
    {"prim.dtype", "self", read_dtype},
    {"is_floating_point", "self", read_is_float},
    {"is_complex", "self", answer<false>},
    {"is_cuda", "self", answer<false>},
    {"prim.is_cuda", "self", answer<false>},
    {"prim.requires_grad", "self", answer<false>},
    {"prim.is_nested", "self", answer<false>},
    {"prim.is_leaf", "self", answer<true>},
    {"prim.is_sparse", "self", answer<false>},
    {"prim.is_mkldnn", "self", answer<false>},
    {"prim.is_quantized", "self", answer<false>},
    {"is_contiguous", "self", answer<true>},
    {"item", "self", read_item},
    {"Int", "self", read_item},
    {"Float", "self", read_item},
    {"Bool", "self", read_item},
    {"IntImplicit", "self", read_item},
    {"FloatImplicit", "self", read_item},
    {"ScalarImplicit", "self", read_item},
};

}  // namespace

std::span<const OpRow> making_rows() { return kRows; }

}  // namespace hone::torch

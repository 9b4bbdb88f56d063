#include <algorithm>
#include <cmath>

#include "ops/kernel.h"
#include "ops/shaping.h"
#include "ops/strided.h"

namespace hone {

namespace {

/// First and last+1 axis that a ShapeOf takes of a tensor of this rank.
std::pair<int64_t, int64_t> taken_axes(const ShapeOf& op, int64_t rank) {
  const auto clamped = [&](int64_t v) { return std::clamp<int64_t>(v < 0 ? v + rank : v, 0, rank); };
  const int64_t start = clamped(op.start);
  return {start, std::max(start, clamped(op.end))};
}

void infer_shape_of(InferContext& c) {
  const ShapeOf& op = c.attrs<ShapeOf>();
  require_dtype<Indices>(ShapeOf::kName, "the result", op.dtype);
  const Shape& x = c.shape(0);
  if (!x.has_rank()) return c.output(0, op.dtype, Shape{Dim()});
  const auto [start, end] = taken_axes(op, x.rank());
  c.output(0, op.dtype, Shape{Dim(end - start)});
}

void eval_shape_of(EvalContext& c) {
  const Dims& dims = c.in(0).dims();
  const auto [start, end] = taken_axes(c.op<ShapeOf>(), c.in(0).rank());
  const std::span<const int64_t> taken(dims.data() + start, static_cast<size_t>(end - start));
  c.outputs[0] = cast(Tensor::of<int64_t>({end - start}, taken), c.op<ShapeOf>().dtype);
}

/// Number of steps from start to limit, as Range has elements.
int64_t range_length(double start, double limit, double delta) {
  if (delta == 0 || std::isnan(start + limit + delta))
    throw op_error(Range::kName, "delta is 0 or a bound is not a number");
  const double n = std::ceil((limit - start) / delta);
  if (n > 0x1p40) throw resource_error(cat("range: ", n, " elements, expected at most 2^40"));
  return n > 0 ? static_cast<int64_t>(n) : 0;
}

/// The exact number for integers, whose difference a double may not hold.
int64_t range_length(int64_t start, int64_t limit, int64_t delta) {
  if (delta == 0) throw op_error(Range::kName, "delta is 0");
  if ((limit > start) != (delta > 0) || limit == start) return 0;
  const uint64_t distance = limit > start ? uint64_t(limit) - uint64_t(start) : uint64_t(start) - uint64_t(limit);
  const uint64_t step = delta > 0 ? uint64_t(delta) : uint64_t(0) - uint64_t(delta);
  const uint64_t n = distance / step + (distance % step != 0);
  if (n > uint64_t(1) << 40) throw resource_error(cat("range: ", n, " elements, expected at most 2^40"));
  return static_cast<int64_t>(n);
}

int64_t length_of(const Tensor& start, const Tensor& limit, const Tensor& delta) {
  for (const Tensor* t : {&start, &limit, &delta})
    if (t->elements() != 1) throw op_error(Range::kName, "start, limit or delta has not exactly one element");
  if (is_float(start.dtype())) return range_length(to_doubles(start)[0], to_doubles(limit)[0], to_doubles(delta)[0]);
  return range_length(to_ints(start)[0], to_ints(limit)[0], to_ints(delta)[0]);
}

void infer_range(InferContext& c) {
  const Tensor *start = c.constant(0), *limit = c.constant(1), *delta = c.constant(2);
  const bool is_known = start && limit && delta;
  c.output(0, c.dtype(0), Shape{is_known ? Dim(length_of(*start, *limit, *delta)) : Dim()});
}

void eval_range(EvalContext& c) {
  const Tensor& start = c.in(0);
  Tensor& y = c.make_output(0, start.dtype(), {length_of(start, c.in(1), c.in(2))});
  Numbers::dispatch(Range::kName, start.dtype(), [&]<class T>(std::type_identity<T>) {
    auto out = y.mutable_data<T>();
    // Wide enough for start + i · delta: wrapping integers, or doubles.
    using Wide = std::conditional_t<std::is_integral_v<T>, uint64_t, double>;
    const auto wide = [](const Tensor& t) {
      if constexpr (std::is_integral_v<T>)
        return static_cast<Wide>(t.data<T>()[0]);
      else
        return static_cast<Wide>(static_cast<Compute<T>>(t.data<T>()[0]));
    };
    const Wide first = wide(start), delta = wide(c.in(2));
    for (size_t i = 0; i < out.size(); ++i)
      out[i] = static_cast<T>(static_cast<Compute<T>>(first + static_cast<Wide>(i) * delta));
  });
}

/// Dims stated by a shape input, or what is known of them.
Shape stated_shape(std::string_view op, InferContext& c, size_t i) {
  if (const auto dims = constant_ints(op, c, i)) {
    for (int64_t d : *dims)
      if (d < 0) throw op_error(op, cat("shape ", *dims, " has a negative dimension"));
    return Shape(*dims);
  }
  const auto length = known_length(op, c, i);
  return length ? Shape::unknown_of_rank(*length) : Shape::unranked();
}

/// Every element of y is the one element of `value`.
void fill_with(const Tensor& value, Tensor& y) {
  if (value.elements() != 1) throw invalid_argument("fill: the value has not exactly one element");
  dispatch_size(y.dtype(), [&]<class U>(std::type_identity<U>) {
    auto* out = static_cast<U*>(y.mutable_raw());
    std::fill(out, out + y.elements(), static_cast<U>(element_bits(value, 0)));
  });
}

void infer_constant_of_shape(InferContext& c) {
  const Tensor& value = c.attrs<ConstantOfShape>().value;
  if (value.exists() && value.elements() != 1)
    throw op_error(ConstantOfShape::kName, cat("value has ", value.elements(), " elements, expected one"));
  c.output(0, value.exists() ? value.dtype() : DType::kF32, stated_shape(ConstantOfShape::kName, c, 0));
}

void eval_constant_of_shape(EvalContext& c) {
  const Tensor& value = c.op<ConstantOfShape>().value;
  fill_with(value.exists() ? value : Tensor::scalar(0.0f), c.make_output(0));
}

void infer_fill(InferContext& c) { c.output(0, c.dtype(1), stated_shape(Fill::kName, c, 0)); }

void eval_fill(EvalContext& c) { fill_with(c.in(1), c.make_output(0)); }

void infer_size(InferContext& c) { c.output(0, DType::kI64, Shape{}); }

void eval_size(EvalContext& c) { c.outputs[0] = Tensor::scalar<int64_t>(c.in(0).elements()); }

void infer_eye_like(InferContext& c) {
  const EyeLike& op = c.attrs<EyeLike>();
  const DType dtype = op.has_dtype ? op.dtype : c.dtype(0);
  require_dtype<Anything>(EyeLike::kName, "the result", dtype);
  if (c.shape(0).has_rank() && c.shape(0).rank() != 2)
    throw op_error(EyeLike::kName, cat("x has shape ", c.shape(0), ", expected [M,N]"));
  c.output(0, dtype, c.shape(0).has_rank() ? c.shape(0) : Shape::unknown_of_rank(2));
}

void eval_eye_like(EvalContext& c) {
  const int64_t rows = c.in(0).dim(0), columns = c.in(0).dim(1);
  const int64_t k = std::clamp(c.op<EyeLike>().k, -rows, columns);
  Tensor& y = c.make_output(0) = Tensor::zeros(c.output_types[0].dtype, c.in(0).dims());
  Anything::dispatch(EyeLike::kName, y.dtype(), [&]<class T>(std::type_identity<T>) {
    auto out = y.mutable_data<T>();
    for (int64_t row = 0; row < rows; ++row)
      if (row + k >= 0 && row + k < columns) out[static_cast<size_t>(row * columns + row + k)] = T(1.0f);
  });
}

template <class Op>
constexpr OpDef shaper(void (*infer)(InferContext&), void (*eval)(EvalContext&), int inputs,
                       std::span<const InputRule> rules = {}) {
  OpDef def{.name = Op::kName, .attrs = &attr_type<Op>(), .min_inputs = inputs, .max_inputs = inputs};
  def.inputs = rules;
  def.infer = infer;
  def.eval = eval;
  def.macs = no_macs;
  return def;
}

constexpr InputRule kRangeInputs[] = {{.name = "start", .dtypes = Numbers::kSet},
                                      {.name = "limit", .same_dtype_as = 0},
                                      {.name = "delta", .same_dtype_as = 0}};

constexpr InputRule kConstantOfShapeInputs[] = {{.name = "shape", .dtypes = Integers::kSet, .max_rank = 1}};

constexpr InputRule kFillInputs[] = {{.name = "shape", .dtypes = Integers::kSet, .max_rank = 1}, {.name = "value"}};

}  // namespace

constinit const OpDef ShapeOf::def = shaper<ShapeOf>(infer_shape_of, eval_shape_of, 1);
constinit const OpDef Size::def = shaper<Size>(infer_size, eval_size, 1);
constinit const OpDef Range::def = shaper<Range>(infer_range, eval_range, 3, kRangeInputs);
constinit const OpDef ConstantOfShape::def =
    shaper<ConstantOfShape>(infer_constant_of_shape, eval_constant_of_shape, 1, kConstantOfShapeInputs);
constinit const OpDef Fill::def = shaper<Fill>(infer_fill, eval_fill, 2, kFillInputs);
constinit const OpDef EyeLike::def = shaper<EyeLike>(infer_eye_like, eval_eye_like, 1);

}  // namespace hone

#include "base/checked.h"
#include "ops/movement.h"
#include "ops/strided.h"

namespace hone {

namespace {

/// The one dimension that −1 stands for. `left`: dims of x that no 0 has copied; `known`: product of the stated dims.
Dim missing_dim(std::span<const Dim> left, int64_t known, const Shape& x) {
  int64_t count = 1;
  const Dim* unknown = nullptr;
  for (const Dim& d : left) {
    if (d.is_known()) {
      count = checked_mul(count, d.value());
    } else if (unknown) {
      return Dim();
    } else {
      unknown = &d;
    }
  }
  if (unknown) return count == known ? *unknown : Dim();
  if (known == 0) return Dim(0);
  if (count % known != 0)
    throw op_error(Reshape::kName, cat("cannot infer -1: the elements of ", x, " do not divide by ", known));
  return Dim(count / known);
}

Shape reshaped_shape(const Shape& x, std::span<const int64_t> target, bool allow_zero) {
  if (target.size() > 64) throw op_error(Reshape::kName, cat("rank ", target.size(), ", expected at most 64"));
  std::vector<Dim> out, left;
  if (x.has_rank()) left = x.list();
  std::vector<bool> copied(left.size(), false);
  int64_t known = 1, missing = -1;
  for (size_t i = 0; i < target.size(); ++i) {
    const int64_t value = target[i];
    if (value < -1) throw op_error(Reshape::kName, cat("shape ", target, " has a dimension below -1"));
    if (value == -1) {
      if (missing >= 0) throw op_error(Reshape::kName, cat("shape ", target, " has more than one -1"));
      missing = static_cast<int64_t>(i);
      out.emplace_back();
    } else if (value == 0 && !allow_zero) {
      if (x.has_rank() && i >= left.size())
        throw op_error(Reshape::kName, cat("shape ", target, " copies dimension ", i, " of ", x));
      out.push_back(x.has_rank() ? left[i] : Dim());
      if (x.has_rank()) copied[i] = true;
    } else {
      out.emplace_back(value);
      known = checked_mul(known, value);
    }
  }
  if (missing >= 0 && x.has_rank()) {
    std::vector<Dim> rest;
    for (size_t i = 0; i < left.size(); ++i)
      if (!copied[i]) rest.push_back(left[i]);
    out[static_cast<size_t>(missing)] = missing_dim(rest, known, x);
  }
  Shape shape(std::move(out));
  if (x.is_static() && shape.is_static() && x.elements() != shape.elements())
    throw op_error(Reshape::kName,
                   cat("x ", x, " has ", x.elements(), " elements, shape ", shape, " wants ", shape.elements()));
  return shape;
}

void infer_reshape(InferContext& c) {
  if (const auto target = constant_ints(Reshape::kName, c, 1))
    return c.output(0, c.dtype(0), reshaped_shape(c.shape(0), *target, c.attrs<Reshape>().allow_zero));
  const auto length = known_length(Reshape::kName, c, 1);
  c.output(0, c.dtype(0), length ? Shape::unknown_of_rank(*length) : Shape::unranked());
}

void infer_flatten(InferContext& c) {
  const Shape& x = c.shape(0);
  if (!x.has_rank()) return c.output(0, c.dtype(0), Shape::unknown_of_rank(2));
  int64_t axis = c.attrs<Flatten>().axis;
  if (axis < -x.rank() || axis > x.rank())
    throw op_error(Flatten::kName, cat("axis ", axis, " is outside a tensor of rank ", x.rank()));
  if (axis < 0) axis += x.rank();
  const std::span<const Dim> dims(x.list());
  const auto split = static_cast<size_t>(axis);
  c.output(0, c.dtype(0), Shape{product_of(dims.first(split)), product_of(dims.subspan(split))});
}

void infer_squeeze(InferContext& c) {
  const Shape& x = c.shape(0);
  const auto axes = constant_ints(Squeeze::kName, c, 1);
  if (!x.has_rank()) return c.output(0, c.dtype(0), Shape::unranked());
  std::vector<bool> dropped(static_cast<size_t>(x.rank()), false);
  if (axes) {
    for (int64_t axis : axes_of(Squeeze::kName, *axes, x.rank())) {
      if (x[axis].is_known() && x[axis].value() != 1)
        throw op_error(Squeeze::kName, cat("axis ", axis, " of ", x, " is not of size 1"));
      dropped[static_cast<size_t>(axis)] = true;
    }
  } else if (c.has_input(1)) {
    const auto length = known_length(Squeeze::kName, c, 1);
    const bool fits = length && *length <= x.rank();
    return c.output(0, c.dtype(0), fits ? Shape::unknown_of_rank(x.rank() - *length) : Shape::unranked());
  } else {
    // An unknown dimension may turn out to be 1.
    if (!x.is_static()) return c.output(0, c.dtype(0), Shape::unranked());
    for (int64_t i = 0; i < x.rank(); ++i) dropped[static_cast<size_t>(i)] = x[i].value() == 1;
  }
  std::vector<Dim> out;
  for (size_t i = 0; i < dropped.size(); ++i)
    if (!dropped[i]) out.push_back(x.list()[i]);
  c.output(0, c.dtype(0), Shape(std::move(out)));
}

void infer_unsqueeze(InferContext& c) {
  const Shape& x = c.shape(0);
  const auto axes = constant_ints(Unsqueeze::kName, c, 1);
  if (!x.has_rank()) return c.output(0, c.dtype(0), Shape::unranked());
  if (!axes) {
    const auto length = known_length(Unsqueeze::kName, c, 1);
    return c.output(0, c.dtype(0), length ? Shape::unknown_of_rank(x.rank() + *length) : Shape::unranked());
  }
  const int64_t rank = x.rank() + static_cast<int64_t>(axes->size());
  if (rank > 64) throw op_error(Unsqueeze::kName, cat("rank ", rank, ", expected at most 64"));
  std::vector<Dim> out = x.list();
  for (int64_t axis : axes_of(Unsqueeze::kName, *axes, rank)) out.insert(out.begin() + axis, Dim(1));
  c.output(0, c.dtype(0), Shape(std::move(out)));
}

/// All of these keep the order of elements: the same bytes under the inferred dims.
void eval_view(EvalContext& c) { c.outputs[0] = c.in(0).reshaped(c.output_types[0].shape.dims()); }

constexpr InputRule kAxesInputs[] = {{.name = "x"}, {.name = "axes", .dtypes = Integers::kSet, .max_rank = 1}};

constexpr InputRule kReshapeInputs[] = {{.name = "x"}, {.name = "shape", .dtypes = Integers::kSet, .max_rank = 1}};

}  // namespace

constinit const OpDef Reshape::def = mover<Reshape>(infer_reshape, eval_view, 2, 2, kReshapeInputs);
constinit const OpDef Flatten::def = mover<Flatten>(infer_flatten, eval_view, 1, 1);
constinit const OpDef Squeeze::def = mover<Squeeze>(infer_squeeze, eval_view, 1, 2, kAxesInputs);
constinit const OpDef Unsqueeze::def = mover<Unsqueeze>(infer_unsqueeze, eval_view, 2, 2, kAxesInputs);

}  // namespace hone

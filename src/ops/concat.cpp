#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/checked.h"
#include "ops/movement.h"
#include "ops/strided.h"

namespace hone {

namespace {

/// The dimension both sides agree on; throws when they cannot.
Dim agreed(const Dim& a, const Dim& b, const Shape& first, const Shape& second) {
  if (a.is_known() && b.is_known() && a.value() != b.value())
    throw op_error(Concat::kName, cat("shapes ", first, " and ", second, " differ outside the axis"));
  return a.is_known() ? a : b.is_known() ? b : a.symbol().empty() ? b : a;
}

void infer_concat(InferContext& c) {
  const Shape* known = nullptr;
  bool all_ranked = true;
  for (size_t i = 0; i < c.input_count(); ++i) {
    require_same_dtype(Concat::kName, c, 0, i);
    all_ranked &= c.shape(i).has_rank();
    if (c.shape(i).has_rank() && !known) known = &c.shape(i);
  }
  if (!known) return c.output(0, c.dtype(0), Shape::unranked());
  Shape out = *known;
  const int64_t axis = axis_of(Concat::kName, c.attrs<Concat>().axis, out.rank());
  int64_t sum = 0;
  bool is_sum_known = all_ranked;
  for (size_t i = 0; i < c.input_count(); ++i) {
    const Shape& x = c.shape(i);
    if (!x.has_rank()) continue;
    if (x.rank() != out.rank()) throw op_error(Concat::kName, cat("shapes ", *known, " and ", x, " differ in rank"));
    for (int64_t d = 0; d < out.rank(); ++d)
      if (d != axis) out[d] = agreed(out[d], x[d], *known, x);
    is_sum_known &= x[axis].is_known();
    if (is_sum_known) sum = checked_add(sum, x[axis].value());
  }
  out[axis] = c.input_count() == 1 ? (*known)[axis] : is_sum_known ? Dim(sum) : Dim();
  c.output(0, c.dtype(0), std::move(out));
}

/// Copies inputs, whole rows from the axis on, into the output; `write(input index, from, to, bytes)`.
template <class Write>
void interleave(EvalContext& c, Tensor& y, int64_t axis, Write&& write) {
  int64_t outer = 1, at = 0;
  for (int64_t d = 0; d < axis; ++d) outer *= y.dim(d);
  if (outer == 0) return;
  const int64_t row = y.byte_size() / outer;
  for (size_t i = 0; i < c.inputs.size(); ++i) {
    const int64_t bytes = c.in(i).elements() * size_of(y.dtype()) / outer;
    for (int64_t o = 0; o < outer; ++o)
      write(i, o * bytes, static_cast<char*>(y.mutable_raw()) + o * row + at, static_cast<size_t>(bytes));
    at += bytes;
  }
}

void eval_concat(EvalContext& c) {
  const TensorType& to = c.output_types[0];
  const int64_t axis = axis_of(Concat::kName, c.op<Concat>().axis, c.in(0).rank());
  std::vector<Tensor> sources;
  for (const Tensor& x : c.inputs) sources.push_back(requantized(x, to));
  Tensor& y = c.make_output(0, to.dtype, to.shape.dims());
  interleave(c, y, axis, [&](size_t i, int64_t from, char* out, size_t bytes) {
    std::memcpy(out, static_cast<const char*>(sources[i].raw()) + from, bytes);
  });
}

/// TFLite rescales 8-bit inputs in float: round(q · (s/s_out) − zero · (s/s_out)) + zero_out.
void eval_quantized_concat(EvalContext& c) {
  const TensorType& to = c.output_types[0];
  bool is_byte_case = is_integer_type(to) && size_of(to.dtype) == 1;
  for (const Tensor& x : c.inputs) is_byte_case &= is_integer_type(x) && x.dtype() == to.dtype;
  if (!is_byte_case) return to.quant ? eval_concat(c) : eval_in_float(c, eval_concat);
  const int64_t axis = axis_of(Concat::kName, c.op<Concat>().axis, c.in(0).rank());
  const int32_t low = static_cast<int32_t>(min_of(to.dtype)), high = static_cast<int32_t>(max_of(to.dtype));
  const float inverse = 1.0f / to.quant->scale();
  Tensor& y = make_stored(c, 0, to.shape.dims());
  interleave(c, y, axis, [&](size_t i, int64_t from, char* out, size_t bytes) {
    const Tensor& x = c.in(i);
    const auto* in = static_cast<const uint8_t*>(x.raw()) + from;
    if (same_quant(x.quant(), to.quant)) {
      std::memcpy(out, in, bytes);
      return;
    }
    const float scale = x.quant()->scale() * inverse;
    const float bias = static_cast<float>(-x.quant()->zero_point()) * scale;
    for (size_t j = 0; j < bytes; ++j) {
      const int32_t stored = low < 0 ? static_cast<int8_t>(in[j]) : in[j];
      const float rounded = std::round(static_cast<float>(stored) * scale + bias);
      const int32_t value = saturated<int32_t>(std::clamp(rounded, -1e6f, 1e6f)) + to.quant->zero_point();
      out[j] = static_cast<char>(std::clamp(value, low, high));
    }
  });
}

/// Sizes of the parts, when known.
std::optional<std::vector<int64_t>> part_sizes(InferContext& c, const Dim& dim) {
  const size_t parts = c.output_count();
  if (auto sizes = constant_ints(Split::kName, c, 1)) {
    if (sizes->size() != parts) throw op_error(Split::kName, cat(sizes->size(), " sizes for ", parts, " outputs"));
    int64_t sum = 0;
    for (int64_t size : *sizes) {
      if (size < 0) throw op_error(Split::kName, cat("sizes ", *sizes, " have a negative entry"));
      sum = checked_add(sum, size);
    }
    if (dim.is_known() && sum != dim.value())
      throw op_error(Split::kName, cat("sizes ", *sizes, " do not add up to ", dim.value()));
    return sizes;
  }
  if (c.has_input(1) || !dim.is_known()) return std::nullopt;
  const int64_t n = static_cast<int64_t>(parts), each = dim.value() / n + (dim.value() % n != 0);
  std::vector<int64_t> sizes;
  for (int64_t left = dim.value(), i = 0; i < n; ++i, left -= sizes.back()) sizes.push_back(std::min(each, left));
  return sizes;
}

void infer_split(InferContext& c) {
  const Shape& x = c.shape(0);
  if (!x.has_rank()) {
    for (size_t i = 0; i < c.output_count(); ++i) c.output(i, c.dtype(0), Shape::unranked());
    return;
  }
  const int64_t axis = axis_of(Split::kName, c.attrs<Split>().axis, x.rank());
  const auto sizes = part_sizes(c, x[axis]);
  for (size_t i = 0; i < c.output_count(); ++i) {
    Shape out = x;
    if (sizes)
      out[axis] = Dim((*sizes)[i]);
    else if (c.output_count() > 1)
      out[axis] = Dim();
    c.output(i, c.dtype(0), std::move(out));
  }
}

void eval_split(EvalContext& c) {
  const Tensor& x = c.in(0);
  const auto axis = static_cast<size_t>(axis_of(Split::kName, c.op<Split>().axis, x.rank()));
  const Dims strides = strides_of(x.dims());
  int64_t start = 0;
  for (size_t i = 0; i < c.outputs.size(); ++i) {
    const Dims dims = c.output_types[i].shape.dims();
    Tensor& y = c.make_output(i, x.dtype(), dims);
    copy_strided(x, start * strides[axis], dims, strides, y);
    start += dims[axis];
  }
}

}  // namespace

constinit const OpDef Concat::def = [] {
  OpDef def = mover<Concat>(infer_concat, eval_concat, 1, -1);
  def.eval_quantized = eval_quantized_concat;
  def.tied = -1;
  return def;
}();

constinit const OpDef Split::def = [] {
  OpDef def = mover<Split>(infer_split, eval_split, 1, 2);
  def.max_outputs = -1;
  return def;
}();

}  // namespace hone

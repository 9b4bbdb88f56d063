#include "ops/kernel.h"

#include <algorithm>
#include <cmath>

namespace hone {

Error op_error(std::string_view op, std::string_view message) { return invalid_model(cat(lower(op), ": ", message)); }

void require_same_dtype(std::string_view op, const InferContext& context, size_t a, size_t b) {
  if (context.dtype(a) != context.dtype(b))
    throw op_error(op, cat("inputs ", a, " and ", b, " have dtypes ", to_string(context.dtype(a)), " and ",
                           to_string(context.dtype(b)), ", expected equal ones"));
}

Shape broadcast_of(std::string_view op, const Shape& a, const Shape& b) {
  try {
    return broadcast(a, b);
  } catch (const Error& e) {
    throw op_error(op, e.message());
  }
}

int64_t axis_of(std::string_view op, int64_t axis, int64_t rank) {
  if (axis < -rank || axis >= rank) throw op_error(op, cat("axis ", axis, " is outside a tensor of rank ", rank));
  return axis < 0 ? axis + rank : axis;
}

std::vector<int64_t> axes_of(std::string_view op, std::span<const int64_t> axes, int64_t rank) {
  std::vector<int64_t> out;
  for (int64_t axis : axes) out.push_back(axis_of(op, axis, rank));
  std::sort(out.begin(), out.end());
  if (std::adjacent_find(out.begin(), out.end()) != out.end())
    throw op_error(op, cat("axes ", axes, " name an axis twice"));
  return out;
}

int64_t checked_index(std::string_view op, int64_t index, int64_t n) {
  if (index < -n || index >= n)
    throw invalid_argument(cat(lower(op), ": index ", index, " is outside a dimension of size ", n));
  return index < 0 ? index + n : index;
}

std::optional<std::vector<int64_t>> constant_ints(std::string_view op, const InferContext& context, size_t i) {
  if (!context.has_input(i)) return std::nullopt;
  if (is_float(context.dtype(i)))
    throw op_error(op, cat("input ", i, " is of ", to_string(context.dtype(i)), ", expected integers"));
  const Tensor* value = context.constant(i);
  if (!value) return std::nullopt;
  return to_ints(*value);
}

std::optional<int64_t> known_length(std::string_view op, const InferContext& context, size_t i) {
  const Shape& shape = context.shape(i);
  if (!shape.has_rank()) return std::nullopt;
  if (shape.rank() > 1) throw op_error(op, cat("input ", i, " has shape ", shape, ", expected rank 1"));
  if (shape.rank() == 0) return 1;
  return shape[0].is_known() ? std::optional(shape[0].value()) : std::nullopt;
}

bool is_integer_type(DType dtype, const QuantPtr& quant) {
  if (!quant || !quant->is_per_tensor()) return false;
  const int32_t zero = quant->zero_point();
  return std::isfinite(quant->scale()) && quant->scale() > 0 && zero >= min_of(dtype) && zero <= max_of(dtype);
}

Tensor& make_stored(EvalContext& context, size_t i, Dims dims) {
  const TensorType& type = context.output_types[i];
  return context.outputs[i] = Tensor::empty(type.dtype, std::move(dims), type.quant);
}

Tensor requantized(const Tensor& x, const TensorType& to) {
  if (same_quant(x.quant(), to.quant) && x.dtype() == to.dtype) return x;
  return to.quant ? quantize(x, to.dtype, to.quant) : cast(dequantize(x), to.dtype);
}

}  // namespace hone

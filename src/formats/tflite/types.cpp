#include "formats/tflite/types.h"

#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/text.h"

namespace hone::tflite {

std::string name_of(fb::BuiltinOperator code) {
  const char* name = fb::EnumNameBuiltinOperator(code);
  return name && *name ? std::string(name) : cat("builtin ", static_cast<int64_t>(code));
}

namespace {

struct TypeRow {
  fb::TensorType file;
  DType dtype;
};

constexpr TypeRow kTypes[] = {
    {fb::TensorType::FLOAT32, DType::kF32}, {fb::TensorType::FLOAT16, DType::kF16},
    {fb::TensorType::INT32, DType::kI32},   {fb::TensorType::UINT8, DType::kU8},
    {fb::TensorType::INT64, DType::kI64},   {fb::TensorType::BOOL, DType::kBool},
    {fb::TensorType::INT16, DType::kI16},   {fb::TensorType::INT8, DType::kI8},
    {fb::TensorType::FLOAT64, DType::kF64}, {fb::TensorType::UINT64, DType::kU64},
    {fb::TensorType::UINT32, DType::kU32},  {fb::TensorType::UINT16, DType::kU16},
    {fb::TensorType::INT4, DType::kI4},     {fb::TensorType::BFLOAT16, DType::kBF16},
};

bool can_be_quantized(DType dtype) { return is_integer(dtype) && dtype != DType::kU64 && dtype != DType::kU32; }

int64_t channels_along(int64_t axis, const Shape& shape) {
  if (axis < 0 || axis >= shape.rank() || !shape[axis].is_known())
    throw invalid_model(cat("quantized_dimension is ", axis, ", expected an axis of shape ", shape));
  return shape[axis].value();
}

}  // namespace

std::optional<DType> dtype_of(fb::TensorType type) {
  for (const TypeRow& row : kTypes)
    if (row.file == type) return row.dtype;
  return std::nullopt;
}

fb::TensorType file_type_of(DType dtype) {
  for (const TypeRow& row : kTypes)
    if (row.dtype == dtype) return row.file;
  throw unsupported(cat("tflite has no element type ", to_string(dtype)));
}

QuantPtr quant_of(const fb::QuantizationParameters* q, DType dtype, const Shape& shape) {
  if (!q || !q->scale() || q->scale()->size() == 0 || !can_be_quantized(dtype)) return nullptr;
  const size_t n = q->scale()->size();
  const size_t zeros = q->zero_point() ? q->zero_point()->size() : 0;
  if (zeros != 0 && zeros != 1 && zeros != n)
    throw invalid_model(cat("found ", zeros, " zero points, expected ", n, " as there are scales"));
  int64_t axis = -1;
  if (n > 1) {
    // Biases often name the axis of their weight, which is the only one kernels look at.
    axis = shape.rank() == 1 ? 0 : q->quantized_dimension();
    if (const int64_t channels = channels_along(axis, shape); static_cast<size_t>(channels) != n)
      throw invalid_model(cat("found ", n, " scales along axis ", axis, ", expected ", channels, " for shape ", shape));
  }
  std::vector<float> scales(q->scale()->begin(), q->scale()->end());
  std::vector<int32_t> zero_points(n, 0);
  for (size_t i = 0; i < n; ++i) {
    if (!(scales[i] >= 0))
      throw invalid_model(cat("scale ", i, " is ", scales[i], ", expected a number that is not negative"));
    if (zeros == 0) continue;
    int64_t zero = 0;  // a hostile file may hold 8-byte numbers at any multiple of 4: the verifier lets them pass
    std::memcpy(&zero, q->zero_point()->Data() + (zeros == 1 ? 0 : i) * sizeof zero, sizeof zero);
    zero = flatbuffers::EndianScalar(zero);
    if (zero < min_of(dtype) || zero > max_of(dtype) || zero != static_cast<int32_t>(zero))
      throw invalid_model(cat("zero point ", i, " is ", zero, ", expected a value of ", to_string(dtype)));
    zero_points[i] = static_cast<int32_t>(zero);
  }
  return QuantParams::per_channel(std::move(scales), std::move(zero_points), axis);
}

std::unique_ptr<fb::QuantizationParametersT> file_quant_of(const QuantPtr& quant) {
  if (!quant) return nullptr;
  if (quant->block_size > 0) throw unsupported("tflite has no blocked quantization");
  auto q = std::make_unique<fb::QuantizationParametersT>();
  q->scale = quant->scales;
  q->zero_point.assign(quant->zero_points.begin(), quant->zero_points.end());
  q->quantized_dimension = quant->axis < 0 ? 0 : static_cast<int32_t>(quant->axis);
  return q;
}

Tensor transposed(const Tensor& x, const std::vector<int64_t>& perm) {
  const size_t rank = perm.size();
  const Dims in_strides = strides_of(x.dims());
  Dims dims(rank), strides(rank);
  QuantPtr quant = x.quant();
  for (size_t i = 0; i < rank; ++i) {
    dims[i] = x.dim(perm[i]);
    strides[i] = in_strides[static_cast<size_t>(perm[i])];
    if (x.quant() && x.quant()->axis == perm[i])
      quant = QuantParams::per_channel(x.quant()->scales, x.quant()->zero_points, static_cast<int64_t>(i));
  }
  Tensor y = Tensor::empty(x.dtype(), dims, quant);
  if (y.elements() == 0) return y;
  const size_t size = static_cast<size_t>(size_of(x.dtype()));
  const char* from = static_cast<const char*>(x.raw());
  char* to = static_cast<char*>(y.mutable_raw());
  Dims index(rank, 0);
  do {
    int64_t offset = 0;
    for (size_t i = 0; i < rank; ++i) offset += index[i] * strides[i];
    std::memcpy(to, from + static_cast<size_t>(offset) * size, size);
    to += size;
  } while (next_index(index, dims));
  return y;
}

}  // namespace hone::tflite

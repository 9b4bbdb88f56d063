#include "providers/cpu/support.h"

namespace hone::cpu {

bool is_quantized_bytes(const TensorType& t) {
  return t.is_quantized() && (t.dtype == DType::kI8 || t.dtype == DType::kU8) && t.quant->is_per_tensor();
}

Tensor constant_f32(const KernelRequest& r, size_t i) {
  Tensor t = r.constant(i);
  if (!t.exists()) return t;
  if (t.quant() || t.dtype() != DType::kF32) return dequantize(t);
  return reinterpret_cast<uintptr_t>(t.raw()) % alignof(float) == 0 ? t : t.clone();
}

std::optional<std::vector<int64_t>> constant_ints(const KernelRequest& r, size_t i) {
  const Tensor t = r.constant(i);
  if (!t.exists()) return std::nullopt;
  return to_ints(t);
}

}  // namespace hone::cpu

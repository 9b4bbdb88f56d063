#include "ops/requantize.h"

#include "ops/compute.h"
#include "ops/fixed_point.h"

namespace hone {
namespace {

bool is_stored_small(const Tensor& t) {
  return t.dtype() == DType::kI4 || t.dtype() == DType::kI8 || t.dtype() == DType::kU8;
}

/// One multiplier per channel, or a single one.
std::vector<FixedMultiplier> multipliers(const Requantization& r) {
  const QuantParams& w = *r.w.quant();
  const float x_scale = r.x.quant()->scale();
  std::vector<FixedMultiplier> out;
  for (float w_scale : w.scales) {
    const double product = r.product_in_float ? static_cast<double>(x_scale * w_scale)
                                              : static_cast<double>(x_scale) * static_cast<double>(w_scale);
    out.push_back(quantize_multiplier(product / static_cast<double>(r.out.quant->scale())));
  }
  return out;
}

/// acc as a signed number; `scale` maps it to int32.
template <class U, class Scale>
Tensor write(const Requantization& r, const std::vector<U>& sums, Dims dims, Scale scale) {
  const QuantizedRange range = activation_range(r.act_min, r.act_max, r.out.dtype, r.out.quant);
  const std::vector<FixedMultiplier> m = multipliers(r);
  const std::vector<U> bias = r.bias.exists() ? elements_as<U>(r.bias) : std::vector<U>();
  const int64_t zero_point = r.out.quant->zero_point();
  Tensor y = Tensor::empty(r.out.dtype, std::move(dims), r.out.quant);
  dispatch(r.out.dtype, [&]<class T>(std::type_identity<T>) {
    auto out = y.mutable_data<T>();
    size_t c = 0;
    for (size_t i = 0; i < out.size(); ++i) {
      const U acc = bias.empty() ? sums[i] : sums[i] + bias[c];
      const int64_t value = scale(acc, m.size() == 1 ? m[0] : m[c]) + zero_point;
      out[i] = static_cast<T>(value < range.min ? range.min : value > range.max ? range.max : value);
      if (++c == static_cast<size_t>(r.channels)) c = 0;
    }
  });
  return y;
}

}  // namespace

bool can_requantize(const Requantization& r) {
  if (!r.x.quant() || !r.w.quant() || !r.out.quant) return false;
  if (!r.x.quant()->is_per_tensor() || !r.out.quant->is_per_tensor() || r.out.dtype != r.x.dtype()) return false;
  if (r.x.dtype() != DType::kI8 && r.x.dtype() != DType::kU8 && r.x.dtype() != DType::kI16) return false;
  if (!is_stored_small(r.w) && !(r.x.dtype() == DType::kI16 && r.w.dtype() == DType::kI16)) return false;
  const QuantParams& w = *r.w.quant();
  if (w.block_size > 0) return false;
  if (!w.is_per_tensor() && (w.axis != r.weight_axis || static_cast<int64_t>(w.scales.size()) != r.channels))
    return false;
  return !r.bias.exists() || is_integer(r.bias.dtype());
}

Tensor requantize(const Requantization& r, std::vector<uint32_t> sums, Dims dims) {
  return write(r, sums, std::move(dims), [&](uint32_t acc, FixedMultiplier m) -> int64_t {
    const int32_t sum = static_cast<int32_t>(acc);
    return r.halves_up ? multiply_by_quantized_multiplier_up(sum, m) : multiply_by_quantized_multiplier(sum, m);
  });
}

Tensor requantize(const Requantization& r, std::vector<uint64_t> sums, Dims dims) {
  constexpr int64_t kLimit = (int64_t(1) << 47) - 1;
  return write(r, sums, std::move(dims), [](uint64_t acc, FixedMultiplier m) -> int64_t {
    const int64_t sum = static_cast<int64_t>(acc);
    return multiply_by_quantized_multiplier_64(sum < -kLimit ? -kLimit : sum > kLimit ? kLimit : sum, m);
  });
}

}  // namespace hone

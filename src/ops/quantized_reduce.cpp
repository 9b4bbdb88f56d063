#include "ops/quantized_reduce.h"

#include <cmath>

#include "base/checked.h"
#include "ops/fixed_point.h"
#include "ops/reduce.h"
#include "ops/reduction.h"

namespace hone {

namespace {

using Stored = Types<int8_t, uint8_t, int16_t>;

struct StoredSum {
  int64_t value = 0;
  void add(int32_t x) { value += x; }
};

/// Sums of stored integers, the number of elements in each, and which axes were reduced.
struct Sums {
  std::vector<StoredSum> of;
  std::vector<int64_t> axes;
  int64_t each = 1;
};

template <class Op>
bool is_integer_case(const EvalContext& c) {
  const TensorType& to = c.output_types[0];
  const bool is_stored = is_integer_type(c.in(0)) && is_integer_type(to) && Stored::contains(to.dtype);
  // Ratios of scales beyond this would overflow the kernels' accumulators.
  const bool is_noop = c.op<Op>().noop_with_empty_axes && !(c.has(1) && c.in(1).elements() > 0);
  return is_stored && to.dtype == c.in(0).dtype() && c.in(0).elements() > 0 && !is_noop &&
         c.in(0).quant()->scale() / to.quant->scale() < 65536.0f;
}

Sums sums_of(const EvalContext& c) {
  const Tensor& x = c.in(0);
  Sums s;
  s.axes = reduced_axes("reduce", c.has(1) ? to_ints(c.in(1)) : std::vector<int64_t>{}, x.rank(), false);
  const Dims kept = kept_dims(x.dims(), s.axes);
  int64_t count = 1;
  for (int64_t d : kept) count *= d;
  for (int64_t axis : s.axes) s.each *= x.dim(axis);
  s.of.resize(static_cast<size_t>(count));
  Stored::dispatch("reduce", x.dtype(), [&]<class T>(std::type_identity<T>) { accumulate<T>(x, kept, s.of); });
  return s;
}

/// y[i] = clamp(f(sum)).
template <class F>
void store(EvalContext& c, const Sums& sums, F&& f) {
  const TensorType& to = c.output_types[0];
  Tensor& y = make_stored(c, 0, to.shape.dims());
  const double low = static_cast<double>(min_of(to.dtype)), high = static_cast<double>(max_of(to.dtype));
  Stored::dispatch("reduce", to.dtype, [&]<class T>(std::type_identity<T>) {
    auto out = y.mutable_data<T>();
    for (size_t i = 0; i < out.size(); ++i)
      out[i] = saturated<T>(std::clamp(static_cast<double>(f(sums.of[i].value)), low, high));
  });
}

}  // namespace

void eval_quantized_reduce_sum(EvalContext& c) {
  if (!is_integer_case<ReduceSum>(c) || same_quant(c.in(0).quant(), c.output_types[0].quant))
    return eval_in_float(c, ReduceSum::def.eval);
  const Sums sums = sums_of(c);
  const QuantParams &in = *c.in(0).quant(), &out = *c.output_types[0].quant;
  const float scale = in.scale() / out.scale();
  const float bias = static_cast<float>(-in.zero_point()) * scale * static_cast<float>(sums.each);
  store(c, sums, [&](int64_t sum) { return std::round(static_cast<float>(sum) * scale + bias) + out.zero_point(); });
}

/// Means over height and width of [N,H,W,C] that keep their axes have kernels of their own in TFLite: i8 and i16
/// rescale the sum and divide integers, u8 has one fixed-point multiplier for scale and count. All others divide in
/// float.
void eval_quantized_reduce_mean(EvalContext& c) {
  if (!is_integer_case<ReduceMean>(c)) return eval_in_float(c, ReduceMean::def.eval);
  const Sums sums = sums_of(c);
  const QuantParams &in = *c.in(0).quant(), &out = *c.output_types[0].quant;
  const bool is_spatial = c.op<ReduceMean>().keepdims && c.in(0).rank() == 4 && sums.axes == std::vector<int64_t>{1, 2};
  const auto n = static_cast<float>(sums.each);
  if (is_spatial && c.in(0).dtype() != DType::kU8) {
    const FixedMultiplier m = quantize_multiplier(static_cast<double>(in.scale()) / static_cast<double>(out.scale()));
    const int64_t half = sums.each / 2;
    return store(c, sums, [&](int64_t sum) {
      const int64_t scaled =
          multiply_by_quantized_multiplier(static_cast<int32_t>(sum - sums.each * in.zero_point()), m);
      return (scaled > 0 ? scaled + half : scaled - half) / sums.each + out.zero_point();
    });
  }
  if (is_spatial) {
    const float offset = static_cast<float>(in.zero_point()) * in.scale() / out.scale();
    const int64_t bias = int64_t{out.zero_point()} - saturated<int32_t>(offset > 0 ? offset + 0.5f : offset - 0.5f);
    const FixedMultiplier m = quantize_multiplier(static_cast<double>(in.scale() / (n * out.scale())));
    return store(c, sums, [&](int64_t sum) {
      return int64_t(multiply_by_quantized_multiplier(static_cast<int32_t>(sum), m)) + bias;
    });
  }
  if (same_quant(c.in(0).quant(), c.output_types[0].quant))
    return store(c, sums, [&](int64_t sum) { return sum / sums.each; });
  const float scale = in.scale() / out.scale(), bias = static_cast<float>(-in.zero_point()) * scale;
  store(c, sums, [&](int64_t sum) {
    return std::round(static_cast<float>(sum) / n * scale + bias) + static_cast<float>(out.zero_point());
  });
}

}  // namespace hone

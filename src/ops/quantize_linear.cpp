#include <algorithm>
#include <cmath>

#include "base/checked.h"
#include "ops/kernel.h"
#include "ops/quantize.h"
#include "ops/strips.h"

namespace hone {
namespace {

using Stored = Types<int8_t, uint8_t, int16_t, uint16_t>;

bool is_stored(DType dtype) { return Stored::contains(dtype) || dtype == DType::kI4 || dtype == DType::kU4; }

/// Which entry of scale and zero point belongs to each element of x: [outer, size, inner].
class ScaleMap {
 public:
  /// Throws Error(invalid_model) unless scale is a scalar, has one entry per index along axis, or one per block.
  ScaleMap(std::string_view op, const Dims& x, const Dims& scale, int64_t axis, int64_t block) : block_(block) {
    int64_t count = 1;
    for (int64_t d : scale) count = checked_mul(count, d);
    if (block == 0 && count == 1 && scale.size() <= 1) return;
    axis = axis_of(op, axis, static_cast<int64_t>(x.size()));
    const Strips s(x, axis);
    size_ = s.size;
    inner_ = s.inner;
    is_scalar_ = false;
    Dims expected{s.size};
    if (block > 0) {
      expected = x;
      expected[static_cast<size_t>(axis)] = blocks_ = s.size == 0 ? 0 : (s.size - 1) / block + 1;
    }
    if (scale != expected) throw op_error(op, cat("scale has shape ", scale, ", expected ", expected));
  }

  size_t operator()(size_t i) const {
    if (is_scalar_) return 0;
    const int64_t at = static_cast<int64_t>(i) / inner_ % size_;
    if (block_ == 0) return static_cast<size_t>(at);
    const int64_t outer = static_cast<int64_t>(i) / inner_ / size_;
    return static_cast<size_t>((outer * blocks_ + at / block_) * inner_ + static_cast<int64_t>(i) % inner_);
  }

 private:
  bool is_scalar_ = true;
  int64_t block_ = 0, blocks_ = 0, size_ = 1, inner_ = 1;
};

/// Checks what both operators share.
template <class Op>
void check_parameters(InferContext& ctx) {
  const Op& op = ctx.attrs<Op>();
  if (op.block_size < 0) throw op_error(Op::kName, cat("block_size is ", op.block_size, ", expected 0 or more"));
  if (ctx.has_input(2) && !compatible(ctx.shape(1), ctx.shape(2)))
    throw op_error(Op::kName, cat("scale ", ctx.shape(1), " and zero point ", ctx.shape(2), " differ in shape"));
  if (ctx.shape(0).is_static() && ctx.shape(1).is_static())
    ScaleMap(Op::kName, ctx.shape(0).dims(), ctx.shape(1).dims(), op.axis, op.block_size);
}

void infer_quantize(InferContext& ctx) {
  const QuantizeLinear& op = ctx.attrs<QuantizeLinear>();
  check_parameters<QuantizeLinear>(ctx);
  const DType dtype = op.has_dtype ? op.dtype : ctx.has_input(2) ? ctx.dtype(2) : DType::kU8;
  if (!is_stored(dtype))
    throw op_error(QuantizeLinear::kName,
                   cat("result of ", to_string(dtype), ", expected integers of 16 bits or less"));
  if (ctx.has_input(2) && ctx.dtype(2) != dtype)
    throw op_error(QuantizeLinear::kName,
                   cat("zero point of ", to_string(ctx.dtype(2)), " for a result of ", to_string(dtype)));
  if (!is_float(ctx.dtype(0)) && ctx.dtype(0) != DType::kI32)
    throw op_error(QuantizeLinear::kName, cat("x of ", to_string(ctx.dtype(0)), ", expected floats or i32"));
  ctx.output(0, dtype, ctx.shape(0));
}

void infer_dequantize(InferContext& ctx) {
  check_parameters<DequantizeLinear>(ctx);
  if (!is_stored(ctx.input(0).dtype) && ctx.input(0).dtype != DType::kI32)
    throw op_error(DequantizeLinear::kName,
                   cat("x of ", to_string(ctx.dtype(0)), ", expected integers of 32 bits or less"));
  if (ctx.has_input(2) && ctx.input(2).dtype != ctx.input(0).dtype)
    throw op_error(DequantizeLinear::kName,
                   cat("zero point of ", to_string(ctx.dtype(2)), " for x of ", to_string(ctx.dtype(0))));
  ctx.output(0, ctx.dtype(1), ctx.shape(0));
}

void eval_quantize(EvalContext& ctx) {
  const QuantizeLinear& op = ctx.op<QuantizeLinear>();
  const Tensor& x = ctx.in(0);
  const ScaleMap map(QuantizeLinear::kName, x.dims(), ctx.in(1).dims(), op.axis, op.block_size);
  const std::vector<float> in = elements_as<float>(x), scale = elements_as<float>(ctx.in(1));
  const std::vector<int32_t> zero = ctx.has(2) ? elements_as<int32_t>(ctx.in(2)) : std::vector<int32_t>(scale.size());
  Tensor& y = ctx.make_output(0);
  const float low = static_cast<float>(min_of(y.dtype())), high = static_cast<float>(max_of(y.dtype()));
  dispatch(y.dtype(), [&]<class T>(std::type_identity<T>) {
    auto out = y.mutable_data<T>();
    for (size_t i = 0; i < out.size(); ++i) {
      const size_t k = map(i);
      const float v = std::nearbyint(in[i] / scale[k]) + static_cast<float>(zero[k]);
      out[i] = static_cast<T>(std::isnan(v) ? 0.0f : std::clamp(v, low, high));
    }
  });
}

void eval_dequantize(EvalContext& ctx) {
  const DequantizeLinear& op = ctx.op<DequantizeLinear>();
  const Tensor& x = ctx.in(0);
  const ScaleMap map(DequantizeLinear::kName, x.dims(), ctx.in(1).dims(), op.axis, op.block_size);
  const std::vector<int32_t> in = elements_as<int32_t>(x);
  const std::vector<float> scale = elements_as<float>(ctx.in(1));
  const std::vector<int32_t> zero = ctx.has(2) ? elements_as<int32_t>(ctx.in(2)) : std::vector<int32_t>(scale.size());
  Tensor real = Tensor::empty(DType::kF32, x.dims());
  auto out = real.mutable_data<float>();
  for (size_t i = 0; i < out.size(); ++i) {
    const size_t k = map(i);
    out[i] = static_cast<float>(static_cast<int64_t>(in[i]) - zero[k]) * scale[k];
  }
  ctx.outputs[0] = cast(real, ctx.output_types[0].dtype);
}

void infer_dynamic(InferContext& ctx) {
  ctx.output(0, DType::kU8, ctx.shape(0));
  ctx.output(1, DType::kF32, {});
  ctx.output(2, DType::kU8, {});
}

/// The range of x widened to contain zero, in 255 steps; all zero when x is.
void eval_dynamic(EvalContext& ctx) {
  const auto x = ctx.in(0).data<float>();
  float low = 0, high = 0;
  for (float v : x) {
    low = std::min(low, v);
    high = std::max(high, v);
  }
  const float scale = (high - low) / 255.0f, divisor = scale == 0 ? 1.0f : scale;
  auto round_to_byte = [](float v) {
    return static_cast<uint8_t>(std::isnan(v) ? 0.0f : std::clamp(std::nearbyint(v), 0.0f, 255.0f));
  };
  const uint8_t zero = round_to_byte(-low / divisor);
  auto y = ctx.make_output(0).mutable_data<uint8_t>();
  for (size_t i = 0; i < y.size(); ++i) y[i] = round_to_byte(std::nearbyint(x[i] / divisor) + static_cast<float>(zero));
  ctx.outputs[1] = Tensor::scalar(scale);
  ctx.outputs[2] = Tensor::scalar(zero);
}

constexpr InputRule kInputs[] = {{.name = "x"}, {.name = "scale", .dtypes = Floats::kSet}, {.name = "zero point"}};

constexpr InputRule kDynamicQuantizeLinearInputs[] = {{.name = "x", .dtypes = {DType::kF32}}};

}  // namespace

constinit const OpDef QuantizeLinear::def{.name = QuantizeLinear::kName,
                                          .attrs = &attr_type<QuantizeLinear>(),
                                          .min_inputs = 2,
                                          .max_inputs = 3,
                                          .infer = infer_quantize,
                                          .eval = eval_quantize,
                                          .inputs = kInputs};

constinit const OpDef DequantizeLinear::def{.name = DequantizeLinear::kName,
                                            .attrs = &attr_type<DequantizeLinear>(),
                                            .min_inputs = 2,
                                            .max_inputs = 3,
                                            .infer = infer_dequantize,
                                            .eval = eval_dequantize,
                                            .inputs = kInputs};

constinit const OpDef DynamicQuantizeLinear::def{.name = DynamicQuantizeLinear::kName,
                                                 .attrs = &attr_type<DynamicQuantizeLinear>(),
                                                 .min_outputs = 3,
                                                 .max_outputs = 3,
                                                 .infer = infer_dynamic,
                                                 .eval = eval_dynamic,
                                                 .inputs = kDynamicQuantizeLinearInputs};

}  // namespace hone

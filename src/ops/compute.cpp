#include "ops/compute.h"

#include "base/error.h"
#include "base/text.h"

namespace hone {
namespace {

bool is_narrow(DType dtype) { return dtype == DType::kF16 || dtype == DType::kBF16; }

/// Runs `eval` on converted inputs under types that `plain` makes of the promised ones; returns its outputs.
template <class Convert, class Plain>
std::vector<Tensor> run_converted(EvalContext& ctx, void (*eval)(EvalContext&), Convert convert, Plain plain) {
  std::vector<Tensor> inputs;
  for (const Tensor& x : ctx.inputs) inputs.push_back(x.exists() ? convert(x) : x);
  std::vector<TensorType> types;
  for (const TensorType& type : ctx.output_types) types.push_back(plain(type));
  std::vector<Tensor> outputs(ctx.outputs.size());
  EvalContext inner{.attrs = ctx.attrs,
                    .inputs = inputs,
                    .outputs = outputs,
                    .output_types = types,
                    .subgraphs = ctx.subgraphs,
                    .arithmetic = ctx.arithmetic,
                    .seed = ctx.seed};
  eval(inner);
  return outputs;
}

}  // namespace

void eval_widened(EvalContext& ctx, void (*eval)(EvalContext&)) {
  bool any = false;
  for (const Tensor& x : ctx.inputs) any |= x.exists() && is_narrow(x.dtype());
  for (const TensorType& type : ctx.output_types) any |= is_narrow(type.dtype);
  if (!any) return eval(ctx);
  auto outputs = run_converted(
      ctx, eval, [](const Tensor& x) { return is_narrow(x.dtype()) ? cast(x, DType::kF32) : x; },
      [](TensorType type) {
        if (is_narrow(type.dtype)) type.dtype = DType::kF32;
        return type;
      });
  for (size_t i = 0; i < outputs.size(); ++i) {
    const bool narrow = outputs[i].exists() && i < ctx.output_types.size() && is_narrow(ctx.output_types[i].dtype);
    ctx.outputs[i] = narrow ? cast(outputs[i], ctx.output_types[i].dtype) : std::move(outputs[i]);
  }
}

void eval_in_float(EvalContext& ctx, void (*eval)(EvalContext&)) {
  auto outputs = run_converted(
      ctx, eval, [](const Tensor& x) { return x.quant() ? dequantize(x) : x; },
      [](TensorType type) {
        return TensorType{.dtype = type.logical_dtype(), .shape = std::move(type.shape), .quant = nullptr};
      });
  for (size_t i = 0; i < outputs.size(); ++i) {
    const TensorType& type = ctx.output_types[i];
    ctx.outputs[i] =
        outputs[i].exists() && type.quant ? quantize(outputs[i], type.dtype, type.quant) : std::move(outputs[i]);
  }
}

DType sum_dtype(std::string_view what, DType a, DType b) {
  const bool small = is_integer(a) && is_integer(b) && size_of(a) == 1 && size_of(b) == 1;
  if (small) return DType::kI32;
  if (a != b) throw invalid_model(cat(what, ": dtypes ", to_string(a), " and ", to_string(b), " differ"));
  if (is_float(a) || (is_integer(a) && size_of(a) >= 4)) return a;
  throw unsupported(cat(what, ": no kernel for dtype ", to_string(a)));
}

void check_channel_vector(std::string_view what, std::string_view name, const Shape& shape, const Dim& channels) {
  if (!shape.has_rank()) return;
  if (shape.rank() != 1 || (shape[0].is_known() && channels.is_known() && shape[0].value() != channels.value()))
    throw invalid_model(cat(what, ": ", name, " has shape ", to_text(shape), ", expected ", to_text(Shape{channels})));
}

void throw_no_kernel(std::string_view what, DType dtype) {
  throw unsupported(cat(what, ": no kernel for dtype ", to_string(dtype)));
}

}  // namespace hone

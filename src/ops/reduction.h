#pragma once

#include "ops/loops.h"

namespace hone {

/// Axes of a reduction in 0 … rank−1; no axes: all of them, or none when noop_with_empty_axes: then each element is
/// reduced by itself (ReduceL1 is |x|).
std::vector<int64_t> reduced_axes(std::string_view op, std::span<const int64_t> axes, int64_t rank, bool noop);

/// Dims of x with the reduced axes set to 1.
Dims kept_dims(const Dims& x, std::span<const int64_t> axes);

/// Shape of the result: x with the reduced axes 1 or gone.
Shape reduced_shape(const Shape& x, std::span<const int64_t> axes, bool keepdims);

/// Infers output 0 of a reduction with input 1 as axes.
void infer_reduction(std::string_view op, InferContext& context, bool keepdims, bool noop);

/// acc[k].add(x[i]) for every element i and the place k it is reduced into. Acc: a rule with add(value).
template <class T, class Acc>
void accumulate(const Tensor& x, const Dims& kept, std::vector<Acc>& acc) {
  const T* in = x.data<T>().data();
  BroadcastLoop<1>(x.dims(), {&kept}).rows([&](int64_t from, const auto& at, const auto& step, int64_t n) {
    for (int64_t i = 0; i < n; ++i)
      acc[static_cast<size_t>(at[0] + i * step[0])].add(static_cast<Compute<T>>(in[from + i]));
  });
}

template <class List>
inline constexpr InputRule kReductionInputs[] = {{.name = "x", .dtypes = List::kSet},
                                                 {.name = "axes", .dtypes = Integers::kSet, .max_rank = 1}};

/// Definition of a reduction by a rule: Rule<T>{} is the empty state, add(x) takes an element, result(n) of n elements.
template <class Op, class List, template <class> class Rule>
constexpr OpDef reduction(QuantRule quant, void (*eval_quantized)(EvalContext&)) {
  OpDef def{.name = Op::kName, .attrs = &attr_type<Op>(), .min_inputs = 1, .max_inputs = 2};
  def.inputs = kReductionInputs<List>;
  def.infer = [](InferContext& c) {
    infer_reduction(Op::kName, c, c.attrs<Op>().keepdims, c.attrs<Op>().noop_with_empty_axes);
  };
  def.eval = [](EvalContext& c) {
    const Tensor& x = c.in(0);
    const auto stated = c.has(1) ? to_ints(c.in(1)) : std::vector<int64_t>{};
    const auto axes = reduced_axes(Op::kName, stated, x.rank(), c.op<Op>().noop_with_empty_axes);
    const Dims kept = kept_dims(x.dims(), axes);
    Tensor& y = c.make_output(0, x.dtype(), c.output_types[0].shape.dims());
    List::dispatch(Op::kName, x.dtype(), [&]<class T>(std::type_identity<T>) {
      std::vector<Rule<Compute<T>>> acc(static_cast<size_t>(y.elements()));
      accumulate<T>(x, kept, acc);
      int64_t each = 1;
      for (int64_t axis : axes) each *= x.dim(axis);
      auto out = y.mutable_data<T>();
      for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<T>(acc[i].result(each));
    });
  };
  def.macs = [](const Attrs&, std::span<const TensorType* const> inputs,
                std::span<const TensorType* const>) -> int64_t {
    return inputs[0]->shape.is_static() ? inputs[0]->shape.elements() : 0;
  };
  def.eval_quantized = eval_quantized;
  def.quant = quant;
  return def;
}

}  // namespace hone

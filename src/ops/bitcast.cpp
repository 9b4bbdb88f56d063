#include <cstring>

#include "ops/kernel.h"
#include "ops/movement.h"

namespace hone {

namespace {

void infer_bitcast(InferContext& c) {
  const DType to = c.attrs<Bitcast>().to;
  if (c.input(0).quant) throw op_error(Bitcast::kName, "x is quantized, expected plain numbers");
  for (const DType dtype : {c.dtype(0), to})
    if (dtype == DType::kBool || dtype == DType::kI4 || dtype == DType::kU4)
      throw op_error(Bitcast::kName, cat("elements of ", to_string(dtype), ", expected numbers of whole bytes"));
  Shape shape = c.shape(0);
  const int64_t from_size = size_of(c.dtype(0)), to_size = size_of(to);
  if (shape.has_rank() && from_size > to_size) shape.list().emplace_back(from_size / to_size);
  if (shape.has_rank() && from_size < to_size) {
    const Dim last = shape.rank() > 0 ? shape[shape.rank() - 1] : Dim(1);
    if (last.is_known() && last.value() != to_size / from_size)
      throw op_error(Bitcast::kName, cat("x has shape ", shape, ", expected a last axis of ", to_size / from_size));
    shape.list().pop_back();
  }
  c.output(0, to, shape);
}

void eval_bitcast(EvalContext& c) {
  Tensor& y = c.make_output(0);
  if (y.byte_size() != c.in(0).byte_size())
    throw op_error(Bitcast::kName, cat("x has ", c.in(0).byte_size(), " bytes, the result ", y.byte_size()));
  if (y.byte_size() > 0) std::memcpy(y.mutable_raw(), c.in(0).raw(), static_cast<size_t>(y.byte_size()));
}

}  // namespace

constinit const OpDef Bitcast::def{
    .name = Bitcast::kName, .attrs = &attr_type<Bitcast>(), .infer = infer_bitcast, .eval = eval_bitcast};

}  // namespace hone

#include "ops/control.h"

#include "base/error.h"
#include "base/text.h"
#include "ops/subgraph.h"

namespace hone {

namespace {

void check_subgraphs(const InferContext& c, const char* op, size_t expected) {
  if (c.subgraphs().size() != expected)
    throw invalid_model(cat(op, ": ", static_cast<int64_t>(c.subgraphs().size()), " subgraphs, expected ",
                            static_cast<int64_t>(expected)));
}

void infer_if(InferContext& c) {
  check_subgraphs(c, "if", 2);
  if (c.dtype(0) != DType::kBool)
    throw invalid_model(cat("if: condition is ", to_string(c.dtype(0)), ", expected bool"));
  for (size_t i = 0; i < c.output_count(); ++i) {
    const TensorType yes = subgraph_output(c.subgraphs()[0], i), no = subgraph_output(c.subgraphs()[1], i);
    if (yes.dtype != no.dtype)
      throw invalid_model(cat("if: output ", static_cast<int64_t>(i), " is ", to_string(yes.dtype),
                              " in the then branch and ", to_string(no.dtype), " in the else branch"));
    c.output(i, yes.dtype, common_shape(yes.shape, no.shape));
  }
}

void eval_if(EvalContext& c) {
  if (c.in(0).elements() != 1) throw invalid_argument("if: condition is not a single value");
  const size_t branch = c.in(0).data<bool>()[0] ? 0 : 1;
  std::vector<Tensor> inputs(c.inputs.begin() + 1, c.inputs.end());
  const std::vector<Tensor> results = run_subgraph(c, branch, std::move(inputs), c.seed);
  for (size_t i = 0; i < c.outputs.size(); ++i) c.outputs[i] = as_wanted(results.at(i), c.output_types[i]);
}

void infer_opaque(InferContext& c) {
  const Opaque& op = c.attrs<Opaque>();
  for (size_t i = 0; i < c.output_count(); ++i) {
    const auto dtype = i < op.output_dtypes.size() ? parse_dtype(op.output_dtypes[i]) : DType::kF32;
    if (!dtype) throw invalid_model(cat("opaque: unknown dtype '", op.output_dtypes[i], "'"));
    c.output(i, *dtype, Shape::unranked());
  }
}

constexpr InputRule kOpaqueInputs[] = {{.is_optional = true}};

}  // namespace

constinit const OpDef If::def{.name = If::kName,
                              .attrs = &attr_type<If>(),
                              .min_inputs = 1,
                              .max_inputs = -1,
                              .min_outputs = 0,
                              .max_outputs = -1,
                              .infer = infer_if,
                              .eval = eval_if};

constinit const OpDef Opaque::def{.name = Opaque::kName,
                                  .attrs = &attr_type<Opaque>(),
                                  .min_inputs = 0,
                                  .max_inputs = -1,
                                  .min_outputs = 0,
                                  .max_outputs = -1,
                                  .infer = infer_opaque,
                                  .inputs = kOpaqueInputs};

}  // namespace hone

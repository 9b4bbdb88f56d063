#include <cstring>
#include <limits>

#include "base/cancel.h"
#include "base/error.h"
#include "base/text.h"
#include "ops/control.h"
#include "ops/kernel.h"
#include "ops/subgraph.h"

namespace hone {

namespace {

/// A loop that runs longer than this on the reference is taken for one that never ends.
constexpr int64_t kMaxIterations = 10'000'000;

bool is_true(const Tensor& condition, const char* op) {
  if (condition.elements() != 1) throw invalid_argument(cat(op, ": condition is not a single value"));
  return condition.data<bool>()[0];
}

/// Equal tensors one after the other along a new axis 0; `element` tells dtype and dims when there are none.
Tensor stack(const std::vector<Tensor>& parts, const TensorType& element) {
  Dims dims{static_cast<int64_t>(parts.size())};
  if (parts.empty()) {
    for (int64_t i = 0; element.shape.has_rank() && i < element.shape.rank(); ++i)
      dims.push_back(element.shape[i].is_known() ? element.shape[i].value() : 0);
    return Tensor::empty(element.dtype, std::move(dims));
  }
  dims.insert(dims.end(), parts[0].dims().begin(), parts[0].dims().end());
  Tensor out = Tensor::empty(parts[0].dtype(), std::move(dims), parts[0].quant());
  auto* to = static_cast<char*>(out.mutable_raw());
  for (const Tensor& part : parts) {
    if (part.dims() != parts[0].dims())
      throw invalid_argument(cat("loop: a scan output changes its shape from ", parts[0].dims(), " to ", part.dims()));
    if (part.byte_size() > 0) std::memcpy(to, part.raw(), static_cast<size_t>(part.byte_size()));
    to += part.byte_size();
  }
  return out;
}

Shape stacked_shape(const Shape& element) {
  if (!element.has_rank()) return Shape::unranked();
  Shape out = element;
  out.list().insert(out.list().begin(), Dim());
  return out;
}

size_t state_count(int64_t declared, size_t outputs, const char* op) {
  if (declared < 0 || static_cast<size_t>(declared) > outputs)
    throw invalid_model(cat(op, ": ", declared, " state variables, but ", static_cast<int64_t>(outputs), " outputs"));
  return static_cast<size_t>(declared);
}

void infer_loop(InferContext& c) {
  if (c.subgraphs().size() != 1) throw invalid_model("loop: expected one subgraph");
  const Graph& body = c.subgraphs()[0];
  const size_t states = state_count(c.attrs<Loop>().num_state, c.output_count(), "loop");
  if (c.input_count() < states) throw invalid_model("loop: fewer inputs than state variables");
  for (size_t i = 0; i < c.output_count(); ++i) {
    const TensorType type = subgraph_output(body, i + 1);
    if (i >= states) {
      c.output(i, type.dtype, stacked_shape(type.shape));
      continue;
    }
    if (type.dtype != c.dtype(i + 2))
      throw invalid_model(cat("loop: state ", static_cast<int64_t>(i), " is ", to_string(c.dtype(i + 2)),
                              ", the body makes ", to_string(type.dtype)));
    c.output(i, type.dtype, common_shape(type.shape, c.shape(i + 2)));
  }
}

void eval_loop(EvalContext& c) {
  const Graph& body = c.subgraphs[0];
  const auto states = static_cast<size_t>(c.op<Loop>().num_state);
  const size_t scans = c.outputs.size() - states;
  int64_t trips = std::numeric_limits<int64_t>::max();
  if (c.has(0)) {
    if (c.in(0).elements() != 1) throw invalid_argument("loop: trip count is not a single value");
    trips = to_ints(c.in(0))[0];
  }
  bool goes_on = !c.has(1) || is_true(c.in(1), "loop");
  std::vector<Tensor> state(c.inputs.begin() + 2, c.inputs.begin() + 2 + static_cast<int64_t>(states));
  std::vector<std::vector<Tensor>> scanned(scans);
  for (int64_t i = 0; i < trips && goes_on; ++i) {
    check_interrupted();
    if (i == kMaxIterations) throw resource_error(cat("loop: still running after ", kMaxIterations, " iterations"));
    std::vector<Tensor> inputs{Tensor::scalar<int64_t>(i), Tensor::scalar<bool>(goes_on)};
    inputs.insert(inputs.end(), state.begin(), state.end());
    inputs.insert(inputs.end(), c.inputs.begin() + 2 + static_cast<int64_t>(states), c.inputs.end());
    std::vector<Tensor> results = run_subgraph(c, 0, std::move(inputs), c.seed + static_cast<uint64_t>(i));
    goes_on = is_true(results.at(0), "loop");
    for (size_t s = 0; s < states; ++s) state[s] = results.at(s + 1);
    for (size_t s = 0; s < scans; ++s) scanned[s].push_back(results.at(states + 1 + s));
  }
  for (size_t i = 0; i < states; ++i) c.outputs[i] = as_wanted(state[i], c.output_types[i]);
  for (size_t i = 0; i < scans; ++i)
    c.outputs[states + i] =
        as_wanted(stack(scanned[i], subgraph_output(body, states + 1 + i)), c.output_types[states + i]);
}

void infer_while(InferContext& c) {
  if (c.subgraphs().size() != 2) throw invalid_model("while: expected two subgraphs, condition and body");
  const size_t states = state_count(c.attrs<While>().num_state, c.output_count(), "while");
  if (c.input_count() < states || c.output_count() != states)
    throw invalid_model("while: inputs and outputs do not match the state variables");
  if (subgraph_output(c.subgraphs()[0], 0).dtype != DType::kBool)
    throw invalid_model("while: the condition graph does not make a bool");
  for (size_t i = 0; i < states; ++i) {
    const TensorType type = subgraph_output(c.subgraphs()[1], i);
    if (type.dtype != c.dtype(i))
      throw invalid_model(cat("while: state ", static_cast<int64_t>(i), " is ", to_string(c.dtype(i)),
                              ", the body makes ", to_string(type.dtype)));
    c.output(i, type.dtype, common_shape(type.shape, c.shape(i)));
  }
}

void eval_while(EvalContext& c) {
  const auto states = static_cast<size_t>(c.op<While>().num_state);
  std::vector<Tensor> values(c.inputs.begin(), c.inputs.end());
  for (int64_t i = 0;; ++i) {
    check_interrupted();
    if (i == kMaxIterations) throw resource_error(cat("while: still running after ", kMaxIterations, " iterations"));
    if (!is_true(run_subgraph(c, 0, values, c.seed).at(0), "while")) break;
    const std::vector<Tensor> results = run_subgraph(c, 1, values, c.seed + static_cast<uint64_t>(i));
    for (size_t s = 0; s < states; ++s) values[s] = results.at(s);
  }
  for (size_t i = 0; i < states; ++i) c.outputs[i] = as_wanted(values[i], c.output_types[i]);
}

constexpr InputRule kLoopInputs[] = {{.name = "trip count", .dtypes = Integers::kSet, .is_optional = true},
                                     {.name = "condition", .dtypes = Bools::kSet, .is_optional = true},
                                     {}};

}  // namespace

constinit const OpDef Loop::def{.name = Loop::kName,
                                .attrs = &attr_type<Loop>(),
                                .min_inputs = 0,
                                .max_inputs = -1,
                                .min_outputs = 0,
                                .max_outputs = -1,
                                .infer = infer_loop,
                                .eval = eval_loop,
                                .inputs = kLoopInputs};

constinit const OpDef While::def{.name = While::kName,
                                 .attrs = &attr_type<While>(),
                                 .min_inputs = 0,
                                 .max_inputs = -1,
                                 .min_outputs = 0,
                                 .max_outputs = -1,
                                 .infer = infer_while,
                                 .eval = eval_while};

}  // namespace hone

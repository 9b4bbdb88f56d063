#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "ir/graph.h"
#include "ops/interpreter.h"

namespace hone::testing {

/// What a test asks of one operator beyond its inputs.
struct OpRun {
  size_t outputs = 1;
  std::vector<TensorType> output_types;  ///< quantized storage asked for
  QuantArithmetic arithmetic = QuantArithmetic::kFixedPoint;
};

/// A graph of one node over fresh inputs of the given types; absent tensors and types are absent inputs.
template <class Op>
Graph graph_of(Op op, const std::vector<TensorType>& inputs, const std::vector<bool>& present, const OpRun& run) {
  Graph graph;
  graph.arithmetic = run.arithmetic;
  std::vector<ValueId> ids;
  for (size_t i = 0; i < inputs.size(); ++i)
    ids.push_back(present[i] ? graph.add_input("in" + std::to_string(i), inputs[i]) : ValueId{});
  const NodeId node = graph.add({.def = &Op::def,
                                 .attrs = Attrs::of(std::move(op)),
                                 .inputs = ids,
                                 .outputs = run.outputs,
                                 .name = {},
                                 .output_types = run.output_types,
                                 .output_names = {},
                                 .subgraphs = {},
                                 .source = {}});
  graph.set_outputs(graph.node(node).outputs);
  return graph;
}

/// Runs one operator on the reference; an absent tensor is an absent optional input.
template <class Op>
std::vector<Tensor> run_op(Op op, const std::vector<Tensor>& inputs, const OpRun& run = {}) {
  std::vector<TensorType> types;
  std::vector<bool> present;
  std::vector<Tensor> given;
  for (const Tensor& t : inputs) {
    types.push_back(t.exists() ? t.type() : TensorType{});
    present.push_back(t.exists());
    if (t.exists()) given.push_back(t);
  }
  return evaluate(graph_of(std::move(op), types, present, run), given);
}

/// Types that inference finds for the outputs.
template <class Op>
std::vector<TensorType> infer_op(Op op, const std::vector<TensorType>& inputs, size_t outputs = 1) {
  const OpRun run{.outputs = outputs, .output_types = {}};
  const Graph graph = graph_of(std::move(op), inputs, std::vector<bool>(inputs.size(), true), run);
  std::vector<TensorType> types;
  for (const ValueId id : graph.outputs()) types.push_back(graph.type(id));
  return types;
}

inline TensorType f32(Shape shape) { return {DType::kF32, std::move(shape), nullptr}; }

/// The message of the Error that `body` throws; fails the test when it throws none.
template <class Body>
std::string error_of(Body&& body) {
  try {
    body();
  } catch (const Error& e) {
    return e.message();
  }
  ADD_FAILURE() << "expected an Error";
  return {};
}

/// Elements of any plain or quantized tensor as doubles.
inline std::vector<double> reals(const Tensor& t) { return to_doubles(t); }

/// Expects dims and elements within `tolerance`.
inline void expect_near(const Tensor& actual, const Dims& dims, const std::vector<double>& expected,
                        double tolerance = 1e-5) {
  EXPECT_EQ(actual.dims(), dims);
  const std::vector<double> values = reals(actual);
  ASSERT_EQ(values.size(), expected.size());
  for (size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(values[i], expected[i], tolerance) << "element " << i;
}

/// 1, 2, 3, … as f32.
inline Tensor counting(Dims dims, float first = 1) {
  Tensor t = Tensor::empty(DType::kF32, std::move(dims));
  float value = first;
  for (float& v : t.mutable_data<float>()) v = value++;
  return t;
}

/// A quantized tensor from stored integers.
template <class T>
Tensor stored(Dims dims, std::initializer_list<T> values, float scale, int32_t zero_point) {
  return Tensor::of<T>(std::move(dims), values).with_quant(QuantParams::per_tensor(scale, zero_point));
}

}  // namespace hone::testing

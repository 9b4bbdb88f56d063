#include "ops/movement.h"

#include <gtest/gtest.h>

#include "ops/recurrent.h"
#include "ops/reduce.h"
#include "providers/cpu/compare_test.h"

namespace hone::cpu {
namespace {

Tensor ints(std::initializer_list<int64_t> values) {
  return Tensor::of<int64_t>({static_cast<int64_t>(values.size())}, values);
}

// One operator on an f32 input and constants.
template <class Op>
void expect_close_f32(Random& random, const Dims& dims, Op op, const std::vector<Tensor>& constants = {},
                      double tolerance = 1e-5) {
  Graph g;
  std::vector<ValueId> inputs = {g.add_input("x", {DType::kF32, Shape(dims)})};
  for (const Tensor& t : constants) inputs.push_back(t.exists() ? g.add_constant(t) : ValueId{});
  g.set_outputs({g.add(op, inputs)});
  expect_close(g, {random.f32(dims)}, tolerance);
}

template <class Op>
void expect_one_step_bytes(Random& random, const Dims& dims, Op op, const std::vector<Tensor>& constants,
                           QuantPtr out_quant, bool has_exact_kernel) {
  for (DType dtype : {DType::kI8, DType::kU8}) {
    for (QuantArithmetic arithmetic : {QuantArithmetic::kFloat, QuantArithmetic::kFixedPoint}) {
      Graph g;
      g.arithmetic = arithmetic;
      const QuantPtr q = random.quant(dtype, 0.05f);
      std::vector<ValueId> inputs = {g.add_input("x", {dtype, Shape(dims), q})};
      for (const Tensor& t : constants) inputs.push_back(g.add_constant(t));
      QuantPtr out = out_quant ? out_quant : q;
      // TFLite's softmax writes −128 for zero.
      if (out_quant && dtype == DType::kU8) out = QuantParams::per_tensor(out->scale(), out->zero_point() + 128);
      g.set_outputs({g.add(op, inputs, {.type = {dtype, Shape::unranked(), out}, .has_type = true})});
      expect_one_step(g, {random.bytes(dtype, dims, q)}, has_exact_kernel);
    }
  }
}

TEST(CpuProvider, ReducesNeighbouringAxes) {
  Random random;
  const Dims dims{2, 7, 5, 21};
  for (const Tensor& axes : {ints({1, 2}), ints({3}), ints({0, 1, 2, 3}), ints({-1, 2}), ints({0})}) {
    for (bool keepdims : {false, true}) {
      expect_close_f32(random, dims, ReduceMean{.keepdims = keepdims}, {axes});
      expect_close_f32(random, dims, ReduceSum{.keepdims = keepdims}, {axes});
    }
  }
  expect_close_f32(random, dims, ReduceMax{}, {ints({3})});
  expect_close_f32(random, dims, ReduceMean{});
}

TEST(CpuProvider, AveragesBytesWithinOneStep) {
  Random random;
  expect_one_step_bytes(random, {2, 7, 5, 21}, ReduceMean{.keepdims = false}, {ints({1, 2})}, nullptr, false);
}

TEST(CpuProvider, MovesElements) {
  Random random;
  const Dims dims{2, 3, 4, 5};
  for (const std::vector<int64_t>& perm :
       {std::vector<int64_t>{0, 2, 3, 1}, {0, 3, 1, 2}, {3, 2, 1, 0}, {1, 0, 2, 3}, {0, 1, 2, 3}, {2, 0, 3, 1}, {}}) {
    expect_close_f32(random, dims, Transpose{.perm = perm});
  }
  expect_close_f32(random, {1, 3, 40, 50}, Transpose{.perm = {0, 2, 3, 1}});
  expect_close_f32(random, {1, 1, 40, 50}, Transpose{.perm = {0, 2, 3, 1}});
  expect_close_f32(random, {2, 33, 4, 18}, Transpose{.perm = {0, 2, 3, 1}});
  expect_close_f32(random, {2, 33, 4, 18}, Transpose{.perm = {1, 0, 3, 2}});
  expect_close_f32(random, dims, Reshape{}, {ints({6, -1})});
  expect_close_f32(random, dims, Flatten{});
  expect_close_f32(random, {1, 3, 1}, Squeeze{}, {ints({0})});
  expect_close_f32(random, {3, 4}, Unsqueeze{}, {ints({1})});
  expect_close_f32(random, dims, Slice{}, {ints({1, -3}), ints({3, 9}), ints({1, 3})});
  expect_close_f32(random, dims, Slice{}, {ints({0, 1}), ints({4, 4}), ints({2, 1}), ints({2, 1})});
  expect_close_f32(random, dims, Slice{}, {ints({-1}), ints({-100}), ints({1}), ints({-1})});
  expect_close_f32(random, dims, Pad{}, {ints({0, 1, 2, 0, 0, 3, 0, 1}), Tensor::scalar(1.5f)});
  expect_close_f32(random, dims, Gather{.axis = 2}, {ints({3, 0, -1})});
}

TEST(CpuProvider, JoinsAndSplits) {
  Random random;
  for (int64_t axis : {0, 2, 3}) {
    Dims a{2, 3, 4, 5}, b{2, 3, 4, 5};
    b[static_cast<size_t>(axis)] = 3;
    Graph g;
    const ValueId x = g.add_input("a", {DType::kF32, Shape(a)});
    const ValueId y = g.add_input("b", {DType::kF32, Shape(b)});
    g.set_outputs({g.add(Concat{.axis = axis}, {x, y, x})});
    expect_close(g, {random.f32(a), random.f32(b)});
    Graph s;
    const ValueId whole = s.add_input("x", {DType::kF32, {2, 4, 4, 6}});
    const NodeId node =
        s.add({.def = &Split::def, .attrs = Attrs::of(Split{.axis = axis}), .inputs = {whole}, .outputs = 2});
    s.set_outputs({s.node(node).outputs[0], s.node(node).outputs[1]});
    expect_close(s, {random.f32({2, 4, 4, 6})});
  }
}

TEST(CpuProvider, MovesBytes) {
  Random random;
  expect_one_step_bytes(random, {2, 3, 4, 5}, Pad{}, {ints({0, 1, 2, 0, 0, 3, 0, 1})}, nullptr, true);
  expect_one_step_bytes(random, {2, 3, 4, 5}, Transpose{.perm = {0, 3, 1, 2}}, {}, nullptr, true);
  expect_one_step_bytes(random, {2, 3, 4, 5}, Reshape{}, {ints({6, -1})}, nullptr, true);
}

TEST(CpuProvider, JoinsBytesOfDifferentScales) {
  Random random;
  for (DType dtype : {DType::kI8, DType::kU8}) {
    for (QuantArithmetic arithmetic : {QuantArithmetic::kFloat, QuantArithmetic::kFixedPoint}) {
      Graph g;
      g.arithmetic = arithmetic;
      const QuantPtr qa = random.quant(dtype, 0.05f), qb = random.quant(dtype, 0.03f);
      const ValueId a = g.add_input("a", {dtype, {3, 40}, qa});
      const ValueId b = g.add_input("b", {dtype, {3, 90}, qb});
      g.set_outputs({g.add(Concat{.axis = 1}, {a, b}, {.type = {dtype, Shape::unranked(), qa}, .has_type = true})});
      expect_one_step(g, {random.bytes(dtype, {3, 40}, qa), random.bytes(dtype, {3, 90}, qb)}, false);
    }
  }
}

template <class Op>
void test_recurrent(Random& random, Op op, int64_t gates, size_t states) {
  for (Direction direction : {Direction::forward, Direction::reverse, Direction::bidirectional}) {
    for (bool has_state : {false, true}) {
      op.direction = direction;
      op.hidden_size = 9;
      const int64_t d = direction == Direction::bidirectional ? 2 : 1;
      Graph g;
      std::vector<Tensor> data = {random.f32({6, 2, 7})};
      std::vector<ValueId> inputs = {
          g.add_input("x", {DType::kF32, {6, 2, 7}}), g.add_constant(random.f32({d, gates * 9, 7})),
          g.add_constant(random.f32({d, gates * 9, 9})), g.add_constant(random.f32({d, 2 * gates * 9}))};
      if (has_state) inputs.push_back({});
      for (size_t i = 0; has_state && i < states; ++i) {
        inputs.push_back(g.add_input("state" + std::to_string(i), {DType::kF32, {d, 2, 9}}));
        data.push_back(random.f32({d, 2, 9}));
      }
      const NodeId node = g.add({.def = &Op::def, .attrs = Attrs::of(op), .inputs = inputs, .outputs = 1 + states});
      g.set_outputs(g.node(node).outputs);
      expect_close(g, data);
    }
  }
}

TEST(CpuProvider, RunsRecurrentLayers) {
  Random random;
  test_recurrent(random, Lstm{}, 4, 2);
  test_recurrent(random, Gru{}, 3, 1);
  test_recurrent(random, Gru{.linear_before_reset = true}, 3, 1);
}

}  // namespace
}  // namespace hone::cpu

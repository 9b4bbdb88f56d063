#include <gtest/gtest.h>

#include "ops/norm.h"
#include "ops/quantize.h"
#include "ops/resize.h"
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

TEST(CpuProvider, NormalisesFloats) {
  Random random;
  for (const Dims& dims : {Dims{3, 37}, Dims{2, 5, 8}, Dims{1, 1000}}) {
    expect_close_f32(random, dims, Softmax{.beta = 0.7f});
    const int64_t n = dims.back();
    expect_close_f32(random, dims, LayerNorm{}, {random.f32({n}), random.f32({n})});
    expect_close_f32(random, dims, LayerNorm{.epsilon = 1e-3f}, {random.f32({n})});
  }
  expect_close_f32(random, {2, 3, 5, 19}, BatchNorm{},
                   {random.f32({19}), random.f32({19}), random.f32({19}), random.f32({19}, 0.1f, 2)});
}

TEST(CpuProvider, SoftmaxesBytesWithinOneStep) {
  Random random;
  expect_one_step_bytes(random, {5, 12}, Softmax{}, {}, QuantParams::per_tensor(1 / 256.0f, -128), false);
}

TEST(CpuProvider, ConvertsBetweenFloatsAndBytes) {
  Random random;
  for (DType dtype : {DType::kI8, DType::kU8}) {
    const QuantPtr q = random.quant(dtype, 0.013f);
    Graph g;
    const ValueId x = g.add_input("x", {DType::kF32, {3, 50}});
    g.set_outputs({g.add(Quantize{}, {x}, {.type = {dtype, Shape::unranked(), q}, .has_type = true})});
    expect_one_step(g, {random.f32({3, 50}, -3, 3)}, false);
    Graph d;
    d.set_outputs({d.add(Dequantize{}, {d.add_input("x", {dtype, {3, 50}, q})})});
    expect_close(d, {random.bytes(dtype, {3, 50}, q)}, 0);
    Graph again;
    again.arithmetic = QuantArithmetic::kFixedPoint;
    const ValueId y = again.add_input("x", {dtype, {3, 50}, q});
    again.set_outputs(
        {again.add(Quantize{}, {y},
                   {.type = {DType::kI8, Shape::unranked(), random.quant(DType::kI8, 0.02f)}, .has_type = true})});
    expect_one_step(again, {random.bytes(dtype, {3, 50}, q)});
  }
}

TEST(CpuProvider, ResizesToTheNearest) {
  Random random;
  for (NearestMode mode : {NearestMode::round_prefer_floor, NearestMode::floor, NearestMode::ceil}) {
    const Resize op{.mode = ResizeMode::nearest,
                    .coordinates = ResizeCoordinates::asymmetric,
                    .nearest_mode = mode,
                    .axes = {1, 2}};
    expect_close_f32(random, {2, 5, 4, 3}, op, {Tensor(), Tensor(), ints({9, 11})}, 0);
  }
}

TEST(CpuProvider, ResizesBilinearly) {
  Random random;
  for (ResizeCoordinates c : {ResizeCoordinates::half_pixel, ResizeCoordinates::align_corners,
                              ResizeCoordinates::asymmetric, ResizeCoordinates::pytorch_half_pixel}) {
    const Resize op{.mode = ResizeMode::linear, .coordinates = c, .axes = {1, 2}};
    expect_close_f32(random, {2, 5, 4, 19}, op, {Tensor(), Tensor(), ints({9, 11})}, 2e-5);
    expect_close_f32(random, {2, 5, 4, 19}, op, {Tensor(), Tensor::of<float>({2}, {0.6f, 1.7f})}, 2e-5);
  }
}

TEST(CpuProvider, ResizesBytesWithinOneStep) {
  Random random;
  for (ResizeCoordinates c : {ResizeCoordinates::half_pixel, ResizeCoordinates::align_corners}) {
    const Resize op{.mode = ResizeMode::linear, .coordinates = c, .axes = {1, 2}};
    for (DType dtype : {DType::kI8, DType::kU8}) {
      for (QuantArithmetic arithmetic : {QuantArithmetic::kFloat, QuantArithmetic::kFixedPoint}) {
        Graph g;
        g.arithmetic = arithmetic;
        const QuantPtr q = random.quant(dtype, 0.05f);
        const ValueId x = g.add_input("x", {dtype, {2, 5, 4, 19}, q});
        g.set_outputs({g.add(op, {x, ValueId{}, ValueId{}, g.add_constant(ints({9, 11}))},
                             {.type = {dtype, Shape::unranked(), q}, .has_type = true})});
        expect_one_step(g, {random.bytes(dtype, {2, 5, 4, 19}, q)}, false);
      }
    }
  }
}

}  // namespace
}  // namespace hone::cpu

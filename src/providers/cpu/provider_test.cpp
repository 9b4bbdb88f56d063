#include "providers/cpu/provider.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/binary.h"
#include "ops/conv.h"
#include "ops/interpreter.h"
#include "ops/matmul.h"
#include "ops/pool.h"
#include "ops/unary.h"
#include "providers/cpu/compare_test.h"
#include "runtime/session.h"

namespace hone {
namespace {

using cpu::expect_close;
using cpu::expect_one_step;
using cpu::Random;
using cpu::run;

struct ConvCase {
  Conv op;
  Dims x, w;
};

ConvCase random_conv(Random& random, int trial) {
  ConvCase c;
  const int64_t groups = trial % 3 == 0 ? 1 : random.integer(2, 5);
  const int64_t group_in = trial % 3 == 1 ? 1 : random.integer(1, 9);
  const int64_t out = groups * random.integer(1, trial % 3 == 0 ? 40 : 4);
  const bool is_line = trial % 7 == 6;
  c.op.groups = groups;
  c.x = {random.integer(1, 2), random.integer(5, 9), random.integer(5, 9), groups * group_in};
  c.w = {out, random.integer(1, 3), random.integer(1, 3), group_in};
  if (is_line) {
    c.x.erase(c.x.begin() + 1);
    c.w.erase(c.w.begin() + 1);
  }
  const size_t axes = is_line ? 1 : 2;
  for (size_t i = 0; i < axes; ++i) {
    c.op.strides.push_back(random.integer(1, 2));
    c.op.dilations.push_back(random.integer(1, 2));
  }
  c.op.auto_pad = static_cast<AutoPad>(trial % 4);
  if (c.op.auto_pad == AutoPad::explicit_pads) {
    for (size_t i = 0; i < 2 * axes; ++i) c.op.pads.push_back(random.integer(0, 2));
  }
  c.op.act_min = -0.8f;
  c.op.act_max = trial % 2 == 0 ? 6.0f : INFINITY;
  return c;
}

TEST(CpuProvider, ConvolvesFloatsLikeTheReference) {
  Random random;
  for (int trial = 0; trial < 42; ++trial) {
    const ConvCase c = random_conv(random, trial);
    Graph g;
    const ValueId x = g.add_input("x", {DType::kF32, Shape(c.x)});
    const ValueId w = g.add_constant(random.f32(c.w));
    const ValueId b = g.add_constant(random.f32({c.w[0]}));
    g.set_outputs({trial % 5 == 0 ? g.add(c.op, {x, w}) : g.add(c.op, {x, w, b})});
    expect_close(g, {random.f32(c.x)});
  }
}

// x, weights, bias and output of a quantized product; `depth` sets the output's scale so that it is well filled.
struct QuantizedOperands {
  TensorType x, y;
  Tensor w, bias;
};

QuantizedOperands quantized_operands(Random& random, const Dims& x, const Dims& w, int64_t depth, int trial) {
  const DType dtype = trial % 2 == 0 ? DType::kI8 : DType::kU8;
  QuantizedOperands q;
  q.x = {dtype, Shape(x), random.quant(dtype, 0.05f)};
  const bool is_per_channel = dtype == DType::kI8 && trial % 4 != 0;
  std::vector<float> scales, bias_scales;
  std::vector<int32_t> zeros(static_cast<size_t>(w[0]), 0);
  for (int64_t c = 0; c < w[0]; ++c) {
    scales.push_back(is_per_channel ? random.real(0.002f, 0.02f) : 0.01f);
    bias_scales.push_back(scales.back() * 0.05f);
  }
  const DType w_dtype = dtype == DType::kU8 && trial % 4 == 1 ? DType::kU8 : DType::kI8;
  q.w = random.bytes(w_dtype, w,
                     is_per_channel ? QuantParams::per_channel(scales, zeros, 0)
                                    : QuantParams::per_tensor(0.01f, w_dtype == DType::kU8 ? 121 : 0));
  q.bias = Tensor::empty(DType::kI32, {w[0]}, QuantParams::per_channel(bias_scales, zeros, 0));
  for (int32_t& b : q.bias.mutable_data<int32_t>()) b = static_cast<int32_t>(random.integer(-2000, 2000));
  const float spread = 0.05f * 74 * 0.01f * 74 * std::sqrt(static_cast<float>(depth));
  q.y = {dtype, Shape(), random.quant(dtype, spread / 50)};
  return q;
}

TEST(CpuProvider, ConvolvesBytesWithinOneStepAndExactlyOnDemand) {
  Random random;
  for (int trial = 0; trial < 42; ++trial) {
    const ConvCase c = random_conv(random, trial);
    const int64_t depth = Shape(c.w).elements() / c.w[0];
    const QuantizedOperands q = quantized_operands(random, c.x, c.w, depth, trial);
    Graph g;
    g.arithmetic = trial % 3 == 2 ? QuantArithmetic::kFloat : QuantArithmetic::kFixedPoint;
    const ValueId x = g.add_input("x", q.x);
    const NodeId node = g.add({.def = &Conv::def,
                               .attrs = Attrs::of(c.op),
                               .inputs = {x, g.add_constant(q.w), g.add_constant(q.bias)},
                               .output_types = {{q.y.dtype, Shape::unranked(), q.y.quant}}});
    g.set_outputs({g.node(node).outputs[0]});
    expect_one_step(g, {random.bytes(q.x.dtype, c.x, q.x.quant)});
  }
}

TEST(CpuProvider, LetsATunerChooseAmongVariants) {
  Random random;
  Graph g;
  const QuantPtr quant = random.quant(DType::kU8, 0.1f);
  const ValueId x = g.add_input("x", {DType::kU8, Shape({1, 5, 5, 24}), quant});
  const Tensor w = random.bytes(DType::kI8, {16, 3, 3, 24}, QuantParams::per_tensor(0.02f, 0));
  const NodeId node = g.add({.def = &Conv::def,
                             .attrs = Attrs::of(Conv{}),
                             .inputs = {x, g.add_constant(w)},
                             .output_types = {{DType::kU8, Shape::unranked(), quant}}});
  g.set_outputs({g.node(node).outputs[0]});
  const std::vector<Tensor> inputs = {random.bytes(DType::kU8, {1, 5, 5, 24}, quant)};
  for (cpu::Isa isa : cpu::levels()) {
    const Provider* provider = &cpu::provider_for(isa);
    std::vector<Tensor> results;
    size_t variants = 1;
    for (size_t choice = 0; choice < variants; ++choice) {
      PlanOptions options;
      options.tuner = [&](const KernelRequest&, std::span<const std::unique_ptr<Step>> candidates) {
        variants = candidates.size();
        return choice;
      };
      Session session(Plan::compile(g, std::span(&provider, 1), options));
      results.push_back(session.run(inputs)[0].clone());
      EXPECT_TRUE(identical(results.back(), results.front())) << isa_name(isa) << " variant " << choice;
    }
    EXPECT_EQ(results.size(), variants);
  }
}

TEST(CpuProvider, MultipliesByConstantMatrices) {
  Random random;
  for (int trial = 0; trial < 24; ++trial) {
    const int64_t m = random.integer(1, 20), k = random.integer(1, 60), n = random.integer(1, 90);
    {
      Graph g;
      const ValueId x = g.add_input("x", {DType::kF32, {m, k}});
      g.set_outputs({g.add(FullyConnected{.act_min = -1},
                           {x, g.add_constant(random.f32({n, k})), g.add_constant(random.f32({n}))})});
      expect_close(g, {random.f32({m, k})});
    }
    {
      Graph g;
      const ValueId x = g.add_input("x", {DType::kF32, {m, k}});
      const bool transposed = trial % 2 == 0;
      const ValueId w = g.add_constant(random.f32(transposed ? Dims{n, k} : Dims{k, n}));
      const ValueId c = g.add_constant(random.f32(trial % 3 == 0 ? Dims{1} : Dims{n}));
      g.set_outputs({g.add(Gemm{.alpha = 0.5f, .beta = 2, .transpose_b = transposed}, {x, w, c})});
      expect_close(g, {random.f32({m, k})});
    }
    const QuantizedOperands q = quantized_operands(random, {m, k}, {n, k}, k, trial);
    Graph g;
    g.arithmetic = trial % 3 == 2 ? QuantArithmetic::kFloat : QuantArithmetic::kFixedPoint;
    const ValueId x = g.add_input("x", q.x);
    const NodeId node = g.add({.def = &FullyConnected::def,
                               .attrs = Attrs::of(FullyConnected{}),
                               .inputs = {x, g.add_constant(q.w), g.add_constant(q.bias)},
                               .output_types = {{q.y.dtype, Shape::unranked(), q.y.quant}}});
    g.set_outputs({g.node(node).outputs[0]});
    // TFLite's fully connected layers know no per-channel weights in 2.9, but the reference takes them.
    expect_one_step(g, {random.bytes(q.x.dtype, {m, k}, q.x.quant)});
  }
}

TEST(CpuProvider, ConvolvesTransposed) {
  Random random;
  for (int trial = 0; trial < 32; ++trial) {
    const int64_t groups = trial % 3 == 0 ? 2 : 1;
    ConvTranspose op{.strides = {random.integer(1, 3), random.integer(1, 3)},
                     .dilations = {random.integer(1, 2), 1},
                     .auto_pad = static_cast<AutoPad>(trial % 4),
                     .groups = groups,
                     .act_min = trial % 2 == 0 ? 0 : -INFINITY};
    if (op.auto_pad == AutoPad::explicit_pads) {
      op.pads = {0, 1, 1, 0};
      op.output_padding = {0, op.strides[1] - 1};
    }
    const Dims x{2, random.integer(2, 6), random.integer(2, 6), groups * random.integer(1, 9)};
    const Dims w{x[3], random.integer(2, 3), 3, random.integer(1, 20)};
    Graph g;
    const ValueId in = g.add_input("x", {DType::kF32, Shape(x)});
    g.set_outputs({g.add(op, {in, g.add_constant(random.f32(w)), g.add_constant(random.f32({w[3] * groups}))})});
    expect_close(g, {random.f32(x)});
  }
}

// 8-bit weights of random scales; per channel along axis 0 or per tensor.
Tensor hybrid_weights(Random& random, const Dims& dims, bool is_per_channel) {
  if (!is_per_channel) return random.bytes(DType::kI8, dims, QuantParams::per_tensor(0.01f, 0));
  std::vector<float> scales;
  for (int64_t c = 0; c < dims[0]; ++c) scales.push_back(random.real(0.002f, 0.02f));
  const std::vector<int32_t> zeros(scales.size(), 0);
  return random.bytes(DType::kI8, dims, QuantParams::per_channel(scales, zeros, 0));
}

TEST(CpuProvider, RoundsActivationsThatMeetBytesAsTheReferenceDoes) {
  Random random;
  for (int trial = 0; trial < 42; ++trial) {
    const ConvCase c = random_conv(random, trial);
    Graph g;
    g.arithmetic = QuantArithmetic::kFixedPoint;
    const ValueId x = g.add_input("x", {DType::kF32, Shape(c.x)});
    const ValueId w = g.add_constant(hybrid_weights(random, c.w, trial % 2 == 0));
    g.set_outputs({g.add(c.op, {x, w, g.add_constant(random.f32({c.w[0]}))})});
    expect_close(g, {random.f32(c.x, -1, 3)}, 1e-6);
  }
  for (int trial = 0; trial < 16; ++trial) {
    const int64_t m = random.integer(1, 20), k = random.integer(1, 60), n = random.integer(1, 90);
    Graph g;
    g.arithmetic = QuantArithmetic::kFixedPoint;
    const ValueId x = g.add_input("x", {DType::kF32, {m, k}});
    const ValueId w = g.add_constant(hybrid_weights(random, {n, k}, trial % 4 > 1));
    g.set_outputs({g.add(FullyConnected{.asymmetric_inputs = trial % 2 == 0}, {x, w})});
    expect_close(g, {random.f32({m, k}, -1, 3)}, 1e-6);
  }
}

TEST(CpuProvider, MultipliesBatchesOfMatrices) {
  Random random;
  for (int trial = 0; trial < 16; ++trial) {
    const int64_t m = random.integer(1, 20), k = random.integer(1, 30), n = random.integer(1, 40);
    const MatMul op{.transpose_a = trial % 2 == 1, .transpose_b = trial % 4 > 1};
    const Dims a = op.transpose_a ? Dims{3, 1, k, m} : Dims{3, 1, m, k};
    const Dims b = op.transpose_b ? Dims{2, n, k} : Dims{2, k, n};
    Graph g;
    const ValueId x = g.add_input("a", {DType::kF32, Shape(a)});
    const ValueId y = g.add_input("b", {DType::kF32, Shape(b)});
    g.set_outputs({g.add(op, {x, y})});
    expect_close(g, {random.f32(a), random.f32(b)});
  }
}

struct ShapePair {
  Dims a, b;
};
const ShapePair kPairs[] = {{{2, 3, 5, 7}, {2, 3, 5, 7}},
                            {{2, 3, 5, 7}, {7}},
                            {{2, 3, 5, 7}, {}},
                            {{7}, {2, 3, 5, 7}},
                            {{}, {40}},
                            {{2, 1, 5, 1}, {2, 3, 1, 7}},
                            {{2, 3, 5, 7}, {2, 1, 1, 7}},
                            {{2, 3, 5, 1}, {2, 3, 5, 7}},
                            {{300, 1}, {1, 300}}};

template <class Op>
void test_binary(Random& random, Op op) {
  for (const ShapePair& p : kPairs) {
    Graph g;
    const ValueId a = g.add_input("a", {DType::kF32, Shape(p.a)});
    const ValueId b = g.add_input("b", {DType::kF32, Shape(p.b)});
    g.set_outputs({g.add(op, {a, b})});
    expect_close(g, {random.f32(p.a, -2, 2), random.f32(p.b, 0.5f, 2)});
  }
}

TEST(CpuProvider, CombinesFloatsWithBroadcasting) {
  Random random;
  test_binary(random, Add{.act_min = 0});
  test_binary(random, Sub{.act_max = 1});
  test_binary(random, Mul{});
  test_binary(random, Div{});
  test_binary(random, Maximum{});
  test_binary(random, Minimum{});
  test_binary(random, SquaredDifference{});
}

template <class Op>
void test_binary_bytes(Random& random, Op op, float scale) {
  for (int trial = 0; trial < 4; ++trial) {
    for (const ShapePair& p : kPairs) {
      const DType dtype = trial % 2 == 0 ? DType::kI8 : DType::kU8;
      Graph g;
      g.arithmetic = trial < 2 ? QuantArithmetic::kFixedPoint : QuantArithmetic::kFloat;
      const QuantPtr qa = random.quant(dtype, 0.05f), qb = random.quant(dtype, 0.03f);
      const ValueId a = g.add_input("a", {dtype, Shape(p.a), qa});
      const ValueId b = g.add_input("b", {dtype, Shape(p.b), qb});
      g.set_outputs(
          {g.add(op, {a, b}, {.type = {dtype, Shape::unranked(), random.quant(dtype, scale)}, .has_type = true})});
      expect_one_step(g, {random.bytes(dtype, p.a, qa), random.bytes(dtype, p.b, qb)},
                      p.a == p.b && !std::is_same_v<Op, Mul>);
    }
  }
}

TEST(CpuProvider, CombinesBytesWithinOneStep) {
  Random random;
  test_binary_bytes(random, Add{.act_min = -3}, 0.06f);
  test_binary_bytes(random, Sub{}, 0.06f);
  test_binary_bytes(random, Mul{.act_max = 4}, 0.1f);
}

template <class Op>
void test_unary(Random& random, Op op, float low = -4, float high = 4) {
  Graph g;
  const ValueId x = g.add_input("x", {DType::kF32, {3, 37}});
  g.set_outputs({g.add(op, {x})});
  expect_close(g, {random.f32({3, 37}, low, high)}, 2e-6);
}

TEST(CpuProvider, ComputesFunctionsOfOneInput) {
  Random random;
  test_unary(random, Relu{});
  test_unary(random, Clamp{.min = -1, .max = 2});
  test_unary(random, Sigmoid{});
  test_unary(random, Tanh{});
  test_unary(random, HardSwish{});
  test_unary(random, HardSigmoid{});
  test_unary(random, LeakyRelu{.alpha = 0.1f});
  test_unary(random, Elu{});
  test_unary(random, Gelu{});
  test_unary(random, Gelu{.approximate = true});
  test_unary(random, Exp{});
  test_unary(random, Erf{});
  test_unary(random, Sqrt{}, 0, 9);
  test_unary(random, Rsqrt{}, 0.1f, 9);
  test_unary(random, Reciprocal{}, 0.1f, 9);
  test_unary(random, Neg{});
  test_unary(random, Abs{});
}

TEST(CpuProvider, ComputesFunctionsOfBytesByTable) {
  Random random;
  for (QuantArithmetic arithmetic : {QuantArithmetic::kFixedPoint, QuantArithmetic::kFloat}) {
    Graph g;
    g.arithmetic = arithmetic;
    const QuantPtr q = QuantParams::per_tensor(0.05f, 3);
    const ValueId x = g.add_input("x", {DType::kI8, {3, 200}, q});
    g.set_outputs({g.add(
        Sigmoid{}, {x},
        {.type = {DType::kI8, Shape::unranked(), QuantParams::per_tensor(1 / 256.0f, -128)}, .has_type = true})});
    const Tensor data = random.bytes(DType::kI8, {3, 200}, q);
    const std::vector<Tensor> expected = evaluate(g, {&data, 1});
    const std::vector<Tensor> got = run(g, cpu_provider(), {data});
    EXPECT_TRUE(identical(got[0].with_quant(nullptr), expected[0].with_quant(nullptr)));
  }
}

template <class Op>
Op random_pool(Random& random, int trial) {
  Op op;
  op.kernel = {random.integer(1, 3), random.integer(2, 3)};
  op.strides = {random.integer(1, 2), random.integer(1, 3)};
  op.auto_pad = static_cast<AutoPad>(trial % 4);
  op.ceil_mode = trial % 8 == 0;
  if (op.auto_pad == AutoPad::explicit_pads) op.pads = {0, 1, 0, 1};
  op.act_max = 0.7f;
  return op;
}

TEST(CpuProvider, PoolsFloats) {
  Random random;
  for (int trial = 0; trial < 24; ++trial) {
    const Dims dims{2, random.integer(4, 9), random.integer(4, 9), random.integer(1, trial % 3 == 0 ? 150 : 35)};
    for (int kind = 0; kind < 3; ++kind) {
      Graph g;
      const ValueId x = g.add_input("x", {DType::kF32, Shape(dims)});
      if (kind == 0) g.set_outputs({g.add(random_pool<MaxPool>(random, trial), {x})});
      if (kind > 0) {
        auto op = random_pool<AveragePool>(random, trial);
        op.count_include_pad = kind == 2;
        g.set_outputs({g.add(op, {x})});
      }
      expect_close(g, {random.f32(dims)});
    }
  }
}

TEST(CpuProvider, PoolsBytesWithinOneStep) {
  Random random;
  for (int trial = 0; trial < 24; ++trial) {
    const Dims dims{2, random.integer(4, 9), random.integer(4, 9), random.integer(1, trial % 3 == 0 ? 150 : 35)};
    const DType dtype = trial % 2 == 0 ? DType::kI8 : DType::kU8;
    const QuantPtr q = random.quant(dtype, 0.01f);
    const QuantPtr other = random.quant(dtype, 0.012f);
    for (int kind = 0; kind < 3; ++kind) {
      Graph g;
      g.arithmetic = kind == 1 ? QuantArithmetic::kFixedPoint : QuantArithmetic::kFloat;
      const ValueId x = g.add_input("x", {dtype, Shape(dims), q});
      const AddOptions options{.type = {dtype, Shape::unranked(), kind == 2 ? other : q}, .has_type = true};
      if (kind == 0) g.set_outputs({g.add(random_pool<MaxPool>(random, trial), {x}, options)});
      if (kind > 0) g.set_outputs({g.add(random_pool<AveragePool>(random, trial), {x}, options)});
      expect_one_step(g, {random.bytes(dtype, dims, q)});
    }
  }
}

TEST(CpuProvider, LeavesAbsurdPaddingToTheReference) {
  Random random;
  Graph g;
  const ValueId x = g.add_input("x", {DType::kF32, {1, 1, 4, 2}});
  const Conv op{.dilations = {1, 30000000}, .pads = {0, 30000000, 0, 30000000}, .groups = 2};
  g.set_outputs({g.add(op, {x, g.add_constant(random.f32({2, 1, 3, 1}))})});
  const Provider* providers[] = {&cpu_provider()};
  EXPECT_EQ(Plan::compile(g, providers)->steps()[0].step->kernel, "reference");
}

TEST(CpuProvider, LeavesUnknownShapesToTheReference) {
  Graph g;
  const ValueId x = g.add_input("x", {DType::kF32, Shape{Dim(std::string("n")), Dim(4)}});
  g.set_outputs({g.add(Relu{}, {x})});
  const Provider* providers[] = {&cpu_provider()};
  EXPECT_EQ(Plan::compile(g, providers)->steps()[0].step->kernel, "reference");
}

}  // namespace
}  // namespace hone

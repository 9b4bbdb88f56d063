#include <gtest/gtest.h>

#include "ops/binary.h"
#include "ops/conv.h"
#include "ops/matmul.h"
#include "ops/unary.h"
#include "providers/cpu/compare_test.h"

namespace hone::cpu {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

std::vector<Tensor> run(const Graph& graph, const Provider& provider, const std::vector<Tensor>& inputs,
                        const PlanOptions& options) {
  const Provider* providers[] = {&provider};
  Session session(Plan::compile(graph, providers, options));
  std::vector<Tensor> results;
  for (const Tensor& t : session.run(inputs)) results.push_back(t.clone());
  return results;
}

size_t steps_of(const Graph& graph, const PlanOptions& options = {}) {
  const Provider* providers[] = {&cpu_provider()};
  return Plan::compile(graph, providers, options)->steps().size();
}

// One step gives on every level, at every number of threads, what two give.
void expect_one_step_like_two(const Graph& graph, const std::vector<Tensor>& inputs) {
  ASSERT_EQ(steps_of(graph, {.refuses = hides_values}), 2u);
  ASSERT_EQ(steps_of(graph), 1u);
  for (Isa isa : levels()) {
    const std::vector<Tensor> two = run(graph, provider_for(isa), inputs, {.refuses = hides_values});
    for (int threads : {1, 3}) {
      const std::vector<Tensor> one = run(graph, provider_for(isa), inputs, {.threads = threads});
      EXPECT_TRUE(identical(one[0], two[0])) << isa_name(isa) << ", " << threads << " threads";
    }
  }
}

struct ConvCase {
  int64_t size, in, out, kernel, groups;
};
constexpr ConvCase kConvs[] = {{9, 8, 37, 3, 1}, {5, 64, 16, 1, 1}, {6, 12, 12, 3, 3}, {20, 16, 130, 1, 1}};

Conv conv_of(const ConvCase& c) { return {.pads = Dims(4, c.kernel / 2), .groups = c.groups}; }

TEST(Pairs, GateBySigmoidInOneStep) {
  Random random;
  for (bool is_swapped : {false, true}) {
    for (bool is_shared : {false, true}) {
      Graph g;
      const ValueId x = g.add_input("x", {DType::kF32, {3, 70000}});
      const ValueId gate = g.add(Sigmoid{}, {x});
      const ValueId y = is_swapped ? g.add(Mul{}, {gate, x}) : g.add(Mul{}, {x, gate});
      g.set_outputs(is_shared ? std::vector{y, gate} : std::vector{y});
      EXPECT_EQ(steps_of(g), is_shared ? 2u : 1u);
      expect_close(g, {random.f32({3, 70000}, -30, 30)}, 2e-6);
    }
  }
}

TEST(Pairs, AddToConvolutionsOfFloatsInOneStep) {
  Random random;
  for (const ConvCase& c : kConvs) {
    for (bool is_swapped : {false, true}) {
      Graph g;
      const ValueId x = g.add_input("x", {DType::kF32, {2, c.size, c.size, c.in}});
      const ValueId w = g.add_constant(random.f32({c.out, c.kernel, c.kernel, c.in / c.groups}));
      const ValueId y = g.add(conv_of(c), {x, w, g.add_constant(random.f32({c.out}))});
      const ValueId z = g.add_input("z", {DType::kF32, {2, c.size, c.size, c.out}});
      const Add add{.act_min = 0, .act_max = is_swapped ? 6 : kInf};
      g.set_outputs({is_swapped ? g.add(add, {z, y}) : g.add(add, {y, z})});
      expect_one_step_like_two(g, {random.f32({2, c.size, c.size, c.in}), random.f32({2, c.size, c.size, c.out})});
    }
  }
}

TEST(Pairs, AddToConvolutionsOfBytesInOneStep) {
  Random random;
  for (const ConvCase& c : kConvs) {
    for (DType dtype : {DType::kI8, DType::kU8}) {
      for (bool is_swapped : {false, true}) {
        Graph g;
        g.arithmetic = is_swapped ? QuantArithmetic::kFixedPoint : QuantArithmetic::kFloat;
        const Dims in{2, c.size, c.size, c.in}, out{2, c.size, c.size, c.out};
        const QuantPtr xq = random.quant(dtype, 0.02f), zq = random.quant(dtype, 0.07f);
        const QuantPtr wq = random.quant(dtype, 0.01f);
        const auto stored = [&](float scale) {
          return AddOptions{.type = {dtype, Shape::unranked(), random.quant(dtype, scale)}, .has_type = true};
        };
        const ValueId x = g.add_input("x", {dtype, Shape(in), xq});
        const ValueId w = g.add_constant(random.bytes(dtype, {c.out, c.kernel, c.kernel, c.in / c.groups}, wq));
        Conv conv = conv_of(c);
        conv.act_min = is_swapped ? 0 : -kInf;
        const ValueId y = g.add(conv, {x, w}, stored(0.05f));
        const ValueId z = g.add_input("z", {dtype, Shape(out), zq});
        const Add add{.act_min = 0};
        g.set_outputs({is_swapped ? g.add(add, {z, y}, stored(0.06f)) : g.add(add, {y, z}, stored(0.06f))});
        expect_one_step_like_two(g, {random.bytes(dtype, in, xq), random.bytes(dtype, out, zq)});
      }
    }
  }
}

TEST(Pairs, AddToMatrixProductsInOneStep) {
  Random random;
  Graph fully;
  ValueId x = fully.add_input("x", {DType::kF32, {5, 24}});
  ValueId z = fully.add_input("z", {DType::kF32, {5, 40}});
  ValueId y = fully.add(FullyConnected{}, {x, fully.add_constant(random.f32({40, 24}))});
  fully.set_outputs({fully.add(Add{}, {y, z})});
  expect_one_step_like_two(fully, {random.f32({5, 24}), random.f32({5, 40})});

  Graph product;
  x = product.add_input("x", {DType::kF32, {2, 5, 24}});
  z = product.add_input("z", {DType::kF32, {2, 5, 40}});
  y = product.add(MatMul{}, {x, product.add_constant(random.f32({24, 40}))});
  product.set_outputs({product.add(Add{}, {z, y})});
  expect_one_step_like_two(product, {random.f32({2, 5, 24}), random.f32({2, 5, 40})});
}

// x: [1, 4, 4, 8] through a pointwise convolution.
struct Residual {
  Graph g;
  ValueId x, y;
  explicit Residual(float act_min = -kInf, Dims addend = {}) {
    Random random;
    x = g.add_input("x", {DType::kF32, {1, 4, 4, 8}});
    Conv conv;
    conv.act_min = act_min;
    y = g.add(conv, {x, g.add_constant(random.f32({8, 1, 1, 8}))});
    const ValueId z = addend.empty() ? x : g.add_input("z", {DType::kF32, Shape(addend)});
    g.set_outputs({g.add(Add{}, {y, z})});
  }
};

TEST(Pairs, MayAddWhatTheConvolutionReads) {
  const Residual r;
  expect_one_step_like_two(r.g, {Random().f32({1, 4, 4, 8})});
}

TEST(Pairs, StayTwoStepsWhereTheInnerValueIsWanted) {
  Residual shown;
  shown.g.set_outputs({shown.g.outputs()[0], shown.y});
  EXPECT_EQ(steps_of(shown.g), 2u);
  Residual read;
  read.g.set_outputs({read.g.add(Mul{}, {read.g.outputs()[0], read.y})});
  EXPECT_EQ(steps_of(read.g), 3u);
}

TEST(Pairs, StayTwoStepsWhereOneCannotDoIt) {
  EXPECT_EQ(steps_of(Residual(0.0f).g), 2u) << "a clamp before the sum";
  EXPECT_EQ(steps_of(Residual(-kInf, {8}).g), 2u) << "a broadcast";
}

TEST(Pairs, StayTwoStepsInFixedPoint) {
  Random random;
  Graph g;
  g.arithmetic = QuantArithmetic::kFixedPoint;
  const QuantPtr q = QuantParams::per_tensor(0.05f, 3);
  const AddOptions stored{.type = {DType::kI8, Shape::unranked(), q}, .has_type = true};
  const ValueId x = g.add_input("x", {DType::kI8, {1, 4, 4, 8}, q});
  const QuantPtr wq = QuantParams::per_tensor(0.01f, 0);
  const ValueId y = g.add(Conv{}, {x, g.add_constant(random.bytes(DType::kI8, {8, 1, 1, 8}, wq))}, stored);
  g.set_outputs({g.add(Add{}, {y, x}, stored)});
  EXPECT_EQ(steps_of(g), 1u);
  EXPECT_EQ(steps_of(g, {.exact = true}), 2u);
}

}  // namespace
}  // namespace hone::cpu

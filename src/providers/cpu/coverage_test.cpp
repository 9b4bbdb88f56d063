#include <gtest/gtest.h>

#include <limits>

#include "ops/binary.h"
#include "ops/matmul.h"
#include "ops/norm.h"
#include "ops/shaping.h"
#include "ops/unary.h"
#include "providers/cpu/compare_test.h"

namespace hone::cpu {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

AddOptions stored(DType dtype, QuantPtr quant) {
  return {.type = {dtype, Shape::unranked(), std::move(quant)}, .has_type = true};
}

struct ProductCase {
  Dims a, b;
  bool transpose_b;
};

TEST(CpuProvider, MultipliesMatricesOfBytesWithinOneStep) {
  Random random;
  for (const ProductCase& p :
       {ProductCase{{3, 17, 40}, {3, 40, 33}, false}, ProductCase{{2, 2, 9, 13}, {13, 50}, false},
        ProductCase{{1, 30, 64}, {5, 20, 64}, true}, ProductCase{{1, 1}, {1, 1}, false}}) {
    for (DType dtype : {DType::kI8, DType::kU8}) {
      for (QuantArithmetic arithmetic : {QuantArithmetic::kFloat, QuantArithmetic::kFixedPoint}) {
        Graph g;
        g.arithmetic = arithmetic;
        const QuantPtr aq = random.quant(dtype, 0.02f), bq = random.quant(dtype, 0.03f);
        const ValueId a = g.add_input("a", {dtype, Shape(p.a), aq});
        const ValueId b = g.add_input("b", {dtype, Shape(p.b), bq});
        g.set_outputs({g.add(MatMul{.transpose_b = p.transpose_b}, {a, b}, stored(dtype, random.quant(dtype, 0.1f)))});
        expect_one_step(g, {random.bytes(dtype, p.a, aq), random.bytes(dtype, p.b, bq)}, false);
      }
    }
  }
}

TEST(CpuProvider, TakesTheLargerOfBytes) {
  Random random;
  for (DType dtype : {DType::kI8, DType::kU8}) {
    for (const Dims& other : {Dims{3, 5, 21}, Dims{21}, Dims{5, 1}, Dims{1}}) {
      Graph g;
      g.arithmetic = QuantArithmetic::kFixedPoint;
      const QuantPtr q = random.quant(dtype, 0.05f);
      const ValueId a = g.add_input("a", {dtype, {3, 5, 21}, q});
      const ValueId b = g.add_input("b", {dtype, Shape(other), q});
      g.set_outputs({g.add(Maximum{}, {g.add(Minimum{}, {b, a}, stored(dtype, q)), b}, stored(dtype, q))});
      expect_one_step(g, {random.bytes(dtype, {3, 5, 21}, q), random.bytes(dtype, other, q)});
    }
  }
}

TEST(CpuProvider, SlopesBytesByChannel) {
  Random random;
  for (DType dtype : {DType::kI8, DType::kU8}) {
    for (QuantArithmetic arithmetic : {QuantArithmetic::kFloat, QuantArithmetic::kFixedPoint}) {
      for (const Dims& slope : {Dims{1, 1, 19}, Dims{19}, Dims{1}}) {
        Graph g;
        g.arithmetic = arithmetic;
        const QuantPtr xq = random.quant(dtype, 0.05f), sq = random.quant(dtype, 0.01f);
        const ValueId x = g.add_input("x", {dtype, {2, 4, 3, 19}, xq});
        const ValueId s = g.add_constant(random.bytes(dtype, slope, sq));
        g.set_outputs({g.add(PRelu{}, {x, s}, stored(dtype, random.quant(dtype, 0.04f)))});
        expect_one_step(g, {random.bytes(dtype, {2, 4, 3, 19}, xq)});
      }
    }
  }
}

template <class Op>
void expect_same_positions(Tensor x) {
  for (int64_t axis : {0, 1, 2}) {
    for (bool selects_last : {false, true}) {
      Graph g;
      const ValueId in = g.add_input("x", x.type());
      g.set_outputs({g.add(Op{.axis = axis,
                              .keepdims = selects_last,
                              .select_last_index = selects_last,
                              .dtype = selects_last ? DType::kI32 : DType::kI64},
                           {in})});
      expect_close(g, {x}, 0);
    }
  }
}

TEST(CpuProvider, FindsExtremesAsTheReferenceDoes) {
  Random random;
  Tensor x = random.f32({4, 23, 7});
  for (float& v : x.mutable_data<float>()) v = v > 0.9f ? kNaN : static_cast<float>(static_cast<int>(v * 4));
  expect_same_positions<ArgMax>(x);
  expect_same_positions<ArgMin>(x);
  for (DType dtype : {DType::kI8, DType::kU8}) {
    expect_same_positions<ArgMax>(random.bytes(dtype, {4, 23, 7}, random.quant(dtype, 0.1f)));
    expect_same_positions<ArgMin>(random.bytes(dtype, {4, 23, 7}, random.quant(dtype, 0.1f)));
  }
}

TEST(CpuProvider, ChoosesWithBroadcasting) {
  Random random;
  const Dims shapes[] = {{2, 3, 5}, {3, 1}, {5}, {1}, {2, 1, 1}};
  for (const Dims& condition : shapes) {
    for (const Dims& a : shapes) {
      for (const Dims& b : shapes) {
        Graph g;
        Tensor chosen = Tensor::empty(DType::kBool, condition);
        for (int64_t i = 0; i < chosen.elements(); ++i) {
          static_cast<uint8_t*>(chosen.mutable_raw())[i] = static_cast<uint8_t>(random.integer(0, 1));
        }
        const ValueId c = g.add_input("c", {DType::kBool, Shape(condition)});
        const ValueId x = g.add_input("a", {DType::kF32, Shape(a)});
        g.set_outputs({g.add(Where{}, {c, x, g.add_input("b", {DType::kF32, Shape(b)})})});
        expect_close(g, {chosen, random.f32(a), random.f32(b)}, 0);
      }
    }
  }
}

TEST(CpuProvider, SoftmaxesOverAnyAxis) {
  Random random;
  for (int64_t axis : {0, 1, 2}) {
    Graph g;
    g.set_outputs({g.add(Softmax{.axis = axis}, {g.add_input("x", {DType::kF32, {3, 6, 37}})})});
    expect_close(g, {random.f32({3, 6, 37}, -90, 90)});
  }
}

template <class Op>
void expect_close_function(const Tensor& x, double tolerance) {
  Graph g;
  g.set_outputs({g.add(Op{}, {g.add_input("x", x.type())})});
  expect_close(g, {x}, tolerance);
}

TEST(CpuProvider, RoundsAndMishes) {
  Random random;
  Tensor x = random.f32({300}, -6, 6);
  const float special[] = {-0.5f, 0.5f, 1.5f, 2.5f, -1.5f, 8388609.0f, -8388609.0f, 3e9f, -3e9f, 0.0f, 1e-30f, -1e-30f};
  std::copy(std::begin(special), std::end(special), x.mutable_data<float>().begin());
  expect_close_function<Floor>(x, 0);
  expect_close_function<Ceil>(x, 0);
  expect_close_function<Round>(x, 0);
  expect_close_function<Mish>(random.f32({300}, -100, 100), 1e-6);
  expect_close_function<Mish>(random.f32({300}, -3, 3), 1e-6);
}

}  // namespace
}  // namespace hone::cpu

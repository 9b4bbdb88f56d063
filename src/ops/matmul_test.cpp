#include "ops/matmul.h"

#include "support/op_runner.h"

namespace hone {
namespace {

using namespace hone::testing;

TEST(MatMul, MultipliesMatricesAndTransposes) {
  const Tensor a = counting({2, 3}), b = counting({3, 2});
  expect_near(run_op(MatMul{}, {a, b})[0], {2, 2}, {22, 28, 49, 64});
  expect_near(run_op(MatMul{.transpose_a = true, .transpose_b = true}, {a, b})[0], {3, 3},
              {9, 19, 29, 12, 26, 40, 15, 33, 51});
}

TEST(MatMul, BroadcastsBatchesAndVectors) {
  expect_near(run_op(MatMul{}, {counting({2, 1, 1, 2}), counting({3, 2, 1})})[0], {2, 3, 1, 1},
              {5, 11, 17, 11, 25, 39});
  expect_near(run_op(MatMul{}, {counting({2}), counting({2})})[0], {}, {5});
  expect_near(run_op(MatMul{}, {counting({2, 2}), counting({2})})[0], {2}, {5, 11});
  expect_near(run_op(MatMul{}, {counting({2}), counting({2, 2})})[0], {2}, {7, 10});
}

TEST(MatMul, PropagatesSymbols) {
  EXPECT_EQ(infer_op(MatMul{}, {f32({Dim("b"), Dim("t"), 8}), f32({8, 4})})[0].shape, (Shape{Dim("b"), Dim("t"), 4}));
}

TEST(MatMul, RequantizesInFixedPoint) {
  const Tensor a = stored<int8_t>({1, 2}, {5, -3}, 0.5f, 1), b = stored<int8_t>({2, 1}, {10, 20}, 0.1f, 0);
  const TensorType out{DType::kI8, {1, 1}, QuantParams::per_tensor(0.2f, 5)};
  // (2·1 + −2·2) = −2 → −10 + 5
  EXPECT_EQ(to_ints(run_op(MatMul{}, {a, b}, {.output_types = {out}})[0].with_quant(nullptr)), (Dims{-5}));
}

TEST(MatMul, RejectsDifferentInnerSizes) {
  EXPECT_EQ(error_of([] {
              infer_op(MatMul{}, {f32({2, 3}), f32({4, 5})});
            }),
            "matmul: a [2,3] and b [4,5] have inner sizes 3 and 4, expected equal ones");
}

TEST(Gemm, ScalesAndBroadcastsTheAddend) {
  const Tensor a = counting({2, 3}), b = counting({3, 2}), c = Tensor::of<float>({2, 1}, {100, 200});
  expect_near(run_op(Gemm{.alpha = 0.5f, .beta = 2}, {a, b, c})[0], {2, 2}, {211, 214, 424.5, 432});
  EXPECT_EQ(error_of([] {
              infer_op(Gemm{}, {f32({2, 3}), f32({3, 2}), f32({3})});
            }),
            "shapes [2,2] and [3] do not broadcast");
}

TEST(FullyConnected, KeepsOrFlattensLeadingDims) {
  const Tensor x = counting({2, 1, 2}), w = Tensor::of<float>({1, 2}, {1, 10}), b = Tensor::of<float>({1}, {-22});
  expect_near(run_op(FullyConnected{.act_min = 0}, {x, w, b})[0], {2, 1, 1}, {0, 21});
  const Tensor w4 = Tensor::of<float>({1, 4}, {1, 1, 1, 1});
  expect_near(run_op(FullyConnected{.keep_dims = false}, {x, w4})[0], {1, 1}, {10});
}

TEST(FullyConnected, KeepsASymbolicBatch) {
  EXPECT_EQ(infer_op(FullyConnected{.keep_dims = false}, {f32({Dim("n"), 2, 3}), f32({5, 6})})[0].shape,
            (Shape{Dim("n"), 5}));
}

TEST(FullyConnected, RequantizesUnsignedWeightsWithZeroPoints) {
  const Tensor x = stored<uint8_t>({1, 2}, {138, 118}, 0.1f, 128), w = stored<uint8_t>({1, 2}, {110, 90}, 0.1f, 100);
  const TensorType out{DType::kU8, {1, 1}, QuantParams::per_tensor(0.05f, 3)};
  EXPECT_EQ(to_ints(run_op(FullyConnected{}, {x, w}, {.output_types = {out}})[0].with_quant(nullptr)), (Dims{43}));
}

TEST(FullyConnected, RejectsWeightWithWrongInputs) {
  EXPECT_EQ(error_of([] {
              infer_op(FullyConnected{}, {f32({2, 3}), f32({5, 4})});
            }),
            "fullyconnected: weight has 4 inputs, x has 3");
}

TEST(Einsum, ContractsTransposesAndTakesDiagonals) {
  const Tensor a = counting({2, 3}), b = counting({3, 2});
  expect_near(run_op(Einsum{.equation = "ij,jk->ik"}, {a, b})[0], {2, 2}, {22, 28, 49, 64});
  expect_near(run_op(Einsum{.equation = "ij -> ji"}, {a})[0], {3, 2}, {1, 4, 2, 5, 3, 6});
  expect_near(run_op(Einsum{.equation = "...ii->...i"}, {counting({2, 2, 2})})[0], {2, 2}, {1, 4, 5, 8});
  expect_near(run_op(Einsum{.equation = "ij"}, {a})[0], {2, 3}, {1, 2, 3, 4, 5, 6});
  expect_near(run_op(Einsum{.equation = "ij->"}, {a})[0], {}, {21});
  expect_near(run_op(Einsum{.equation = "...j,j->..."}, {a, counting({3})})[0], {2}, {14, 32});
}

TEST(Einsum, RejectsMalformedEquations) {
  const std::vector<TensorType> two{f32({2, 3}), f32({3, 2})};
  EXPECT_EQ(error_of([&] { infer_op(Einsum{.equation = "ij->i"}, two); }),
            "einsum: equation 'ij->i' has 1 terms, expected 2 (one for each input)");
  EXPECT_EQ(error_of([&] { infer_op(Einsum{.equation = "ijk,jk->i"}, two); }),
            "einsum: term 'ijk' has 3 labels, its operand 2 axes");
  EXPECT_EQ(error_of([&] { infer_op(Einsum{.equation = "ij,jk->iz"}, two); }),
            "einsum: result of 'ij,jk->iz' has a label of no input");
  EXPECT_EQ(error_of([&] { infer_op(Einsum{.equation = "ij,ik->jk"}, two); }), "einsum: one label has sizes 2 and 3");
  EXPECT_EQ(error_of([&] { infer_op(Einsum{.equation = "i.j,jk->"}, two); }), "einsum: unexpected '.' in term 'i.j'");
}

TEST(Det, FollowsRowExchanges) {
  expect_near(run_op(Det{}, {Tensor::of<float>({2, 2, 2}, {0, 1, 1, 0, 1, 2, 3, 4})})[0], {2}, {-1, -2});
  EXPECT_EQ(error_of([] { infer_op(Det{}, {f32({2, 3})}); }), "det: matrices of 2 x 3 are not square");
}

}  // namespace
}  // namespace hone

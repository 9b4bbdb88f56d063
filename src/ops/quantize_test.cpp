#include "ops/quantize.h"

#include <limits>

#include "support/op_runner.h"

namespace hone {
namespace {

using namespace hone::testing;

Dims stored_of(const Tensor& t) { return to_ints(t.with_quant(nullptr)); }

TEST(Quantize, RoundsHalvesAsTheArithmeticSays) {
  const Tensor x = Tensor::of<float>({4}, {0.25f, -0.25f, 100, std::numeric_limits<float>::quiet_NaN()});
  const TensorType out{DType::kI8, {4}, QuantParams::per_tensor(0.5f, 0)};
  EXPECT_EQ(stored_of(run_op(Quantize{}, {x}, {.output_types = {out}})[0]), (Dims{1, -1, 127, 0}));
  EXPECT_EQ(stored_of(run_op(Quantize{}, {x}, {.output_types = {out}, .arithmetic = QuantArithmetic::kFloat})[0]),
            (Dims{0, 0, 127, 0}));
}

TEST(Quantize, RescalesStoredIntegers) {
  const TensorType out{DType::kU8, {3}, QuantParams::per_tensor(0.5f, 128)};
  EXPECT_EQ(stored_of(run_op(Quantize{}, {stored<int8_t>({3}, {-128, 0, 127}, 0.5f, 0)}, {.output_types = {out}})[0]),
            (Dims{0, 128, 255}));
  const TensorType wider{DType::kI16, {2}, QuantParams::per_tensor(0.125f, 0)};
  EXPECT_EQ(stored_of(run_op(Quantize{}, {stored<int8_t>({2}, {3, -5}, 0.5f, 1)}, {.output_types = {wider}})[0]),
            (Dims{8, -24}));
}

TEST(Dequantize, GivesRealNumbers) {
  expect_near(run_op(Dequantize{}, {stored<int8_t>({2}, {3, -5}, 0.5f, 1)})[0], {2}, {1, -3});
  const Tensor half = run_op(Dequantize{}, {cast(Tensor::of<float>({1}, {1.5f}), DType::kF16)})[0];
  EXPECT_EQ(half.dtype(), DType::kF32);
}

TEST(QuantizeLinear, RoundsHalvesToEvenPerTensorPerAxisAndPerBlock) {
  const Tensor x = Tensor::of<float>({2, 2}, {0.5f, 1.5f, -1000, 3});
  EXPECT_EQ(to_ints(run_op(QuantizeLinear{}, {x, Tensor::scalar(1.0f), Tensor::scalar<uint8_t>(3)})[0]),
            (Dims{3, 5, 0, 6}));
  const Tensor pair = Tensor::of<float>({2}, {1, 3}), zeros = Tensor::of<int8_t>({2}, {0, 1});
  EXPECT_EQ(to_ints(run_op(QuantizeLinear{.axis = 1}, {x, pair, zeros})[0]), (Dims{0, 1, -128, 2}));
  const QuantizeLinear blocked{.axis = 1, .block_size = 2, .dtype = DType::kI4, .has_dtype = true};
  const Tensor y = run_op(blocked, {x, Tensor::of<float>({2, 1}, {0.5f, 1})})[0];
  EXPECT_EQ(y.dtype(), DType::kI4);
  EXPECT_EQ(to_ints(y), (Dims{1, 3, -8, 3}));
}

TEST(QuantizeLinear, TakesABlockLongerThanTheAxis) {
  const QuantizeLinear op{.axis = 0, .block_size = std::numeric_limits<int64_t>::max()};
  EXPECT_EQ(to_ints(run_op(op, {Tensor::of<float>({2}, {1, 2}), Tensor::of<float>({1}, {0.5f})})[0]), (Dims{2, 4}));
}

TEST(QuantizeLinear, RejectsScalesThatFitNoAxis) {
  EXPECT_EQ(error_of([] {
              infer_op(QuantizeLinear{.axis = 0}, {f32({2, 3}), f32({3})});
            }),
            "quantizelinear: scale has shape [3], expected [2]");
}

TEST(DequantizeLinear, SubtractsBeforeItScales) {
  const Tensor x = Tensor::of<int8_t>({2, 2}, {1, 2, 3, 4});
  expect_near(
      run_op(DequantizeLinear{.axis = 0}, {x, Tensor::of<float>({2}, {1, 10}), Tensor::of<int8_t>({2}, {1, 0})})[0],
      {2, 2}, {0, 1, 30, 40});
  const Tensor big = Tensor::of<int32_t>({1}, {std::numeric_limits<int32_t>::min()});
  expect_near(run_op(DequantizeLinear{}, {big, Tensor::scalar(1.0f), Tensor::scalar<int32_t>(1)})[0], {1},
              {-2147483648.0});
}

TEST(DynamicQuantizeLinear, CoversTheRangeAndZero) {
  const auto y = run_op(DynamicQuantizeLinear{}, {Tensor::of<float>({3}, {-1, 0, 4})}, {.outputs = 3});
  expect_near(y[1], {}, {5.0 / 255}, 1e-7);
  EXPECT_EQ(to_ints(y[2]), (Dims{51}));
  EXPECT_EQ(to_ints(y[0]), (Dims{0, 51, 255}));
  EXPECT_EQ(to_ints(run_op(DynamicQuantizeLinear{}, {Tensor::of<float>({1}, {0})}, {.outputs = 3})[0]), (Dims{0}));
}

}  // namespace
}  // namespace hone

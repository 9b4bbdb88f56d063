#include "ops/hybrid.h"

#include <gtest/gtest.h>

#include "ops/conv.h"
#include "ops/matmul.h"
#include "support/op_runner.h"

namespace hone {
namespace {

using testing::run_op;

TEST(Hybrid, SymmetricRowsUseTheirOwnLargestMagnitude) {
  const std::vector<float> x{1, -2, 0.5f, 0, 0, 0};
  const QuantizedRows rows = quantize_rows(x, 2, false);
  EXPECT_EQ(rows.scales, (std::vector<float>{2.0f / 127, 1}));
  EXPECT_EQ(rows.centered, (std::vector<uint32_t>{64, uint32_t(-127), 32, 0, 0, 0}));
}

TEST(Hybrid, AsymmetricRowsUseTheWholeRange) {
  const std::vector<float> x{-1, 0, 3};
  const QuantizedRows rows = quantize_rows(x, 1, true);
  EXPECT_FLOAT_EQ(rows.scales[0], 4.0f / 255);
  EXPECT_EQ(rows.centered, (std::vector<uint32_t>{uint32_t(-64), 0, 191}));
}

TEST(Hybrid, FullyConnectedRoundsActivationsOnlyInFixedPoint) {
  const Tensor x = Tensor::of<float>({1, 2}, {1.0f, 0.126f});
  const Tensor w = Tensor::of<int8_t>({1, 2}, {0, 100}).with_quant(QuantParams::per_tensor(0.01f, 0));
  const FullyConnected op{.asymmetric_inputs = false};
  const auto fixed = run_op(op, {x, w});
  EXPECT_FLOAT_EQ(fixed[0].data<float>()[0], 16.0f / 127);
  const auto real = run_op(op, {x, w}, {.output_types = {}, .arithmetic = QuantArithmetic::kFloat});
  EXPECT_FLOAT_EQ(real[0].data<float>()[0], 0.126f);
}

TEST(Hybrid, ABiasStoredAsIntegersIsAReal) {
  const Tensor x = Tensor::of<float>({1, 2}, {1.0f, 0.0f});
  const Tensor w = Tensor::of<int8_t>({1, 2}, {100, 0}).with_quant(QuantParams::per_tensor(0.01f, 0));
  const Tensor bias = Tensor::of<int32_t>({1}, {8}).with_quant(QuantParams::per_tensor(0.25f, 0));
  EXPECT_FLOAT_EQ(run_op(FullyConnected{}, {x, w, bias})[0].data<float>()[0], 3);
}

}  // namespace
}  // namespace hone

#include "formats/onnx/conforms.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace hone::onnx {
namespace {

TypedNode node(std::string_view op, std::vector<std::optional<DType>> in) {
  return {.op = op, .opset = 17, .in = std::move(in), .out = {std::nullopt}, .attribute = {}};
}

std::string refusal(const TypedNode& node) {
  try {
    conform(node);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kUnsupported);
    return e.message();
  }
  return "";
}

TEST(OnnxConforms, LeavesWhatTheRuntimeTakes) {
  const Conformed c = conform(node("Add", {DType::kF32, DType::kF32}));
  EXPECT_FALSE(c.cast_in[0] || c.cast_in[1] || c.cast_out[0]);
  EXPECT_EQ(c.out[0], DType::kF32);
}

TEST(OnnxConforms, ComputesInAWiderTypeWhatTheRuntimeHasNoKernelFor) {
  const Conformed c = conform(node("Max", {DType::kI16, DType::kI16}));
  EXPECT_EQ(c.cast_in[0], DType::kI32);
  EXPECT_EQ(c.cast_in[1], DType::kI32);
  EXPECT_EQ(c.out[0], DType::kI32);
  EXPECT_EQ(c.cast_out[0], DType::kI16);
}

TEST(OnnxConforms, WidensIndicesToTheTypeOfTheOperator) {
  EXPECT_EQ(conform(node("GatherND", {DType::kF32, DType::kI32})).cast_in[1], DType::kI64);
}

TEST(OnnxConforms, NamesOperatorTypesAndRuntimeWhenNothingHelps) {
  const std::string message = refusal(node("Conv", {DType::kF64, DType::kF64}));
  EXPECT_NE(message.find("Conv"), std::string::npos) << message;
  EXPECT_NE(message.find("f64"), std::string::npos) << message;
  EXPECT_NE(message.find("f32"), std::string::npos) << message;
  EXPECT_NE(message.find(kRuntime), std::string::npos) << message;
}

TEST(OnnxConforms, RefusesOperandsOfTwoTypesWhereOneIsWanted) {
  EXPECT_NE(refusal(node("Where", {DType::kBool, DType::kF32, DType::kF16})).find("one type"), std::string::npos);
}

}  // namespace
}  // namespace hone::onnx

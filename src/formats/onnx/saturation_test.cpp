#include "formats/onnx/saturation.h"

#include <gtest/gtest.h>

#include "formats/onnx/test_model.h"
#include "formats/onnx/writer.h"
#include "ir/text.h"
#include "ops/all.h"
#include "ops/conv.h"
#include "ops/interpreter.h"
#include "ops/matmul.h"

namespace hone::onnx {
namespace {

Graph parse(const std::string& text) { return parse_graph(text, all_ops()); }

Graph two_layers(const std::string& first, const std::string& second, const std::string& attributes = "") {
  return parse(R"(graph {
    arithmetic fixed_point
    input %x: i8[1,3,3,2]{scale=0.05, zero_point=-3}
    const %w: i8[2,1,1,2]{axis=0, scale=[0.01, 0.02], zero_point=[0, 0]} = {)" +
               first + R"(}
    const %v: i8[2,1,1,2]{axis=0, scale=[0.01, 0.02], zero_point=[0, 0]} = {)" +
               second + R"(}
    %c: i8[1,3,3,2]{scale=0.05, zero_point=-128} = Conv(%x, %w) )" +
               attributes + R"(
    %y: i8[1,3,3,2]{scale=0.1, zero_point=5} = Conv(%c, %v)
    output %y
  })");
}

/// Checks what VPMADDUBSW would do with all pairs of weights of a channel and the largest activation, on a graph whose
/// activations are u8: s8 weights must stay in 16 bits, u8 ones are multiplied in another way.
void expect_no_pair_overflows(const Graph& graph) {
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (!node.is<Conv>() && !node.is<FullyConnected>()) continue;
    const Tensor& w = graph.value(node.inputs[1]).constant;
    if (w.dtype() != DType::kI8) continue;
    const int64_t channels = w.dim(0), depth = w.elements() / channels;
    const auto values = w.data<int8_t>();
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t i = 0; i < depth; ++i)
        for (int64_t j = 0; j < i; ++j) {
          const int64_t pair = values[static_cast<size_t>(c * depth + i)] + values[static_cast<size_t>(c * depth + j)];
          ASSERT_LE(255 * pair, INT16_MAX) << node.name;
          ASSERT_GE(255 * pair, INT16_MIN) << node.name;
        }
  }
}

TEST(OnnxSaturation, FindsTheLayersWhosePairsLeaveSixteenBits) {
  EXPECT_EQ(saturating_products(two_layers("64, 64, -64, -64", "1, 2, 3, 4")).size(), 0u);
  EXPECT_EQ(saturating_products(two_layers("64, 65, 1, 1", "1, 2, 3, 4")).size(), 1u);
  EXPECT_EQ(saturating_products(two_layers("1, 1, -64, -65", "100, 100, 3, 4")).size(), 2u);
  EXPECT_EQ(saturating_products(two_layers("127, -127, 1, 1", "1, 2, 3, 4")).size(), 0u) << "signs that cancel";
}

TEST(OnnxSaturation, KnowsThatAClampedActivationIsSmall) {
  EXPECT_EQ(saturating_products(two_layers("1, 1, 1, 1", "100, 100, 3, 4")).size(), 1u);
  EXPECT_EQ(saturating_products(two_layers("1, 1, 1, 1", "100, 100, 3, 4", "{act_min=0, act_max=6}")).size(), 0u)
      << "6 is 120 steps, 120 · 200 < 32768";
}

TEST(OnnxSaturation, NoPairOfSignedWeightsCanOverflowInWhatIsWritten) {
  for (const char* weights : {"127, 127, -127, -127", "64, 65, 1, 1", "0, 127, 2, 0"}) {
    const Graph graph = two_layers(weights, weights);
    const Graph safe = with_unsigned_products(graph, saturating_products(graph));
    verify(safe);
    expect_no_pair_overflows(safe);
  }
}

TEST(OnnxSaturation, UnsignedWeightsStandForTheSameNumbers) {
  Graph graph = two_layers("127, 127, -127, -127", "100, -50, 90, 80");
  graph.arithmetic = QuantArithmetic::kFloat;
  const Graph safe = with_unsigned_products(graph, saturating_products(graph));
  Tensor x = Tensor::empty(DType::kI8, {1, 3, 3, 2}, graph.type(graph.inputs()[0]).quant);
  int8_t v = -100;
  for (int8_t& e : x.mutable_data<int8_t>()) e = static_cast<int8_t>(v += 13);
  const std::vector<Tensor> inputs{x};
  EXPECT_TRUE(identical(evaluate(graph, inputs).at(0), evaluate(safe, inputs).at(0)));
  EXPECT_EQ(safe.type(safe.inputs()[0]).dtype, DType::kI8) << "the ends of the graph keep their types";
  EXPECT_EQ(safe.type(safe.outputs()[0]).dtype, DType::kI8);
  EXPECT_EQ(safe.value(safe.outputs()[0]).name, "y");
}

TEST(OnnxSaturation, ReadingTurnsWeightsAndActivationsBack) {
  Graph graph = two_layers("127, 127, -127, -127", "100, -50, 90, 80");
  const Graph again = testing::read(encode_model(graph));
  size_t convolutions = 0;
  for (const NodeId id : again.order()) {
    const Node& node = again.node(id);
    EXPECT_NE(node.def->name, "Quantize");
    if (!node.is<Conv>()) continue;
    ++convolutions;
    EXPECT_EQ(again.type(node.inputs[0]).dtype, DType::kI8);
    EXPECT_EQ(again.type(node.inputs[1]).dtype, DType::kI8);
  }
  EXPECT_EQ(convolutions, 2u);
}

TEST(OnnxSaturation, ATargetWithVnniKeepsSignedWeights) {
  const Graph graph = two_layers("127, 127, -127, -127", "100, -50, 90, 80");
  EXPECT_NE(encode_model(graph), encode_model(graph, {.may_saturate = true}));
  const Graph safe = two_layers("1, 2, 3, 4", "1, 2, 3, 4");
  EXPECT_EQ(encode_model(safe), encode_model(safe, {.may_saturate = true}));
}

}  // namespace
}  // namespace hone::onnx

#include "formats/onnx/qdq.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "formats/onnx/test_model.h"
#include "formats/onnx/writer.h"
#include "ir/text.h"
#include "ops/control.h"
#include "ops/conv.h"
#include "ops/interpreter.h"
#include "ops/matmul.h"
#include "ops/quantize.h"

namespace hone::onnx {
namespace {

using testing::graph;
using testing::model;
using testing::node;
using testing::read;
using testing::value;

template <class Op>
size_t count(const Graph& g) {
  const std::vector<NodeId> order = g.order();
  return static_cast<size_t>(std::count_if(order.begin(), order.end(), [&](NodeId id) { return g.node(id).is<Op>(); }));
}

template <class Op>
const Node& only(const Graph& g) {
  for (const NodeId id : g.order())
    if (g.node(id).is<Op>()) return g.node(id);
  throw std::runtime_error("no such node");
}

Tensor ramp(Dims dims) {
  Tensor t = Tensor::empty(DType::kF32, std::move(dims));
  float v = -1;
  for (float& x : t.mutable_data<float>()) x = v += 0.07f;
  return t;
}

Tensor weights(Dims dims) {
  Tensor t = Tensor::empty(DType::kI8, std::move(dims));
  int v = 0;
  for (int8_t& x : t.mutable_data<int8_t>()) x = static_cast<int8_t>((v += 37) % 200 - 100);
  return t;
}

/// x → Q → DQ → Conv(DQ weight per channel, DQ bias) → Relu → Q → DQ → y, as ONNX Runtime's quantizer writes it.
std::string conv_model() {
  const auto scalar = [](const char* name, float v) { return encode_tensor(name, Tensor::scalar(v)); };
  const auto dq = [](std::vector<std::string> in, const char* out) {
    return node("DequantizeLinear", std::move(in), {out}, AttributeList().add("axis", 0));
  };
  return model(graph(
      {{node("QuantizeLinear", {"x", "xs", "xz"}, {"xq"}), dq({"xq", "xs", "xz"}, "xd"), dq({"w", "ws"}, "wd"),
        dq({"b", "bs"}, "bd"), node("Conv", {"xd", "wd", "bd"}, {"c"}, {}, "", "conv"), node("Relu", {"c"}, {"r"}),
        node("QuantizeLinear", {"r", "ys", "yz"}, {"yq"}), dq({"yq", "ys", "yz"}, "y")},
       {value("x", DType::kF32, {1, 2, 4, 4})},
       {value("y", DType::kF32, {1, 3, 2, 2})},
       {scalar("xs", 0.02f), encode_tensor("xz", Tensor::scalar<int8_t>(3)), encode_tensor("w", weights({3, 2, 3, 3})),
        encode_tensor("ws", Tensor::of<float>({3}, {0.01f, 0.02f, 0.005f})),
        encode_tensor("b", Tensor::of<int32_t>({3}, {100, -50, 7})),
        encode_tensor("bs", Tensor::of<float>({3}, {0.0002f, 0.0004f, 0.0001f})), scalar("ys", 0.03f),
        encode_tensor("yz", Tensor::scalar<int8_t>(-128))},
       {}}));
}

TEST(OnnxQdq, FoldsAConvolutionIntoQuantizedTypes) {
  const Graph g = read(conv_model());
  EXPECT_EQ(count<Quantize>(g), 1u);
  EXPECT_EQ(count<Dequantize>(g), 1u);
  EXPECT_EQ(count<QuantizeLinear>(g) + count<DequantizeLinear>(g), 0u);
  const Node& conv = only<Conv>(g);
  EXPECT_EQ(conv.name, "conv");
  EXPECT_EQ(conv.as<Conv>().act_min, 0.0f) << "the Relu is fused";
  EXPECT_EQ(to_text(g.type(conv.inputs[0])), "i8[1,4,4,2]{scale=0.02, zero_point=3}");
  EXPECT_EQ(g.type(conv.inputs[1]).quant->axis, 0);
  EXPECT_EQ(g.type(conv.inputs[2]).dtype, DType::kI32);
  EXPECT_EQ(to_text(g.type(conv.outputs[0])), "i8[1,2,2,3]{scale=0.03, zero_point=-128}");
  EXPECT_EQ(g.arithmetic, QuantArithmetic::kFloat);
  verify(g);
}

TEST(OnnxQdq, ComputesWhatTheSeparateNodesCompute) {
  const Tensor x = ramp({1, 2, 4, 4});
  const Tensor folded = evaluate(read(conv_model()), std::vector{x}).at(0);
  // The same by hand, on reals.
  const Tensor xq = dequantize(quantize(x, DType::kI8, QuantParams::per_tensor(0.02f, 3)));
  const Tensor weight = weights({3, 2, 3, 3});
  const std::span<const int8_t> w = weight.data<int8_t>();
  const float ws[] = {0.01f, 0.02f, 0.005f}, bias[] = {100 * 0.0002f, -50 * 0.0004f, 7 * 0.0001f};
  for (int o = 0; o < 3; ++o)
    for (int i = 0; i < 4; ++i) {
      float sum = bias[o];
      for (int c = 0; c < 2; ++c)
        for (int k = 0; k < 9; ++k)
          sum += xq.data<float>()[static_cast<size_t>(c * 16 + (i / 2 + k / 3) * 4 + i % 2 + k % 3)] *
                 static_cast<float>(w[static_cast<size_t>(o * 18 + c * 9 + k)]) * ws[o];
      const float y = std::clamp(std::nearbyint(std::max(sum, 0.0f) / 0.03f), 0.0f, 255.0f) * 0.03f;
      EXPECT_NEAR(folded.data<float>()[static_cast<size_t>(o * 4 + i)], y, 1e-5) << o << " " << i;
    }
}

TEST(OnnxQdq, UnfoldsToTheSameGraph) {
  const Graph g = read(conv_model());
  const Graph again = read(encode_model(g));
  EXPECT_EQ(count<Quantize>(again), 1u);
  EXPECT_EQ(to_text(again.type(only<Conv>(again).outputs[0])), to_text(g.type(only<Conv>(g).outputs[0])));
  const std::vector<Tensor> x{ramp({1, 2, 4, 4})};
  EXPECT_TRUE(identical(evaluate(g, x).at(0), evaluate(again, x).at(0)));
}

TEST(OnnxQdq, LeavesAnOperatorInFloatWhenOneInputIs) {
  const std::string bytes =
      model(graph({{node("QuantizeLinear", {"x", "s", "z"}, {"q"}), node("DequantizeLinear", {"q", "s", "z"}, {"d"}),
                    node("Add", {"d", "x"}, {"a"}), node("QuantizeLinear", {"a", "s", "z"}, {"aq"}),
                    node("DequantizeLinear", {"aq", "s", "z"}, {"y"})},
                   {value("x", DType::kF32, {4})},
                   {value("y", DType::kF32, {4})},
                   {encode_tensor("s", Tensor::scalar(0.5f)), encode_tensor("z", Tensor::scalar<uint8_t>(7))},
                   {}}));
  const Graph g = read(bytes);
  EXPECT_EQ(count<Quantize>(g), 2u);
  EXPECT_EQ(count<Dequantize>(g), 2u);
}

TEST(OnnxQdq, QuantizesGraphInputsOfIntegers) {
  const std::string bytes =
      model(graph({{node("DequantizeLinear", {"x", "s", "z"}, {"y"})},
                   {value("x", DType::kU8, {4})},
                   {value("y", DType::kF32, {4})},
                   {encode_tensor("s", Tensor::scalar(0.5f)), encode_tensor("z", Tensor::scalar<uint8_t>(2))},
                   {}}));
  const Graph g = read(bytes);
  EXPECT_EQ(to_text(g.type(g.inputs()[0])), "u8[4]{scale=0.5, zero_point=2}");
  EXPECT_EQ(to_doubles(evaluate(g, std::vector{Tensor::of<uint8_t>({4}, {0, 2, 4, 255})}).at(0)),
            (std::vector<double>{-1, 0, 1, 126.5}));
}

TEST(OnnxQdq, KeepsScalesThatAreKnownAtRunTimeOnly) {
  const std::string bytes =
      model(graph({{node("QuantizeLinear", {"x", "s"}, {"q"}), node("DequantizeLinear", {"q", "s"}, {"y"})},
                   {value("x", DType::kF32, {4}), value("s", DType::kF32, {})},
                   {value("y", DType::kF32, {4})},
                   {},
                   {}}));
  const Graph g = read(bytes);
  EXPECT_EQ(count<QuantizeLinear>(g), 1u);
  EXPECT_EQ(count<DequantizeLinear>(g), 1u);
}

TEST(OnnxQdq, FoldsOnnxRuntimesOwnQuantizedOperators) {
  const std::string add = node("QLinearAdd", {"x", "s", "z", "x", "s", "z", "t", "z"}, {"a"}, {}, "com.microsoft");
  const std::string sigmoid = node("QLinearSigmoid", {"a", "t", "z", "s", "z"}, {"y"}, {}, "com.microsoft");
  const std::string bytes =
      model(graph({{add, sigmoid},
                   {value("x", DType::kU8, {4})},
                   {value("y", DType::kU8, {4})},
                   {encode_tensor("s", Tensor::scalar(0.0078125f)), encode_tensor("t", Tensor::scalar(0.015625f)),
                    encode_tensor("z", Tensor::scalar<uint8_t>(0))},
                   {}}));
  const Graph g = read(bytes);
  EXPECT_EQ(g.node_count(), 2u);
  // 0.5 + 0.5 = 1; σ(1) = 0.731, in steps of 1/128: 94.
  EXPECT_EQ(to_ints(evaluate(g, std::vector{Tensor::of<uint8_t>({4}, {64, 64, 64, 64})}).at(0).with_quant(nullptr))[0],
            94);
}

/// Conv → AveragePool → Add → Concat → GlobalAveragePool as ONNX Runtime's quantizer says it with integer operators.
std::string integer_chain() {
  const auto own = [](const char* op, std::vector<std::string> in, const char* out, const AttributeList& attributes) {
    return node(op, std::move(in), {out}, attributes, "com.microsoft");
  };
  const AttributeList window =
      AttributeList().add("kernel_shape", std::vector<int64_t>{2, 2}).add("strides", std::vector<int64_t>{2, 2});
  return model(
      graph({{node("QLinearConv", {"x", "s", "z", "w", "s", "wz", "s", "z"}, {"c"}),
              own("QLinearAveragePool", {"c", "s", "z", "s", "z"}, "p", window),
              own("QLinearAdd", {"p", "s", "z", "p", "s", "z", "t", "z"}, "a", {}),
              own("QLinearConcat", {"s", "z", "p", "s", "z", "a", "t", "z"}, "b", AttributeList().add("axis", 1)),
              own("QLinearGlobalAveragePool", {"b", "s", "z", "s", "z"}, "y", AttributeList().add("channels_last", 0))},
             {value("x", DType::kU8, {1, 2, 6, 6})},
             {value("y", DType::kU8, {1, 6, 1, 1})},
             {encode_tensor("s", Tensor::scalar(0.02f)), encode_tensor("t", Tensor::scalar(0.04f)),
              encode_tensor("z", Tensor::scalar<uint8_t>(128)), encode_tensor("w", weights({3, 2, 1, 1})),
              encode_tensor("wz", Tensor::scalar<int8_t>(0))},
             {}}));
}

TEST(OnnxQdq, ReadsAnIntegerModelIntoQuantizedTypesAlone) {
  const Graph g = read(integer_chain());
  EXPECT_EQ(count<QuantizeLinear>(g) + count<DequantizeLinear>(g) + count<Quantize>(g) + count<Dequantize>(g), 0u)
      << to_text(g);
  for (const NodeId id : g.order()) EXPECT_TRUE(g.type(g.node(id).outputs[0]).quant) << g.node(id).name;
}

TEST(OnnxQdq, TakesOneNumberAsAScalarHereAndAsAVectorThere) {
  const auto scale = [](const char* name, float v) { return encode_tensor(name, Tensor::of<float>({1}, {v})); };
  const std::string bytes = model(graph(
      {{node("QuantizeLinear", {"x", "s", "z"}, {"q"}),
        node("QLinearConv", {"q", "s", "z", "w", "s", "wz", "s", "z"}, {"c"}),
        node("DequantizeLinear", {"c", "s", "z"}, {"y"})},
       {value("x", DType::kF32, {1, 1, 1, 1})},
       {value("y", DType::kF32, {1, 1, 1, 1})},
       {scale("s", 0.5f), encode_tensor("z", Tensor::scalar<uint8_t>(128)),
        encode_tensor("w", Tensor::of<int8_t>({1, 1, 1, 1}, {4})), encode_tensor("wz", Tensor::scalar<int8_t>(0))},
       {}}));
  const Graph g = read(bytes);
  EXPECT_EQ(to_doubles(evaluate(g, std::vector{Tensor::of<float>({1, 1, 1, 1}, {3})}).at(0)).at(0), 6);
}

TEST(OnnxQdq, RefusesAZeroPointOfI32) {
  const auto dequantize = [](int32_t point) {
    return model(graph({{node("DequantizeLinear", {"x", "s", "z"}, {"y"})},
                        {value("x", DType::kI32, {2})},
                        {value("y", DType::kF32, {2})},
                        {encode_tensor("s", Tensor::scalar(0.5f)), encode_tensor("z", Tensor::scalar(point))},
                        {}}));
  };
  EXPECT_EQ(to_doubles(evaluate(read(dequantize(0)), std::vector{Tensor::of<int32_t>({2}, {3, -4})}).at(0)),
            (std::vector<double>{1.5, -2}));
  const Graph g = read(dequantize(3));
  const Node& node = g.node(g.order().at(0));
  ASSERT_TRUE(node.is<Opaque>());
  EXPECT_NE(node.as<Opaque>().reason.find("the zero point is 3, expected 0"), std::string::npos);
}

TEST(OnnxQdq, FoldsQLinearMatMulIntoAFullyConnectedLayer) {
  const auto scalar = [](const char* name, float v) { return encode_tensor(name, Tensor::scalar(v)); };
  const std::string bytes = model(
      graph({{node("QLinearMatMul", {"x", "xs", "xz", "w", "ws", "wz", "ys", "yz"}, {"y"})},
             {value("x", DType::kU8, {2, 3})},
             {value("y", DType::kU8, {2, 4})},
             {scalar("xs", 0.1f), encode_tensor("xz", Tensor::scalar<uint8_t>(10)), encode_tensor("w", weights({3, 4})),
              scalar("ws", 0.02f), encode_tensor("wz", Tensor::scalar<int8_t>(0)), scalar("ys", 0.5f),
              encode_tensor("yz", Tensor::scalar<uint8_t>(100))},
             {}}));
  const Graph g = read(bytes);
  EXPECT_EQ(count<FullyConnected>(g), 1u);
  EXPECT_EQ(g.node_count(), 1u);
  EXPECT_EQ(g.type(g.outputs()[0]).dtype, DType::kU8);
}

}  // namespace
}  // namespace hone::onnx

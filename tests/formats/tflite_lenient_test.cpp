// Files as converters and other runtimes leave them: what the runtime takes, hone takes.

#include <gtest/gtest.h>

#include <limits>

#include "base/error.h"
#include "formats/tflite_case_parts.h"
#include "formats/tflite_models.h"
#include "ir/text.h"
#include "ops/all.h"
#include "ops/control.h"
#include "ops/conv.h"
#include "ops/interpreter.h"

namespace hone {
namespace {

using namespace tflite_parts;

TEST(TfliteReader, KnowsWhatAComputedShapeSaysOfChannels) {
  const Graph graph = parse_graph(R"(graph {
    input %x: f32[batch,4]
    const %b: i64[1] = {0}
    const %e: i64[1] = {1}
    const %t: i64[3] = {1, 1, 4}
    const %w: f32[2,1,1,4] = {1, 2, 3, 4, 5, 6, 7, 8}
    %s = ShapeOf(%x)
    %n = Slice(%s, %b, %e)
    %d = Concat(%n, %t)
    %r: f32[?,?,?,4] = Reshape(%x, %d)
    %y = Conv(%r, %w) {auto_pad=valid}
    output %y
  })",
                                  all_ops());
  const Graph again = read_bytes(write_tflite(graph));
  const Tensor ones = Tensor::of<float>({1, 4}, {1, 1, 1, 1});
  const Tensor y = evaluate(again, std::vector<Tensor>{ones})[0];
  EXPECT_EQ(y.dims(), (Dims{1, 1, 1, 2}));
  EXPECT_EQ(to_doubles(y), (std::vector<double>{10, 26}));
}

TEST(TfliteReader, KeepsTypesOfOperatorsItDoesNotKnow) {
  const TfliteCase c{.name = "custom",
                     .code = B::CUSTOM,
                     .inputs = {floats({2})},
                     .outputs = {plain(DType::kI32), stored(DType::kI8, 0.5f, 3)},
                     .custom = "Mine"};
  const Graph graph = read_bytes(c.model());
  ASSERT_EQ(graph.outputs().size(), 2u);
  EXPECT_EQ(graph.type(graph.outputs()[0]).dtype, DType::kI32);
  EXPECT_EQ(graph.type(graph.outputs()[1]).dtype, DType::kI8);
  EXPECT_TRUE(graph.type(graph.outputs()[1]).quant);
}

TEST(TfliteReader, TakesNoRankOfAnOperatorItDoesNotKnowForOneThatIsNotKnown) {
  const TfliteCase c{
      .name = "custom", .code = B::CUSTOM, .inputs = {floats({2})}, .outputs = {real()}, .custom = "Mine"};
  EXPECT_FALSE(read_bytes(c.model()).type(read_bytes(c.model()).outputs()[0]).shape.has_rank());
}

TEST(TfliteReader, SaysWhyItDoesNotTakeAnOperatorItKnows) {
  const TfliteCase c{.name = "late", .code = B::RELU, .inputs = {floats({2})}, .outputs = {real()}, .version = 99};
  const Graph graph = read_bytes(c.model());
  const Node& node = graph.node(graph.order().at(0));
  ASSERT_TRUE(node.is<Opaque>());
  EXPECT_NE(node.as<Opaque>().reason.find("version 99"), std::string::npos) << node.as<Opaque>().reason;
}

TEST(TfliteReader, TakesTinyAndInfiniteScales) {
  for (const float scale : {3e-35f, std::numeric_limits<float>::infinity()}) {
    const TfliteCase c{.name = "scale",
                       .code = B::RELU,
                       .inputs = {i8({4}, scale)},
                       .outputs = {stored(DType::kI8, 0.1f, 0)},
                       .version = 2};
    EXPECT_EQ(evaluate(read_bytes(c.model()), c.fed()).size(), 1u) << scale;
  }
}

TEST(TfliteReader, TakesABiasThatNamesTheAxisOfItsWeight) {
  const auto scales = [](std::vector<float> s, int64_t axis) {
    return QuantParams::per_channel(std::move(s), {0, 0}, axis);
  };
  const Tensor w = Tensor::of<int8_t>({1, 1, 1, 2}, {3, 4}).with_quant(scales({0.5f, 0.25f}, 3));
  const Tensor b = Tensor::of<int32_t>({2}, {10, 20}).with_quant(scales({0.05f, 0.025f}, 0));
  const TfliteCase c{.name = "bias",
                     .code = B::DEPTHWISE_CONV_2D,
                     .inputs = {i8({1, 2, 2, 2}, 0.1f, 0), constant(w), constant(b)},
                     .outputs = {stored(DType::kI8, 0.1f, 0)},
                     .options = with<fb::DepthwiseConv2DOptionsT>([](auto& o) {
                       o.stride_h = o.stride_w = o.depth_multiplier = 1;
                       o.padding = fb::Padding::VALID;
                     }),
                     .version = 3};
  fb::ModelT m;
  const std::vector<std::byte> model = c.model();
  fb::GetModel(model.data())->UnPackTo(&m);
  m.subgraphs[0]->tensors[2]->quantization->quantized_dimension = 3;
  flatbuffers::FlatBufferBuilder builder;
  fb::FinishModelBuffer(builder, fb::Model::Pack(builder, &m));
  const auto* bytes = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
  const Graph graph = read_bytes({bytes, bytes + builder.GetSize()});
  EXPECT_TRUE(graph.node(graph.order().back()).is<Conv>());
}

/// Converters write 1/65535 where the kernel gives 1/65536, and TensorFlow Lite takes it.
TEST(TfliteWriter, TakesASoftmaxScaleWithinAThousandth) {
  const auto write = [](const std::string& scale) {
    return write_tflite(parse_graph(R"(graph {
      arithmetic fixed_point
      input %x: i8[1,4]{scale=0.1, zero_point=3}
      %y: i16[1,4]{scale=)" + scale + R"(, zero_point=-32768} = Softmax(%x)
      output %y
    })",
                                    all_ops()));
  };
  EXPECT_NO_THROW(write("1.5259022e-05"));
  EXPECT_THROW(write("1.53e-05"), Error);
}

TEST(TfliteWriter, WritesATransposedConvolutionOfABatchThatRunTimeKnows) {
  const Graph graph = parse_graph(R"(graph {
    input %x: f32[n,8]
    const %s: i64[4] = {-1, 2, 2, 2}
    const %w: f32[2,2,2,1] = {1, 2, 3, 4, 5, 6, 7, 8}
    %r: f32[?,2,2,2] = Reshape(%x, %s)
    %y = ConvTranspose(%r, %w) {strides=[2, 2], auto_pad=valid}
    output %y
  })",
                                  all_ops());
  const std::vector<Tensor> x{Tensor::of<float>({2, 8}, std::vector<float>(16, 1))};
  const Tensor y = evaluate(read_bytes(write_tflite(graph)), x)[0];
  EXPECT_TRUE(identical(y, evaluate(graph, x)[0]));
  EXPECT_EQ(y.dims(), (Dims{2, 4, 4, 1}));
}

}  // namespace
}  // namespace hone

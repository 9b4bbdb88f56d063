#include "compress/quantize.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "compress/dequantize.h"
#include "compress/pixels.h"
#include "compress/weights.h"
#include "data/preprocess.h"
#include "ir/text.h"
#include "ops/all.h"
#include "ops/conv.h"
#include "ops/interpreter.h"
#include "ops/quantize.h"

namespace hone {
namespace {

constexpr std::string_view kNet = R"(graph "net" {
  input %x: f32[1,8,8,3]
  const %w1: f32[16,3,3,3] = random(1)
  const %b1: f32[16] = random(2)
  const %w2: f32[16,3,3,1] = random(3)
  const %w3: f32[16,1,1,16] = random(4)
  const %wf: f32[10,16] = random(5)
  const %bf: f32[10] = random(6)
  const %axes: i64[2] = {1, 2}
  %c1: f32[1,8,8,16] = Conv(%x, %w1, %b1) {pads=[1, 1, 1, 1], act_min=0, act_max=6}
  %c2: f32[1,8,8,16] = Conv(%c1, %w2) {pads=[1, 1, 1, 1], groups=16, act_min=0}
  %c3: f32[1,8,8,16] = Conv(%c2, %w3)
  %s: f32[1,8,8,16] = Add(%c1, %c3) {act_min=0}
  %p: f32[1,16] = ReduceMean(%s, %axes) {keepdims=false}
  %l: f32[1,10] = FullyConnected(%p, %wf, %bf)
  %y: f32[1,10] = Softmax(%l)
  output %y
})";

Tensor random_input(uint64_t seed) {
  Tensor x = Tensor::empty(DType::kF32, {1, 8, 8, 3});
  for (float& v : x.mutable_data<float>()) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    v = static_cast<float>(static_cast<double>(seed >> 11) * 0x1p-52 - 1);
  }
  return x;
}

struct Calibrated {
  Graph graph = parse_graph(kNet, all_ops());
  Ranges ranges;

  explicit Calibrated(const char* calibrator = "minmax") {
    const SampleSource source{8, [](size_t i) { return std::vector<Tensor>{random_input(i + 1)}; }};
    const Engine engine{.providers = {&reference_provider()}};
    ranges = to_ranges(collect_statistics(graph, source, engine), find_calibrator(calibrator));
  }
};

size_t count_of(const Graph& graph, const OpDef& def) {
  size_t count = 0;
  for (const NodeId id : graph.order()) count += graph.node(id).def == &def;
  return count;
}

double worst_error(const Graph& a, const Graph& b) {
  double worst = 0;
  for (uint64_t seed = 100; seed < 104; ++seed) {
    const std::vector<Tensor> inputs = {random_input(seed)};
    const auto expected = to_doubles(evaluate(a, inputs)[0]), actual = to_doubles(evaluate(b, inputs)[0]);
    for (size_t i = 0; i < expected.size(); ++i) worst = std::max(worst, std::fabs(expected[i] - actual[i]));
  }
  return worst;
}

TEST(QuantizeStatic, RunsAllIntegerBetweenOneQuantizeAndOneDequantize) {
  const Calibrated c;
  const Graph q = quantize_static(c.graph, c.ranges);
  verify(q);
  EXPECT_EQ(count_of(q, Quantize::def), 1u) << to_text(q);
  EXPECT_EQ(count_of(q, Dequantize::def), 1u) << to_text(q);
  EXPECT_EQ(q.value(q.outputs()[0]).name, "y");
  EXPECT_EQ(q.type(q.outputs()[0]).dtype, DType::kF32);
  EXPECT_LT(worst_error(c.graph, q), 0.2);
}

TEST(QuantizeStatic, KeepsTheBordersIntegerWhenAsked) {
  const Calibrated c;
  const Graph q = quantize_static(c.graph, c.ranges, {.quantize_io = true});
  verify(q);
  EXPECT_EQ(q.type(q.inputs()[0]).dtype, DType::kI8);
  EXPECT_EQ(to_text(q.type(q.outputs()[0])), "i8[1,10]{scale=0.00390625, zero_point=-128}");
  EXPECT_EQ(count_of(q, Quantize::def) + count_of(q, Dequantize::def), 0u) << to_text(q);
}

TEST(QuantizeStatic, LeavesNamedLayersInFloat) {
  const Calibrated c;
  const Graph q = quantize_static(c.graph, c.ranges, {.keep_float = {"c2"}});
  verify(q);
  for (const NodeId id : q.order()) {
    if (q.node(id).name != "c2") continue;
    EXPECT_EQ(q.type(q.node(id).outputs[0]).dtype, DType::kF32);
  }
  EXPECT_EQ(count_of(q, Quantize::def), 2u) << to_text(q);
  EXPECT_LT(worst_error(c.graph, q), 0.2);
}

TEST(QuantizeStatic, ArithmeticBehindTheLastWeightsStaysInFloat) {
  const Graph graph = parse_graph(R"(graph "boxes" {
    input %x: f32[1,4]
    const %w: f32[4,4] = random(1)
    const %size: f32[1,4] = {0.1, 0.1, 0.2, 0.2}
    %l: f32[1,4] = FullyConnected(%x, %w)
    %d: f32[1,4] = Mul(%l, %size)
    %y: f32[1,4] = Add(%d, %size)
    output %y
  })",
                                  all_ops());
  const Ranges ranges = {{"x", {-1, 1}}, {"l", {-2, 2}}, {"d", {-1, 1}}, {"y", {-1, 1}}};
  EXPECT_EQ(quantizable_layers(graph, ranges), std::vector<std::string>{"l"});
  const Graph q = quantize_static(graph, ranges);
  verify(q);
  for (const NodeId id : q.order()) {
    if (q.node(id).name != "y" && q.node(id).name != "d") continue;
    EXPECT_EQ(q.type(q.node(id).outputs[0]).quant, nullptr);
  }
  const Graph integer = quantize_static(graph, ranges, {.quantize_io = true});
  EXPECT_NE(integer.type(integer.outputs()[0]).quant, nullptr);
}

TEST(QuantizeStatic, BoxesAndScoresJoinedBehindTheLastWeightsKeepScalesOfTheirOwn) {
  const Graph graph = parse_graph(R"(graph "heads" {
    input %x: f32[1,4]
    const %w: f32[4,4] = random(1)
    const %v: f32[2,4] = random(2)
    %boxes: f32[1,4] = FullyConnected(%x, %w)
    %scores: f32[1,2] = FullyConnected(%x, %v)
    %y: f32[1,6] = Concat(%boxes, %scores) {axis=1}
    output %y
  })",
                                  all_ops());
  const Ranges ranges = {{"x", {-1, 1}}, {"boxes", {-400, 400}}, {"scores", {-1, 1}}, {"y", {-400, 400}}};
  const Graph q = quantize_static(graph, ranges);
  verify(q);
  for (const NodeId id : q.order()) {
    if (q.node(id).name != "scores") continue;
    EXPECT_LT(q.type(q.node(id).outputs[0]).quant->scale(), 0.01f);
  }
  const Graph integer = quantize_static(graph, ranges, {.quantize_io = true});
  EXPECT_GT(integer.type(integer.outputs()[0]).quant->scale(), 1);
}

TEST(QuantizeStatic, ZeroIsExactInEveryActivation) {
  const Calibrated c;
  const Graph q = quantize_static(c.graph, c.ranges);
  for (const NodeId id : q.order())
    for (const ValueId out : q.node(id).outputs) {
      const QuantPtr quant = q.type(out).quant;
      if (!quant) continue;
      EXPECT_GE(quant->zero_point(), -128);
      EXPECT_LE(quant->zero_point(), 127);
      EXPECT_GT(quant->scale(), 0);
    }
}

TEST(QuantizeStatic, IsTheSameEveryTime) {
  const Calibrated c;
  EXPECT_EQ(to_text(quantize_static(c.graph, c.ranges), {.max_constant_elements = -1}),
            to_text(quantize_static(c.graph, c.ranges), {.max_constant_elements = -1}));
}

TEST(QuantizableLayers, AreThoseWithRangesOfTheirOwn) {
  const Calibrated c;
  EXPECT_EQ(quantizable_layers(c.graph, c.ranges), (std::vector<std::string>{"c1", "c2", "c3", "s", "p", "l"}));
}

TEST(QuantizeDynamicRange, StoresLargeWeightsAsIntegersAndComputesInFloat) {
  Graph graph = parse_graph(R"(graph "fc" {
    input %x: f32[2,64]
    const %w: f32[32,64] = random(1)
    const %small: f32[4,32] = random(2)
    %h: f32[2,32] = FullyConnected(%x, %w)
    %y: f32[2,4] = FullyConnected(%h, %small)
    output %y
  })",
                            all_ops());
  const Graph q = quantize_dynamic_range(graph);
  verify(q);
  int integer = 0;
  for (size_t i = 0; i < q.value_capacity(); ++i)
    integer += q.value(ValueId{static_cast<int32_t>(i)}).constant.exists() &&
               q.type(ValueId{static_cast<int32_t>(i)}).quant != nullptr;
  EXPECT_EQ(integer, 1);
  EXPECT_EQ(q.type(q.outputs()[0]).dtype, DType::kF32);
}

TEST(QuantizeDynamicRange, ScalesBelongToOutputChannelsWhateverTheRank) {
  const Graph q = quantize_dynamic_range(parse_graph(R"(graph "ranks" {
    input %x1: f32[1,9,33]
    input %x3: f32[1,3,3,3,33]
    const %c1: f32[35,3,33] = random(1)
    const %t1: f32[33,3,35] = random(2)
    const %t3: f32[33,2,2,2,35] = random(3)
    %c = Conv(%x1, %c1)
    %t = ConvTranspose(%x1, %t1)
    %u = ConvTranspose(%x3, %t3)
    output %c, %t, %u
  })",
                                                     all_ops()));
  const std::pair<const char*, int64_t> expected[] = {{"c", 0}, {"t", 2}, {"u", 4}};
  for (size_t i = 0; i < 3; ++i) {
    const Node& node = *q.producer(q.outputs()[i]);
    const Tensor& w = q.value(node.inputs[1]).constant;
    ASSERT_TRUE(w.quant()) << expected[i].first;
    EXPECT_EQ(w.quant()->axis, expected[i].second) << expected[i].first;
    EXPECT_EQ(w.quant()->scales.size(), 35u) << expected[i].first;
  }
  evaluate(q,
           std::vector<Tensor>{Tensor::zeros(DType::kF32, {1, 9, 33}), Tensor::zeros(DType::kF32, {1, 3, 3, 3, 33})});
}

TEST(QuantizeStatic, GroupsThatShareTheWeightsChannelsShareOneScale) {
  const Graph graph = parse_graph(R"(graph "groups" {
    input %x: f32[1,4,4,4]
    const %w: f32[4,2,2,3] = random(1)
    const %b: f32[6] = random(2)
    %y = ConvTranspose(%x, %w, %b) {groups=2}
    output %y
  })",
                                  all_ops());
  const Graph q = quantize_static(graph, {{"x", {-1, 1}}, {"y", {-4, 4}}});
  for (const NodeId id : q.order()) {
    if (!q.node(id).is<ConvTranspose>()) continue;
    EXPECT_TRUE(q.type(q.node(id).inputs[1]).quant->is_per_tensor());
  }
}

TEST(ToFloat16, LeavesNumbersThatDoNotFit) {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::kF32, {32}, nullptr});
  Tensor big = Tensor::empty(DType::kF32, {32}), fine = Tensor::empty(DType::kF32, {32});
  for (size_t i = 0; i < 32; ++i) {
    big.mutable_data<float>()[i] = 1e6f;
    fine.mutable_data<float>()[i] = 0.5f;
  }
  const auto* add = all_ops().find("Add");
  const NodeId a = graph.add({.def = add, .inputs = {x, graph.add_constant(big, "big")}});
  const NodeId b = graph.add({.def = add, .inputs = {graph.node(a).outputs[0], graph.add_constant(fine, "fine")}});
  graph.set_outputs({graph.node(b).outputs[0]});
  const Graph half = to_float16(graph);
  verify(half);
  const std::string text = to_text(half);
  EXPECT_NE(text.find("%fine_f16: f16[32]"), std::string::npos) << text;
  EXPECT_EQ(text.find("%big_f16"), std::string::npos) << text;
}

TEST(ToFloat, UndoesAQuantizationUpToItsRounding) {
  const Calibrated c;
  for (const bool integer_io : {false, true}) {
    const Graph back = to_float(quantize_static(c.graph, c.ranges, {.quantize_io = integer_io}));
    verify(back);
    EXPECT_EQ(back.type(back.inputs()[0]).dtype, DType::kF32);
    EXPECT_EQ(back.value(back.outputs()[0]).name, "y");
    EXPECT_EQ(back.node_count(), c.graph.node_count());
    EXPECT_LT(worst_error(c.graph, back), 0.05);
  }
}

TEST(KeepPixels, StatesWhatTheyMeantToAnIntegerInput) {
  const Graph integer = parse_graph(R"(graph "pixels" {
    input %x: u8[1,8,8,3]{scale=0.5, zero_point=100}
    %y: u8[1,8,8,3]{scale=0.5, zero_point=100} = Relu(%x)
    output %y
  })",
                                    all_ops());
  const auto preprocess_of = [](const Graph& graph) {
    Graph real = to_float(graph);
    keep_pixels(graph, real);
    return real.metadata.at(std::string(kPreprocessKey));
  };
  const Preprocess p = parse_preprocess(preprocess_of(integer));
  EXPECT_EQ(p.scale, 0.5f);
  EXPECT_EQ(p.mean, std::vector<float>{50});
  Graph stated = integer;
  stated.metadata[std::string(kPreprocessKey)] = "{\"scale\":2}";
  EXPECT_EQ(preprocess_of(stated), "{\"scale\":2}");
}

TEST(WithFloatWeights, GivesADynamicRangeModelItsRealNumbersBack) {
  const Graph graph = parse_graph(R"(graph "fc" {
    input %x: f32[1,64]
    const %w: f32[32,64] = random(1)
    %y: f32[1,32] = FullyConnected(%x, %w)
    output %y
  })",
                                  all_ops());
  EXPECT_FALSE(has_integer_weights(graph));
  const Graph dynamic = quantize_dynamic_range(graph);
  ASSERT_TRUE(has_integer_weights(dynamic));
  const Graph real = with_float_weights(dynamic);
  EXPECT_FALSE(has_integer_weights(real));
  EXPECT_EQ(quantizable_layers(real, {{"x", {-1, 1}}, {"y", {-1, 1}}}), std::vector<std::string>{"y"});
}

// A use for each way through it would be 2^60 of them.
TEST(QuantizeStatic, AValueThatIsUsedTwiceAgainAndAgainIsFollowedOnce) {
  std::string text = "graph \"twice\" {\n  input %v0: f32[1,4]\n";
  Ranges ranges{{"v0", {-1, 1}}};
  for (int i = 0; i < 60; ++i) {
    text += cat("  %v", i + 1, " = Maximum(%v", i, ", %v", i, ")\n");
    ranges[cat("v", i + 1)] = {-1, 1};
  }
  const Graph graph = parse_graph(text + "  output %v60\n}", all_ops());
  const Graph q = quantize_static(graph, ranges);
  EXPECT_EQ(count_of(q, Quantize::def), 0u) << to_text(q);
}

TEST(WithFloatWeights, RefusesAModelThatComputesInIntegers) {
  const Calibrated net;
  const Graph integer = quantize_static(net.graph, net.ranges);
  try {
    with_float_weights(integer);
    FAIL() << "accepted";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(std::string(e.what()).find("computes in integers already"), std::string::npos);
    EXPECT_NE(std::string(e.what()).find("hone quantize MODEL --to float"), std::string::npos);
  }
}

TEST(Weights, AChannelWithALargeBiasGetsAScaleThatHoldsIt) {
  Tensor w = Tensor::of<float>({2, 2}, {1e-12f, -1e-12f, 0.5f, 0.25f});
  const Tensor bias = Tensor::of<float>({2}, {3, 1});
  const Tensor q = widen_for_bias(w, quantize_weights(w, 0), bias, 0.01f);
  const Tensor b = quantize_bias(bias, 0.01f, *q.quant());
  EXPECT_NEAR(to_doubles(b)[0], 3, 1e-3);
  EXPECT_NEAR(to_doubles(b)[1], 1, 1e-3);
}

}  // namespace
}  // namespace hone

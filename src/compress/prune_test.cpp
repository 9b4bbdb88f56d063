#include "compress/prune.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "compress/channel_groups.h"
#include "compress/recipe.h"
#include "ir/text.h"
#include "ops/all.h"
#include "ops/interpreter.h"

namespace hone {
namespace {

constexpr std::string_view kNet = R"(graph "net" {
  input %x: f32[1,6,6,4]
  const %w1: f32[16,3,3,4] = random(1)
  const %b1: f32[16] = random(2)
  const %w2: f32[12,1,1,16] = random(3)
  const %w3: f32[12,3,3,1] = random(4)
  const %w4: f32[12,1,1,12] = random(5)
  const %k: f32[12] = random(6)
  const %wf: f32[5,12] = random(7)
  const %axes: i64[2] = {1, 2}
  const %flat: i64[2] = {-1, 12}
  %a = Conv(%x, %w1, %b1) {act_min=0}
  %b = Conv(%a, %w2)
  %c = Conv(%b, %w3) {groups=12, pads=[1, 1, 1, 1], act_min=0}
  %d = Conv(%c, %w4)
  %e = Add(%b, %d) {act_min=0}
  %f = Mul(%e, %k)
  %p = ReduceMean(%f, %axes)
  %q = Reshape(%p, %flat)
  %y = FullyConnected(%q, %wf)
  output %y
})";

Tensor random_input(uint64_t seed) {
  Tensor x = Tensor::empty(DType::kF32, {1, 6, 6, 4});
  for (float& v : x.mutable_data<float>()) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    v = static_cast<float>(static_cast<double>(seed >> 11) * 0x1p-52 - 1);
  }
  return x;
}

Evidence evidence() {
  return {{64, [](size_t i) { return std::vector<Tensor>{random_input(i + 1)}; }},
          {.providers = {&reference_provider()}}};
}

ValueId value_named(const Graph& graph, const std::string& name) {
  for (size_t i = 0; i < graph.value_capacity(); ++i)
    if (graph.value({static_cast<int32_t>(i)}).name == name) return {static_cast<int32_t>(i)};
  return {};
}

/// Output channel c of layer weights `name` becomes that of c mod `distinct`.
void repeat_rows(Graph& graph, const std::string& name, size_t distinct) {
  const ValueId id = value_named(graph, name);
  Tensor t = graph.value(id).constant.clone();
  auto data = t.mutable_data<float>();
  const size_t size = data.size() / static_cast<size_t>(t.dim(0));
  for (size_t i = 0; i < data.size(); ++i) data[i] = data[i / size % distinct * size + i % size];
  graph.set_constant(id, t);
}

double relative_error(const Graph& a, const Graph& b) {
  double noise = 0, signal = 0;
  for (uint64_t seed = 1000; seed < 1040; ++seed) {
    const std::vector<Tensor> inputs = {random_input(seed)};
    const auto x = to_doubles(evaluate(a, inputs)[0]), y = to_doubles(evaluate(b, inputs)[0]);
    for (size_t i = 0; i < x.size(); ++i) {
      noise += (x[i] - y[i]) * (x[i] - y[i]);
      signal += x[i] * x[i];
    }
  }
  return noise / signal;
}

TEST(ChannelGroups, ResidualsAndDepthwiseLayersTieAndBordersStay) {
  const Graph graph = parse_graph(kNet, all_ops());
  const ChannelGroups groups = channel_groups(graph);
  const auto group_of = [&](const char* name) {
    return groups.of_value[static_cast<size_t>(value_named(graph, name).index)];
  };
  for (const char* tied : {"c", "d", "e", "f", "k", "p", "q"}) EXPECT_EQ(group_of(tied), group_of("b")) << tied;
  EXPECT_NE(group_of("a"), group_of("b"));
  const ChannelGroup& residual = groups.groups[static_cast<size_t>(group_of("b"))];
  EXPECT_EQ(residual.channels, 12);
  EXPECT_FALSE(residual.is_fixed);
  EXPECT_EQ(residual.makers.size(), 2u);
  EXPECT_EQ(residual.readers.size(), 2u);
  EXPECT_EQ(residual.carriers.size(), 1u);
  EXPECT_TRUE(groups.groups[static_cast<size_t>(group_of("x"))].is_fixed);
  EXPECT_TRUE(groups.groups[static_cast<size_t>(group_of("y"))].is_fixed);
}

TEST(ChannelGroups, AnOperatorWithoutARuleKeepsItsChannels) {
  const Graph graph = parse_graph(R"(graph "norm" {
    input %x: f32[1,6,6,4]
    const %w1: f32[8,1,1,4] = random(1)
    const %w2: f32[3,1,1,8] = random(2)
    %a = Conv(%x, %w1)
    %b = Softmax(%a)
    %y = Conv(%b, %w2)
    output %y
  })",
                                  all_ops());
  for (const ChannelGroup& group : channel_groups(graph).groups) EXPECT_TRUE(group.is_fixed);
  EXPECT_THROW(prune(graph, evidence()), Error);
}

TEST(Prune, LeavesTheShareThatWasAskedForAndALegalGraph) {
  const Graph graph = parse_graph(kNet, all_ops());
  const Pruned pruned = prune(graph, evidence(), {.macs = 0.7});
  verify(pruned.graph);
  EXPECT_LE(static_cast<double>(pruned.macs_after), 0.7 * static_cast<double>(pruned.macs_before));
  EXPECT_GT(static_cast<double>(pruned.macs_after), 0.5 * static_cast<double>(pruned.macs_before));
  EXPECT_LT(pruned.channels_after, pruned.channels_before);
  EXPECT_EQ(to_text(pruned.graph.type(pruned.graph.outputs()[0])), "f32[1,5]");
  EXPECT_LT(relative_error(graph, pruned.graph), 0.2);
}

TEST(Prune, ChannelsThatRepeatOthersGoWithoutLoss) {
  Graph graph = parse_graph(kNet, all_ops());
  repeat_rows(graph, "w1", 8);
  const ValueId bias = value_named(graph, "b1");
  Tensor b = graph.value(bias).constant.clone();
  for (size_t i = 8; i < 16; ++i) b.mutable_data<float>()[i] = b.data<float>()[i - 8];
  graph.set_constant(bias, b);
  // The first layer and its reader are the bulk: half of its channels are three eighths of all.
  const Pruned pruned = prune(graph, evidence(), {.macs = 0.63});
  const Node& first = *pruned.graph.producer(value_named(pruned.graph, "a"));
  EXPECT_EQ(pruned.graph.value(first.inputs[1]).constant.dim(0), 8);
  EXPECT_LT(relative_error(graph, pruned.graph), 1e-4);
}

TEST(Prune, LayersThatShareABiasArePrunedEachForItself) {
  Graph graph = parse_graph(R"(graph "zeros" {
  input %x: f32[1,6,6,4]
  const %w1: f32[16,3,3,4] = random(1)
  const %w2: f32[16,1,1,16] = random(2)
  const %zero: f32[16] = fill(0)
  const %wf: f32[5,16] = random(3)
  const %axes: i64[2] = {1, 2}
  %a = Conv(%x, %w1, %zero) {act_min=0}
  %b = Conv(%a, %w2, %zero) {act_min=0}
  %p = ReduceMean(%b, %axes) {keepdims=false}
  %y = FullyConnected(%p, %wf)
  output %y
})",
                            all_ops());
  const Pruned pruned = prune(graph, evidence(), {.macs = 0.8});
  verify(pruned.graph);
  EXPECT_LT(pruned.channels_after, pruned.channels_before);
  EXPECT_LT(relative_error(graph, pruned.graph), 0.2);
}

TEST(Prune, GoesBeforeInt8InARecipe) {
  const Graph graph = parse_graph(kNet, all_ops());
  const Graph small = apply(parse_recipe("prune {macs=0.8} | int8"), graph, evidence());
  verify(small);
  EXPECT_LT(relative_error(graph, small), 0.2);
}

TEST(Prune, RefusesAShareThatIsNone) {
  const Graph graph = parse_graph(kNet, all_ops());
  EXPECT_THROW(prune(graph, evidence(), {.macs = 0}), Error);
  EXPECT_THROW(prune(graph, evidence(), {.macs = 1.5}), Error);
}

TEST(Prune, SaysWhichLayerReadsValuesThatAreNotFinite) {
  const Graph graph = parse_graph(kNet, all_ops());
  Tensor x = random_input(1);
  x.mutable_data<float>()[0] = std::nanf("");
  const Evidence bad{{4, [&x](size_t) { return std::vector<Tensor>{x}; }}, {.providers = {&reference_provider()}}};
  try {
    prune(graph, bad, {.macs = 0.5});
    FAIL() << "pruned by NaN";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kInvalidArgument) << e.what();
  }
}

}  // namespace
}  // namespace hone

#include "passes/layout.h"

#include <gtest/gtest.h>

#include "ops/binary.h"
#include "ops/conv.h"
#include "ops/movement.h"
#include "ops/norm.h"
#include "ops/shaping.h"
#include "ops/unary.h"
#include "passes/perm.h"
#include "passes/pipelines.h"

namespace hone {
namespace {

const Transpose kToLast{{}, {0, 2, 3, 1}}, kToFirst{{}, {0, 3, 1, 2}};

ValueId per_channel(Graph& graph, float value) {
  Tensor tensor = Tensor::empty(DType::kF32, {4});
  for (float& x : tensor.mutable_data<float>()) x = value;
  return graph.add_constant(tensor);
}

ValueId weights(Graph& graph, int seed) {
  Tensor tensor = Tensor::empty(DType::kF32, {4, 1, 1, 4});
  for (float& x : tensor.mutable_data<float>()) x = static_cast<float>(seed++ * 7 % 13) / 64;
  return graph.add_constant(tensor);
}

/// x: [N,4,8,8] through residual blocks as a reader of a channels-first format writes them: convolution and BatchNorm
/// wrapped, a reshape to the shape just asked for, an addition. Eleven nodes each.
Graph residual_network(int blocks, Dim batch) {
  Graph graph;
  ValueId x = graph.add_input("x", {DType::kF32, {batch, 4, 8, 8}, nullptr});
  for (int i = 0; i < blocks; ++i) {
    ValueId y = graph.add(Conv{}, {graph.add(kToLast, {x}), weights(graph, i)});
    y = graph.add(kToLast, {graph.add(kToFirst, {y})});
    y = graph.add(BatchNorm{}, {y, per_channel(graph, 1), per_channel(graph, 0.1f), per_channel(graph, 0.2f),
                                per_channel(graph, 1)});
    y = graph.add(Relu{}, {graph.add(kToFirst, {y})});
    y = graph.add(Reshape{}, {y, graph.add(ShapeOf{}, {y})});
    x = graph.add(Add{}, {graph.add(Identity{}, {y}), x});
  }
  graph.set_outputs({x});
  return graph;
}

TEST(Layout, AResidualNetworkKeepsTwoTransposesAndItsOutputs) {
  Graph graph = residual_network(3, 1);
  PassOptions options;
  options.check = true;
  const PipelineStats stats = run_pipeline(graph, standard_pipeline(), options);
  EXPECT_EQ(stats.transposes_before, 12u);
  EXPECT_EQ(stats.transposes_after, 2u);
  EXPECT_EQ(graph.node_count(), 3u * 2 + 2);
}

TEST(Layout, ElevenThousandNodesOfAnOpenBatchAreNoTrouble) {
  Graph graph = residual_network(1000, Dim("n"));
  const PipelineStats stats = run_pipeline(graph, standard_pipeline());
  EXPECT_EQ(stats.nodes_before, 11000u);
  EXPECT_EQ(stats.nodes_after, 2002u);
  EXPECT_EQ(stats.transposes_after, 2u);
}

TEST(Layout, ReportsTheTransposesThatAreLeft) {
  Graph graph = residual_network(1, 1);
  EXPECT_EQ(cancel_transposes(graph), 2u);
}

TEST(Layout, NodesKeepTheNamesThatReportsSpeakOf) {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::kF32, {1, 4, 2, 2}, nullptr});
  const ValueId a = graph.add(Conv{}, {graph.add(kToLast, {x}), weights(graph, 1)});
  const ValueId b = graph.add(Exp{}, {graph.add(kToFirst, {a})}, {.name = "grow", .output_name = "grown"});
  const ValueId y = graph.add(Conv{}, {graph.add(kToLast, {b}), weights(graph, 2)}, {.output_name = "y"});
  graph.set_outputs({y});
  run_pipeline(graph, layout_pipeline());
  const Node& last = *graph.producer(graph.outputs()[0]);
  const Node& grow = *graph.producer(last.inputs[0]);
  EXPECT_EQ(grow.name, "grow");
  EXPECT_EQ(graph.value(grow.outputs[0]).name, "grown");
  EXPECT_EQ(to_text(graph.type(grow.outputs[0])), "f32[1,2,2,4]");
  EXPECT_EQ(graph.value(graph.outputs()[0]).name, "y");
}

TEST(Layout, ConstantsThatWereRewrittenKeepTheirNames) {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::kF32, {1, 2, 2, 4}, nullptr});
  const ValueId w = weights(graph, 1);
  graph.set_name(w, "stem.weight");
  graph.set_outputs({graph.add(Mul{}, {graph.add(Conv{}, {x, w}), per_channel(graph, 2)})});
  run_pipeline(graph, standard_pipeline());
  const Node& conv = *graph.producer(graph.outputs()[0]);
  EXPECT_EQ(graph.value(conv.inputs[1]).name, "stem.weight");
  EXPECT_EQ(graph.value(conv.inputs[2]).name, "stem.weight.bias");
}

TEST(Perm, AReshapeCarriesAnOrderThroughWhereItsCutsLineUp) {
  const auto factors = reshape_factors({1, 8, Dim("h"), 3}, {1, 2, 4, Dim("h"), 3});
  ASSERT_TRUE(factors);
  const auto order = order_after_reshape(*factors, {0, 2, 3, 1});
  ASSERT_TRUE(order);
  EXPECT_EQ(*order, (Perm{0, 3, 4, 1, 2}));
  EXPECT_TRUE(is_plain_reshape(*factors, {0, 2, 3, 1}, *order));
  EXPECT_FALSE(is_plain_reshape(*factors, {0, 2, 3, 1}, {}));
}

TEST(Perm, AReshapeThatMixesAxesCarriesNoOrder) {
  EXPECT_FALSE(reshape_factors({2, 3}, {3, 2}));
  EXPECT_FALSE(reshape_factors({2, Dim("n")}, {Dim("n"), 2}));
  EXPECT_FALSE(reshape_factors({2, Dim()}, {Dim(), 2}));
  const auto joined = reshape_factors({2, 3, 4}, {2, 12});
  ASSERT_TRUE(joined);
  EXPECT_FALSE(order_after_reshape(*joined, {1, 0, 2}));
  EXPECT_TRUE(order_after_reshape(*joined, {1, 2, 0}));
}

}  // namespace
}  // namespace hone

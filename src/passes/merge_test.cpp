#include <gtest/gtest.h>

#include "base/text.h"
#include "ops/movement.h"
#include "ops/unary.h"
#include "passes/pass.h"
#include "passes/pipelines.h"
#include "passes/simplify.h"

namespace hone {
namespace {

int64_t merge(Graph& graph) {
  const PassOptions options;
  RewriteBudget budget;
  PassContext context{options, budget};
  return merge_equal(graph, context);
}

/// `count` nodes Relu(x), of which the first `outputs` are outputs of the graph.
Graph equal_nodes(int count, int outputs) {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::kF32, {2}, nullptr});
  std::vector<ValueId> results, kept;
  for (int i = 0; i < count; ++i) {
    results.push_back(graph.add(Relu{}, {x}));
    if (i < outputs) kept.push_back(results.back());
  }
  if (outputs < count) kept.push_back(graph.add(Concat{}, results));
  graph.set_outputs(kept);
  return graph;
}

TEST(Merge, EqualNodesBecomeTheFirstOfThem) {
  Graph graph = equal_nodes(10, 0);
  EXPECT_EQ(merge(graph), 9);
  EXPECT_EQ(graph.node_count(), 2u);
  verify(graph);
}

TEST(Merge, EqualOutputsStayApartAndOthersJoinTheFirst) {
  Graph graph = equal_nodes(10, 3);
  EXPECT_EQ(merge(graph), 7);
  EXPECT_EQ(graph.node_count(), 4u);
  verify(graph);
}

TEST(Merge, EqualConstantsStayApartAsOutputsAndMergeOtherwise) {
  Graph graph;
  std::vector<ValueId> outputs;
  for (int i = 0; i < 4; ++i) {
    const ValueId constant = graph.add_constant(Tensor::scalar<float>(3));
    outputs.push_back(i < 2 ? constant : graph.add(Relu{}, {constant}));
  }
  graph.set_outputs(outputs);
  EXPECT_EQ(merge(graph), 2);
  EXPECT_EQ(merge(graph), 0);
  EXPECT_EQ(graph.outputs(), outputs);
  verify(graph);
}

TEST(Merge, ConstantsThatDifferOnlyInTheirMiddleAreNotEqual) {
  Graph graph;
  std::vector<ValueId> outputs;
  for (int i = 0; i < 6; ++i) {
    Tensor tensor = Tensor::zeros(DType::kF32, {1000});
    tensor.mutable_data<float>()[250] = static_cast<float>(i / 2);
    outputs.push_back(graph.add(Relu{}, {graph.add_constant(tensor)}));
  }
  graph.set_outputs(outputs);
  EXPECT_EQ(merge(graph), 3);
  for (size_t i = 0; i < 6; ++i) {
    const Tensor& constant = graph.value(graph.producer(outputs[i])->inputs[0]).constant;
    EXPECT_EQ(constant.data<float>()[250], static_cast<float>(i / 2));
  }
}

// Sizes at which work that grows with the square would not end.
TEST(Merge, AHundredThousandEqualOutputsAreNoTrouble) {
  Graph graph = equal_nodes(100'000, 100'000);
  EXPECT_EQ(merge(graph), 0);
  run_pipeline(graph, standard_pipeline());
  EXPECT_EQ(graph.node_count(), 100'000u);
}

TEST(Merge, AHundredThousandConstantsThatLookAlikeAreNoTrouble) {
  Graph graph;
  std::vector<ValueId> inputs;
  for (int i = 0; i < 100'000; ++i) {
    Tensor tensor = Tensor::zeros(DType::kI32, {100});
    tensor.mutable_data<int32_t>()[25] = i;
    inputs.push_back(graph.add_constant(tensor));
  }
  graph.set_outputs({graph.add(Concat{}, inputs)});
  EXPECT_EQ(merge(graph), 0);
}

}  // namespace
}  // namespace hone

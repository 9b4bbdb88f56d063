#include "passes/fix_shapes.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "ir/text.h"
#include "ops/all.h"

namespace hone {
namespace {

Graph graph_with_input() {
  Graph graph;
  graph.set_outputs({graph.add_input("image", {DType::kF32, {Dim("n"), 3, Dim("h"), Dim("h")}, nullptr})});
  return graph;
}

TEST(FixShapes, GivesTheNamedInputItsDims) {
  Graph graph = graph_with_input();
  fix_shapes(graph, {{"image", {1, 3, 32, 32}}});
  EXPECT_EQ(to_text(graph.type(graph.inputs()[0]).shape), "[1,3,32,32]");
}

TEST(FixShapes, TakesTheOnlyInputWhenNoNameIsGiven) {
  Graph graph = graph_with_input();
  fix_shapes(graph, {{"", {1, 3, 32, 32}}});
  EXPECT_TRUE(graph.type(graph.inputs()[0]).shape.is_static());
}

TEST(FixShapes, WhatComputedShapesBecomesConstant) {
  Graph graph = parse_graph(R"(graph "g" { input %x: f32[n,3,h,w] %s = ShapeOf(%x) const %i: i64[2] = {0, 1}
      %c = Gather(%s, %i) const %m: i64[1] = {-1} %t = Concat(%c, %m) %y = Reshape(%x, %t) output %y })",
                            all_ops());
  fix_shapes(graph, {{"x", {2, 3, 4, 5}}});
  EXPECT_EQ(graph.node_count(), 1u);
  EXPECT_EQ(to_text(graph.type(graph.outputs()[0]).shape), "[2,3,20]");
}

TEST(FixShapes, RejectsAnUnknownNameAndListsTheInputs) {
  Graph graph = graph_with_input();
  try {
    fix_shapes(graph, {{"picture", {1, 3, 32, 32}}});
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kNotFound);
    EXPECT_NE(std::string(e.what()).find("inputs: image"), std::string::npos) << e.what();
  }
}

TEST(FixShapes, RejectsDimsThatContradictTheKnownOnes) {
  Graph graph = graph_with_input();
  EXPECT_THROW(fix_shapes(graph, {{"image", {1, 4, 32, 32}}}), Error);
  EXPECT_THROW(fix_shapes(graph, {{"image", {1, 3, -1, 32}}}), Error);
}

}  // namespace
}  // namespace hone

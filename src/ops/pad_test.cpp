#include "ops/movement.h"
#include "support/op_runner.h"

namespace hone {
namespace {

using namespace hone::testing;

TEST(SpaceToBatch, KeepsTheChannelsWhenItsMarginsAreComputed) {
  Graph graph;
  const ValueId x = graph.add_input("x", {.dtype = DType::kF32, .shape = {Dim("n"), Dim("h"), Dim("w"), 3}});
  const ValueId margins = graph.add_input("margins", {.dtype = DType::kI64, .shape = {2, 2}});
  const ValueId blocks = graph.add_constant(Tensor::of<int64_t>({2}, {2, 2}));
  const ValueId batches = graph.add(SpaceToBatch{}, {x, blocks, margins});
  EXPECT_EQ(graph.type(batches).shape, (Shape{Dim(), Dim(), Dim(), 3}));
  const ValueId space = graph.add(BatchToSpace{}, {batches, blocks, margins});
  EXPECT_EQ(graph.type(space).shape, (Shape{Dim(), Dim(), Dim(), 3}));
}

}  // namespace
}  // namespace hone

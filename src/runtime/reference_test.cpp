#include <gtest/gtest.h>

#include "ir/text.h"
#include "ops/all.h"
#include "ops/interpreter.h"
#include "runtime/session.h"

namespace hone {
namespace {

Graph net() {
  return parse_graph(R"(graph "net" {
  input %x: f32[2,3]
  input %n: f32[k]
  %s: i64[1] = ShapeOf(%n)
  %sum: f32[2,3] = Add(%x, %x)
  %many: f32[?] = Reshape(%n, %s)
  output %sum, %many
})",
                     all_ops());
}

KernelRequest request(const Graph& graph, const std::string& output) {
  for (const NodeId id : graph.order())
    if (graph.value(graph.node(id).outputs[0]).name == output) return {.graph = graph, .id = id};
  throw std::runtime_error("no node makes " + output);
}

TEST(Reference, StepsOfKnownSizesAreWrittenInPlaceAndOthersAllocate) {
  const Graph graph = net();
  EXPECT_TRUE(request(graph, "sum").is_static());
  EXPECT_TRUE(request(graph, "sum").is_promised());
  EXPECT_FALSE(make_reference_step(request(graph, "sum"))->allocates);
  EXPECT_FALSE(request(graph, "many").is_static());
  EXPECT_TRUE(make_reference_step(request(graph, "many"))->allocates);
}

TEST(Reference, RunsWhatTheInterpreterRuns) {
  const Graph graph = net();
  const std::vector<Tensor> inputs = {Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6}), Tensor::of<float>({2}, {7, 8})};
  Runner runner(graph, {&reference_provider()});
  const std::vector<Tensor> expected = evaluate(graph, inputs);
  const std::vector<Tensor>& made = runner.run(inputs);
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(to_doubles(made[i]), to_doubles(expected[i])) << i;
}

}  // namespace
}  // namespace hone

#include "compress/reduce.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "ir/text.h"
#include "ops/all.h"

namespace hone {
namespace {

Graph chain() {
  return parse_graph(R"(graph "chain" {
    input %x: f32[1,8]
    const %w: f32[8,8] = random(1)
    %a = Relu(%x)
    %b = FullyConnected(%a, %w)
    %c = Tanh(%b)
    %d = Add(%c, %a)
    %e = Sigmoid(%d)
    %f = Neg(%e)
    output %f
    output %d
  })",
                     all_ops());
}

std::set<std::string> ops_of(const Graph& graph) {
  std::set<std::string> ops;
  for (const NodeId id : graph.order()) ops.emplace(graph.node(id).def->name);
  return ops;
}

TEST(Reduce, PartsReadWhatOthersMadeAsInputsAndKeepTheirNames) {
  const Graph graph = chain();
  const std::vector<NodeId> order = graph.order();
  const std::vector<NodeId> middle = {order[3], order[1]};  // Add and FullyConnected
  const Graph part = part_of(graph, middle);
  verify(part);
  std::set<std::string> inputs, outputs;
  for (const ValueId id : part.inputs()) inputs.insert(part.value(id).name);
  for (const ValueId id : part.outputs()) outputs.insert(part.value(id).name);
  EXPECT_EQ(inputs, (std::set<std::string>{"a", "c"}));
  EXPECT_EQ(outputs, (std::set<std::string>{"b", "d"}));
}

TEST(Reduce, FindsTheTwoNodesThatFailTogether) {
  const auto fails = [](const Graph& part) {
    const std::set<std::string> ops = ops_of(part);
    return ops.contains("Tanh") && ops.contains("Neg");
  };
  const Reduction found = reduce(chain(), fails, 1000);
  EXPECT_EQ(ops_of(found.graph), (std::set<std::string>{"Neg", "Tanh"}));
  EXPECT_TRUE(found.is_finished);
}

TEST(Reduce, StopsWhenTheChecksAreUsedUp) {
  int64_t asked = 0;
  const auto fails = [&](const Graph&) { return ++asked, false; };
  const Reduction found = reduce(chain(), fails, 2);
  EXPECT_EQ(asked, 2);
  EXPECT_FALSE(found.is_finished);
  EXPECT_EQ(found.graph.node_count(), 6u);
}

}  // namespace
}  // namespace hone

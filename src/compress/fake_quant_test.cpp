#include "compress/fake_quant.h"

#include <gtest/gtest.h>

#include "ir/text.h"
#include "ops/all.h"

namespace hone {
namespace {

Graph trained() {
  return parse_graph(R"(graph "g" {
    input %x: f32[1,2]
    const %w: f32[2,2] = {1, 2, 3, 4}
    %wq: u8[2,2]{scale=0.02, zero_point=0} = Quantize(%w)
    %wd: f32[2,2] = Dequantize(%wq)
    %m: f32[1,2] = MatMul(%x, %wd)
    %r: f32[1,2] = Relu(%m)
    %q: u8[1,2]{scale=0.5, zero_point=2} = Quantize(%r)
    %d: f32[1,2] = Dequantize(%q)
    %n: f32[1,2] = Neg(%d)
    output %n })",
                     all_ops());
}

TEST(FakeQuantization, BecomesRangesOfValues) {
  Graph graph = trained();
  const Ranges ranges = take_fake_quantization(graph);
  EXPECT_EQ(ranges, (Ranges{{"r", {-1, 126.5f}}})) << "weights have none";
  EXPECT_EQ(graph.node_count(), 3u);
}

TEST(FakeQuantization, StaysWhereTheCallerWouldMissIt) {
  Graph graph = parse_graph(R"(graph "g" {
    input %x: f32[2]
    %q: u8[2]{scale=0.5, zero_point=2} = Quantize(%x)
    %d: f32[2] = Dequantize(%q)
    output %d })",
                            all_ops());
  EXPECT_TRUE(take_fake_quantization(graph).empty());
  EXPECT_EQ(graph.node_count(), 2u);
}

TEST(FakeQuantization, DefaultRangesLeaveWhatIsKnown) {
  Graph graph = trained();
  Ranges ranges = take_fake_quantization(graph);
  add_default_range(ranges, graph, {-6, 6});
  EXPECT_EQ(ranges, (Ranges{{"x", {-6, 6}}, {"m", {-6, 6}}, {"r", {-1, 126.5f}}, {"n", {-6, 6}}}));
}

}  // namespace
}  // namespace hone

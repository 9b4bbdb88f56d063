#include <gtest/gtest.h>

#include "formats/onnx/reader.h"
#include "formats/onnx/writer.h"
#include "ir/text.h"
#include "ops/all.h"
#include "ops/interpreter.h"

namespace hone {
namespace {

TEST(OnnxState, BecomesTheLastInputAndTheLastOutput) {
  const Graph graph = parse_graph(R"(graph "sum" {
    input %x: f32[2]
    state %s: f32[2] = {1, 2}
    %t: f32[2] = Add(%x, %s)
    %y: f32[2] = Neg(%t)
    output %y
    next %s = %t
  })",
                                  all_ops());
  const std::string bytes = onnx::encode_model(graph);
  const Graph again = onnx::read_model({{.bytes = std::as_bytes(std::span(bytes))}});
  ASSERT_EQ(again.inputs().size(), 2u);
  ASSERT_EQ(again.outputs().size(), 2u);
  EXPECT_EQ(again.value(again.inputs()[1]).name, "s");
  EXPECT_EQ(again.metadata.at("hone.state.s"), again.value(again.outputs()[1]).name);
  std::vector<Tensor> kept;
  const std::vector<Tensor> x = {Tensor::of<float>({2}, {10, 20})};
  Tensor state = graph.states()[0].initial;
  for (int run = 0; run < 6; ++run) {
    const std::vector<Tensor> results = evaluate(again, std::vector<Tensor>{x[0], state});
    EXPECT_TRUE(identical(results[0], evaluate(graph, x, {.states = &kept})[0])) << run;
    state = results[1];
  }
}

TEST(OnnxState, KeepsItsTypeWhereWeightsBecomeUnsigned) {
  const Graph graph = parse_graph(R"(graph "sum" {
    input %x: f32[1, 2]
    state %s: i8[2, 2]{scale=1, zero_point=-3} = {-3, -3, -3, -3}
    const %w: i8[2, 2]{scale=1} = {127, 127, 127, 127}
    %t: i8[2, 2]{scale=1, zero_point=-3} = FullyConnected(%s, %w)
    %r = Dequantize(%t)
    %y = Add(%r, %x)
    %n = Transpose(%t) {perm=[1, 0]}
    output %y
    next %s = %n
  })",
                                  all_ops());
  const std::string bytes = onnx::encode_model(graph);
  const Graph again = onnx::read_model({{.bytes = std::as_bytes(std::span(bytes))}});
  EXPECT_EQ(to_text(again.type(again.inputs()[1])), to_text(again.type(again.outputs()[1])));
}

}  // namespace
}  // namespace hone

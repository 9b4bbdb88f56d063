#include "measure/inspect.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "ir/text.h"
#include "measure/profile.h"
#include "ops/all.h"
#include "passes/check.h"
#include "runtime/program.h"

namespace hone {
namespace {

constexpr std::string_view kConv = R"(graph "g" { input %x: f32[n,8,8,3]
    const %w: f32[4,3,3,3] = random(1)
    %c: f32[n,8,8,4] = Conv(%x, %w) {auto_pad=same_upper}
    %r: f32[n,8,8,4] = Relu(%c)
    output %r })";

Engine reference() { return {.providers = {&reference_provider()}, .plan = {}}; }

TEST(Summary, CountsWithSymbolsAsOne) {
  const ModelSummary s = summarize(parse_graph(kConv, all_ops()), reference());
  EXPECT_EQ(s.macs, 8 * 8 * 4 * 27);
  EXPECT_EQ(s.parameters, 108);
  EXPECT_EQ(s.nodes, 2);
  EXPECT_GT(s.peak_bytes, 0);
  EXPECT_EQ(quantization_phrase(s), "none (float)");
  EXPECT_EQ(to_text(s.inputs[0].second), "f32[n,8,8,3]");
  EXPECT_EQ(s.sizes_note, "unknown ones count as 1; --shape x=… tells them");
}

TEST(Summary, SaysThatSizesAreUnknownWhereOneIsTooSmall) {
  const Graph graph = parse_graph(R"(graph "g" { input %x: f32[n,h,w,3]
    const %w: f32[4,3,3,3] = random(1)
    %y = Conv(%x, %w)
    output %y })",
                                  all_ops());
  const ModelSummary s = summarize(graph, reference());
  EXPECT_EQ(s.sizes_note, "unknown; --shape x=… tells them");
  EXPECT_EQ(s.parameters, 108);
  EXPECT_EQ(s.macs, -1);
  EXPECT_EQ(s.peak_bytes, -1);
}

TEST(Summary, ListsEveryUnsupportedNodeAtOnce) {
  const Graph graph = parse_graph(R"(graph "g" { input %x: f32[1,4]
    %y: f32[1,4] = Opaque(%x) {format="onnx", type="Foo"}
    %z: f32[1,4] = Opaque(%y) {format="onnx", type="Bar"}
    %v: f32[1,4] = Opaque(%z) {format="onnx", type="Foo"}
    output %v })",
                                  all_ops());
  const ModelSummary s = summarize(graph, reference());
  ASSERT_EQ(s.unsupported.size(), 2u);
  EXPECT_EQ(s.unsupported[1].op, "onnx Foo");
  EXPECT_EQ(s.unsupported[1].nodes, (std::vector<std::string>{"y", "v"}));
  EXPECT_EQ(s.peak_bytes, -1);
  EXPECT_THROW(prepare(graph, reference()), Error);
}

TEST(Around, ShowsNeighboursAndSuggestsNames) {
  const Graph graph = parse_graph(kConv, all_ops());
  const std::string text = describe_around(graph, "c", 1);
  EXPECT_NE(text.find("> c  Conv"), std::string::npos);
  EXPECT_NE(text.find("  r  Relu"), std::string::npos);
  EXPECT_EQ(describe_around(graph, "c", 0).find("Relu"), std::string::npos);
  EXPECT_THROW(describe_around(graph, "q", 1), Error);
}

TEST(Dot, QuotesNames) {
  const Graph graph = parse_graph(R"(graph "a \"b\"" { input %"x y": f32[1]
    %z: f32[1] = Relu(%"x y")
    output %z })",
                                  all_ops());
  EXPECT_NE(to_dot(graph).find("label=\"x y\""), std::string::npos);
}

TEST(Profile, TracesEveryStepAndFoldsStacks) {
  const Graph graph = parse_graph(kConv, all_ops());
  Runner runner = reference().runner(graph);
  const Profile profile = profile_session(runner.session(), generate_inputs(graph, 0, 1), 2, 1);
  ASSERT_EQ(profile.steps.size(), 2u);
  EXPECT_EQ(profile.runs, 2);
  EXPECT_LE(profile.steps[0].start_us + profile.steps[0].traced_us, profile.steps[1].start_us + 1e3);
  const Json trace = Json::parse(chrome_trace(profile, "m"));
  EXPECT_EQ(trace.find("traceEvents")->as_array().size(), 3u);
  EXPECT_EQ(folded_stacks(profile, "my model").rfind("my_model;Conv;c ", 0), 0u);
  EXPECT_TRUE(profile.counters_reason.empty() || profile.steps[0].counters[0] == -1);
}

}  // namespace
}  // namespace hone

#include "passes/pass.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "ir/text.h"
#include "passes/rewrite.h"

namespace hone {
namespace {

/// Stand-in operators so that these tests depend on no real one: y = x · factor, and another that is the same.
struct Scale : Operator<"Scale"> {
  float factor = 1;
  static constexpr std::tuple fields{Field{"factor", &Scale::factor}};
  static const OpDef def;
};
struct Other : Operator<"Other"> {
  float factor = 1;
  static constexpr std::tuple fields{Field{"factor", &Other::factor}};
  static const OpDef def;
};

void infer_same(InferContext& ctx) { ctx.output(0, ctx.dtype(0), ctx.shape(0)); }

template <class Op>
void eval_scale(EvalContext& ctx) {
  Tensor& y = ctx.make_output(0);
  const auto in = ctx.in(0).data<float>();
  for (size_t i = 0; i < in.size(); ++i) y.mutable_data<float>()[i] = in[i] * ctx.op<Op>().factor;
}

constinit const OpDef Scale::def{
    .name = Scale::kName, .attrs = &attr_type<Scale>(), .infer = infer_same, .eval = eval_scale<Scale>};
constinit const OpDef Other::def{
    .name = Other::kName, .attrs = &attr_type<Other>(), .infer = infer_same, .eval = eval_scale<Other>};

bool to_other(Graph& graph, NodeId id) {
  const float factor = graph.node(id).as<Scale>().factor;
  return replace_by(graph, graph.node(id).outputs[0], Other{{}, factor}, {graph.node(id).inputs[0]});
}
bool to_scale(Graph& graph, NodeId id) {
  const float factor = graph.node(id).as<Other>().factor;
  return replace_by(graph, graph.node(id).outputs[0], Scale{{}, factor}, {graph.node(id).inputs[0]});
}
/// Scale(Scale(x, a), b) → Scale(x, a · b)
bool merge_scales(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const Node* first = producer_as<Scale>(graph, node.inputs[0]);
  if (!first) return false;
  const float factor = first->as<Scale>().factor * node.as<Scale>().factor;
  return replace_by(graph, node.outputs[0], Scale{{}, factor}, {first->inputs[0]});
}
/// Wrong on purpose.
bool double_factor(Graph& graph, NodeId id) {
  const Scale op = graph.node(id).as<Scale>();
  if (op.factor > 100) return false;
  return replace_by(graph, graph.node(id).outputs[0], Scale{{}, op.factor * 2}, {graph.node(id).inputs[0]});
}

Graph chain(int length, float factor = 1) {
  Graph graph;
  ValueId x = graph.add_input("x", {DType::kF32, {4}, nullptr});
  for (int i = 0; i < length; ++i) x = graph.add(Scale{{}, factor}, {x});
  graph.set_outputs({x});
  return graph;
}

TEST(Pass, RulesApplyUntilNoneFires) {
  Graph graph = chain(5, 2);
  const Pipeline pipeline{"p", {{.name = "merge", .rules = {{"merge_scales", {&Scale::def}, merge_scales}}}}};
  const PipelineStats stats = run_pipeline(graph, pipeline, {.check = true});
  EXPECT_EQ(stats.changes, 4);
  EXPECT_EQ(stats.nodes_after, 1u);
  EXPECT_EQ(graph.node(graph.order()[0]).as<Scale>().factor, 32);
}

int idle_runs = 0;
int64_t count_run(Graph&, PassContext&) {
  ++idle_runs;
  return 0;
}

TEST(Pass, OneThatFoundNothingRunsAgainOnlyAfterAChange) {
  Graph graph = chain(3, 2);
  const Pass idle{.name = "idle", .run = count_run};
  const Pass merge{.name = "merge", .rules = {{"merge_scales", {&Scale::def}, merge_scales}}};
  idle_runs = 0;
  const PipelineStats stats = run_pipeline(graph, {"p", {idle, idle, merge, idle, merge, idle}});
  EXPECT_EQ(idle_runs, 2);
  EXPECT_EQ(stats.passes.size(), 6u);
  EXPECT_EQ(stats.changes, 2);
}

TEST(Pass, RulesThatUndoEachOtherEndAndSaySo) {
  Graph graph = chain(3);
  const Pipeline pipeline{
      "p", {{.name = "dance", .rules = {{"there", {&Scale::def}, to_other}, {"back", {&Other::def}, to_scale}}}}};
  const PipelineStats stats = run_pipeline(graph, pipeline);
  EXPECT_FALSE(stats.passes[0].settled);
  EXPECT_EQ(graph.node_count(), 3u);
  EXPECT_NE(to_text(stats).find("undo each other"), std::string::npos);
}

TEST(Pass, LimitStopsAfterThatManyRewrites) {
  Graph graph = chain(5);
  const Pipeline pipeline{"p", {{.name = "there", .rules = {{"there", {&Scale::def}, to_other}}}}};
  EXPECT_EQ(run_pipeline(graph, pipeline, {.limit = 2}).changes, 2);
  EXPECT_EQ(count_nodes(graph, Other::def), 2u);
}

TEST(Pass, CheckNamesThePassThatChangesTheOutputs) {
  Graph graph = chain(2, 3);
  const Pipeline pipeline{"p", {{.name = "spoil", .rules = {{"double_factor", {&Scale::def}, double_factor}}}}};
  try {
    run_pipeline(graph, pipeline, {.check = true, .limit = 1});
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("pass 'spoil' changes the outputs by up to"), std::string::npos) << e.what();
  }
}

int64_t rename_in_silence(Graph& graph, PassContext&) {
  graph.set_name(graph.outputs()[0], "other");
  return 0;
}

TEST(Pass, CheckNamesThePassThatChangesTheGraphAndReportsNoChange) {
  Graph graph = chain(2);
  const Pipeline pipeline{"p", {{.name = "idle", .run = count_run}, {.name = "sly", .run = rename_in_silence}}};
  run_pipeline(graph, {"p", {pipeline.passes[0]}}, {.check = true});
  try {
    run_pipeline(graph, pipeline, {.check = true});
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.message(), "pass 'sly' changes the graph and reports no change");
  }
}

TEST(Pass, AReplacementKeepsTheNamesOfNodeAndValue) {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::kF32, {4}, nullptr});
  const ValueId a = graph.add(Scale{}, {x}, {.name = "first", .output_name = "a"});
  const ValueId y = graph.add(Scale{}, {a}, {.name = "second", .output_name = "y"});
  graph.set_outputs({y});
  const Pipeline pipeline{"p", {{.name = "there", .rules = {{"there", {&Scale::def}, to_other}}}}};
  run_pipeline(graph, pipeline);
  EXPECT_EQ(to_text(graph),
            "graph \"\" {\n  input %x: f32[4]\n  %a: f32[4] = Other(%x)\n  %y: f32[4] = Other(%a)\n  output %y\n}\n");
  EXPECT_EQ(graph.producer(graph.outputs()[0])->name, "second");
}

TEST(Pass, DumpGetsTheTextAfterTheNamedPass) {
  Graph graph = chain(1);
  std::string dumped;
  PassOptions options;
  options.dump_after = {"there"};
  options.dump = [&](std::string_view pass, const std::string& text) { dumped += std::string(pass) + ":" + text; };
  const Pipeline pipeline{"p",
                          {{.name = "there", .rules = {{"there", {&Scale::def}, to_other}}},
                           {.name = "back", .rules = {{"back", {&Other::def}, to_scale}}}}};
  run_pipeline(graph, pipeline, options);
  EXPECT_EQ(dumped.substr(0, 6), "there:");
  EXPECT_NE(dumped.find("Other(%x)"), std::string::npos);
  EXPECT_EQ(dumped.find("back:"), std::string::npos);
}

TEST(Pass, TenThousandNodesAreQuick) {
  Graph graph = chain(10000);
  const Pipeline pipeline{"p", {{.name = "merge", .rules = {{"merge_scales", {&Scale::def}, merge_scales}}}}};
  EXPECT_EQ(run_pipeline(graph, pipeline).nodes_after, 1u);
}

}  // namespace
}  // namespace hone

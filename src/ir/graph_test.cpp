#include "ir/graph.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/text.h"
#include "ir/text.h"

namespace hone {
namespace {

/// y = x · factor + other, shapes equal: a stand-in operator so that these tests depend on no real one.
struct Blend : Operator<"Blend"> {
  float factor = 1;
  std::vector<int64_t> list;
  static constexpr std::tuple fields{Field{"factor", &Blend::factor}, Field{"list", &Blend::list}};
  static const OpDef def;
};

int inferences = 0;  ///< of Blend so far

void infer_blend(InferContext& ctx) {
  ++inferences;
  if (ctx.has_input(1) && !compatible(ctx.shape(0), ctx.shape(1)))
    throw invalid_model("blend: shapes " + to_text(ctx.shape(0)) + " and " + to_text(ctx.shape(1)) + " differ");
  ctx.output(0, ctx.dtype(0), ctx.shape(0));
}

constinit const OpDef Blend::def{
    .name = Blend::kName, .attrs = &attr_type<Blend>(), .max_inputs = 2, .infer = infer_blend};

OpSet blend_only() { return OpSet({&Blend::def}); }

constexpr std::string_view kText = R"(graph "two" {
  input %x: f32[n,4]
  const %w: f32[1,4] = {1, 2.5, -3, inf}
  %a: f32[n,4] = Blend(%x) {factor=0.5, list=[1, 2]}
  %"odd name": i8[n,4]{scale=0.5, zero_point=3} = Blend(%a, %a)
  output %"odd name", %a
}
)";

TEST(Text, PrintsWhatItParsed) { EXPECT_EQ(to_text(parse_graph(kText, blend_only())), kText); }

TEST(Text, NamesLineAndColumnOfAnError) {
  try {
    parse_graph("graph \"g\" {\n  input %x: f99[1]\n}", blend_only());
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("unknown dtype 'f99'"), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("line 2"), std::string::npos) << e.what();
  }
}

TEST(Text, SuggestsTheNearestOperator) {
  try {
    parse_graph("graph \"g\" { input %x: f32[1] %y = Blent(%x) output %y }", blend_only());
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("did you mean Blend?"), std::string::npos) << e.what();
  }
}

TEST(Text, RejectsEveryTruncationOfALegalGraph) {
  for (size_t n = 0; n + 2 < kText.size(); ++n) EXPECT_THROW(parse_graph(kText.substr(0, n), blend_only()), Error) << n;
}

TEST(Text, SmallTextMakesNoLargeConstant) {
  const auto error_of = [](const std::string& constant) {
    try {
      parse_graph("graph \"g\" { const %w: f32" + constant + " output %w }", blend_only());
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  EXPECT_NE(error_of("[1000000,1000000] = {1, 2}").find("constant has 2 values, its type wants 1000000000000"),
            std::string::npos);
  EXPECT_NE(error_of("[1000000,1000000] = fill(1)").find("more than 33554432 elements"), std::string::npos);
  EXPECT_NE(error_of("[2] = random(nan)").find("random takes a seed"), std::string::npos);
  EXPECT_NE(error_of("[2] = random(-1)").find("random takes a seed"), std::string::npos);
  EXPECT_NE(error_of("[33554432] = fill(1) const %v: f32[1] = random(1)").find("more than 33554432 elements"),
            std::string::npos);
}

TEST(Graph, RejectsNodesThatInferenceRejectsAndSaysWhere) {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::kF32, {1, 4}, nullptr});
  const ValueId y = graph.add_input("y", {DType::kF32, {1, 5}, nullptr});
  try {
    graph.add(Blend{}, {x, y}, {.name = "mix", .source = {"onnx", "Mix", "mix", 13}});
    FAIL();
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(), "blend: shapes [1,4] and [1,5] differ\n  in node 'mix' (onnx Mix, opset 13)");
  }
  EXPECT_EQ(graph.node_count(), 0u);
}

/// x repeated n times, n an integer scalar: its result has known dims when n is constant.
struct Repeat : Operator<"Repeat"> {
  static const OpDef def;
};

void infer_repeat(InferContext& ctx) {
  const Tensor* count = ctx.constant(1);
  ctx.output(0, ctx.dtype(0), count ? Shape({Dim(to_ints(*count)[0])}) : Shape::unknown_of_rank(1));
}

constinit const OpDef Repeat::def{
    .name = Repeat::kName, .attrs = &attr_type<Repeat>(), .min_inputs = 2, .max_inputs = 2, .infer = infer_repeat};

TEST(Graph, AConstantInPlaceOfAComputedValueMakesShapesKnown) {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::kF32, {1}, nullptr});
  const ValueId n = graph.add_input("n", {DType::kI64, {}, nullptr});
  const ValueId y = graph.add(Repeat{}, {x, graph.add(Blend{}, {n})});
  graph.set_outputs({y});
  graph.replace_uses(graph.node(graph.value(y).producer).inputs[1], graph.add_constant(Tensor::scalar<int64_t>(5)));
  EXPECT_EQ(to_text(graph.type(y).shape), "[5]");
}

TEST(Graph, AConstantIsLookedAtAgainOnlyByThoseWhoReadIt) {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::kF32, {2}, nullptr});
  const ValueId a = graph.add(Blend{}, {x});
  graph.set_outputs({graph.add(Blend{}, {a, x})});
  const int before = inferences;
  graph.replace_uses(a, graph.add_constant(Tensor::of<float>({2}, {1, 2})));
  EXPECT_EQ(inferences, before);
  verify(graph);
}

TEST(Graph, AllInputsOfANodeAreSetByOneInference) {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::kF32, {2}, nullptr});
  const ValueId y = graph.add_input("y", {DType::kF32, {3}, nullptr});
  const ValueId z = graph.add(Blend{}, {x, x});
  graph.set_outputs({z});
  const NodeId node = graph.value(z).producer;
  const int before = inferences;
  graph.set_inputs(node, std::vector<ValueId>{y, y});
  EXPECT_EQ(inferences, before + 1);
  EXPECT_EQ(to_text(graph.type(z).shape), "[3]");
  graph.set_inputs(node, std::vector<ValueId>{x});
  EXPECT_EQ(graph.node(node).inputs, std::vector<ValueId>{x});
  EXPECT_TRUE(graph.value(y).users.empty());
  verify(graph);
}

TEST(Graph, FixedInputShapesFlowToEveryUser) {
  Graph graph = parse_graph(kText, blend_only());
  graph.set_input_shape(graph.inputs()[0], {7, 4});
  EXPECT_EQ(to_text(graph.type(graph.outputs()[0])), "i8[7,4]{scale=0.5, zero_point=3}");
  verify(graph);
}

TEST(Graph, ShapesOfManyInputsAreFixedByOneInference) {
  Graph graph;
  std::vector<std::pair<ValueId, Shape>> shapes;
  std::vector<ValueId> outputs;
  for (int i = 0; i < 100; ++i) {
    const ValueId x = graph.add_input("x", {DType::kF32, Shape{Dim(cat("n", i)), Dim("m")}, nullptr});
    outputs.push_back(graph.add(Blend{}, {x}));
    shapes.emplace_back(x, Shape{Dim(i + 1), Dim(7)});
  }
  graph.set_outputs(outputs);
  const int before = inferences;
  graph.set_input_shapes(shapes);
  EXPECT_EQ(inferences - before, 100);
  EXPECT_EQ(to_text(graph.type(outputs[41]).shape), "[42,7]");
  shapes[1].second = Shape{Dim(2), Dim(8)};
  EXPECT_THROW(graph.set_input_shapes(shapes), Error);
}

TEST(Graph, KnowsItsOutputsHoweverTheyCame) {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::kF32, {2}, nullptr});
  const ValueId a = graph.add(Blend{}, {x}), b = graph.add(Blend{}, {x});
  graph.set_outputs({a, a});
  EXPECT_TRUE(graph.is_output(a));
  EXPECT_FALSE(graph.is_output(b));
  graph.replace_uses(a, b);
  EXPECT_FALSE(graph.is_output(a));
  EXPECT_EQ(graph.outputs(), (std::vector<ValueId>{b, b}));
  graph.set_outputs({x});
  EXPECT_FALSE(graph.is_output(b));
  EXPECT_TRUE(graph.is_output(x));
  EXPECT_FALSE(graph.is_output(ValueId{}));
}

TEST(Graph, OutputsAndStatesFollowWhatTakesThePlaceOfValues) {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::kF32, {2}, nullptr});
  const ValueId a = graph.add(Blend{}, {x}), b = graph.add(Blend{}, {x}), c = graph.add(Blend{}, {x});
  const ValueId first = graph.add_state("s", Tensor::of<float>({2}, {1, 2}));
  const ValueId second = graph.add_state("t", Tensor::of<float>({2}, {3, 4}));
  graph.set_outputs({b, a, b});
  graph.set_next(first, a);
  graph.set_next(second, a);
  graph.replace_uses(a, c);
  EXPECT_EQ(graph.outputs(), (std::vector<ValueId>{b, c, b}));
  EXPECT_EQ(graph.states()[0].next, c);
  EXPECT_EQ(graph.states()[1].next, c);
  graph.set_next(first, first);
  graph.replace_uses(c, b);
  EXPECT_EQ(graph.outputs(), (std::vector<ValueId>{b, b, b}));
  EXPECT_EQ(graph.states()[0].next, first);
  EXPECT_EQ(graph.states()[1].next, b);
  EXPECT_EQ(graph.value(b).output_uses, 4);
  EXPECT_FALSE(graph.is_output(a) || graph.is_output(c));
}

TEST(Graph, VerifyFindsUsesThatNodesDoNotHave) {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::kF32, {2}, nullptr});
  const ValueId a = graph.add(Blend{}, {x, x});
  graph.set_outputs({a});
  verify(graph);
  const_cast<Value&>(graph.value(x)).users.remove_if([](NodeId) { return true; });
  EXPECT_THROW(verify(graph), Error);
}

TEST(Graph, ReferencesStayGoodWhileItGrows) {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::kF32, Shape{Dim(4)}, nullptr});
  const Value& value = graph.value(x);
  const Node* node = graph.producer(graph.add(Blend{}, {x}));
  for (int i = 0; i < 1000; ++i) graph.add(Blend{}, {x});
  EXPECT_EQ(&value, &graph.value(x));
  EXPECT_EQ(value.name, "x");
  EXPECT_EQ(node->inputs[0], x);
}

TEST(Graph, ReplacedOutputKeepsItsName) {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::kF32, {2}, nullptr});
  const ValueId a = graph.add(Blend{}, {x}, {.name = "a"});
  const ValueId b = graph.add(Blend{}, {a}, {.name = "b"});
  graph.set_outputs({b});
  graph.replace_uses(b, a);
  graph.remove_dead();
  EXPECT_EQ(graph.node_count(), 1u);
  EXPECT_EQ(graph.value(graph.outputs()[0]).name, "b");
  verify(graph);
}

TEST(Graph, AGivenUpNameIsFreeAgain) {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::kF32, {2}, nullptr});
  const ValueId a = graph.add(Blend{}, {x}, {.name = "y"});
  const ValueId b = graph.add(Blend{}, {a}, {.name = "z"});
  graph.set_outputs({b});
  graph.set_name(a, "y_stored");
  graph.set_name(b, "y");
  EXPECT_EQ(graph.value(b).name, "y");
  verify(graph);
}

TEST(Graph, EveryLiveValueHasItsOwnNameWhateverHappensToOthers) {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::kF32, {2}, nullptr});
  std::vector<ValueId> kept, gone;
  for (int i = 0; i < 200; ++i) (i % 3 == 0 ? gone : kept).push_back(graph.add(Blend{}, {x}, {.name = "n"}));
  graph.set_outputs(kept);
  graph.remove_dead();
  for (int i = 0; i < 100; ++i) kept.push_back(graph.add(Blend{}, {x}, {.name = i % 2 ? "n" : cat("n_", i)}));
  graph.set_outputs(kept);
  verify(graph);
  Graph copy = graph;
  EXPECT_EQ(copy.value(copy.add(Blend{}, {x}, {.name = "other"})).name, "other");
  EXPECT_EQ(graph.value(graph.add(Blend{}, {x}, {.name = "other"})).name, "other");
  EXPECT_EQ(graph.value(graph.add(Blend{}, {x}, {.name = "other"})).name, "other_1");
}

TEST(Graph, SwappedNamesAreFreedByTheirNewOwners) {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::kF32, {2}, nullptr});
  const ValueId a = graph.add(Blend{}, {x}, {.name = "a"});
  const ValueId b = graph.add(Blend{}, {a}, {.name = "b"});
  graph.set_outputs({b});
  graph.replace_uses(b, a);  // a is called b now
  graph.set_name(a, "c");
  EXPECT_EQ(graph.value(graph.add(Blend{}, {x}, {.output_name = "b"})).name, "b");
  EXPECT_EQ(graph.value(graph.add(Blend{}, {x}, {.output_name = "a"})).name, "a_1");
}

TEST(Graph, CompactGraphsHaveNoGapsAndSayTheSame) {
  Graph graph = parse_graph(kText, blend_only());
  const ValueId x = graph.inputs()[0], a = graph.outputs()[1];
  const ValueId state = graph.add_state("s", Tensor::of<float>({1, 4}, {1, 2, 3, 4}));
  graph.set_next(state, graph.add(Blend{}, {state}, {.name = "next"}));
  for (int i = 0; i < 10; ++i) graph.add(Blend{}, {a}, {.name = "dead"});
  graph.replace_uses(a, graph.add(Blend{}, {x}, {.name = "moved"}));  // stands behind its users
  graph.remove_dead();
  const std::string before = to_text(graph);
  EXPECT_GT(graph.node_capacity(), graph.node_count());
  graph.compact();
  verify(graph);
  EXPECT_EQ(to_text(graph), before);
  EXPECT_EQ(graph.node_capacity(), 3u);
  EXPECT_EQ(graph.value_capacity(), 5u);
  EXPECT_EQ(graph.value(graph.add(Blend{}, {graph.inputs()[0]}, {.name = "next"})).name, "next_1");
}

TEST(Graph, RefusesQuantizationOfWhatIsNoInteger) {
  const auto error_of = [](const std::string& body) {
    try {
      parse_graph("graph \"g\" { input %x: f32[2] " + body + " }", blend_only());
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  const std::string expected = "is f16, which cannot carry quantization";
  EXPECT_NE(error_of("input %y: f16[2]{scale=0.5} output %y").find("'y' " + expected), std::string::npos);
  EXPECT_NE(error_of("const %c: f16[2]{scale=0.5} = {1, inf} output %c").find("'c' " + expected), std::string::npos);
  EXPECT_NE(error_of("%y: f16[2]{scale=0.5} = Blend(%x) output %y").find(expected), std::string::npos);
  EXPECT_NE(error_of("input %y: bool[2]{scale=0.5} output %y").find("is bool, which"), std::string::npos);
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::kF32, {2}, nullptr});
  const ValueId c = graph.add_constant(Tensor::of<float>({1}, {1}));
  EXPECT_THROW(graph.set_type(x, {DType::kF32, {2}, QuantParams::per_tensor(1, 0)}), Error);
  EXPECT_THROW(graph.set_constant(c, Tensor::of<float>({1}, {1}).with_quant(QuantParams::per_tensor(1, 0))), Error);
}

TEST(Graph, RemovesDeadChainsAndTheirConstants) {
  Graph graph = parse_graph(kText, blend_only());
  graph.set_outputs({graph.outputs()[1]});
  EXPECT_EQ(graph.remove_dead(), 1u);
  EXPECT_EQ(to_text(graph).find("const"), std::string::npos);
  verify(graph);
}

TEST(Graph, CopiesAreIndependent) {
  Graph graph = parse_graph(kText, blend_only());
  Graph copy = graph;
  copy.set_input_shape(copy.inputs()[0], {3, 4});
  EXPECT_EQ(to_text(graph), kText);
}

TEST(Graph, OrderFollowsDataNotInsertion) {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::kF32, {2}, nullptr});
  const ValueId late = graph.add(Blend{}, {x}, {.name = "late"});
  const ValueId early = graph.add(Blend{}, {x}, {.name = "early"});
  graph.set_input(graph.value(late).producer, 0, early);
  graph.set_outputs({late});
  EXPECT_EQ(graph.node(graph.order()[0]).name, "early");
  verify(graph);
  const ValueId last = graph.add(Blend{}, {late}, {.name = "last"});
  graph.set_outputs({last});
  const ValueId other = graph.add(Blend{}, {x}, {.name = "other"});
  graph.replace_uses(late, other);  // now its only user was added before what it reads
  EXPECT_EQ(graph.node(graph.order().back()).name, "last");
  verify(graph);
}

TEST(Attrs, DifferingAttributesAreNotEqual) {
  EXPECT_TRUE(equal(Attrs::of(Blend{}), Attrs::of(Blend{})));
  Blend other;
  other.list = {1};
  EXPECT_FALSE(equal(Attrs::of(Blend{}), Attrs::of(other)));
  EXPECT_EQ(to_text(Attrs::of(other)), "{list=[1]}");
}

TEST(Graph, LeavesNoValueWithoutAName) {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::kF32, {1}, nullptr});
  graph.set_name(x, "");
  EXPECT_EQ(graph.value(x).name, "x");
}

}  // namespace
}  // namespace hone

#include "formats/onnx/reader.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "formats/onnx/test_model.h"
#include "ops/control.h"
#include "ops/conv.h"
#include "ops/interpreter.h"
#include "ops/movement.h"
#include "ops/unary.h"

namespace hone::onnx {
namespace {

using testing::function;
using testing::graph;
using testing::model;
using testing::node;
using testing::read;
using testing::value;

std::string error_of(const std::string& bytes, const std::string& path = "model.onnx") {
  try {
    read(bytes, path);
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

std::vector<float> run(const Graph& g, std::vector<Tensor> inputs) {
  const Tensor out = evaluate(g, inputs).at(0);
  return {out.data<float>().begin(), out.data<float>().end()};
}

const std::string kX = value("x", DType::kF32, {2});
const std::string kY = value("y", DType::kF32, {2});

TEST(OnnxReader, NamesTheNodeWhoseInputNothingMakes) {
  const std::string bytes = model(graph({{node("Relu", {"z"}, {"y"}, {}, "", "late")}, {kX}, {kY}, {}, {}}));
  const std::string error = error_of(bytes);
  EXPECT_NE(error.find("nothing makes input 'z' before this node"), std::string::npos) << error;
  EXPECT_NE(error.find("in node 'late' (onnx Relu, opset 17)"), std::string::npos) << error;
  EXPECT_NE(error.find("while importing 'model.onnx'"), std::string::npos) << error;
}

TEST(OnnxReader, RefusesACycle) {
  const std::string bytes =
      model(graph({{node("Add", {"x", "b"}, {"a"}), node("Relu", {"a"}, {"b"})}, {kX}, {kY}, {}, {}}));
  EXPECT_NE(error_of(bytes).find("its graph has a cycle"), std::string::npos);
}

TEST(OnnxReader, SortsNodesThatStandBeforeWhatTheyUse) {
  const Graph g = read(model(graph(
      {{node("Neg", {"b"}, {"y"}), node("Add", {"a", "x"}, {"b"}), node("Relu", {"x"}, {"a"})}, {kX}, {kY}, {}, {}})));
  EXPECT_EQ(run(g, {Tensor::of<float>({2}, {3, -1})}), (std::vector<float>{-6, 1}));
}

TEST(OnnxReader, TakesASignalWithoutAnAxisForItsParts) {
  const auto spectrum = [](Dims dims) {
    const std::string bytes = model(
        graph({{node("STFT", {"x", "step", "", "length"}, {"y"})},
               {value("x", DType::kF32, dims)},
               {value("y", DType::kF32, {1, 3, 3, 2})},
               {encode_tensor("step", Tensor::scalar<int64_t>(2)), encode_tensor("length", Tensor::scalar<int64_t>(4))},
               {}}));
    return run(read(bytes), {Tensor::of<float>(dims, {1, 2, 0, -1, 3, 1, 0, 2})});
  };
  EXPECT_EQ(spectrum({1, 8}), spectrum({1, 8, 1}));
}

TEST(OnnxReader, RefusesAValueDefinedTwice) {
  const std::string bytes = model(graph({{node("Relu", {"x"}, {"y"}), node("Abs", {"x"}, {"y"})}, {kX}, {kY}, {}, {}}));
  EXPECT_NE(error_of(bytes).find("value 'y' is defined twice"), std::string::npos);
}

TEST(OnnxReader, KeepsUnknownOperatorsOpaque) {
  const Graph g = read(model(
      graph({{node("Frobnicate", {"x"}, {"a"}, AttributeList().add("k", 3), "local", "f1"), node("Relu", {"a"}, {"y"})},
             {kX},
             {kY},
             {},
             {value("a", DType::kF32, {2})}})));
  ASSERT_EQ(g.node_count(), 2u);
  const Node& first = g.node(g.order()[0]);
  ASSERT_TRUE(first.is<Opaque>());
  EXPECT_EQ(first.as<Opaque>().type, "Frobnicate");
  EXPECT_EQ(first.as<Opaque>().domain, "local");
  EXPECT_EQ(to_text(g.type(first.outputs[0])), "f32[2]");
}

TEST(OnnxReader, SaysWhyAnOperatorItKnowsStaysOpaque) {
  const Graph g = read(model(graph({{node("Cast", {"x"}, {"y"}, AttributeList().add("to", 8))}, {kX}, {kY}, {}, {}})));
  const Node& first = g.node(g.order()[0]);
  ASSERT_TRUE(first.is<Opaque>());
  EXPECT_NE(first.as<Opaque>().reason.find("STRING"), std::string::npos);
}

TEST(OnnxReader, RefusesNewerOperatorSetsThanItKnows) {
  const std::string bytes = model(graph({{node("Relu", {"x"}, {"y"})}, {kX}, {kY}, {}, {}}), 99);
  EXPECT_NE(error_of(bytes).find("operator set 99, hone reads 7 to 24"), std::string::npos);
}

TEST(OnnxReader, GivesSymbolsToNamedDimensions) {
  const Graph g = read(model(graph({{node("Relu", {"x"}, {"y"})},
                                    {value("x", DType::kF32, {Dim("batch"), 3})},
                                    {value("y", DType::kF32, {Dim("batch"), 3})},
                                    {},
                                    {}})));
  EXPECT_EQ(to_text(g.type(g.outputs()[0]).shape), "[batch,3]");
}

TEST(OnnxReader, InlinesFunctionsWithTheirAttributes) {
  // f(a) = LeakyRelu(a, alpha = @slope)
  std::string attribute;
  protozero::pbf_writer w(attribute);
  w.add_string(1, "alpha");
  w.add_int32(20, 1);
  w.add_string(21, "slope");
  std::string body;
  protozero::pbf_writer n(body);
  n.add_string(1, "a");
  n.add_string(2, "b");
  n.add_string(4, "LeakyRelu");
  n.add_message(5, attribute);
  const std::string f = function({"f", {"a"}, {"b"}, {body}});
  const std::string call = node("f", {"x"}, {"y"}, AttributeList().add("slope", 0.5f), "local");
  const Graph g = read(model(graph({{call}, {kX}, {kY}, {}, {}}), 17, {f}));
  EXPECT_EQ(run(g, {Tensor::of<float>({2}, {-2, 3})}), (std::vector<float>{-1, 3}));
}

TEST(OnnxReader, RefusesFunctionsThatCallThemselves) {
  const std::string f = function({"f", {"a"}, {"b"}, {node("f", {"a"}, {"b"}, {}, "local")}});
  const std::string bytes = model(graph({{node("f", {"x"}, {"y"}, {}, "local")}, {kX}, {kY}, {}, {}}), 17, {f});
  EXPECT_NE(error_of(bytes).find("call each other more than"), std::string::npos);
}

TEST(OnnxReader, BoundsFunctionsThatDoubleEachOther) {
  std::vector<std::string> functions;
  for (int i = 0; i < 30; ++i) {
    const std::string next = i == 29 ? "Relu" : "f" + std::to_string(i + 1);
    const std::string domain = i == 29 ? "" : "local";
    functions.push_back(function({"f" + std::to_string(i),
                                  {"a"},
                                  {"c"},
                                  {node(next, {"a"}, {"b"}, {}, domain), node(next, {"b"}, {"c"}, {}, domain)}}));
  }
  const std::string bytes = model(graph({{node("f0", {"x"}, {"y"}, {}, "local")}, {kX}, {kY}, {}, {}}), 17, functions);
  EXPECT_NE(error_of(bytes).find("functions add more than"), std::string::npos);
}

TEST(OnnxReader, MakesCapturedValuesInputsOfSubgraphs) {
  const std::string yes = graph({{node("Add", {"x", "x"}, {"t"})}, {}, {value("t", DType::kF32, {2})}, {}, {}});
  const std::string no = graph({{node("Neg", {"k"}, {"e"})}, {}, {value("e", DType::kF32, {2})}, {}, {}});
  const std::string branch =
      node("If", {"c"}, {"y"}, AttributeList().add_graph("then_branch", yes).add_graph("else_branch", no));
  const std::string constant = encode_tensor("k", Tensor::of<float>({2}, {5, 6}));
  const Graph g = read(model(graph({{branch}, {value("c", DType::kBool, {}), kX}, {kY}, {constant}, {}})));
  const Node& first = g.node(g.order()[0]);
  ASSERT_TRUE(first.is<If>());
  EXPECT_EQ(first.inputs.size(), 2u) << "the condition and x; the constant is repeated inside";
  EXPECT_EQ(run(g, {Tensor::scalar(true), Tensor::of<float>({2}, {1, 2})}), (std::vector<float>{2, 4}));
  EXPECT_EQ(run(g, {Tensor::scalar(false), Tensor::of<float>({2}, {1, 2})}), (std::vector<float>{-5, -6}));
}

TEST(OnnxReader, SortsNodesWhoseSubgraphsUseWhatStandsBehindThem) {
  const std::string body =
      graph({{node("Neg", {"u"}, {"t"}), node("Abs", {"a"}, {"u"})}, {}, {value("t", DType::kF32, {2})}, {}, {}});
  const std::string branch =
      node("If", {"c"}, {"y"}, AttributeList().add_graph("then_branch", body).add_graph("else_branch", body));
  const Graph g =
      read(model(graph({{branch, node("Add", {"x", "x"}, {"a"})}, {value("c", DType::kBool, {}), kX}, {kY}, {}, {}})));
  EXPECT_EQ(run(g, {Tensor::scalar(true), Tensor::of<float>({2}, {1, -2})}), (std::vector<float>{-2, -4}));
}

TEST(OnnxReader, RefusesSubgraphsThatUseWhatNothingDefines) {
  const std::string yes = graph({{node("Neg", {"ghost"}, {"t"})}, {}, {value("t", DType::kF32, {2})}, {}, {}});
  const std::string branch =
      node("If", {"c"}, {"y"}, AttributeList().add_graph("then_branch", yes).add_graph("else_branch", yes));
  const std::string bytes = model(graph({{branch}, {value("c", DType::kBool, {})}, {kY}, {}, {}}));
  EXPECT_NE(error_of(bytes).find("subgraph uses 'ghost', which nothing defines"), std::string::npos);
}

TEST(OnnxReader, WrapsConvolutionsInTransposesAndTurnsTheirWeights) {
  const std::string weight = encode_tensor("w", Tensor::zeros(DType::kF32, {8, 3, 5, 5}));
  const Graph g = read(model(graph({{node("Conv", {"x", "w"}, {"y"}, {}, "", "c1")},
                                    {value("x", DType::kF32, {1, 3, 9, 9})},
                                    {value("y", DType::kF32, {1, 8, 5, 5})},
                                    {weight},
                                    {}})));
  ASSERT_EQ(g.node_count(), 3u);
  const Node& conv = g.node(g.order()[1]);
  ASSERT_TRUE(conv.is<Conv>());
  EXPECT_EQ(conv.name, "c1");
  EXPECT_EQ(to_text(g.type(conv.inputs[1]).shape), "[8,5,5,3]");
  EXPECT_EQ(to_text(g.type(conv.outputs[0]).shape), "[1,5,5,8]");
}

TEST(OnnxReader, ViewsAlignedWeightsWhereTheyLie) {
  // Shift the model until the payload is aligned: the weight must then not be copied.
  const Tensor weight = Tensor::of<float>({64}, std::vector<float>(64, 1.5f));
  bool was_viewed = false;
  for (int padding = 0; padding < 4; ++padding) {
    std::string name = "w" + std::string(static_cast<size_t>(padding), '_');
    const std::string bytes = model(graph({{node("Add", {"x", name}, {"y"})},
                                           {value("x", DType::kF32, {64})},
                                           {value("y", DType::kF32, {64})},
                                           {encode_tensor(name, weight)},
                                           {}}));
    const auto owned = std::make_shared<const std::string>(bytes);
    const Graph g = kOnnxFormat.read({"m.onnx", std::as_bytes(std::span(*owned)), owned});
    const auto* raw = static_cast<const char*>(g.value(g.node(g.order()[0]).inputs[1]).constant.raw());
    was_viewed = was_viewed || (raw >= owned->data() && raw < owned->data() + owned->size());
  }
  EXPECT_TRUE(was_viewed);
}

TEST(OnnxReader, UnpacksFourBitIntegers) {
  std::string tensor;
  protozero::pbf_writer w(tensor);
  w.add_int64(1, 3);
  w.add_int32(2, 22);
  w.add_string(8, "q");
  w.add_bytes(9, std::string("\x2f\x08", 2));  // 15 → −1, 2, 8 → −8
  const Graph g =
      read(model(graph({{node("Identity", {"q"}, {"y"})}, {}, {value("y", DType::kI4, {3})}, {tensor}, {}}), 21));
  EXPECT_EQ(to_ints(evaluate(g, {}).at(0)), (std::vector<int64_t>{-1, 2, -8}));
}

TEST(OnnxReader, MakesSparseInitializersDense) {
  std::string sparse;
  protozero::pbf_writer w(sparse);
  w.add_message(1, encode_tensor("s", Tensor::of<float>({2}, {5, 7})));
  w.add_message(2, encode_tensor("", Tensor::of<int64_t>({2}, {1, 2})));
  w.add_int64(3, 4);
  std::string body = graph({{node("Identity", {"s"}, {"y"})}, {}, {value("y", DType::kF32, {4})}, {}, {}});
  protozero::pbf_writer(body).add_message(15, sparse);
  EXPECT_EQ(run(read(model(body)), {}), (std::vector<float>{0, 5, 7, 0}));
}

TEST(OnnxReader, AlignsOperandsAtAxisBeforeOperatorSetSeven) {
  const std::string add = node("Add", {"a", "b"}, {"y"}, AttributeList().add("broadcast", 1).add("axis", 0));
  const Graph g = read(model(graph({{add},
                                    {value("a", DType::kF32, {2, 2}), value("b", DType::kF32, {2})},
                                    {value("y", DType::kF32, {2, 2})},
                                    {},
                                    {}}),
                             6));
  EXPECT_EQ(run(g, {Tensor::of<float>({2, 2}, {0, 0, 0, 0}), Tensor::of<float>({2}, {1, 2})}),
            (std::vector<float>{1, 1, 2, 2}));
}

TEST(OnnxReader, ReadsSoftmaxOfOldOperatorSetsOverAllLastAxes) {
  const std::string softmax = node("Softmax", {"x"}, {"y"}, AttributeList().add("axis", 1));
  const std::string in = value("x", DType::kF32, {1, 2, 2}), out = value("y", DType::kF32, {1, 2, 2});
  const Tensor zeros = Tensor::zeros(DType::kF32, {1, 2, 2});
  EXPECT_EQ(run(read(model(graph({{softmax}, {in}, {out}, {}, {}}), 11)), {zeros}), std::vector<float>(4, 0.25f));
  EXPECT_EQ(run(read(model(graph({{softmax}, {in}, {out}, {}, {}}), 13)), {zeros}), std::vector<float>(4, 0.5f));
}

TEST(OnnxReader, TakesDeclaredShapesAsFactsOnly) {
  // Declared shapes that contradict inference are ignored where inference knows better.
  const Graph g = read(model(graph({{node("Relu", {"x"}, {"y"})}, {kX}, {value("y", DType::kF32, {7, 7})}, {}, {}})));
  EXPECT_EQ(to_text(g.type(g.outputs()[0]).shape), "[2]");
}

TEST(OnnxReader, KeepsMetadata) {
  std::string bytes = model(graph({{node("Relu", {"x"}, {"y"})}, {kX}, {kY}, {}, {}}));
  std::string entry;
  protozero::pbf_writer w(entry);
  w.add_string(1, "recipe");
  w.add_string(2, "none");
  protozero::pbf_writer(bytes).add_message(14, entry);
  EXPECT_EQ(read(bytes).metadata.at("recipe"), "none");
}

}  // namespace
}  // namespace hone::onnx

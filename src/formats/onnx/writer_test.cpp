#include "formats/onnx/writer.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <map>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "formats/onnx/proto.h"
#include "formats/onnx/test_model.h"
#include "ir/text.h"
#include "ops/all.h"
#include "ops/interpreter.h"

namespace hone::onnx {
namespace {

Graph parse(const std::string& text) { return parse_graph(text, all_ops()); }

/// How often each ONNX operator stands in an encoded model's main graph.
std::map<std::string, int> operators(const std::string& bytes) {
  const Decoder decoder(bytes);
  std::map<std::string, int> counts;
  for (const NodeProto& node : decoder.graph(*decoder.model(bytes).graph).nodes) ++counts[std::string(node.op_type)];
  return counts;
}

const char* const kChain = R"(graph "chain" {
  input %x: f32[1,3,8,8]
  const %w1: f32[4,3,3,3] = random(1)
  const %w2: f32[4,1,1,4] = random(2)
  const %bias: f32[4] = {1, 2, 3, 4}
  %t: f32[1,8,8,3] = Transpose(%x) {perm=[0, 2, 3, 1]}
  %a: f32[1,6,6,4] = Conv(%t, %w1) {act_min=0, act_max=6}
  %b: f32[1,6,6,4] = Add(%a, %bias)
  %c: f32[1,6,6,4] = Conv(%b, %w2, %bias)
  %d: f32[1,6,6,8] = Concat(%c, %a) {axis=3}
  %e: f32[1,8,6,6] = Transpose(%d) {perm=[0, 3, 1, 2]}
  output %e
})";

TEST(OnnxWriter, KeepsNoTransposeInAChainOfSpatialOperators) {
  const std::string bytes = encode_model(parse(kChain));
  const auto counts = operators(bytes);
  EXPECT_EQ(counts.count("Transpose"), 0u);
  EXPECT_EQ(counts.count("Identity"), 0u);
  EXPECT_EQ(counts.at("Conv"), 2);
  EXPECT_EQ(counts.at("Clip"), 1) << "the fused clamp stands by itself in ONNX";
}

TEST(OnnxWriter, WritesWhatComputesTheSame) {
  const Graph g = parse(kChain);
  Tensor x = Tensor::empty(DType::kF32, {1, 3, 8, 8});
  float v = 0;
  for (float& e : x.mutable_data<float>()) e = v += 0.01f;
  const std::vector<Tensor> inputs{x};
  EXPECT_TRUE(identical(evaluate(g, inputs).at(0), evaluate(testing::read(encode_model(g)), inputs).at(0)));
}

TEST(OnnxWriter, GivesTheSameBytesEachTime) { EXPECT_EQ(encode_model(parse(kChain)), encode_model(parse(kChain))); }

TEST(OnnxWriter, KeepsNamesOfInputsAndOutputs) {
  const Graph again = testing::read(encode_model(parse(kChain)));
  EXPECT_EQ(again.value(again.inputs()[0]).name, "x");
  EXPECT_EQ(again.value(again.outputs()[0]).name, "e");
}

TEST(OnnxWriter, WritesAnOutputThatIsAnInputOrAConstantOrNamedTwice) {
  const Graph g = parse(R"(graph "g" {
    input %x: f32[2]
    const %k: f32[2] = {1, 2}
    %y: f32[2] = Relu(%x)
    output %x, %k, %y, %y
  })");
  const Graph again = testing::read(encode_model(g));
  const std::vector<Tensor> inputs{Tensor::of<float>({2}, {-1, 5})};
  const std::vector<Tensor> before = evaluate(g, inputs), after = evaluate(again, inputs);
  ASSERT_EQ(after.size(), 4u);
  for (size_t i = 0; i < 4; ++i) EXPECT_TRUE(identical(before[i], after[i])) << i;
}

TEST(OnnxWriter, ListsEveryNodeThatHasNoForm) {
  const Graph g = parse(R"(graph "g" {
    input %x: f32[2]
    %a: f32[2] = Atan2(%x, %x)
    %b: f32[2] = Atan2(%a, %x)
    output %b
  })");
  try {
    encode_model(g);
    FAIL() << "expected an error";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kUnsupported);
    EXPECT_NE(std::string(e.what()).find("2 nodes cannot be written as ONNX"), std::string::npos) << e.what();
  }
}

TEST(OnnxWriter, PutsLargeConstantsIntoAFileBesideTheModel) {
  const auto folder = std::filesystem::temp_directory_path() / ("hone_writer_" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  const std::string path = (folder / "m.onnx").string();
  const Graph g = parse(R"(graph "g" {
    input %x: f32[1024]
    const %k: f32[1024] = random(3)
    %y: f32[1024] = Add(%x, %k)
    output %y
  })");
  write_model(g, {path}, {.max_inline_bytes = 1000});
  EXPECT_EQ(std::filesystem::file_size(path + ".data"), 4096u);
  const auto file = MappedFile::open(path);
  const Graph again = kOnnxFormat.read({path, file->bytes(), file});
  const std::vector<Tensor> inputs{Tensor::zeros(DType::kF32, {1024})};
  EXPECT_TRUE(identical(evaluate(g, inputs).at(0), evaluate(again, inputs).at(0)));
  std::filesystem::remove_all(folder);
}

TEST(OnnxWriter, TurnsFloat16WeightsInTheFileNotInEveryRun) {
  const Graph g = parse(R"(graph "g" {
    input %x: f32[1,8,8,3]
    const %w16: f16[4,3,3,3] = random(1)
    %w: f32[4,3,3,3] = Cast(%w16) {to=f32}
    %y: f32[1,6,6,4] = Conv(%x, %w)
    output %y
  })");
  const std::string bytes = encode_model(g);
  const Decoder decoder(bytes);
  const GraphProto written = decoder.graph(*decoder.model(bytes).graph);
  ASSERT_EQ(written.initializers.size(), 1u);
  EXPECT_EQ(written.initializers[0].dims, (Dims{4, 3, 3, 3}));
  for (const NodeProto& node : written.nodes) {
    if (node.op_type != "Transpose") continue;
    EXPECT_TRUE(node.inputs[0] == "x" || node.outputs[0] == "y") << node.name;
  }
  const std::vector<Tensor> inputs{Tensor::zeros(DType::kF32, {1, 8, 8, 3})};
  EXPECT_TRUE(identical(evaluate(g, inputs).at(0), evaluate(testing::read(bytes), inputs).at(0)));
}

TEST(OnnxWriter, WritesCapturedValuesOfSubgraphsByTheirOuterNames) {
  const Graph g = parse(R"(graph "g" {
    input %c: bool[]
    input %x: f32[2]
    %y: f32[2] = If(%c, %x) [
      graph "then" { input %v: f32[2]  %r: f32[2] = Relu(%v)  output %r },
      graph "else" { input %v: f32[2]  output %v } ]
    output %y
  })");
  const Graph again = testing::read(encode_model(g));
  for (const bool condition : {true, false}) {
    const std::vector<Tensor> inputs{Tensor::scalar(condition), Tensor::of<float>({2}, {-3, 4})};
    EXPECT_TRUE(identical(evaluate(g, inputs).at(0), evaluate(again, inputs).at(0)));
  }
}

TEST(OnnxWriter, WritesAWhileAsALoop) {
  const Graph g = parse(R"(graph "g" {
    input %x: f32[]
    input %step: f32[]
    %y: f32[] = While(%x, %step) {num_state=1} [
      graph "test" { input %v: f32[]  input %s: f32[]  const %ten: f32[] = {10}  %r: bool[] = Less(%v, %ten)  output %r },
      graph "body" { input %v: f32[]  input %s: f32[]  %r: f32[] = Add(%v, %s)  output %r } ]
    output %y
  })");
  const Graph again = testing::read(encode_model(g));
  for (const float start : {0.0f, 9.5f, 12.0f}) {
    const std::vector<Tensor> inputs{Tensor::scalar(start), Tensor::scalar(3.0f)};
    EXPECT_TRUE(identical(evaluate(g, inputs).at(0), evaluate(again, inputs).at(0))) << start;
  }
}

TEST(OnnxWriter, PassesOpaqueNodesThrough) {
  const std::string node = testing::node("Frob", {"x"}, {"y"}, AttributeList().add("k", 7), "local");
  const Graph g = testing::read(testing::model(testing::graph(
      {{node}, {testing::value("x", DType::kF32, {2})}, {testing::value("y", DType::kF32, {2})}, {}, {}})));
  const std::string bytes = encode_model(g);
  const Decoder decoder(bytes);
  const NodeProto written = decoder.graph(*decoder.model(bytes).graph).nodes.at(0);
  EXPECT_EQ(written.op_type, "Frob");
  EXPECT_EQ(written.domain, "local");
  ASSERT_EQ(written.attributes.size(), 1u);
  EXPECT_EQ(written.attributes[0].i, 7);
}

TEST(OnnxWriter, SaysDequantizeWithAStoredResultAsItStoresIt) {
  const std::string bytes = encode_model(parse(R"(graph "g" {
    input %x: i32[3]{scale=0.05, zero_point=-7}
    %y: i8[3]{scale=0.04, zero_point=-128} = Dequantize(%x)
    output %y
  })"));
  EXPECT_EQ(operators(bytes).at("QuantizeLinear"), 1);
}

TEST(OnnxWriter, TakesOffAZeroPointOfI32WhichTheRuntimeDoesNotLookAt) {
  const Graph g = parse(R"(graph "g" {
    input %x: i32[3]{scale=0.5, zero_point=-7}
    %y: f32[3] = Dequantize(%x)
    output %y
  })");
  const std::string bytes = encode_model(g);
  EXPECT_EQ(operators(bytes).at("Sub"), 1);
  const std::vector<Tensor> inputs{Tensor::of<int32_t>({3}, {-7, 1, 3})};
  EXPECT_EQ(to_doubles(evaluate(testing::read(bytes), inputs).at(0)), (std::vector<double>{0, 4, 5}));
}

TEST(OnnxWriter, AntialiasesBytesWithSignByWayOfReals) {
  const auto text = [](const char* dtype) {
    return cat("graph \"g\" {\n  input %x: ", dtype, "[1,1,4,4]\n  const %s: i64[4] = {1, 1, 2, 3}\n  %y: ", dtype,
               "[1,1,2,3] = Resize(%x, _, _, %s) {mode=linear, antialias=true}\n  output %y\n}");
  };
  EXPECT_EQ(operators(encode_model(parse(text("i8")))).at("Cast"), 2);
  EXPECT_EQ(operators(encode_model(parse(text("u8")))).count("Cast"), 0u);
}

}  // namespace
}  // namespace hone::onnx

// Converted models keep no Transpose but what their inputs and outputs need, and give the same outputs.
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "../conformance/cases.h"
#include "base/file.h"
#include "base/text.h"
#include "formats/onnx/reader.h"
#include "formats/onnx/writer.h"
#include "formats/tflite/tflite.h"
#include "ops/binary.h"
#include "ops/conv.h"
#include "ops/interpreter.h"
#include "ops/movement.h"
#include "ops/norm.h"
#include "ops/unary.h"
#include "passes/pipelines.h"
#include "support/test_data.h"

namespace hone {
namespace {

Graph read(const std::string& path) {
  const auto file = MappedFile::open(path);
  return onnx::read_model({path, file->bytes(), file});
}

PassOptions checked() {
  PassOptions options;
  options.check = true;
  options.check_tolerance = 1e-3;
  return options;
}

void expect_settled(Graph& graph) {
  for (const PassStats& pass : run_pipeline(graph, standard_pipeline()).passes) EXPECT_EQ(pass.changes, 0) << pass.name;
}

TEST(PassesOnModels, TheSampleKeepsTheTransposeOfItsInput) {
  Graph graph = read(cat(HONE_SOURCE_DIR, "/examples/sample/model.onnx"));
  const PipelineStats stats = run_pipeline(graph, standard_pipeline(), checked());
  EXPECT_GT(stats.transposes_before, 40u);
  EXPECT_EQ(stats.transposes_after, 1u);
  EXPECT_TRUE(graph.producer(graph.node(graph.order()[0]).outputs[0])->is<Transpose>());
  EXPECT_EQ(count_nodes(graph, BatchNorm::def) + count_nodes(graph, Relu::def) + count_nodes(graph, Clamp::def), 0u);
  EXPECT_EQ(graph.node_count(), 19u);
  expect_settled(graph);
}

TEST(PassesOnModels, TheFaceDetectorKeepsTheTransposeOfItsInput) {
  const auto path = test_data("ultraface/version-RFB-320.onnx");
  if (!path) GTEST_SKIP() << "no test data: set HONE_TEST_DATA";
  Graph graph = read(*path);
  const PipelineStats stats = run_pipeline(graph, standard_pipeline(), checked());
  EXPECT_GT(stats.transposes_before, 150u);
  EXPECT_EQ(stats.transposes_after, 1u);
  EXPECT_EQ(count_nodes(graph, BatchNorm::def) + count_nodes(graph, Relu::def) + count_nodes(graph, Clamp::def), 0u);
  EXPECT_EQ(graph.node_count(), 81u);
  expect_settled(graph);
}

/// Channels-last models written as ONNX, where every operator on space is channels first, and read back.
class PassesOnRoundTrip : public testing::TestWithParam<const char*> {};

TEST_P(PassesOnRoundTrip, NoTransposeAndNoNodeIsAdded) {
  const auto path = test_data(GetParam());
  if (!path) GTEST_SKIP() << "no test data: set HONE_TEST_DATA";
  const auto file = MappedFile::open(*path);
  Graph graph = read_tflite(file->bytes(), file);
  run_pipeline(graph, standard_pipeline());
  const std::string bytes = onnx::encode_model(graph);
  Graph again = onnx::read_model({"memory", std::as_bytes(std::span(bytes.data(), bytes.size())), nullptr});
  EXPECT_GT(count_nodes(again, Transpose::def), 20u);
  run_pipeline(again, standard_pipeline(), checked());
  EXPECT_EQ(count_nodes(again, Transpose::def), 0u);
  EXPECT_EQ(again.node_count(), graph.node_count());
  expect_settled(again);
}

INSTANTIATE_TEST_SUITE_P(Models, PassesOnRoundTrip,
                         testing::Values("mlperf_tiny/ic/pretrainedResnet.tflite",
                                         "mlperf_tiny/ic/pretrainedResnet_quant.tflite",
                                         "mlperf_tiny/kws/kws_ref_model.tflite", "mlperf_tiny/vww/vww_96_int8.tflite",
                                         "mlperf_tiny/vww/vww_96_float.tflite",
                                         "imagenet/mobilenet_v1_0.25_128_quant.tflite"));

std::set<std::string> known_gaps() {
  std::set<std::string> gaps;
  for (const std::string& line : split(read_file(tests_path("conformance/known_gaps.txt")), '\n')) {
    gaps.emplace(trim(std::string_view(line).substr(0, line.find('#'))));
  }
  return gaps;
}

std::vector<Tensor> run_after_passes(const Graph& graph, std::span<const Tensor> inputs) {
  Graph optimized = graph;
  run_pipeline(optimized, standard_pipeline());
  return evaluate(optimized, inputs);
}

TEST(PassesOnModels, EveryConformanceCaseGivesItsResultsAfterThem) {
  const std::string root = "/usr/share/libonnx-testdata/data";
  if (!std::filesystem::exists(root)) GTEST_SKIP() << "ONNX's suite is not installed: apt-get install libonnx-testdata";
  const std::set<std::string> gaps = known_gaps();
  for (const conformance::Case& test : conformance::find_cases(root)) {
    const std::string name = cat(test.group, "/", test.name);
    if (gaps.contains(name)) continue;
    EXPECT_EQ(conformance::run_case(test, {.execute = run_after_passes}), "") << name;
  }
}

}  // namespace
}  // namespace hone

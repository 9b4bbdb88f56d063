// Converted models keep no Transpose but what their inputs and outputs need, and give the same outputs.
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/text.h"
#include "formats/onnx/reader.h"
#include "ops/binary.h"
#include "ops/conv.h"
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

}  // namespace
}  // namespace hone

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "formats/formats.h"
#include "formats/tflite_case.h"
#include "formats/tflite_models.h"
#include "ops/interpreter.h"
#include "oracle/tflite_runtime.h"
#include "passes/pipelines.h"
#include "support/compare.h"

namespace hone {
namespace {

/// Values for every input of the graph, unknown sizes taken as 1.
std::vector<Tensor> some_inputs(const Graph& graph) {
  std::vector<Tensor> inputs;
  for (const ValueId id : graph.inputs()) {
    const TensorType& type = graph.type(id);
    Dims dims;
    for (const Dim& d : type.shape.list()) dims.push_back(d.is_known() ? d.value() : 1);
    inputs.push_back(type.dtype == DType::kF32 ? some_floats(dims, -1, 1)
                                               : some_ints(type.dtype, dims, min_of(type.dtype), max_of(type.dtype)));
  }
  return inputs;
}

void compare_in_runtime(const TfliteRuntime& runtime, const std::vector<std::byte>& file, const Tolerance& tolerance) {
  const Graph graph = read_bytes(file);
  const std::vector<Tensor> inputs = some_inputs(graph);
  const std::vector<Tensor> expected = runtime.run(file, inputs), found = evaluate(graph, inputs);
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i)
    EXPECT_EQ(difference(found[i].with_quant(nullptr), expected[i], tolerance), "") << "output " << i;
}

/// ONNX models that become .tflite files.
class TfliteExport : public ::testing::TestWithParam<const char*> {};

TEST_P(TfliteExport, RunsInTheRuntimeWithTheSameAnswers) {
  const auto runtime = TfliteRuntime::open();
  if (!runtime) GTEST_SKIP() << "no TFLite runtime: tests/oracle/fetch.sh installs it";
  std::string path = std::string(HONE_SOURCE_DIR "/") + GetParam();
  if (!std::filesystem::exists(path)) path = test_data(GetParam()).value_or("");
  if (path.empty()) GTEST_SKIP() << "no test data: " << GetParam();
  Graph graph = read_model(path);
  run_pipeline(graph, standard_pipeline());
  compare_in_runtime(*runtime, write_tflite(graph), {1e-4, 1e-4, 0});
}

INSTANTIATE_TEST_SUITE_P(Onnx, TfliteExport,
                         ::testing::Values("examples/sample/model.onnx", "ultraface/version-RFB-320.onnx"),
                         [](const auto& info) { return "model_" + std::to_string(info.index); });

/// Files somebody else made: every .tflite in the folder that HONE_ORACLE_DIR names.
TEST(TfliteFolder, RunsInTheRuntimeWithTheSameAnswers) {
  const char* folder = std::getenv("HONE_ORACLE_DIR");
  if (!folder) GTEST_SKIP() << "HONE_ORACLE_DIR names no folder of .tflite files";
  const auto runtime = TfliteRuntime::open();
  if (!runtime) GTEST_SKIP() << "no TFLite runtime: tests/oracle/fetch.sh installs it";
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".tflite") paths.push_back(entry.path().string());
  std::sort(paths.begin(), paths.end());
  for (const std::string& path : paths) {
    SCOPED_TRACE(path);
    const std::string text = read_file(path);
    const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
    compare_in_runtime(*runtime, {bytes, bytes + text.size()}, {1e-3, 1e-3, 1});
  }
}

}  // namespace
}  // namespace hone

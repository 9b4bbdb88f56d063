// The face detector's recorded answers of ONNX Runtime, through reading, writing and every provider. Skipped where the
// data is absent.
#include <gtest/gtest.h>

#include <cmath>

#include "data/npy.h"
#include "formats/formats.h"
#include "formats/onnx/onnx.h"
#include "formats/onnx/writer.h"
#include "ops/interpreter.h"
#include "ops/movement.h"
#include "passes/pipelines.h"
#include "providers/cpu/provider.h"
#include "runtime/session.h"
#include "support/test_data.h"

namespace hone {
namespace {

constexpr int kSamples = 3;

std::string golden(int sample, const std::string& tensor) {
  return "golden/version-RFB-320/" + std::to_string(sample) + "." + tensor + ".npy";
}

/// Largest difference over the largest magnitude of what is expected.
double relative_error(const Tensor& found, const Tensor& expected) {
  const std::vector<double> a = to_doubles(found), b = to_doubles(expected);
  if (a.size() != b.size()) return INFINITY;
  double worst = 0, largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    worst = std::max(worst, std::abs(a[i] - b[i]));
    largest = std::max(largest, std::abs(b[i]));
  }
  return worst / largest;
}

class Ultraface : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto path = test_data("ultraface/version-RFB-320.onnx");
    if (!path || !test_data(golden(0, "in0"))) GTEST_SKIP() << "real models and data are absent: set HONE_TEST_DATA";
    graph_ = read_model(*path);
  }

  template <class Run>
  void expect_answers(Run run) {
    for (int i = 0; i < kSamples; ++i) {
      const std::vector<Tensor> inputs{read_npy(*test_data(golden(i, "in0")))};
      const std::vector<Tensor> outputs = run(inputs);
      ASSERT_EQ(outputs.size(), 2u);
      for (size_t o = 0; o < 2; ++o) {
        const Tensor expected = read_npy(*test_data(golden(i, "out" + std::to_string(o))));
        EXPECT_LE(relative_error(outputs[o], expected), 1e-4) << "sample " << i << ", output " << o;
      }
    }
  }

  Graph graph_;
};

TEST_F(Ultraface, AnswersAsOnnxRuntimeOnTheReference) {
  expect_answers([&](const std::vector<Tensor>& inputs) { return evaluate(graph_, inputs); });
}

TEST_F(Ultraface, AnswersTheSameAfterARoundTrip) {
  const auto bytes = std::make_shared<const std::string>(onnx::encode_model(graph_));
  const Graph again = kOnnxFormat.read({"again.onnx", std::as_bytes(std::span(*bytes)), bytes});
  const std::vector<Tensor> inputs{read_npy(*test_data(golden(0, "in0")))};
  const std::vector<Tensor> before = evaluate(graph_, inputs), after = evaluate(again, inputs);
  for (size_t o = 0; o < before.size(); ++o) EXPECT_TRUE(identical(before[o], after[o]));
}

TEST_F(Ultraface, AnswersAsOnnxRuntimeOnTheCpuAfterAllPasses) {
  run_pipeline(graph_, standard_pipeline());
  Runner runner(graph_, {&cpu_provider()});
  expect_answers([&](const std::vector<Tensor>& inputs) { return runner.run(inputs); });
}

TEST_F(Ultraface, KeepsOneTransposeThatItsInputNeeds) {
  run_pipeline(graph_, standard_pipeline());
  int transposes = 0;
  for (const NodeId id : graph_.order()) transposes += graph_.node(id).is<Transpose>();
  EXPECT_EQ(transposes, 1);
}

}  // namespace
}  // namespace hone

// Graphs that ONNX Runtime once refused or read differently as hone wrote them (cases_onnx.txt): which nodes stand in
// the file, and that the file read again computes the same. `make oracle-test` asks the runtime itself.

#include "onnx/cases_onnx.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "formats/onnx/onnx.h"
#include "formats/onnx/writer.h"
#include "ops/interpreter.h"
#include "passes/check.h"
#include "support/compare.h"

namespace hone {
namespace {

constexpr Tolerance kTolerance{.relative = 1e-4, .absolute = 1e-5, .steps = 1};

Graph read_bytes(const std::string& model) {
  const auto bytes = std::make_shared<const std::string>(model);
  return kOnnxFormat.read({"case.onnx", std::as_bytes(std::span(*bytes)), bytes});
}

TEST(OnnxCases, AreWrittenAsTheNodesTheRuntimeTakes) {
  for (const OnnxCase& test : load_onnx_cases())
    EXPECT_EQ(join(operators_of(onnx::encode_model(test.graph)), " "), join(test.writes, " ")) << test.name;
}

TEST(OnnxCases, ComputeTheSameWhenReadAgain) {
  for (const OnnxCase& test : load_onnx_cases()) {
    const std::vector<Tensor> inputs = generate_inputs(test.graph, 1);
    const std::vector<Tensor> before = evaluate(test.graph, inputs);
    const std::vector<Tensor> after = evaluate(read_bytes(onnx::encode_model(test.graph)), inputs);
    ASSERT_EQ(before.size(), after.size()) << test.name;
    for (size_t i = 0; i < before.size(); ++i)
      EXPECT_EQ(difference(after[i].with_quant(nullptr), before[i].with_quant(nullptr), kTolerance), "") << test.name;
  }
}

}  // namespace
}  // namespace hone

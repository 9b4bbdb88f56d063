// Operators of torch: what its own library answered, recorded, against the reference.
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "formats/formats.h"
#include "formats/torch_case.h"
#include "support/test_data.h"

namespace hone {
namespace {

TEST(TorchOperators, AnswerAsTheOriginalDoes) {
  const std::vector<TorchCase> cases = parse_torch_cases(read_file(tests_path("formats/torch_cases.txt")));
  EXPECT_GE(cases.size(), 200u);
  for (const TorchCase& torch : cases) {
    const std::string path = cat(testing::TempDir(), "torch_case_", ::getpid(), ".pt");
    write_torch(path, "__torch__.generated.Case_" + torch.name, torch.files, torch.parameters);
    EXPECT_EQ(differs(path, torch, 1e-4), "") << torch.name;
  }
}

// A file that torch itself wrote: convolutions, depthwise and plain, a sum, a join, pooling and a linear layer in 8
// bits (tests/oracle/torch/quantized.py, Small).
TEST(TorchOperators, OfQuantizedModulesAnswerToTheStep) {
  const TorchCase torch = parse_torch_cases("case int8\n" + read_file(tests_path("formats/torch_int8.case"))).at(0);
  EXPECT_EQ(differs(tests_path("formats/torch_int8.pt"), torch, 1e-5), "");
  const Graph graph = read_model(tests_path("formats/torch_int8.pt"), {.shapes = {{"", {1, 3, 16, 16}}}});
  int stored = 0;
  for (const NodeId id : graph.order()) stored += graph.type(graph.node(id).outputs[0]).quant != nullptr;
  EXPECT_GE(stored, 10);
}

}  // namespace
}  // namespace hone

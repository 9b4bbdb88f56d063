// Operators of torch: what its own library answered, recorded, against the reference.
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/text.h"
#include "formats/torch_case.h"
#include "support/test_data.h"

namespace hone {
namespace {

TEST(TorchOperators, AnswerAsTheOriginalDoes) {
  const std::vector<TorchCase> cases = parse_torch_cases(read_file(tests_path("formats/torch_cases.txt")));
  EXPECT_GE(cases.size(), 200u);
  for (const TorchCase& torch : cases) {
    const std::string path = testing::TempDir() + "torch_case.pt";
    write_torch(path, "__torch__.generated.Case_" + torch.name, torch.files, torch.parameters);
    EXPECT_EQ(differs(path, torch, 1e-4), "") << torch.name;
  }
}

}  // namespace
}  // namespace hone

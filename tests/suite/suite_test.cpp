#include "support/suite.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace hone {
namespace {

class Suite : public testing::TestWithParam<std::string> {};

TEST_P(Suite, PassesOnTheReference) {
  const std::vector<SuiteCase> cases = load_suite(GetParam());
  EXPECT_FALSE(cases.empty());
  for (const SuiteCase& c : cases) {
    const SuiteResult result = run_case(c, run_on_reference);
    if (!result.failure.empty())
      ADD_FAILURE() << c.file << ":" << c.line << ": case " << c.name << "\n  " << result.failure;
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, Suite, testing::ValuesIn(suite_files()),
                         [](const auto& info) { return std::filesystem::path(info.param).stem().string(); });

}  // namespace
}  // namespace hone

#include <gtest/gtest.h>

#include "base/text.h"
#include "support/instructions.h"

namespace hone {
namespace {

// Six times the nodes take 36 times as many instructions where each looks at all others.
TEST(Scale, WorkGrowsAsTheModelDoes) {
  if (!has_callgrind()) GTEST_SKIP() << "no valgrind: apt-get install valgrind";
  const CountedRun run = count_instructions(HONE_SCALED_MODELS " 60");
  const std::vector<std::string> families = split(run.output, '\n');
  ASSERT_GE(families.size(), 16u);
  ASSERT_EQ(run.counts.size(), 2 * families.size());
  for (size_t i = 0; i < families.size(); ++i) EXPECT_LT(run.counts[2 * i + 1] / run.counts[2 * i], 9) << families[i];
}

}  // namespace
}  // namespace hone
